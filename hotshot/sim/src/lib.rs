//! A seeded world that attacks the state machine of the crate `hotshot`.
//!
//! Nodes with a disk that loses unsynced writes, a network that delays, drops, repeats, reorders
//! and partitions, crashes at any step, and Byzantine validators, all drawn from one number. Time
//! is virtual and nothing runs in parallel inside a world, so a seed always ends the same way.
//! [`run`] checks the invariants of many seeds, [`trace`] shows what happened in one.

mod byzantine;
mod campaign;
mod contents;
mod dice;
mod disk;
mod host;
mod invariants;
mod keys;
mod plan;
mod schedule;
mod trace;
mod weather;
mod wire;
mod world;

pub use campaign::{Failure, Options, Progress, Report, run, run_with, trace, trace_with};
pub use invariants::Violation;
