//! Receipts, as they are stored and as the header commits to them.

use alloy_primitives::{Address, B256, Bloom, Log};

/// The receipt of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Type of the transaction: 0, 1, 2, 4, or [`DEPOSIT_TYPE`](crate::DEPOSIT_TYPE).
    pub transaction_type: u8,
    /// Hash of the transaction.
    pub transaction_hash: B256,
    /// Who signed it; of a deposit who called the queue on the L1.
    pub from: Address,
    /// Called account; none if it created a contract.
    pub to: Option<Address>,
    /// Whether it did what it was to do.
    pub is_success: bool,
    /// Gas that the block's transactions used up to this one.
    pub cumulative_gas_used: u64,
    /// Gas that it used.
    pub gas_used: u64,
    /// Wei per gas that it paid.
    pub effective_gas_price: u128,
    /// The contract that it created.
    pub contract_address: Option<Address>,
    /// What it logged.
    pub logs: Vec<Log>,
    /// Bloom filter of the logs.
    pub logs_bloom: Bloom,
}
