//! A block's shards and the tree over them.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::{PREFIX, ShardRange, as_index};
use crate::hash::Hash;
use crate::merkle::{self, Tree};

/// All shards of a payload and the tree whose root is `shard_root`. Cloning is cheap except for the tree.
///
/// Slices handed out share the two buffers and keep them alive: whoever keeps only their own slots for long copies
/// them out, which writing them to disk does anyway.
#[derive(Clone, Debug)]
pub struct Encoded {
    systematic: Bytes,
    recovery: Bytes,
    shard_len: usize,
    tree: Tree<merkle::Blake3>,
}

impl Encoded {
    pub(super) fn new(
        systematic: Bytes,
        recovery: Bytes,
        shard_len: usize,
        tree: Tree<merkle::Blake3>,
    ) -> Self {
        Self {
            systematic,
            recovery,
            shard_len,
            tree,
        }
    }

    /// DA6: the commitment to all shards.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// N, the number of shards.
    pub fn total(&self) -> u32 {
        u32::try_from(self.tree.len()).expect("slots are counted in u32")
    }

    /// The bytes of one shard.
    pub fn shard_len(&self) -> usize {
        self.shard_len
    }

    /// The length that the prefix of the coded bytes states, whatever it is.
    pub(super) fn stated_len(&self) -> u64 {
        let prefix = self
            .systematic
            .first_chunk()
            .expect("a shard has at least 64 bytes");
        u64::from_le_bytes(*prefix)
    }

    /// Whether all coded bytes behind a payload of this length are zero.
    pub(super) fn is_padded_with_zeros(&self, payload_len: usize) -> bool {
        self.systematic[PREFIX + payload_len..]
            .iter()
            .all(|byte| *byte == 0)
    }

    /// The coded bytes between the prefix and the padding, without a copy.
    pub(crate) fn payload(&self, payload_len: usize) -> Bytes {
        self.systematic.slice(PREFIX..PREFIX + payload_len)
    }

    /// The shards in a range of slots with their proof; nothing when the range is empty or not inside 0..N.
    ///
    /// A copy is made only of a range that spans the border between systematic and recovery shards.
    pub fn range(&self, slots: Range<u32>) -> Option<ShardRange> {
        let proof = self
            .tree
            .range_path(as_index(slots.start)..as_index(slots.end))?;
        let bytes = as_index(slots.start) * self.shard_len..as_index(slots.end) * self.shard_len;
        Some(ShardRange {
            start: slots.start,
            proof,
            shards: self.bytes(bytes),
        })
    }

    fn bytes(&self, range: Range<usize>) -> Bytes {
        let border = self.systematic.len();
        if range.end <= border {
            return self.systematic.slice(range);
        }
        if range.start >= border {
            return self
                .recovery
                .slice(range.start - border..range.end - border);
        }
        let mut both = BytesMut::with_capacity(range.len());
        both.extend_from_slice(&self.systematic[range.start..]);
        both.extend_from_slice(&self.recovery[..range.end - border]);
        both.freeze()
    }
}
