//! Derivation: from final headers, a namespace, and the messages and pins of an L1 to what a rollup executes.
//!
//! Pure code: no I/O, no clock. Facts go in ([`Fact`]), each of a type that only checks make; [`Derivation::step`] says what
//! to execute, or what has to be known before anything can be. What comes out is [`Authenticated`], so that nothing
//! unchecked can reach a machine. Whoever feeds the same chain gets the same segments, whatever the order in which the
//! facts come.
//!
//! The README of the crate has the rules (RD1 to RD7).

mod authenticated;
mod cursor;
mod derivation;
pub mod l1;
mod segment;

pub use authenticated::Authenticated;
pub use cursor::{Cursor, CursorError};
pub use derivation::{Derivation, Fact, FactError, Levels, Need, RollBack, Step};
pub use l1::{L1Base, L1View};
pub use segment::{Place, Rules, Segment, SegmentKind};
