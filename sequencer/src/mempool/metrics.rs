//! A snapshot of the pool for the metrics page.

use super::Rejection;

/// What is in the pool, and what was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MempoolMetrics {
    /// Transactions in the pool.
    pub transactions: usize,
    /// What they count for, [`super::ENTRY_BYTES`] each included.
    pub bytes: usize,
    /// Namespaces with a transaction.
    pub namespaces: usize,
    /// Sources with a transaction.
    pub sources: usize,
    /// Transactions that ever came in.
    pub accepted: u64,
    /// Transactions refused, by [`Rejection::CODES`].
    pub rejected: [u64; Rejection::CODES.len()],
}
