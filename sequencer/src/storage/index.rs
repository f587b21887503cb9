//! Where a transaction is, and which blocks hold a namespace.
//!
//! Written a little after the block itself, by a worker: the loop must not wait for it.
//!
//! Where the transactions are is most of the keys that a node writes, and their hashes are in no
//! order. So they don't pass through the engine's journal and buffers: those of the newest blocks
//! stay in memory, sorted block by block, until they fill a file of their own, which the engine
//! takes over. [`Storage::index_on_disk`] says how far that is; after a restart the host indexes
//! the blocks above it again, from their payloads.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use da::{NamespaceId, NamespaceLeaf, NamespaceTree};
use fjall::compaction::filter::{
    CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict,
};
use hotshot_types::{Height, codec};

use super::{
    Batch, Durability, Storage, StorageError,
    open::{INDEXED_KEY, decode},
    spaces::{NAMESPACE_HEIGHT, Space, TRANSACTION_HEIGHT, height_key, number, number_at},
};

/// The most blocks that one call returns.
pub const MAX_NAMESPACE_BLOCKS: usize = 1_000;

/// Transactions in memory that make a file; 7 MB there, 6 MB in memory.
const FILE_TRANSACTIONS: usize = 1 << 17;
/// Blocks in memory that make a file, however little they hold: what a restart repeats.
const FILE_BLOCKS: usize = 1_024;

/// Where a final transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionPosition {
    /// The block.
    pub height: Height,
    /// The namespace.
    pub namespace: NamespaceId,
    /// The position in the namespace.
    pub index: u32,
}

/// A transaction of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    hash: da::Hash,
    namespace: NamespaceId,
    index: u32,
}

/// A block's transactions in order.
type Block = (Height, Arc<[Entry]>);

/// What is indexed and in no file yet.
#[derive(Debug, Default)]
pub(super) struct Recent {
    blocks: Mutex<VecDeque<Block>>,
    /// Held by whoever writes a file.
    writing: Mutex<()>,
}

impl Recent {
    fn blocks(&self) -> MutexGuard<'_, VecDeque<Block>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, blocks: Vec<Block>) {
        self.blocks().extend(blocks);
    }

    /// Where transactions with this hash are, by rising height.
    fn positions(&self, hash: &da::Hash, from: Height) -> Vec<TransactionPosition> {
        let blocks = self.blocks();
        let blocks = blocks.iter().filter(|(height, _)| *height >= from);
        let positions = blocks.flat_map(|(height, entries)| {
            let first = entries.partition_point(|entry| entry.hash < *hash);
            let same = entries[first..].iter();
            same.take_while(|entry| entry.hash == *hash)
                .map(|entry| TransactionPosition {
                    height: *height,
                    namespace: entry.namespace,
                    index: entry.index,
                })
        });
        positions.collect()
    }
}

impl Batch {
    /// Indexes the final block at `height`, one call for each block, empty ones included.
    ///
    /// # Errors
    /// A height that is not above the last one, or that is not final: the caller is wrong.
    pub fn index_block(
        &mut self,
        height: Height,
        namespaces: &NamespaceTree,
    ) -> Result<(), StorageError> {
        let last = self
            .changes
            .indexed
            .unwrap_or_else(|| self.storage.indexed_height());
        let tip = self.tip_height()?;
        if height <= last || height > tip {
            return Err(StorageError::OutOfOrder(format!(
                "an index of height {height}, after {last}, with the tip at {tip}"
            )));
        }
        self.put_namespaces(height, namespaces);
        let entries = entries(namespaces).into();
        self.changes.transactions.push((height, entries));
        self.changes.indexed = Some(height);
        Ok(())
    }

    /// Indexes a block whose payload was not readable when its turn came, or repeats its index.
    pub fn index_late(&mut self, height: Height, namespaces: &NamespaceTree) {
        self.put_namespaces(height, namespaces);
        for entry in entries(namespaces) {
            let key = transaction_key(&entry.hash, height, entry.namespace);
            self.put(
                Space::Transactions,
                key.as_slice(),
                entry.index.to_be_bytes().as_slice(),
            );
        }
    }

