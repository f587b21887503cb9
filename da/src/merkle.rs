//! One Merkle tree for shards, namespaces and transactions (DA8).
//!
//! Trees are padded to a power of two with 32 zero bytes as missing leaves. The padding is never stored: the hash of
//! an all-missing subtree depends on its height only. Leaves come in already hashed, with their domain byte.

use std::marker::PhantomData;
use std::ops::Range;

use borsh::{BorshDeserialize, BorshSerialize, io};
use serde::{Deserialize, Deserializer, Serialize};

use crate::forms;
use crate::hash::{Hash, blake3, keccak, sha256};

#[cfg(test)]
mod tests;

/// The hash of the root of no leaves, and of a missing leaf.
pub(crate) const MISSING: Hash = [0; 32];

/// How two children are hashed: `H(0x01 || left || right)`.
pub(crate) trait NodeHash {
    /// The hash of an inner node.
    fn node(left: &Hash, right: &Hash) -> Hash;
}

/// The tree over shards.
#[derive(Clone, Debug)]
pub(crate) struct Blake3;

/// The tree over namespaces.
#[derive(Clone, Debug)]
pub(crate) struct Keccak;

/// The tree over the transactions of a namespace.
#[derive(Clone, Debug)]
pub(crate) struct Sha256;

fn pair(left: &Hash, right: &Hash) -> [u8; 65] {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    bytes
}

impl NodeHash for Blake3 {
    fn node(left: &Hash, right: &Hash) -> Hash {
        blake3(&[&pair(left, right)])
    }
}

impl NodeHash for Keccak {
    fn node(left: &Hash, right: &Hash) -> Hash {
        keccak(&[&pair(left, right)])
    }
}

impl NodeHash for Sha256 {
    fn node(left: &Hash, right: &Hash) -> Hash {
        sha256(&[&pair(left, right)])
    }
}

/// The siblings of a leaf or of a range of leaves, from the leaves upwards; in a range, left before right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, BorshSerialize)]
#[serde(transparent)]
pub struct Path(#[serde(with = "forms::hashes")] Vec<Hash>);

impl Path {
    /// The most hashes any path of this crate has: the depth of the namespace map.
    pub const MAX: usize = 256;

    pub(crate) fn new(siblings: Vec<Hash>) -> Self {
        Self(siblings)
    }

    /// The siblings, bottom up.
    pub fn siblings(&self) -> &[Hash] {
        &self.0
    }
}

impl BorshDeserialize for Path {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let length = u32::deserialize_reader(reader)?;
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= Self::MAX);
        let length =
            length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "path is too long"))?;
        let mut siblings = Vec::with_capacity(length);
        for _ in 0..length {
            siblings.push(Hash::deserialize_reader(reader)?);
        }
        Ok(Self(siblings))
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let siblings = forms::hashes::deserialize(deserializer)?;
        forms::bounded(siblings.len(), Self::MAX)?;
        Ok(Self(siblings))
    }
}

/// All levels of a tree, so that any path can be cut from it.
#[derive(Clone, Debug)]
pub(crate) struct Tree<H> {
    /// Level 0 are the leaves; each level holds only nodes with at least one leaf below.
    levels: Vec<Vec<Hash>>,
    /// The hash of an all-missing subtree of each height.
    missing: Vec<Hash>,
    hash: PhantomData<H>,
}

impl<H: NodeHash> Tree<H> {
    pub(crate) fn new(leaves: Vec<Hash>) -> Self {
        let mut missing = vec![MISSING];
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let gap = missing[missing.len() - 1];
            let level = below
                .chunks(2)
                .map(|pair| H::node(&pair[0], pair.get(1).unwrap_or(&gap)))
                .collect();
            missing.push(H::node(&gap, &gap));
            levels.push(level);
        }
        Self {
            levels,
            missing,
            hash: PhantomData,
        }
    }

    pub(crate) fn root(&self) -> Hash {
        self.levels
            .last()
            .and_then(|level| level.first())
            .copied()
            .unwrap_or(MISSING)
    }

    pub(crate) fn len(&self) -> usize {
        self.levels[0].len()
    }

    fn node(&self, level: usize, index: usize) -> Hash {
        self.levels[level]
            .get(index)
            .copied()
            .unwrap_or(self.missing[level])
    }

    /// The path of one leaf, or nothing when there is no such leaf.
    pub(crate) fn path(&self, index: usize) -> Option<Path> {
        let depth = self.levels.len() - 1;
        (index < self.len()).then(|| {
            Path(
                (0..depth)
                    .map(|level| self.node(level, (index >> level) ^ 1))
                    .collect(),
            )
        })
    }

    /// The proof of a non-empty range of leaves, or nothing when it is empty or not inside the tree.
    pub(crate) fn range_path(&self, range: Range<usize>) -> Option<Path> {
        if range.is_empty() || range.end > self.len() {
            return None;
        }
        let (mut first, mut last) = (range.start, range.end - 1);
        let mut siblings = Vec::new();
        for level in 0..self.levels.len() - 1 {
            if first % 2 == 1 {
                siblings.push(self.node(level, first - 1));
            }
            if last.is_multiple_of(2) {
                siblings.push(self.node(level, last + 1));
            }
            (first, last) = (first / 2, last / 2);
        }
        Some(Path(siblings))
    }
}

/// The number of levels above the leaves in a tree of `count` leaves.
pub(crate) fn depth(count: u64) -> usize {
    let bits = u64::BITS - count.saturating_sub(1).leading_zeros();
    usize::try_from(bits).expect("at most 64")
}

/// The root that `leaf` at `index` of `count` has under `path`; nothing when index or path length cannot be right.
pub(crate) fn root_of_path<H: NodeHash>(
    leaf: Hash,
    index: u64,
    count: u64,
    path: &Path,
) -> Option<Hash> {
    if index >= count || path.0.len() != depth(count) {
        return None;
    }
    let mut index = index;
    let mut node = leaf;
    for sibling in &path.0 {
        node = if index.is_multiple_of(2) {
            H::node(&node, sibling)
        } else {
            H::node(sibling, &node)
        };
        index /= 2;
    }
    Some(node)
}

/// The root that `leaves` from index `start` of `count` have under `path`; nothing when they do not fit the tree or
/// the path has too few or too many hashes.
pub(crate) fn root_of_range<H: NodeHash>(
    leaves: Vec<Hash>,
    start: u64,
    count: u64,
    path: &Path,
) -> Option<Hash> {
    let length = u64::try_from(leaves.len()).ok()?;
    let end = start.checked_add(length)?;
    if leaves.is_empty() || end > count {
        return None;
    }
    let (mut first, mut last) = (start, end - 1);
    let mut nodes = leaves;
    let mut siblings = path.0.iter();
    for _ in 0..depth(count) {
        if first % 2 == 1 {
            nodes.insert(0, *siblings.next()?);
        }
        if last.is_multiple_of(2) {
            nodes.push(*siblings.next()?);
        }
        nodes = nodes
            .chunks_exact(2)
            .map(|pair| H::node(&pair[0], &pair[1]))
            .collect();
        (first, last) = (first / 2, last / 2);
    }
    siblings.next().is_none().then(|| nodes[0])
}
