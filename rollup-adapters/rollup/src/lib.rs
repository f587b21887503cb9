//! The EVM rollup: `rollup-node` with the EVM as its machine, and the JSON-RPC that Ethereum wallets and tools speak.
//!
//! The README lists the methods with their differences from Ethereum's, limits and errors.

mod application;
mod eth;

pub use application::EvmRollup;
