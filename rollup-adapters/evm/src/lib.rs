//! The EVM as the machine of a rollup.

mod receipt;
mod transaction;
pub mod view;

pub use transaction::DEPOSIT_TYPE;

/// The machine.
pub struct Evm;
