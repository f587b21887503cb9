//! Which logs somebody wants.

use alloy_primitives::{Address, B256, Bloom, BloomInput, Log};

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

impl LogFilter {
    /// Whether a log is wanted.
    #[must_use]
    pub fn matches(&self, log: &Log) -> bool {
        let is_address = self.addresses.is_empty() || self.addresses.contains(&log.address);
        is_address
            && self.topics.iter().enumerate().all(|(position, wanted)| {
                let found = log.topics().get(position);
                wanted.is_empty() || found.is_some_and(|topic| wanted.contains(topic))
            })
    }

    /// Whether a block of this bloom can have a wanted log.
    #[must_use]
    pub fn may_match(&self, bloom: &Bloom) -> bool {
        has_any(
            bloom,
            self.addresses.iter().map(|address| address.as_slice()),
        ) && (self.topics.iter())
            .all(|wanted| has_any(bloom, wanted.iter().map(|topic| topic.as_slice())))
    }
}

/// Whether a bloom may have one of the names, or there are none.
fn has_any<'a>(bloom: &Bloom, names: impl ExactSizeIterator<Item = &'a [u8]>) -> bool {
    let mut names = names.peekable();
    names.peek().is_none() || names.any(|name| bloom.contains_input(BloomInput::Raw(name)))
}
