//! Rollups on a local network: the program's nodes, its users, and what they check.

pub(crate) mod inclusion;
pub(crate) mod node;
pub(crate) mod replay;
pub(crate) mod round;
pub(crate) mod scenarios;
pub(crate) mod setup;
pub(crate) mod wallet;
