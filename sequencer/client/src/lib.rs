//! The client of a sequencer node that believes nothing it is told.
//!
//! Three layers, each usable without the ones after it:
//!
//! * [`types`]: what the HTTP API takes and gives. The server uses the same types, so the two can't drift apart.
//! * [`proof`], [`trust`], [`follow`] and [`cursor`]: pure verification, without I/O. A [`ProofFile`] is checked offline against
//!   a genesis document or a checkpoint; a [`Follower`] notices a block that a node hides.
//! * [`client`]: the HTTP client, of one server or of several. What it returns as verified was verified; bytes and
//!   time are bounded. A [`Cursor`] is where a reader stopped.
//!
//! The README of the crate is the specification of the proof file.

pub mod client;
pub mod cursor;
pub mod follow;
pub mod proof;
pub mod text;
pub mod trust;
pub mod types;

pub use client::{Client, ClientConfig, ClientError, Evidence, Fault, Servers};
pub use cursor::{Cursor, CursorError};
pub use follow::{FollowError, Follower};
pub use proof::{Claim, Fact, ProofFile, Proven, VerifyError};
pub use text::Base64;
pub use trust::{Checkpoint, TrustError};