    fn put_namespaces(&mut self, height: Height, namespaces: &NamespaceTree) {
        for leaf in namespaces.leaves() {
            let key = [leaf.id.get().to_be_bytes(), height_key(height)].concat();
            self.put(Space::Namespaces, key, codec::encode(leaf));
        }
    }

    /// The index starts above this height.
    pub(super) fn start_index(&mut self, height: Height) {
        self.put(Space::Meta, INDEXED_KEY, codec::encode(&height));
        self.changes.indexed = Some(height);
    }
}

/// A block's transactions by hash and namespace. Of the same bytes twice in one namespace the first
/// counts, as it does in the pool.
fn entries(namespaces: &NamespaceTree) -> Vec<Entry> {
    let leaves = namespaces.leaves().iter();
    let mut entries: Vec<Entry> = leaves
        .flat_map(|leaf| {
            let hashes = namespaces.tx_hashes(leaf.id).unwrap_or_default();
            (0_u32..).zip(hashes).map(|(index, hash)| Entry {
                hash: *hash,
                namespace: leaf.id,
                index,
            })
        })
        .collect();
    entries.sort_unstable();
    entries.dedup_by_key(|entry| (entry.hash, entry.namespace));
    entries
}

fn transaction_key(hash: &da::Hash, height: Height, namespace: NamespaceId) -> [u8; 48] {
    let mut key = [0; 48];
    key[..32].copy_from_slice(hash);
    key[32..40].copy_from_slice(&height_key(height));
    key[40..].copy_from_slice(&namespace.get().to_be_bytes());
    key
}

fn position(key: &[u8], value: &[u8]) -> Result<TransactionPosition, StorageError> {
    const WHAT: &str = "the index of transactions";
    let namespace = NamespaceId::new(number_at(WHAT, key, TRANSACTION_HEIGHT + 8)?);
    let index = value.try_into().map(u32::from_be_bytes);
    Ok(TransactionPosition {
        height: Height(number_at(WHAT, key, TRANSACTION_HEIGHT)?),
        namespace: namespace.ok_or_else(|| StorageError::damaged(WHAT, "namespace 0"))?,
        index: index.map_err(|_| StorageError::damaged(WHAT, "an index is not a number"))?,
    })
}

impl Storage {
    /// The highest block that is indexed.
    #[must_use]
    pub fn indexed_height(&self) -> Height {
        self.progress().indexed
    }

    /// The highest block whose transactions need no indexing after a restart.
    ///
    /// # Errors
    /// A read that fails.
    pub fn index_on_disk(&self) -> Result<Height, StorageError> {
        self.read_height(INDEXED_KEY)
    }

    /// Writes a file of what is indexed in memory, if that is enough for one.
    pub(super) fn write_full_index(&self) -> Result<(), StorageError> {
        let is_full = {
            let blocks = self.0.recent_index.blocks();
            let transactions: usize = blocks.iter().map(|(_, entries)| entries.len()).sum();
            blocks.len() >= FILE_BLOCKS || transactions >= FILE_TRANSACTIONS
        };
        if is_full { self.write_index() } else { Ok(()) }
    }

    /// Writes a file of what is indexed in memory, as a node does before it ends.
    ///
    /// # Errors
    /// A failed write or fsync.
    pub fn write_index(&self) -> Result<(), StorageError> {
        let recent = &self.0.recent_index;
        let writing = recent.writing.lock();
        let _writing = writing.unwrap_or_else(PoisonError::into_inner);
        // They stay visible in memory until they are in the file.
        let blocks: Vec<Block> = recent.blocks().iter().cloned().collect();
        let Some((last, _)) = blocks.last() else {
            return Ok(());
        };
        let mut entries: Vec<(Entry, Height)> = blocks
            .iter()
            .flat_map(|(height, entries)| entries.iter().map(|entry| (*entry, *height)))
            .collect();
        entries.sort_unstable_by_key(|(entry, height)| (entry.hash, *height, entry.namespace));
        let space = self.0.spaces.get(Space::Transactions);
        let mut file = space.start_ingestion().map_err(StorageError::Failed)?;
        for (entry, height) in &entries {
            let key = transaction_key(&entry.hash, *height, entry.namespace);
            file.write(key.as_slice(), entry.index.to_be_bytes().as_slice())
                .map_err(StorageError::Failed)?;
        }
        file.finish().map_err(StorageError::Failed)?;
        let mut batch = self.batch();
        let height = self.index_on_disk()?.max(*last);
        batch.put(Space::Meta, INDEXED_KEY, codec::encode(&height));
        self.commit(batch, Durability::Buffered)?;
        recent.blocks().drain(..blocks.len());
        Ok(())
    }

