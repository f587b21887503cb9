//! How much one request may ask for. The README lists these.

/// Addresses in a log filter.
pub(crate) const MAX_FILTER_ADDRESSES: usize = 1000;
/// Topics at one position of a log filter.
pub(crate) const MAX_FILTER_TOPICS: usize = 1000;
/// Blocks that one `eth_getLogs` searches.
pub(crate) const MAX_LOG_BLOCKS: u64 = 10_000;
/// Logs that one `eth_getLogs` answers with, and that a subscription remembers.
pub(crate) const MAX_LOGS: usize = 10_000;
/// Bytes of them: in hex they fit an answer of the size that a node allows by default.
pub(crate) const MAX_LOG_BYTES: usize = 8_200_000;
/// What is counted for a log besides its data: half of its JSON with four topics.
pub(crate) const LOG_BYTES: usize = 350;
/// Blocks of one `eth_feeHistory`.
pub(crate) const MAX_FEE_BLOCKS: u64 = 1024;
/// Percentiles of one `eth_feeHistory`.
pub(crate) const MAX_PERCENTILES: usize = 100;
/// Storage slots of one `eth_getProof`.
pub(crate) const MAX_PROOF_SLOTS: usize = 1024;
/// Calls, estimates, searches of logs and histories of fees that are worked on at once; others wait.
pub(crate) const MAX_WORKS_AT_ONCE: usize = 4;
/// Nonces that a transaction may be ahead of the sender's next one.
pub(crate) const MAX_NONCE_GAP: u64 = 64;
/// Blocks that a subscription remembers, to take back their logs if they are rolled back.
pub(crate) const REMEMBERED_BLOCKS: usize = 1024;
