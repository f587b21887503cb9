//! Dropping what is too old to keep.
//!
//! A little at a time: the host calls [`Storage::prune`] now and then until it is done. Headers,
//! certificates and epochs are never dropped (W4).

use std::sync::atomic::Ordering::Relaxed;

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Height, codec};

use super::{
    Batch, Durability, Storage, StorageError,
    open::decode,
    spaces::{Space, height_key, split_block_key},
};

const CUTOFFS_KEY: &[u8] = b"cutoffs";
/// How far payloads, slots and maps have been deleted; scans start there.
const DONE_KEY: &[u8] = b"pruned";

/// Everything below these heights may go. They only rise, a lower one than before has no effect,
/// and they stop at the tip, `map` at [`Storage::map_height`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, serde::Serialize,
)]
pub struct Cutoffs {
    /// Payloads, those of blocks that lost included.
    pub payloads: Height,
    /// This node's own slots.
    pub slots: Height,
    /// The index of transactions and namespaces.
    pub transactions: Height,
    /// Namespace maps: those of this height and above stay readable.
    pub map: Height,
}

/// What a call of [`Storage::prune`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Deletions written.
    pub removed: usize,
    /// Whether nothing below the cutoffs is left.
    pub done: bool,
}

impl Storage {
    /// The cutoffs in force.
    ///
    /// # Errors
    /// A read that fails.
    pub fn cutoffs(&self) -> Result<Cutoffs, StorageError> {
        self.read_cutoffs(CUTOFFS_KEY)
    }

    fn read_cutoffs(&self, name: &[u8]) -> Result<Cutoffs, StorageError> {
        match self.get(Space::Meta, name)? {
            None => Ok(Cutoffs::default()),
            Some(bytes) => decode("cutoffs", &bytes),
        }
    }

    /// Drops what is below the cutoffs, with about `limit` deletions at most. Files shrink when
    /// the engine compacts them.
    ///
    /// # Errors
    /// A read or write that fails.
    pub fn prune(&self, cutoffs: &Cutoffs, limit: usize) -> Result<Pruned, StorageError> {
        // What is not in a file yet is indexed from its payload after a restart.
        if self.index_on_disk()? < cutoffs.payloads.max(cutoffs.transactions) {
            self.write_index()?;
        }
        let before = self.cutoffs()?;
        let tip = self.tip()?.height;
        let cutoffs = before.raised(&Cutoffs {
            payloads: cutoffs.payloads.min(tip).min(self.index_on_disk()?.next()),
            slots: cutoffs.slots.min(tip),
            transactions: cutoffs.transactions.min(tip),
            map: cutoffs.map.min(self.map_height()),
        });
        let mut done = self.read_cutoffs(DONE_KEY)?;
        let mut batch = self.batch();
        let mut removed = 0;

        let (count, at) =
            batch.drop_blocks(Space::Payloads, done.payloads, cutoffs.payloads, limit)?;
        removed += count;
        done.payloads = at;
        let left = limit.saturating_sub(removed);
        let (count, at) = batch.drop_blocks(Space::Slots, done.slots, cutoffs.slots, left)?;
        removed += count;
        done.slots = at;
        let left = limit.saturating_sub(removed);
        let (count, at) = batch.drop_maps(done.map, cutoffs.map, left)?;
        removed += count;
        done.map = at;
        done.transactions = cutoffs.transactions;

        if removed > 0 || cutoffs != before {
            batch.put(Space::Meta, CUTOFFS_KEY, codec::encode(&cutoffs));
            batch.put(Space::Meta, DONE_KEY, codec::encode(&done));
            self.commit(batch, Durability::Buffered)?;
            self.0.index_cutoff.store(cutoffs.transactions.0, Relaxed);
        }
        Ok(Pruned {
            removed,
            done: done == cutoffs,
        })
    }
}

impl Cutoffs {
    fn raised(&self, to: &Self) -> Self {
        Self {
            payloads: self.payloads.max(to.payloads),
            slots: self.slots.max(to.slots),
            transactions: self.transactions.max(to.transactions),
            map: self.map.max(to.map),
        }
    }
}

impl Batch {
    /// Sets the cutoffs of a directory that starts with a copy.
    pub(super) fn put_cutoffs(&mut self, cutoffs: &Cutoffs) {
        self.put(Space::Meta, CUTOFFS_KEY, codec::encode(cutoffs));
        self.put(Space::Meta, DONE_KEY, codec::encode(cutoffs));
    }

    /// Deletes what is stored for blocks from one height up to below another; returns how much,
    /// and where to go on.
    fn drop_blocks(
        &mut self,
        space: Space,
        from: Height,
        below: Height,
        limit: usize,
    ) -> Result<(usize, Height), StorageError> {
        if from >= below {
            return Ok((0, from));
        }
        let blocks = self.storage.0.spaces.get(space).clone();
        let mut removed = 0;
        for guard in blocks.range(height_key(from)..height_key(below)) {
            let key = guard.key().map_err(StorageError::Read)?;
            if removed >= limit {
                return Ok((removed, split_block_key(&key)?.0));
            }
            self.remove(space, key);
            removed += 1;
        }
        Ok((removed, below))
    }
}

/// Puts the cutoff of the index in force again.
pub(super) fn restore(storage: &Storage) -> Result<(), StorageError> {
    let cutoff = storage.cutoffs()?.transactions;
    storage.0.index_cutoff.store(cutoff.0, Relaxed);
    Ok(())
}
