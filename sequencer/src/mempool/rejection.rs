//! Why a transaction is not taken.

use std::time::Duration;

/// When to try again with a pool that is full: some blocks later.
const FULL: Duration = Duration::from_secs(1);

/// Why a transaction is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Namespace 0 is not for transactions.
    #[error("namespace 0 is reserved")]
    ReservedNamespace,
    /// There is nothing in it.
    #[error("the transaction is empty")]
    Empty,
    /// It is over the network's limit.
    #[error("the transaction has {length} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The pool has no room.
    #[error("the pool is full ({limit} bytes)")]
    PoolFull {
        /// The pool's limit in bytes.
        limit: usize,
    },
    /// The namespace has used up its part of the pool.
    #[error("the pool holds all it may of this namespace ({limit} bytes)")]
    NamespaceFull {
        /// A namespace's limit in bytes.
        limit: usize,
    },
    /// The source has used up its part of the pool.
    #[error("the pool holds all it may of this sender ({limit} bytes)")]
    SourceFull {
        /// A source's limit in bytes.
        limit: usize,
    },
}

impl Rejection {
    /// All codes, in the order of [`super::MempoolMetrics::rejected`].
    pub const CODES: [&'static str; 6] = [
        "reserved_namespace",
        "empty",
        "too_large",
        "pool_full",
        "namespace_full",
        "source_full",
    ];

    pub(super) const fn position(&self) -> usize {
        match self {
            Self::ReservedNamespace => 0,
            Self::Empty => 1,
            Self::TooLarge { .. } => 2,
            Self::PoolFull { .. } => 3,
            Self::NamespaceFull { .. } => 4,
            Self::SourceFull { .. } => 5,
        }
    }

    /// A stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        Self::CODES[self.position()]
    }

    /// When the same transaction may be taken; none if it never will.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ReservedNamespace | Self::Empty | Self::TooLarge { .. } => None,
            Self::PoolFull { .. } | Self::NamespaceFull { .. } | Self::SourceFull { .. } => {
                Some(FULL)
            }
        }
    }
}
