//! Everything a node keeps on disk, in one fjall database.
//!
//! Guarantees
//! * A [`Batch`] is atomic, and batches are recovered in the order they were committed.
//! * [`Durability::Synced`] returns after an fsync that covers the batch and every batch that any
//!   thread committed before it (see [`Durability`] for why). One synced commit a turn of the
//!   consensus loop is all it takes (W2).
//! * After a write or an fsync failed nothing is written any more: every later commit fails too.
//! * One process at a time; a directory of another network or another node is refused; a safety
//!   record that is damaged or older than one written before is refused.
//! * Final headers, finality certificates and epoch ends are kept for ever (W4); payloads, slots,
//!   index entries and old namespace maps until [`Storage::prune`] is told to drop them.
//!
//! A [`Storage`] is a handle: clone it, read from any thread. All calls block on the disk. One
//! thread, the consensus loop, writes records, final blocks and epochs; workers write payloads,
//! slots, the namespace map and the index.
//!
//! Not responsible for what is stored being true: headers, payloads and certificates were
//! verified before they come here.

mod batch;
mod blocks;
mod decide;
mod epochs;
mod error;
mod files;
mod index;
mod metrics;
mod namespace_map;
mod open;
mod owner;
mod proofs;
mod record;
mod repair;
mod resume;
mod retention;
mod snapshot;
mod spaces;
mod standing;
mod stats;
mod verify;
mod witness;

use std::{
    collections::BTreeSet,
    fs::File,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

use fjall::{Database, UserValue};
use hotshot_types::{Hash, Height, PublicKey, mountain_range::MountainRange};

use self::spaces::{Space, Spaces};
pub use self::{
    batch::{Batch, Durability},
    blocks::MAX_HEADERS,
    error::StorageError,
    index::{MAX_NAMESPACE_BLOCKS, TransactionPosition},
    metrics::StorageMetrics,
    namespace_map::MapReader,
    open::is_in_use,
    proofs::MAX_PROOF_STEPS,
    repair::Rescue,
    resume::Resume,
    retention::{Cutoffs, Pruned},
    snapshot::{SnapshotError, SnapshotInfo, Step},
    stats::{KeyspaceStats, Stats},
    verify::{Fault, Verified},
};

/// Whose data it is. A data directory belongs to one of these for ever, except that a follower's
/// may become a validator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The network.
    pub chain_domain: Hash,
    /// The hash of its genesis block.
    pub genesis: Hash,
    /// The consensus key; none for a node that only follows.
    pub key: Option<PublicKey>,
}

/// The data directory of this node, open and locked.
#[derive(Clone)]
pub struct Storage(Arc<Inner>);

struct Inner {
    identity: Identity,
    directory: std::path::PathBuf,
    /// The number of the last safety record; held while one is written.
    record_sequence: Mutex<u64>,
    /// How far the chain, the map and the index are.
    progress: Mutex<Progress>,
    /// What is indexed and not in the database yet.
    recent_index: index::Recent,
    /// Index entries below this height are as good as gone.
    index_cutoff: Arc<AtomicU64>,
    /// Payloads that could not be read.
    unreadable: Mutex<BTreeSet<(Height, Hash)>>,
    metrics: StorageMetrics,
    spaces: Spaces,
    database: Database,
    /// Released last, when the database is closed.
    _lock: File,
}

/// How far each part of the chain's data is. Absent before there is a genesis block.
#[derive(Clone, Debug, Default)]
struct Progress {
    tip: Option<(Height, Hash)>,
    /// Over all blocks up to and including the tip.
    history: MountainRange,
    map: Height,
    indexed: Height,
}

impl Storage {
    /// Where the data is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Whose data it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Bytes on disk. The file being written is allocated 64 MiB at a time.
    ///
    /// # Errors
    /// A file that can't be looked at.
    pub fn disk_bytes(&self) -> Result<u64, StorageError> {
        let bytes = self.0.database.disk_space().map_err(StorageError::Read)?;
        self.0.metrics.disk(bytes);
        Ok(bytes)
    }

    /// Counters of writes and fsyncs.
    #[must_use]
    pub fn metrics(&self) -> &StorageMetrics {
        &self.0.metrics
    }

    fn get(&self, space: Space, key: impl AsRef<[u8]>) -> Result<Option<UserValue>, StorageError> {
        self.0
            .spaces
            .get(space)
            .get(key)
            .map_err(StorageError::Read)
    }

    fn has(&self, space: Space, key: impl AsRef<[u8]>) -> Result<bool, StorageError> {
        self.0
            .spaces
            .get(space)
            .contains_key(key)
            .map_err(StorageError::Read)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        // Nothing panics between two changes of it.
        self.0
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage")
            .field("directory", &self.0.directory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
