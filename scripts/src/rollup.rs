//! Rollups on a local network: the program's nodes, its users, and what they check.

pub(crate) mod inclusion;
pub(crate) mod node;
pub(crate) mod replay;
pub(crate) mod round;
pub(crate) mod scenarios;
pub(crate) mod setup;
pub(crate) mod wallet;

/// Where withdrawals begin, on every EVM rollup.
const BRIDGE: &str = "0x4200000000000000000000000000000000000010";
/// Where tokens of the L1 are made.
const TOKEN_FACTORY: &str = "0x4200000000000000000000000000000000000012";
