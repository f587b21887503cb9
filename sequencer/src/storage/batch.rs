//! What one turn of the consensus loop, or one worker, writes at once.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use fjall::{PersistMode, UserKey, UserValue};
use hotshot::Record;
use hotshot_types::{
    Hash, Height, SealedHeader, codec, evidence::Evidence, mountain_range::MountainRange,
};

use super::{
    Storage, StorageError,
    index::Entry,
    open::{MAP_KEY, TIP_KEY},
    record::{self, RECORD_KEY},
    spaces::{Space, block_key, height_key},
    witness::{self, Witness},
};

/// When a commit returns.
///
/// What [`Durability::Synced`] covers, by fjall 3.1's source: all keyspaces share one journal
/// behind one mutex. A commit appends its batch under that mutex, and `persist(SyncData)` flushes
/// the journal's buffer and calls `fdatasync` on the file, still under it; so whatever any thread
/// appended to this file before is on disk too. When a journal is full it is synced (`rotate`
/// calls `persist(SyncAll)`) before the next file takes over, so nothing unsynced is left in an
/// older file. On recovery journals are replayed in order and up to the first incomplete batch:
/// what survives a crash is a prefix of what was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The batch and everything committed before it, by any thread, survives a power cut.
    Synced,
    /// The batch survives the end of this process, not that of the machine.
    Buffered,
}

/// Writes that become visible and durable together. Later writes to a key replace earlier ones.
#[must_use = "a batch does nothing until it is committed"]
pub struct Batch {
    pub(super) storage: Storage,
    pub(super) items: Vec<Item>,
    record: Option<Record>,
    pub(super) changes: Changes,
}

pub(super) struct Item {
    pub(super) space: Space,
    pub(super) key: UserKey,
    value: Option<UserValue>,
}

/// What becomes of [`super::Progress`].
#[derive(Default)]
pub(super) struct Changes {
    pub(super) chain: Option<Chain>,
    pub(super) map: Option<Height>,
    pub(super) indexed: Option<Height>,
    /// Of each block that is indexed, by rising height.
    pub(super) transactions: Vec<(Height, Arc<[Entry]>)>,
}

#[derive(Clone)]
pub(super) struct Chain {
    pub(super) tip: (Height, Hash),
    pub(super) history: MountainRange,
}

impl Storage {
    /// An empty batch.
    pub fn batch(&self) -> Batch {
        Batch {
            storage: self.clone(),
            items: Vec::new(),
            record: None,
            changes: Changes::default(),
        }
    }

    /// Writes a batch. One that holds a safety record is always synced. An empty one that is to be
    /// synced makes earlier buffered ones durable.
    ///
    /// # Errors
    /// A failed write or fsync, after which every commit fails.
    pub fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        let Batch {
            mut items,
            record,
            changes,
            ..
        } = batch;
        let mut sequence = record.as_ref().map(|_| self.record_sequence());
        let mode = match durability {
            Durability::Buffered if record.is_none() => PersistMode::Buffer,
            _ => PersistMode::SyncData,
        };
        if let (Some(record), Some(sequence)) = (&record, &sequence) {
            let sealed = record::seal(self.identity(), **sequence + 1, record);
            items.push(Item::put(Space::Record, RECORD_KEY, sealed));
        }
        changes.write(&mut items);
        self.write(in_order(items), mode)?;
        if let Some(sequence) = &mut sequence {
            if **sequence == 0 {
                // From here on a record that is missing is noticed.
                let witness = Witness {
                    seen: 1,
                    given_up: 0,
                };
                witness::keep(self.directory(), witness)?;
            }
            **sequence += 1;
        }
        self.advance(changes)
    }

    fn write(&self, items: Vec<Item>, mode: PersistMode) -> Result<(), StorageError> {
        let start = Instant::now();
        let database = &self.0.database;
        let mut bytes = 0;
        if items.is_empty() {
            if mode == PersistMode::Buffer {
                return Ok(());
            }
            database.persist(mode).map_err(StorageError::Failed)?;
        } else {
            let mut writes = database.batch().durability(Some(mode));
            for Item { space, key, value } in items {
                let space = self.0.spaces.get(space);
                bytes += key.len();
                match value {
                    Some(value) => {
                        bytes += value.len();
                        writes.insert(space, key, value);
                    }
                    None => writes.remove(space, key),
                }
            }
            writes.commit().map_err(StorageError::Failed)?;
        }
        self.0.metrics.committed(
            bytes,
            (mode != PersistMode::Buffer).then(|| start.elapsed()),
        );
        Ok(())
    }

    fn advance(&self, changes: Changes) -> Result<(), StorageError> {
        let is_indexed = !changes.transactions.is_empty();
        self.0.recent_index.push(changes.transactions);
        let mut progress = self.progress();
        if let Some(Chain { tip, history }) = changes.chain {
            progress.tip = Some(tip);
            progress.history = history;
        }
        progress.map = changes.map.unwrap_or(progress.map);
        progress.indexed = changes.indexed.unwrap_or(progress.indexed);
        drop(progress);
        if is_indexed {
            self.write_full_index()?;
        }
        Ok(())
    }

    pub(super) fn record_sequence(&self) -> MutexGuard<'_, u64> {
        self.0
            .record_sequence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Item {
    fn put(space: Space, key: impl Into<UserKey>, value: impl Into<UserValue>) -> Self {
        Self {
            space,
            key: key.into(),
            value: Some(value.into()),
        }
    }
}

