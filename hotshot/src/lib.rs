//! The consensus state machine.
//!
//! [`Replica::handle`] takes the time and a fact ([`Input`]) and writes orders ([`Output`]). Same
//! state, time and input give the same orders. There is no I/O, no clock, no randomness and no
//! signature verification here: the host does that and reports back.
//!
//! The README of this crate is the protocol; its rule ids are cited where they are implemented.

mod chain;
#[cfg(feature = "fault-injection")]
mod faults;
mod input;
mod l1;
mod output;
mod pacemaker;
mod recall;
mod record;
mod replica;
mod rounds;
mod sighting;
mod tally;
mod vigil;
mod voting;

#[cfg(feature = "fault-injection")]
pub use faults::Broken;
pub use input::{Body, Input, Sender, Ticket, Verdict};
pub use output::{Fault, Outbox, Output, Recipients};
pub use recall::{Recall, epoch_shown};
pub use record::{Contradiction, Record, RoundEntry};
pub use replica::{Config, EpochInfo, Replica, Start};
pub use sighting::{Newest, Sighting, Standing};
pub use vigil::{Announcement, Other, Register, Vigil};
