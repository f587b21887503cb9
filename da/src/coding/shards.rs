//! Shards on their way between validators, before and after they are proven.

use std::ops::Range;

use borsh::{BorshDeserialize, BorshSerialize, io};
use bytes::Bytes;

use super::{as_index, leaf, shard_len};
use crate::forms;
use crate::hash::Hash;
use crate::merkle::{self, Path, root_of_range};
use crate::slots::Slots;

/// Shards of consecutive slots as a peer sent them. Nothing about them is known.
///
/// Binary form (borsh): start u32, proof (u32 count, 32 bytes each), shards (u32 length, bytes).
/// [`Self::decode`] reads it without copying the shards.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardRange {
    /// The first slot.
    pub start: u32,
    /// The siblings of the range in the tree under `shard_root`.
    pub proof: Path,
    /// The shards, one after the other.
    #[serde(with = "forms::bytes")]
    pub shards: Bytes,
}

/// Why shards are not what the header commits to. The sender is to blame, not the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// These are not the slots asked of this sender.
    #[error("shards start at slot {got}, expected {expected}")]
    Start {
        /// The first slot sent.
        got: u32,
        /// The first slot of the sender.
        expected: u32,
    },
    /// The range asked for is empty or not inside 0..N.
    #[error("no such range of slots")]
    Range,
    /// Not as many bytes as the slots have.
    #[error("{got} bytes of shards, expected {expected}")]
    Length {
        /// Bytes sent.
        got: usize,
        /// Bytes that the slots have.
        expected: usize,
    },
    /// The header's payload length cannot be encoded.
    #[error("payload of {0} bytes cannot be encoded")]
    PayloadLength(u64),
    /// The proof does not lead to the root.
    #[error("the proof does not lead to the shard root")]
    Proof,
}

impl ShardRange {
    /// Reads the binary form; the shards become a slice of the input. All bytes must be used.
    pub fn decode(bytes: &Bytes) -> io::Result<Self> {
        let mut rest: &[u8] = bytes;
        let start = u32::deserialize(&mut rest)?;
        let proof = Path::deserialize(&mut rest)?;
        let length = u32::deserialize(&mut rest)?;
        if usize::try_from(length).ok() != Some(rest.len()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "shards have another length",
            ));
        }
        Ok(Self {
            start,
            proof,
            shards: bytes.slice_ref(rest),
        })
    }

    /// The binary form in two parts, so that the shards need not be copied before they are sent.
    pub fn to_parts(&self) -> io::Result<(Vec<u8>, Bytes)> {
        let mut head = Vec::with_capacity(12 + 32 * self.proof.siblings().len());
        self.start.serialize(&mut head)?;
        self.proof.serialize(&mut head)?;
        let length = u32::try_from(self.shards.len());
        length
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too many shards"))?
            .serialize(&mut head)?;
        Ok((head, self.shards.clone()))
    }

    /// Proves the shards: they are exactly those of `range` (the sender's slots, or the ones asked for) in the block
    /// with this root and payload length.
    pub fn check(
        &self,
        root: &Hash,
        slots: &Slots,
        range: Range<u32>,
        payload_len: u64,
    ) -> Result<CheckedShards, ShardError> {
        if range.is_empty() || range.end > slots.total() {
            return Err(ShardError::Range);
        }
        if self.start != range.start {
            return Err(ShardError::Start {
                got: self.start,
                expected: range.start,
            });
        }
        let shard_len =
            shard_len(payload_len, slots).ok_or(ShardError::PayloadLength(payload_len))?;
        let expected = shard_len
            .checked_mul(range.len())
            .ok_or(ShardError::PayloadLength(payload_len))?;
        if self.shards.len() != expected {
            return Err(ShardError::Length {
                got: self.shards.len(),
                expected,
            });
        }
        let first = u64::from(self.start);
        let leaves = (first..)
            .zip(self.shards.chunks_exact(shard_len))
            .map(|(slot, shard)| leaf(slot, shard));
        let found = root_of_range::<merkle::Blake3>(
            leaves.collect(),
            first,
            u64::from(slots.total()),
            &self.proof,
        );
        if found.as_ref() != Some(root) {
            return Err(ShardError::Proof);
        }
        Ok(CheckedShards {
            root: *root,
            total: slots.total(),
            start: self.start,
            shard_len,
            shards: self.shards.clone(),
        })
    }
}

impl BorshSerialize for ShardRange {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let (head, shards) = self.to_parts()?;
        writer.write_all(&head)?;
        writer.write_all(&shards)
    }
}

impl BorshDeserialize for ShardRange {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let start = u32::deserialize_reader(reader)?;
        let proof = Path::deserialize_reader(reader)?;
        let shards = Vec::<u8>::deserialize_reader(reader)?;
        Ok(Self {
            start,
            proof,
            shards: Bytes::from(shards),
        })
    }
}

/// Shards that belong to the block with a certain root. Only [`ShardRange::check`] makes one.
#[derive(Clone, Debug)]
pub struct CheckedShards {
    pub(super) root: Hash,
    pub(super) total: u32,
    pub(super) start: u32,
    pub(super) shard_len: usize,
    pub(super) shards: Bytes,
}

impl CheckedShards {
    /// The root they are proven against.
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The slots they fill.
    pub fn slots(&self) -> Range<u32> {
        let count = u32::try_from(self.shards.len() / self.shard_len).expect("inside 0..N");
        self.start..self.start + count
    }

    /// Each shard with its slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Bytes)> + '_ {
        let shards = (0..self.shards.len()).step_by(self.shard_len);
        let shards = shards.map(|position| self.shards.slice(position..position + self.shard_len));
        (as_index(self.start)..).zip(shards)
    }
}
