//! Following a namespace without missing a block (DA9).
//!
//! Each header commits to a chain over all blocks of each namespace so far. Whoever extends its own copy of the chain
//! with each block it received, and compares it with what a newer final header commits to, notices a block that was
//! held back, and one that was put in.

use da::{AccumulatorEntry, BlockStamp, NamespaceId, NamespaceLeaf};
use hotshot_types::{Header, Height};

/// Why what was received is not what the chain holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// A block that is not above the last one.
    #[error("block {found} was sent after block {last}")]
    Order {
        /// The last height that was covered.
        last: Height,
        /// The height that came.
        found: Height,
    },
    /// The header that is compared with is older than what was received.
    #[error("the header at height {found} is older than the last block, {last}")]
    Old {
        /// The last height that was covered.
        last: Height,
        /// The header's height.
        found: Height,
    },
    /// The chain has other blocks of the namespace than were received.
    #[error(
        "the node holds back blocks of namespace {namespace}: up to height {height} the chain has {expected} blocks, {received} were received"
    )]
    Hidden {
        /// The namespace.
        namespace: NamespaceId,
        /// The height compared at.
        height: Height,
        /// Blocks of the namespace by the header.
        expected: u64,
        /// Blocks of the namespace as received.
        received: u64,
    },
    /// As many blocks, but not the same.
    #[error(
        "the blocks received of namespace {namespace} are not those of the chain up to height {height}"
    )]
    Different {
        /// The namespace.
        namespace: NamespaceId,
        /// The height compared at.
        height: Height,
    },
    /// A leaf of another namespace.
    #[error("a block of namespace {0} was sent")]
    OtherNamespace(NamespaceId),
    /// A counter would exceed 64 bits: no chain gets there.
    #[error("a counter overflows")]
    Overflow,
}

/// The verified position of a reader in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    namespace: NamespaceId,
    height: Height,
    entry: AccumulatorEntry,
}

impl Follower {
    /// Before the first block of the chain.
    #[must_use]
    pub fn from_start(namespace: NamespaceId) -> Self {
        Self::resume(namespace, Height(0), AccumulatorEntry::default())
    }

    /// After the block at `height`, where the namespace's summary was proven to be `entry`.
    #[must_use]
    pub fn resume(namespace: NamespaceId, height: Height, entry: AccumulatorEntry) -> Self {
        Self {
            namespace,
            height,
            entry,
        }
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> NamespaceId {
        self.namespace
    }

    /// The height up to which everything is covered.
    #[must_use]
    pub fn height(&self) -> Height {
        self.height
    }

    /// The summary of all blocks so far.
    #[must_use]
    pub fn entry(&self) -> AccumulatorEntry {
        self.entry
    }

    /// Takes the next block that holds the namespace. Header and leaf were verified before.
    ///
    /// # Errors
    /// A block that can't be next. The position is then as before.
    pub fn accept(&mut self, header: &Header, leaf: &NamespaceLeaf) -> Result<(), FollowError> {
        if leaf.id != self.namespace {
            return Err(FollowError::OtherNamespace(leaf.id));
        }
        if header.height <= self.height {
            return Err(FollowError::Order {
                last: self.height,
                found: header.height,
            });
        }
        let stamp = BlockStamp {
            height: header.height.0,
            timestamp_ms: header.timestamp_ms.0,
            l1_number: header.l1_finalized.number,
        };
        self.entry = self
            .entry
            .extended(&stamp, leaf)
            .ok_or(FollowError::Overflow)?;
        self.height = header.height;
        Ok(())
    }

    /// Compares with the summary that a final header commits to, and moves up to its height.
    ///
    /// # Errors
    /// Blocks that are missing or were put in.
    pub fn check(&mut self, header: &Header, entry: AccumulatorEntry) -> Result<(), FollowError> {
        let (namespace, height) = (self.namespace, header.height);
        if height < self.height {
            return Err(FollowError::Old {
                last: self.height,
                found: height,
            });
        }
        if entry != self.entry {
            return Err(if entry.block_count == self.entry.block_count {
                FollowError::Different { namespace, height }
            } else {
                FollowError::Hidden {
                    namespace,
                    height,
                    expected: entry.block_count,
                    received: self.entry.block_count,
                }
            });
        }
        self.height = height;
        Ok(())
    }
}
