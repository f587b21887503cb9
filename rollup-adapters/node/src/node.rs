//! A running node as applications and JSON-RPC see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rollup_types::{Hash, StateError, Vm};
use tokio::{sync::broadcast, task::spawn_blocking};

use crate::{
    Change, Definition, Levels, View,
    storage::{Block, Storage},
    submission::Submissions,
};

/// Changes that a slow listener may be behind before it misses some.
const CHANGES: usize = 1_024;

/// A running node. Cheap to clone.
pub struct Node<V>(Arc<Inner<V>>);

struct Inner<V> {
    vm: V,
    definition: Definition,
    storage: Storage,
    levels: Mutex<Levels>,
    changes: broadcast::Sender<Change>,
    submissions: Submissions,
}

impl<V> Clone for Node<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> std::fmt::Debug for Node<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

/// A transaction that the node accepted and that is in no block yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What users know it by.
    pub id: Hash,
    /// The transaction.
    pub bytes: Bytes,
    /// When it was accepted, milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// Why a transaction was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It has no bytes, or more than the sequencer takes.
    #[error("a transaction has 1 to {most} bytes, this one has {bytes}")]
    Size {
        /// Its bytes.
        bytes: usize,
        /// The sequencer's limit.
        most: u32,
    },
    /// The machine would skip it.
    #[error("{0}")]
    Refused(String),
    /// It is in a block.
    #[error("already executed in block {number}")]
    Executed {
        /// The block.
        number: u64,
    },
    /// The sequencer ordered these very bytes before, and the machine skipped them; it orders nothing twice.
    #[error("ordered before, in block {number}, and skipped: {reason}")]
    Skipped {
        /// The block.
        number: u64,
        /// Why.
        reason: String,
    },
    /// Another one waits in its slot, and the machine does not let it take that place: why not.
    #[error("another one waits in its place: {0}")]
    Taken(String),
    /// As many wait as a node keeps.
    #[error("too many transactions wait for the sequencer: try again later")]
    Full,
    /// The node's disk failed.
    #[error(transparent)]
    State(#[from] StateError),
}

impl<V: Vm> Node<V> {
    pub(crate) fn new(
        vm: V,
        definition: Definition,
        storage: Storage,
    ) -> Result<Self, crate::StorageError> {
        let submissions = Submissions::load(&vm, &storage)?;
        let levels = storage.view().levels()?;
        Ok(Self(Arc::new(Inner {
            vm,
            definition,
            storage,
            levels: Mutex::new(levels),
            changes: broadcast::Sender::new(CHANGES),
            submissions,
        })))
    }

    /// The machine.
    #[must_use]
    pub fn vm(&self) -> &V {
        &self.0.vm
    }

    /// What is stored now: state and blocks of one moment.
    #[must_use]
    pub fn view(&self) -> View {
        self.0.storage.view()
    }

    /// The newest block of each level. A view taken before may end below.
    #[must_use]
    pub fn levels(&self) -> Levels {
        *self.level_guard()
    }

    /// The rollup.
    #[must_use]
    pub fn definition(&self) -> &Definition {
        &self.0.definition
    }

    /// Accepts a transaction: it is on this node's disk once this returns, and is handed to the sequencer until it is in
    /// a block, across restarts. Handing in the same bytes again is no error. One that waits in its slot (RT6) waits no
    /// longer; the sequencer may have it already, and order it before this one. RN6
    ///
    /// # Errors
    /// Why it was not accepted. Then whatever waits goes on waiting.
    pub async fn submit(&self, transaction: Bytes) -> Result<Hash, SubmitError> {
        let node = self.clone();
        let accepting = spawn_blocking(move || node.0.submissions.accept(&node, transaction));
        accepting.await.unwrap_or_else(|error| {
            Err(SubmitError::State(StateError(format!(
                "the node is stopping: {error}"
            ))))
        })
    }

    /// What was accepted and is in no block yet, in the order it came.
    #[must_use]
    pub fn pending(&self) -> Vec<Pending> {
        self.0.submissions.pending()
    }

    /// Of what was accepted and is in no block yet, what users know by an id.
    #[must_use]
    pub fn waiting(&self, id: Hash) -> Option<Pending> {
        self.0.submissions.with_id(id)
    }

    /// The slots (RT6) that begin with some bytes, and the transactions in them that are in no block yet.
    #[must_use]
    pub fn slots(&self, prefix: &[u8]) -> Vec<(Vec<u8>, Bytes)> {
        self.0.submissions.slots(prefix)
    }

    /// What happens to the chain from now on. A listener that is slow misses the oldest (`Lagged`), and can always
    /// look at [`Self::levels`] and [`Self::view`].
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.0.storage
    }

    pub(crate) fn submissions(&self) -> &Submissions {
        &self.0.submissions
    }

    /// Tells of a block that is on the disk, and of the levels if it raised them.
    pub(crate) fn appended(&self, block: &Block, levels: Levels) {
        let before = std::mem::replace(&mut *self.level_guard(), levels);
        self.0.submissions.settle(block);
        self.tell(Change::Block {
            number: block.number,
            hash: block.hash,
        });
        if (before.safe, before.finalized) != (levels.safe, levels.finalized) {
            self.tell(Change::Levels(levels));
        }
    }

    /// Tells that all blocks above one are gone from the disk.
    pub(crate) fn rolled_back(&self, to: u64) {
        self.level_guard().latest = to;
        self.tell(Change::RolledBack { to });
    }

    /// Raises the levels: they never fall.
    pub(crate) fn raise(&self, safe: u64, finalized: u64) -> Result<(), crate::StorageError> {
        let before = self.levels();
        let safe = before.safe.max(safe.min(before.latest));
        let now = Levels {
            latest: before.latest,
            safe,
            finalized: before.finalized.max(finalized.min(safe)),
        };
        if now != before {
            self.0.storage.keep_levels(now)?;
            *self.level_guard() = now;
            self.tell(Change::Levels(now));
        }
        Ok(())
    }

    fn tell(&self, change: Change) {
        // An error only says that nobody listens.
        self.0.changes.send(change).ok();
    }

    fn level_guard(&self) -> MutexGuard<'_, Levels> {
        // Nothing panics while it is held.
        self.0.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
