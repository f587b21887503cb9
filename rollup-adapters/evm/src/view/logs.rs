//! Which logs somebody wants.

use alloy_primitives::{Address, B256, Log};

/// Which logs are wanted. Empty lists want everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Contracts that logged; any if empty.
    pub addresses: Vec<Address>,
    /// For each position the topics wanted there; any if empty.
    pub topics: [Vec<B256>; 4],
}

/// A log with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLog {
    /// The log.
    pub log: Log,
    /// Number of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// The block's timestamp, in seconds.
    pub block_timestamp: u64,
    /// Hash of its transaction.
    pub transaction_hash: B256,
    /// Position of its transaction in the block.
    pub transaction_position: u64,
    /// Its position among all logs of the block, from 0.
    pub log_position: u64,
}
