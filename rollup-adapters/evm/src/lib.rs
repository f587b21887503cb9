//! The EVM as the machine of a rollup: executes inputs by the rules of Ethereum's Prague, and keeps what was executed in
//! the form that Ethereum's tools ask for.
//!
//! Pure code over [`rollup_types::State`]. The README is the specification; rules RE1 to RE16 are its.

pub mod abi;
mod admission;
mod block;
mod config;
mod keys;
mod overlay;
mod predeploys;
mod receipt;
mod signed;
mod stored;
mod transaction;
mod trie;
pub mod view;
mod vm;

pub use admission::MAX_NONCE_AHEAD;
pub use block::{BLOCK_GAS, DEPOSIT_GAS, MAX_INPUTS, TRANSACTION_GAS};
pub use config::{ConfigError, EvmConfig, GenesisAccount};
pub use predeploys::{BRIDGE, TOKEN_FACTORY};
pub use signed::{Malformed, Signed, highest_cost};
pub use transaction::DEPOSIT_TYPE;
pub use vm::Evm;
