//! The machine as its node sees it.

mod admission;
mod chain;
mod codes;
mod deposits;
mod execution;
mod genesis;
mod oracle;
mod reading;
mod totality;
