//! Withdrawals, and the mountain range over their hashes whose root a rollup settles.

use fjall::OwnedWriteBatch;
use hotshot_types::Height;
use rollup_types::{Hash, HeaderProof, MountainRange, Position, Withdrawal};

use super::{
    StorageError, View,
    record::{decode, encode},
};

/// Roots that are looked through at most.
const ROOTS: u64 = 10_000;

fn key(position: Position) -> [u8; 9] {
    let mut key = [position.level; 9];
    key[1..].copy_from_slice(&position.index.to_be_bytes());
    key
}

impl View {
    fn node(&self, position: Position) -> Result<Option<Hash>, StorageError> {
        self.get(&self.spaces().range, key(position))?
            .map(|bytes| decode("a node over the withdrawals", &bytes))
            .transpose()
    }

    /// The range over the first `count` withdrawals; none if there are not that many.
    ///
    /// # Errors
    /// The disk failed.
    pub fn withdrawal_range(&self, count: u64) -> Result<Option<MountainRange>, StorageError> {
        let mut peaks = Vec::new();
        let mut start = 0_u64;
        for level in (0..64_u8).rev().filter(|level| count >> level & 1 == 1) {
            let index = start >> level;
            let Some(peak) = self.node(Position { level, index })? else {
                return Ok(None);
            };
            peaks.push(peak);
            start += 1 << level;
        }
        Ok(MountainRange::from_peaks(count, peaks))
    }

    /// Proves a withdrawal under the root over the first `count`; none if it is not among them.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) fn prove_withdrawal(
        &self,
        index: u64,
        count: u64,
    ) -> Result<Option<HeaderProof>, StorageError> {
        let mut failed = None;
        let proof = HeaderProof::build(Height(index), count, |position| {
            self.node(position).unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        });
        failed.map_or(Ok(proof), Err)
    }

    /// How many withdrawals a root is over, between two counts; none if it is not the root of any that is near the newest.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) fn withdrawals_of_root(
        &self,
        root: Hash,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, StorageError> {
        let least = least.max(most.saturating_sub(ROOTS));
        for count in (least..=most).rev() {
            if self
                .withdrawal_range(count)?
                .is_some_and(|range| range.root() == root)
            {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    /// Nodes that a block taken off left behind are overwritten: a range only reads below its count.
    pub(super) fn append_withdrawals(
        &self,
        batch: &mut OwnedWriteBatch,
        count: u64,
        new: &[Withdrawal],
    ) -> Result<(), StorageError> {
        if new.is_empty() {
            return Ok(());
        }
        let spaces = self.spaces();
        let range = self.withdrawal_range(count)?;
        let mut range = range.ok_or_else(|| {
            StorageError::damaged("the range of withdrawals", "a peak is missing")
        })?;
        for withdrawal in new {
            let index = range.count().to_be_bytes();
            batch.insert(&spaces.withdrawals, index, encode(withdrawal));
            for (position, node) in range.append(withdrawal.hash()) {
                batch.insert(&spaces.range, key(position), encode(&node));
            }
        }
        Ok(())
    }
}
