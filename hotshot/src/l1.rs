//! Which L1 blocks this node has seen finalized (P3).

use std::{cmp::Ordering, collections::BTreeMap};

use hotshot_types::{L1Block, TimestampMs};

/// How many L1 blocks are kept for checking proposals.
const KEPT: usize = 256;

/// Milliseconds without a newer block after which a leader keeps its parent's: mainnet makes blocks
/// final every 6.4 minutes, and whoever sees none for so long may be on another fork.
const STALE_MS: u64 = 30 * 60 * 1_000;

/// What the own view says of an L1 block that a header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// The parent's, or finalized in the own view.
    Agrees,
    /// Above what this node has seen.
    Unknown,
    /// Another block has that number, or it is below the parent's.
    Contradicts,
}

/// The newest L1 blocks seen finalized.
#[derive(Debug, Default)]
pub(crate) struct L1View {
    blocks: BTreeMap<u64, (L1Block, TimestampMs)>,
}

impl L1View {
    pub(crate) fn saw(&mut self, block: L1Block, seen: TimestampMs) {
        self.blocks.entry(block.number).or_insert((block, seen));
        while self.blocks.len() > KEPT {
            self.blocks.pop_first();
        }
    }

    /// What a leader names on top of its parent's: a block that it has seen finalized for so long
    /// that voters have seen it, too. A view that stands still names nothing new.
    pub(crate) fn choose(&self, now: TimestampMs, settled_ms: u64, parent: L1Block) -> L1Block {
        let newest = self.blocks.values().next_back();
        let stands_still = newest.is_some_and(|(_, seen)| seen.plus(STALE_MS) < now);
        self.blocks
            .values()
            .rev()
            .filter(|_| !stands_still)
            .find(|(_, seen)| seen.plus(settled_ms) <= now)
            .map(|(block, _)| *block)
            .filter(|block| block.number > parent.number)
            .unwrap_or(parent)
    }

    pub(crate) fn judge(&self, block: L1Block, parent: L1Block) -> Opinion {
        match block.number.cmp(&parent.number) {
            Ordering::Equal if block == parent => Opinion::Agrees,
            Ordering::Equal | Ordering::Less => Opinion::Contradicts,
            Ordering::Greater => match self.blocks.get(&block.number) {
                Some((known, _)) if *known == block => Opinion::Agrees,
                Some(_) => Opinion::Contradicts,
                // Numbers between those seen may simply not have been reported.
                None => Opinion::Unknown,
            },
        }
    }
}

#[cfg(test)]
mod tests;
