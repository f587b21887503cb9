//! How much the pool holds.

use std::time::Duration;

/// What a transaction costs besides its bytes, about what the pool needs to keep track of it. It
/// counts against all limits, so that many tiny transactions don't take more memory than allowed.
pub const ENTRY_BYTES: usize = 256;

/// The bounds of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MempoolLimits {
    /// Bytes of all transactions.
    pub total_bytes: usize,
    /// Bytes of the transactions of one namespace.
    pub namespace_bytes: usize,
    /// Bytes of the transactions of one source.
    pub source_bytes: usize,
    /// Bytes of one transaction: the network's limit, from genesis.
    pub transaction_bytes: usize,
    /// How long a transaction may wait.
    pub expiry: Duration,
    /// Final blocks whose transactions are remembered.
    pub recent_blocks: usize,
    /// Transactions of final blocks that are remembered; the older blocks give way.
    pub recent_transactions: usize,
    /// Blocks known that are not final; the lowest give way.
    pub known_blocks: usize,
}

impl Default for MempoolLimits {
    /// 256 MiB in all, 64 MiB a namespace, 16 MiB a source, 1 MiB a transaction, 10 minutes.
    fn default() -> Self {
        Self {
            total_bytes: 256 << 20,
            namespace_bytes: 64 << 20,
            source_bytes: 16 << 20,
            transaction_bytes: 1 << 20,
            expiry: Duration::from_secs(600),
            recent_blocks: 1_024,
            recent_transactions: 200_000,
            known_blocks: 64,
        }
    }
}
