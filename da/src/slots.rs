//! How many shards a block has, which validator holds which, and how many rebuild the block (DA10, DA11).

use std::ops::Range;

#[cfg(test)]
mod tests;

/// The most validators a committee has here: with the largest M this stays far inside the limits of the code.
pub const MAX_VALIDATORS: usize = 4096;

/// The sizes of the table besides n - 1, ascending.
const CANDIDATES: [u64; 4] = [256, 1024, 4096, 16384];

/// Why stakes have no slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotsError {
    /// There is no validator.
    #[error("a committee has a validator")]
    NoValidators,
    /// More than [`MAX_VALIDATORS`].
    #[error("{0} validators, at most {MAX_VALIDATORS}")]
    TooManyValidators(usize),
    /// A validator without stake could own slots and not be heard in any quorum.
    #[error("validator {0} has no stake")]
    NoStake(usize),
}

/// The slots of a committee: `total` shards, of which any `threshold` rebuild the block, in contiguous ranges by
/// validator index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    threshold: u32,
    /// Where each validator's range ends; ranges are never empty.
    ends: Vec<u32>,
}

impl Slots {
    /// The slots for these stakes, by validator index.
    pub fn new(stakes: &[u64]) -> Result<Self, SlotsError> {
        if stakes.is_empty() {
            return Err(SlotsError::NoValidators);
        }
        if stakes.len() > MAX_VALIDATORS {
            return Err(SlotsError::TooManyValidators(stakes.len()));
        }
        if let Some(index) = stakes.iter().position(|stake| *stake == 0) {
            return Err(SlotsError::NoStake(index));
        }
        let least = stakes.len() as u64 - 1;
        let sizes = CANDIDATES.iter().copied().filter(|size| *size > least);
        let mut best = Self::of_size(stakes, least);
        if best.is_tight() {
            return Ok(best);
        }
        for size in sizes {
            let slots = Self::of_size(stakes, size);
            if slots.is_tight() {
                return Ok(slots);
            }
            if slots.expands_less_than(&best) {
                best = slots;
            }
        }
        Ok(best)
    }

    /// DA10 for one M.
    fn of_size(stakes: &[u64], size: u64) -> Self {
        let sum: u128 = stakes.iter().map(|stake| u128::from(*stake)).sum();
        let share = |stake: u128| narrow(stake * u128::from(size) / sum + 1);
        let one_honest = (sum - 1) / 3 + 1;
        let mut end = 0;
        let ends = stakes.iter().map(|stake| {
            end += share(u128::from(*stake));
            end
        });
        Self {
            ends: ends.collect(),
            threshold: share(one_honest),
        }
    }

    /// DA11: expansion of at most 3.5.
    fn is_tight(&self) -> bool {
        2 * u64::from(self.total()) <= 7 * u64::from(self.threshold)
    }

    fn expands_less_than(&self, other: &Self) -> bool {
        u64::from(self.total()) * u64::from(other.threshold)
            < u64::from(other.total()) * u64::from(self.threshold)
    }

    /// N, the number of shards.
    pub fn total(&self) -> u32 {
        self.ends.last().copied().unwrap_or_default()
    }

    /// k, the number of shards that rebuild a block.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// n, the number of validators.
    pub fn validators(&self) -> usize {
        self.ends.len()
    }

    /// The slots of a validator, never empty; nothing when there is no such validator.
    pub fn range(&self, validator: usize) -> Option<Range<u32>> {
        let end = *self.ends.get(validator)?;
        let start = if validator == 0 {
            0
        } else {
            self.ends[validator - 1]
        };
        Some(start..end)
    }

    /// The validator that holds a slot; nothing when there is no such slot.
    pub fn owner(&self, slot: u32) -> Option<usize> {
        (slot < self.total()).then(|| self.ends.partition_point(|end| *end <= slot))
    }
}

/// A count of slots: M and the number of validators are small.
fn narrow(count: u128) -> u32 {
    u32::try_from(count).expect("at most the largest M plus one")
}