impl Changes {
    fn write(&self, items: &mut Vec<Item>) {
        if let Some(chain) = &self.chain {
            items.push(Item::put(Space::Meta, TIP_KEY, codec::encode(&chain.tip)));
        }
        if let Some(height) = &self.map {
            items.push(Item::put(Space::Meta, MAP_KEY, codec::encode(height)));
        }
    }
}

/// One write a key, the last one, in the order of [`Space`]: the engine gives all writes of a
/// batch one number and so has no order among them.
fn in_order(mut items: Vec<Item>) -> Vec<Item> {
    items.sort_by(|a, b| (a.space, &a.key).cmp(&(b.space, &b.key)));
    items.dedup_by(|later, earlier| {
        let same = (later.space, &later.key) == (earlier.space, &earlier.key);
        if same {
            std::mem::swap(later, earlier);
        }
        same
    });
    items
}

impl Batch {
    pub(super) fn put(
        &mut self,
        space: Space,
        key: impl Into<UserKey>,
        value: impl Into<UserValue>,
    ) {
        self.items.push(Item::put(space, key, value));
    }

    pub(super) fn remove(&mut self, space: Space, key: impl Into<UserKey>) {
        self.items.push(Item {
            space,
            key: key.into(),
            value: None,
        });
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.record.is_none()
    }

    /// The safety record (W2). The last one put counts.
    pub fn put_record(&mut self, record: &Record) {
        self.record = Some(record.clone());
    }

    /// A header that is not final. Ignored if its height is final already.
    pub fn put_pending(&mut self, header: &SealedHeader) {
        if self
            .chain()
            .is_some_and(|chain| header.height <= chain.tip.0)
        {
            return;
        }
        self.put(
            Space::Pending,
            block_key(header),
            codec::encode(header.header()),
        );
        self.put_height(header);
    }

    /// The payload of a block. Usually by a worker, buffered.
    pub fn put_payload(&mut self, header: &SealedHeader, payload: Bytes) {
        self.put(Space::Payloads, block_key(header), payload);
        self.put_height(header);
    }

    /// This node's own slots of a block. Usually by a worker, buffered.
    ///
    /// # Errors
    /// More shards than a block can have.
    pub fn put_slots(
        &mut self,
        header: &SealedHeader,
        slots: &da::ShardRange,
    ) -> Result<(), StorageError> {
        let (mut bytes, shards) = slots
            .to_parts()
            .map_err(|error| StorageError::OutOfOrder(error.to_string()))?;
        bytes.extend_from_slice(&shards);
        self.put(Space::Slots, block_key(header), bytes);
        Ok(())
    }

    pub(super) fn put_height(&mut self, header: &SealedHeader) {
        self.put(
            Space::Heights,
            header.hash().0.as_slice(),
            height_key(header.height),
        );
    }

    /// Evidence of misbehaviour; the same one twice is kept once.
    pub fn put_evidence(&mut self, evidence: &Evidence) {
        let bytes = codec::encode(evidence);
        self.put(Space::Evidence, evidence.id().0.as_slice(), bytes);
    }
}
