//! What the home L1 holds for this rollup, proven (RN5).
//!
//! Everything that is read is checked against the state root of one L1 block: the queue's and the inbox's chains, the
//! heights of inbox and light client. The logs with the messages and pins have to lead to those chains. The block is
//! either one that a final header of the sequencer attests, so that no L1 node is believed, or one that a strict majority
//! of the endpoints in reach call final: a sequencer that stands still attests none, and pins are made for that case.
//!
//! An endpoint that is caught with a lie is left for good and named in the log. One that fails, or knows less than the
//! others, rests.

mod endpoints;
mod logs;
mod reader;

pub(crate) use endpoints::{Endpoints, Wrong};
pub(crate) use logs::pin;
pub(crate) use reader::{At, L1ReadError, Reader, header_at, prove};

#[cfg(test)]
pub(crate) mod tests;
