//! The machine as its node sees it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admission;
mod chain;
mod codes;
mod deposits;
mod execution;
mod gas;
mod genesis;
mod oracle;
mod reading;
mod totality;
