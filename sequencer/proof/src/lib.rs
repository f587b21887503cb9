//! Verification of what a sequencer network says, without I/O, clock or randomness.
//!
//! * [`proof`], [`trust`]: a [`ProofFile`] or a finality proof against a genesis document or a checkpoint.
//! * [`anchor`]: blocks by what the light client on an L1 stores.
//! * [`verified`]: blocks and namespaces that were checked, as types that only the checks make.
//! * [`follow`], [`cursor`]: a [`Follower`] notices a block of a namespace that is held back; a [`Cursor`] is where a
//!   reader stopped.
//! * [`text`]: how bytes, hashes and namespaces are written.
//!
//! The README of the crate is the specification of the proof file.

pub mod anchor;
pub mod cursor;
pub mod follow;
pub mod proof;
pub mod text;
pub mod trust;
pub mod verified;

pub use anchor::{Anchor, AnchorError};
pub use cursor::{Cursor, CursorError};
pub use follow::{FollowError, Follower};
pub use proof::{Claim, Fact, ProofFile, Proven, VerifyError};
pub use text::Base64;
pub use trust::{Checkpoint, TrustError};
pub use verified::{FinalBlock, VerifiedBlock, VerifiedBody, VerifiedSummary};