    /// The first final block that holds a transaction with this hash. None if there is none, it is
    /// not indexed yet, or it was pruned.
    ///
    /// # Errors
    /// A read that fails.
    pub fn transaction(
        &self,
        hash: &da::Hash,
    ) -> Result<Option<TransactionPosition>, StorageError> {
        self.positions(hash, Height(0)).next().transpose()
    }

    /// The first final block from a height on that holds a transaction with this hash in one
    /// namespace: the same bytes in another one are another transaction. Passes over the others'
    /// entries, so its cost grows with how often the same bytes were ordered.
    ///
    /// # Errors
    /// A read that fails.
    pub fn transaction_in(
        &self,
        hash: &da::Hash,
        namespace: NamespaceId,
        from: Height,
    ) -> Result<Option<TransactionPosition>, StorageError> {
        let mut positions = self.positions(hash, from);
        positions
            .find(|found| match found {
                Ok(position) => position.namespace == namespace,
                Err(_) => true,
            })
            .transpose()
    }

    /// Where transactions with this hash are, by rising height, from a height on. Of those that are
    /// written to a file meanwhile some may come twice.
    fn positions(
        &self,
        hash: &da::Hash,
        from: Height,
    ) -> impl Iterator<Item = Result<TransactionPosition, StorageError>> {
        let from = from.0.max(self.0.index_cutoff.load(Relaxed));
        let first = [hash.as_slice(), &from.to_be_bytes()].concat();
        let last = [hash.as_slice(), &[0xff; 16]].concat();
        let recent = self.0.recent_index.positions(hash, Height(from));
        let entries = self.0.spaces.get(Space::Transactions).range(first..=last);
        let stored = entries.map(|guard| {
            let (key, value) = guard.into_inner().map_err(StorageError::Read)?;
            position(&key, &value)
        });
        stored.chain(recent.into_iter().map(Ok))
    }

    /// At most `limit` (and [`MAX_NAMESPACE_BLOCKS`]) blocks that hold a namespace, ascending from
    /// a height, with what their trees say about it. To go on, ask from the last height + 1.
    ///
    /// # Errors
    /// A read that fails.
    pub fn namespace_blocks(
        &self,
        namespace: NamespaceId,
        from: Height,
        limit: usize,
    ) -> Result<Vec<(Height, NamespaceLeaf)>, StorageError> {
        let from = from.0.max(self.0.index_cutoff.load(Relaxed));
        let key = |height: u64| [namespace.get().to_be_bytes(), height.to_be_bytes()].concat();
        let range = self
            .0
            .spaces
            .get(Space::Namespaces)
            .range(key(from)..=key(u64::MAX));
        let mut blocks = Vec::new();
        for guard in range.take(limit.min(MAX_NAMESPACE_BLOCKS)) {
            let (key, value) = guard.into_inner().map_err(StorageError::Read)?;
            let height = number_at("the index of namespaces", &key, NAMESPACE_HEIGHT)?;
            blocks.push((Height(height), decode("a namespace leaf", &value)?));
        }
        Ok(blocks)
    }
}

/// Drops entries below a cutoff when the engine compacts them anyway, so that no deletion is ever
/// written for them. Readers apply the cutoff themselves.
pub(super) struct ExpiredEntries {
    pub(super) cutoff: Arc<AtomicU64>,
    /// Where the height stands in the keys.
    pub(super) height_at: usize,
}

impl Factory for ExpiredEntries {
    fn name(&self) -> &str {
        "expired index entries"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        Box::new(Below {
            cutoff: self.cutoff.load(Relaxed),
            height_at: self.height_at,
        })
    }
}

struct Below {
    cutoff: u64,
    height_at: usize,
}

impl CompactionFilter for Below {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _: &Context) -> CompactionFilterResult {
        let height = number(item.key(), self.height_at);
        let expired = height.is_some_and(|height| height < self.cutoff);
        Ok(if expired {
            Verdict::Destroy
        } else {
            Verdict::Keep
        })
    }
}
