//! What an L1 says, and the proof of it (RD6).
//!
//! [`L1State`] is the state of an L1 block whose hash a final header names, [`AccountProof`] opens storage in it, and
//! [`L1View`] is what the rollup's contracts had in it: every message and every pin up to that block, and no other.

mod proof;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use proof::{AccountProof, SlotProof};
pub use state::{L1Error, L1State, ProvenAccount};
pub use view::{Contracts, L1Base, L1View, Newest, Proofs};
