//! The client of a sequencer node that believes nothing it is told.
//!
//! Three layers, each usable without the ones after it:
//!
//! * [`types`]: what the HTTP API takes and gives. The server uses the same types, so the two can't drift apart.
//! * [`proof`], [`trust`], [`verified`], [`follow`] and [`cursor`]: pure verification, without I/O; the crate
//!   `sequencer-proof`, which is re-exported here whole.
//! * [`client`]: the HTTP client, of one server or of several. What it returns as verified was verified; bytes and
//!   time are bounded. A [`Cursor`] is where a reader stopped.
//!
//! The README of `sequencer-proof` is the specification of the proof file.

pub mod client;
pub mod types;

pub use client::{Client, ClientConfig, ClientError, Evidence, Fault, Servers};
pub use sequencer_proof::{
    Anchor, AnchorError, Base64, Checkpoint, Claim, Cursor, CursorError, Fact, FollowError,
    Follower, ProofFile, Proven, TrustError, VerifyError, anchor, cursor, follow, proof, text,
    trust, verified,
};
