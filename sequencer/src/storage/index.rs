//! Where a transaction is, and which blocks hold a namespace.
//!
//! Written a little after the block itself, by a worker: the loop must not wait for it. After a
//! crash the host indexes the blocks from [`Storage::indexed_height`] to the tip again, from
//! their payloads.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use da::{NamespaceId, NamespaceLeaf, NamespaceTree};
use fjall::compaction::filter::{
    CompactionFilter, CompactionFilterResult, Context, Factory, ItemAccessor, Verdict,
};
use hotshot_types::{Height, codec};

use super::{
    Batch, Storage, StorageError,
    open::decode,
    spaces::{NAMESPACE_HEIGHT, Space, TRANSACTION_HEIGHT, height_key, number, number_at},
};

/// The most blocks that one call returns.
pub const MAX_NAMESPACE_BLOCKS: usize = 1_000;

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
        for leaf in namespaces.leaves() {
            let key = [leaf.id.get().to_be_bytes(), height_key(height)].concat();
            self.put(Space::Namespaces, key, codec::encode(leaf));
            let hashes = namespaces.tx_hashes(leaf.id).unwrap_or_default();
            for (index, hash) in (0_u32..).zip(hashes) {
                let key = transaction_key(hash, height, leaf.id);
                self.put(Space::Transactions, key, index.to_be_bytes());
            }
        }
        self.changes.indexed = Some(height);
        Ok(())
    }
}

pub(super) fn transaction_key(hash: &da::Hash, height: Height, namespace: NamespaceId) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    key.extend_from_slice(hash);
    key.extend_from_slice(&height_key(height));
    key.extend_from_slice(&namespace.get().to_be_bytes());
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

    /// Where transactions with this hash are, by rising height, from a height on.
    fn positions(
        &self,
        hash: &da::Hash,
        from: Height,
    ) -> impl Iterator<Item = Result<TransactionPosition, StorageError>> {
        let from = from.0.max(self.0.index_cutoff.load(Relaxed));
        let first = [hash.as_slice(), &from.to_be_bytes()].concat();
        let last = [hash.as_slice(), &[0xff; 16]].concat();
        let entries = self.0.spaces.get(Space::Transactions).range(first..=last);
        entries.map(|guard| {
            let (key, value) = guard.into_inner().map_err(StorageError::Read)?;
            position(&key, &value)
        })
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
