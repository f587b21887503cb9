//! From proven shards back to the payload, or to the finding that the leader committed to something else.

use bytes::{Bytes, BytesMut};

use super::{CheckedShards, Coder, Encoded, as_index, shard_len};
use crate::committed::{Commitments, CommittedPayload};
use crate::hash::Hash;
use crate::payload::{Limits, PayloadError};
use crate::slots::Slots;

/// P1: why a block is bad, for good and for everyone. The leader is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEncoding {
    /// The shards are not a codeword: what they decode to has another root.
    #[error("the shards are not a codeword")]
    ShardRoot,
    /// The length before the payload is not the one in the header.
    #[error("the length prefix says {0} bytes")]
    LengthPrefix(u64),
    /// The bytes behind the payload are not all zero.
    #[error("the padding is not zero")]
    Padding,
    /// The payload is not canonical or over a limit.
    #[error("the payload is not valid: {0}")]
    Payload(#[from] PayloadError),
    /// The namespaces have another root than the header's.
    #[error("the namespaces have another root")]
    NamespaceRoot,
}

/// Why shards cannot be used here. Our own fault or another block's shards, never the block's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReconstructionError {
    /// The shards are proven against another root, for other slots or another length.
    #[error("the shards belong to another block")]
    OtherBlock,
    /// The header's payload length cannot be encoded.
    #[error("payload of {0} bytes cannot be encoded")]
    PayloadLength(u64),
}

/// Collects the proven shards of one block until there are enough of them.
#[derive(Clone, Debug)]
pub struct Reconstruction {
    commitments: Commitments,
    slots: Slots,
    shard_len: usize,
    shards: Vec<Option<Bytes>>,
    present: usize,
}

impl Reconstruction {
    /// A collection for the block with these commitments, whose committee has these slots.
    pub fn new(commitments: Commitments, slots: &Slots) -> Result<Self, ReconstructionError> {
        let length = commitments.payload_len;
        let shard_len = shard_len(length, slots)
            .filter(|shard| shard.checked_mul(as_index(slots.total())).is_some())
            .ok_or(ReconstructionError::PayloadLength(length))?;
        let shards = vec![None; as_index(slots.total())];
        Ok(Self {
            commitments,
            slots: slots.clone(),
            shard_len,
            shards,
            present: 0,
        })
    }

    /// Adds shards; says how many of them were new.
    pub fn add(&mut self, checked: &CheckedShards) -> Result<usize, ReconstructionError> {
        let same = checked.root == self.commitments.shard_root
            && checked.total == self.slots.total()
            && checked.shard_len == self.shard_len;
        if !same {
            return Err(ReconstructionError::OtherBlock);
        }
        let before = self.present;
        for (slot, shard) in checked.iter() {
            let place = &mut self.shards[slot];
            self.present += usize::from(place.is_none());
            *place = Some(shard);
        }
        Ok(self.present - before)
    }

    /// How many slots are filled.
    pub fn present(&self) -> usize {
        self.present
    }

    /// Whether there are enough shards to decode.
    pub fn is_ready(&self) -> bool {
        self.present >= as_index(self.slots.threshold())
    }

    /// Whether nothing has to be decoded: all systematic shards are there.
    pub fn has_all_systematic(&self) -> bool {
        self.systematic().iter().all(Option::is_some)
    }

    fn systematic(&self) -> &[Option<Bytes>] {
        &self.shards[..as_index(self.slots.threshold())]
    }

    /// Rebuilds the payload, re-encodes it, and checks everything that the commitments say (P1 except for the map).
    ///
    /// Nothing when there are not enough shards yet. The verdict is the same whichever shards were collected.
    pub fn decode(
        &self,
        coder: &mut Coder,
        limits: &Limits,
    ) -> Option<Result<CommittedPayload, BadEncoding>> {
        if !self.is_ready() {
            return None;
        }
        let systematic = self.rebuild(coder);
        let encoded = coder.extend(&self.slots, systematic, self.shard_len);
        Some(self.judge(encoded, limits))
    }

    fn judge(&self, encoded: Encoded, limits: &Limits) -> Result<CommittedPayload, BadEncoding> {
        if encoded.root() != self.commitments.shard_root {
            return Err(BadEncoding::ShardRoot);
        }
        if encoded.stated_len() != self.commitments.payload_len {
            return Err(BadEncoding::LengthPrefix(encoded.stated_len()));
        }
        let length = usize::try_from(self.commitments.payload_len).expect("it has a shard length");
        if !encoded.is_padded_with_zeros(length) {
            return Err(BadEncoding::Padding);
        }
        CommittedPayload::of_encoded(encoded, &self.commitments, limits)
    }

    /// The systematic shards, one after the other.
    fn rebuild(&self, coder: &mut Coder) -> BytesMut {
        let (threshold, total) = (
            as_index(self.slots.threshold()),
            as_index(self.slots.total()),
        );
        let mut systematic = coder.buffer(threshold * self.shard_len);
        systematic.clear();
        if self.has_all_systematic() {
            for shard in self.systematic().iter().flatten() {
                systematic.extend_from_slice(shard);
            }
            return systematic;
        }
        let decoder = coder.decoder(threshold, total - threshold, self.shard_len);
        let present = self
            .shards
            .iter()
            .enumerate()
            .filter_map(|(slot, shard)| Some((slot, shard.as_ref()?)));
        for (slot, shard) in present.take(threshold) {
            let added = match slot.checked_sub(threshold) {
                None => decoder.add_original_shard(slot, shard),
                Some(recovery) => decoder.add_recovery_shard(recovery, shard),
            };
            added.expect("each slot once, inside 0..N, of the shard length");
        }
        let result = decoder.decode().expect("k shards were added");
        for (slot, shard) in self.systematic().iter().enumerate() {
            let restored = shard.as_deref().or_else(|| result.restored_original(slot));
            systematic.extend_from_slice(restored.expect("a shard is there or was restored"));
        }
        systematic
    }

    /// The root that all shards here are proven against.
    pub fn shard_root(&self) -> &Hash {
        &self.commitments.shard_root
    }
}
