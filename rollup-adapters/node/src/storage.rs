//! Everything a node keeps on disk, in one fjall database.
//!
//! Guarantees
//! * A block of the rollup is one batch: the machine's writes, what undoes them, the block's record, the index of its
//!   inputs, its withdrawals, where derivation stands after it, and the submissions that it settles. The batch is
//!   atomic and on the disk before anybody is told of the block (RN2).
//! * Blocks are taken back one by one, each as one batch, down to the last safe one (RN3).
//! * One process at a time; a directory of another definition, machine or schema is refused (RN1).
//! * A [`View`] is one moment: what is read through it fits together however far the node has gone on.
//! * After a write failed nothing is written any more.
//!
//! All calls block on the disk. One thread, the executor, writes blocks; others write submissions, messages and pins.
//! Not responsible for what is stored being true.

mod chain;
mod error;
mod open;
mod record;
mod waiting;
mod withdrawals;

use std::{fs::File, path::PathBuf, sync::Arc};

use bytes::Bytes;
use fjall::{Database, Keyspace, Readable as _, Snapshot};
use hotshot_types::digest::keccak;
use rollup_types::{Hash, L1Message, State, StateError, Withdrawal};

use self::record::{ExecutedMessage, decode, read_place};
pub(crate) use self::{chain::Executed, waiting::Waiting};
pub use self::{
    error::StorageError,
    record::{Block, Done, Origin, Place},
};

/// Where derivation stands.
const CURSOR_KEY: &[u8] = b"cursor";
/// The number of the newest block.
const HEAD_KEY: &[u8] = b"head";

/// The data directory of this node, open and locked. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Storage(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    spaces: Spaces,
    database: Database,
    /// Released last, when the database is closed.
    _lock: File,
}

/// The keyspaces. Numbers in keys are big-endian, so that the order of keys is the order of numbers.
struct Spaces {
    /// Names of single values -> those values.
    meta: Keyspace,
    /// The machine's keys and values.
    state: Keyspace,
    /// Number -> block.
    blocks: Keyspace,
    /// Id, number, position -> whether the input was applied.
    places: Keyspace,
    /// Index -> executed message of the L1 queue.
    messages: Keyspace,
    /// Number -> what takes the block back.
    undo: Keyspace,
    /// Index -> withdrawal.
    withdrawals: Keyspace,
    /// Level, index -> node of the mountain range over the withdrawals.
    range: Keyspace,
    /// Sequence -> submission that waits.
    waiting: Keyspace,
}

impl Storage {
    /// What is stored now.
    pub(crate) fn view(&self) -> View {
        View {
            storage: self.clone(),
            snapshot: self.0.database.snapshot(),
        }
    }

    /// Bytes on disk. The file being written is allocated 64 MiB at a time.
    pub(crate) fn disk_bytes(&self) -> Result<u64, StorageError> {
        self.0.database.disk_space().map_err(StorageError::Read)
    }
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage")
            .field("directory", &self.0.directory)
            .finish_non_exhaustive()
    }
}

/// One moment of the rollup: its state, its blocks and all that belongs to them. Keep it for a request, not for ever:
/// the disk keeps what it sees.
#[derive(Clone)]
pub struct View {
    storage: Storage,
    snapshot: Snapshot,
}

impl View {
    fn get(&self, space: &Keyspace, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, StorageError> {
        let value = self.snapshot.get(space, key).map_err(StorageError::Read)?;
        Ok(value.map(Into::into))
    }

    fn spaces(&self) -> &Spaces {
        &self.storage.0.spaces
    }

    /// The number of the newest block.
    ///
    /// # Errors
    /// The disk failed.
    pub fn head(&self) -> Result<u64, StorageError> {
        let bytes = self.get(&self.spaces().meta, HEAD_KEY)?;
        let bytes = bytes.ok_or_else(|| StorageError::damaged("the head", "missing"))?;
        decode("the head", &bytes)
    }

    /// A block; none above the newest.
    ///
    /// # Errors
    /// The disk failed.
    pub fn block(&self, number: u64) -> Result<Option<Block>, StorageError> {
        self.get(&self.spaces().blocks, number.to_be_bytes())?
            .map(|bytes| decode("a block", &bytes))
            .transpose()
    }

    /// The newest block.
    ///
    /// # Errors
    /// The disk failed.
    pub fn newest(&self) -> Result<Block, StorageError> {
        self.block(self.head()?)?
            .ok_or_else(|| StorageError::damaged("the newest block", "missing"))
    }

    /// Where the input of an id stands: where it was applied, or else where it was last skipped.
    ///
    /// # Errors
    /// The disk failed.
    pub fn place(&self, id: Hash) -> Result<Option<Place>, StorageError> {
        let mut last = None;
        for entry in self.snapshot.prefix(&self.spaces().places, id.0) {
            let (key, value) = entry.into_inner().map_err(StorageError::Read)?;
            let place = read_place(&key, &value)?;
            if place.is_applied {
                return Ok(Some(place));
            }
            last = Some(place);
        }
        Ok(last)
    }

    /// The input at a place, with its block.
    ///
    /// # Errors
    /// The disk failed.
    pub fn done(&self, place: Place) -> Result<Option<(Block, Done)>, StorageError> {
        let Some(block) = self.block(place.number)? else {
            return Ok(None);
        };
        let position = usize::try_from(place.position).unwrap_or(usize::MAX);
        let done = block.outcomes.get(position).cloned();
        Ok(done.map(|done| (block, done)))
    }

    /// The newest block of which something is so that is so for all blocks before it.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) fn newest_where(&self, is_so: impl Fn(&Block) -> bool) -> Result<u64, StorageError> {
        let (mut low, mut high) = (0, self.head()?);
        while low < high {
            let middle = high - (high - low) / 2;
            let block = self.block(middle)?;
            let block = block.ok_or_else(|| StorageError::damaged("a block", "missing"))?;
            if is_so(&block) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }

    /// Executed messages of the L1 queue from an index on, with their places.
    ///
    /// # Errors
    /// The disk failed.
    pub fn messages(&self, from: u64, limit: u64) -> Result<Vec<(L1Message, Place)>, StorageError> {
        let until = from.saturating_add(limit);
        let range = from.to_be_bytes()..until.to_be_bytes();
        let entries = self.snapshot.range(&self.spaces().messages, range);
        let read = |entry: fjall::Guard| {
            let bytes = entry.value().map_err(StorageError::Read)?;
            let executed: ExecutedMessage = decode("a message", &bytes)?;
            let place = Place {
                number: executed.number,
                position: executed.position,
                is_applied: executed.is_applied,
            };
            Ok((executed.message, place))
        };
        entries.map(read).collect()
    }

    /// A withdrawal; none if there are not that many.
    ///
    /// # Errors
    /// The disk failed.
    pub fn withdrawal(&self, index: u64) -> Result<Option<Withdrawal>, StorageError> {
        self.get(&self.spaces().withdrawals, index.to_be_bytes())?
            .map(|bytes| decode("a withdrawal", &bytes))
            .transpose()
    }
}

impl State for View {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        Ok(Self::get(self, &self.spaces().state, state_key(key))?)
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

/// Longest key of a machine that is on the disk as it is.
const LONGEST_KEY: usize = 1_024;

/// A machine's key on the disk, which takes neither empty nor very long ones: a machine may use any bytes.
fn state_key(key: &[u8]) -> Vec<u8> {
    let (kind, rest) = match key.len() {
        0..=LONGEST_KEY => (0, key),
        _ => (1, &keccak(key).0[..]),
    };
    [&[kind], rest].concat()
}

#[cfg(test)]
mod tests;
