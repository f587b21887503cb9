//! The Merkle mountain range over block hashes (R2): the leaf is the block hash itself, its index
//! the height; node = keccak(0x01 || left || right).

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{Hash, Height, bounded, digest};

/// Most siblings of a path, and most peaks: heights have 64 bits.
const MAX_NODES: usize = 64;

/// Where a node of the range stands: `index` counts the nodes of one level from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// 0 for leaves.
    pub level: u8,
    /// From the left, in its level.
    pub index: u64,
}

/// The peaks over a number of leaves: enough to append and to compute the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, Serialize)]
pub struct MountainRange {
    count: u64,
    peaks: Vec<Hash>,
}

impl MountainRange {
    /// The empty range.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A range from parts taken from outside; none unless there is one peak for each set bit of
    /// `count`, which is at most [`Height::MAX`].
    #[must_use]
    pub fn from_peaks(count: u64, peaks: Vec<Hash>) -> Option<Self> {
        let possible = count <= Height::MAX.0 && peaks.len() == count.count_ones() as usize;
        possible.then_some(Self { count, peaks })
    }

    /// The highest mountains' tops, from the left.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// How many leaves there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Appends a block hash and returns the nodes this completes, the leaf first; whoever serves
    /// proofs stores them.
    pub fn append(&mut self, leaf: Hash) -> Vec<(Position, Hash)> {
        let mut position = Position {
            level: 0,
            index: self.count,
        };
        let mut node = leaf;
        let mut completed = vec![(position, node)];
        while position.index % 2 == 1 {
            let left = self
                .peaks
                .pop()
                .expect("a right child has its left sibling as last peak");
            node = parent(&left, &node);
            position = Position {
                level: position.level + 1,
                index: position.index / 2,
            };
            completed.push((position, node));
        }
        self.peaks.push(node);
        self.count = self.count.checked_add(1).expect("heights stay below 2^62");
        completed
    }

    /// The root that a header commits to.
    #[must_use]
    pub fn root(&self) -> Hash {
        root(self.count, &self.peaks)
    }
}

const NOT_ITS_PEAKS: &str = "a mountain range has one peak for each set bit of its leaf count";

impl BorshDeserialize for MountainRange {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let count = u64::deserialize_reader(reader)?;
        let peaks = bounded::read::<_, _, MAX_NODES>(reader)?;
        Self::from_peaks(count, peaks)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, NOT_ITS_PEAKS))
    }
}

impl<'de> Deserialize<'de> for MountainRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            count: u64,
            #[serde(deserialize_with = "bounded::list::<_, _, MAX_NODES>")]
            peaks: Vec<Hash>,
        }
        let Fields { count, peaks } = Fields::deserialize(deserializer)?;
        Self::from_peaks(count, peaks).ok_or_else(|| D::Error::custom(NOT_ITS_PEAKS))
    }
}

fn parent(left: &Hash, right: &Hash) -> Hash {
    digest::keccak_concat(&[&[1], &left.0, &right.0])
}

fn root(count: u64, peaks: &[Hash]) -> Hash {
    let bag = peaks
        .iter()
        .rev()
        .copied()
        .reduce(|bag, peak| parent(&peak, &bag))
        .unwrap_or_default();
    digest::keccak_concat(&[&[3], &count.to_be_bytes(), &bag.0])
}

/// The level and the first leaf of the mountain that holds leaf `index` among `count`.
fn mountain_of(index: u64, count: u64) -> Option<(u8, u64)> {
    if index >= count {
        return None;
    }
    let mut start = 0;
    for level in (0..64_u8).rev() {
        let size = 1_u64 << level;
        if count & size != 0 {
            if index < start + size {
                return Some((level, start));
            }
            start += size;
        }
    }
    None
}

/// Proves that a block hash stands at a height of the history that a header commits to.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderProof {
    /// The height proven.
    pub height: Height,
    /// Leaves in the range: the height of the header whose `history_root` this opens.
    pub count: u64,
    /// Siblings from the leaf up to its peak.
    #[borsh(deserialize_with = "bounded::read::<_, _, MAX_NODES>")]
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_NODES>")]
    pub path: Vec<Hash>,
    /// The other peaks, from the left.
    #[borsh(deserialize_with = "bounded::read::<_, _, MAX_NODES>")]
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_NODES>")]
    pub peaks: Vec<Hash>,
}

impl HeaderProof {
    /// Builds the proof for `height` under a header of height `count`, reading stored nodes.
    /// None if the height is not below `count` or a node is missing.
    #[must_use]
    pub fn build(
        height: Height,
        count: u64,
        mut node: impl FnMut(Position) -> Option<Hash>,
    ) -> Option<Self> {
        let (top, _) = mountain_of(height.0, count)?;
        let path = (0..top)
            .map(|level| {
                node(Position {
                    level,
                    index: (height.0 >> level) ^ 1,
                })
            })
            .collect::<Option<_>>()?;
        let mut peaks = Vec::new();
        let mut start = 0;
        for level in (0..64_u8).rev().filter(|level| count >> level & 1 == 1) {
            let size = 1_u64 << level;
            if level != top {
                peaks.push(node(Position {
                    level,
                    index: start / size,
                })?);
            }
            start += size;
        }
        Some(Self {
            height,
            count,
            path,
            peaks,
        })
    }

    /// Whether `block` stands at the proven height under `history_root`.
    #[must_use]
    pub fn verify(&self, history_root: Hash, block: Hash) -> bool {
        let Some((level, _)) = mountain_of(self.height.0, self.count) else {
            return false;
        };
        let expected = self.count.count_ones() as usize;
        if self.path.len() != usize::from(level) || self.peaks.len() + 1 != expected {
            return false;
        }
        let mut peak = block;
        for (level, sibling) in self.path.iter().enumerate() {
            peak = if self.height.0 >> level & 1 == 1 {
                parent(sibling, &peak)
            } else {
                parent(&peak, sibling)
            };
        }
        let mut peaks = self.peaks.clone();
        // Peaks stand by falling level, one for each set bit.
        let place = (self.count >> level >> 1).count_ones() as usize;
        peaks.insert(place, peak);
        root(self.count, &peaks) == history_root
    }
}

#[cfg(test)]
mod tests;
