//! Transactions that users handed in and that are in no block yet.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use fjall::{OwnedWriteBatch, Readable as _};
use rollup_types::Hash;

use super::{
    Block, Storage, StorageError, View,
    record::{Origin, decode, encode},
};

/// A transaction that waits.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Waiting {
    /// The order in which they came.
    pub(crate) sequence: u64,
    /// What users know it by.
    pub(crate) id: Hash,
    /// What the sequencer knows it by.
    pub(crate) hash: Hash,
    /// Milliseconds since the Unix epoch when it came.
    pub(crate) since_ms: u64,
    /// The transaction.
    pub(crate) bytes: Bytes,
    /// What only one that waits can have; not on the disk, for the machine says it.
    #[borsh(skip)]
    pub(crate) slot: Option<Vec<u8>>,
}

const HASH_TAG: u8 = b'h';
const SEQUENCE_TAG: u8 = b's';

fn sequence_key(sequence: u64) -> [u8; 9] {
    let mut key = [SEQUENCE_TAG; 9];
    key[1..].copy_from_slice(&sequence.to_be_bytes());
    key
}

fn hash_key(hash: Hash) -> [u8; 33] {
    let mut key = [HASH_TAG; 33];
    key[1..].copy_from_slice(&hash.0);
    key
}

impl Storage {
    /// Keeps a transaction, in the place of another one if one is given; it survives a power cut once this returns.
    ///
    /// # Errors
    /// A failed write.
    pub(crate) fn keep_waiting(
        &self,
        waiting: &Waiting,
        replaced: Option<&Waiting>,
    ) -> Result<(), StorageError> {
        let space = &self.0.spaces.waiting;
        let mut batch = self.batch();
        if let Some(old) = replaced {
            batch.remove(space, sequence_key(old.sequence));
            batch.remove(space, hash_key(old.hash));
        }
        batch.insert(space, sequence_key(waiting.sequence), encode(waiting));
        batch.insert(
            space,
            hash_key(waiting.hash),
            waiting.sequence.to_be_bytes(),
        );
        batch.commit().map_err(StorageError::Failed)
    }

    /// Forgets a transaction that will never be in a block.
    ///
    /// # Errors
    /// A failed write.
    pub(crate) fn drop_waiting(&self, waiting: &Waiting) -> Result<(), StorageError> {
        let space = &self.0.spaces.waiting;
        let mut batch = self.batch();
        batch.remove(space, sequence_key(waiting.sequence));
        batch.remove(space, hash_key(waiting.hash));
        batch.commit().map_err(StorageError::Failed)
    }

    /// All that wait, in the order they came.
    ///
    /// # Errors
    /// A failed read.
    pub(crate) fn all_waiting(&self) -> Result<Vec<Waiting>, StorageError> {
        let view = self.view();
        let entries = view.snapshot.prefix(&self.0.spaces.waiting, [SEQUENCE_TAG]);
        entries
            .map(|entry| decode("a submission", &entry.value().map_err(StorageError::Read)?))
            .collect()
    }
}

/// What is in a block waits no longer.
pub(super) fn settle(
    batch: &mut OwnedWriteBatch,
    view: &View,
    block: &Block,
) -> Result<(), StorageError> {
    let space = &view.spaces().waiting;
    let hashes = block.outcomes.iter().filter_map(|done| match done.origin {
        Origin::Transaction { hash, .. } => Some(hash),
        Origin::Message(_) => None,
    });
    // Each once: the sequencer may have ordered the same bytes twice.
    for hash in hashes.collect::<BTreeSet<_>>() {
        if let Some(sequence) = view.get(space, hash_key(hash))? {
            batch.remove(space, hash_key(hash));
            batch.remove(space, [&[SEQUENCE_TAG], sequence.as_ref()].concat());
        }
    }
    Ok(())
}
