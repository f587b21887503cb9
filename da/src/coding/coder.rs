//! The encoder and decoder with the memory they keep between blocks.
//!
//! Encoding is bound by memory: a fresh page costs more than encoding and hashing what is written to it, and shards
//! of megabytes do not stay in a cache. So buffers are taken back once nobody holds a slice of them, and the code
//! runs over narrow columns of all shards, which it may since it treats every 64 bytes of a shard alone.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use super::encoded::Encoded;
use super::{as_index, leaf, shard_len};
use crate::merkle::{self, Tree};
use crate::slots::Slots;

/// The bytes of all shards that are in work at a time, about half of a second-level cache.
const COLUMN_BYTES: usize = 512 * 1024;

/// The least bytes of one shard in work at a time.
const LEAST_COLUMN: usize = 1024;

/// How many buffers are watched for reuse: the two of each of the last six blocks.
const WATCHED: usize = 12;

/// Smaller buffers are not worth watching.
const LEAST_WATCHED: usize = 64 * 1024;

const WITHIN: &str = "DA11 keeps the counts inside the code's limits, DA12 the shards even";

/// Encodes and decodes payloads, keeping working memory and buffers between blocks.
///
/// One per thread that encodes. It watches the buffers of the last blocks and uses them again when all slices of
/// them are dropped, so the memory of up to six blocks stays with it.
#[derive(Default)]
pub struct Coder {
    encoder: Option<ReedSolomonEncoder>,
    decoder: Option<ReedSolomonDecoder>,
    watched: Vec<Bytes>,
}

impl fmt::Debug for Coder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Coder").finish_non_exhaustive()
    }
}

impl Coder {
    /// A coder without working memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes a payload of any length, the empty one included. The payload is copied once, into the systematic
    /// shards.
    pub fn encode(&mut self, slots: &Slots, payload: &[u8]) -> Encoded {
        let length = payload.len() as u64;
        let shard = shard_len(length, slots).expect("a payload in memory has a shard length");
        let coded = shard * as_index(slots.threshold());
        let mut systematic = self.buffer(coded);
        systematic.clear();
        systematic.put_u64_le(length);
        systematic.extend_from_slice(payload);
        systematic.resize(coded, 0);
        self.extend(slots, systematic, shard)
    }

    /// Adds the recovery shards and the tree to `k` systematic shards.
    pub(super) fn extend(&mut self, slots: &Slots, systematic: BytesMut, shard: usize) -> Encoded {
        let recovery = self.recovery(slots, &systematic, shard);
        let shards = systematic
            .chunks_exact(shard)
            .chain(recovery.chunks_exact(shard));
        let leaves = (0..)
            .zip(shards)
            .map(|(slot, shard)| leaf(slot, shard))
            .collect();
        let tree = Tree::<merkle::Blake3>::new(leaves);
        let (systematic, recovery) = (systematic.freeze(), recovery.freeze());
        self.watch(&systematic);
        self.watch(&recovery);
        Encoded::new(systematic, recovery, shard, tree)
    }

    /// Shards k..N, one after the other.
    fn recovery(&mut self, slots: &Slots, systematic: &[u8], shard: usize) -> BytesMut {
        let (threshold, total) = (as_index(slots.threshold()), as_index(slots.total()));
        let count = total - threshold;
        let mut recovery = self.buffer(shard * count);
        recovery.resize(shard * count, 0);
        if count == 0 {
            return recovery;
        }
        let column = (COLUMN_BYTES / total)
            .max(LEAST_COLUMN)
            .next_multiple_of(64);
        for start in (0..shard).step_by(column) {
            let column = start..shard.min(start + column);
            let encoder = self.encoder(threshold, count, column.len());
            for original in systematic.chunks_exact(shard) {
                encoder
                    .add_original_shard(&original[column.clone()])
                    .expect("k shards of the length given");
            }
            let result = encoder.encode().expect("all k shards were added");
            for (target, made) in recovery.chunks_exact_mut(shard).zip(result.recovery_iter()) {
                target[column.clone()].copy_from_slice(made);
            }
        }
        recovery
    }

    /// A buffer with at least this capacity; its length and contents are whatever they were.
    pub(super) fn buffer(&mut self, capacity: usize) -> BytesMut {
        let fits = |buffer: &Bytes| {
            buffer.len() >= capacity && buffer.len() / 2 <= capacity && buffer.is_unique()
        };
        let found = self
            .watched
            .iter()
            .position(fits)
            .map(|index| self.watched.swap_remove(index));
        let reused = found.and_then(|buffer| buffer.try_into_mut().ok());
        reused.unwrap_or_else(|| BytesMut::zeroed(capacity))
    }

    fn watch(&mut self, buffer: &Bytes) {
        if buffer.len() < LEAST_WATCHED {
            return;
        }
        if self.watched.len() == WATCHED {
            self.watched.remove(0);
        }
        self.watched.push(buffer.clone());
    }

    fn encoder(
        &mut self,
        threshold: usize,
        recovery: usize,
        shard: usize,
    ) -> &mut ReedSolomonEncoder {
        match &mut self.encoder {
            Some(encoder) => encoder.reset(threshold, recovery, shard).expect(WITHIN),
            none => {
                *none = Some(ReedSolomonEncoder::new(threshold, recovery, shard).expect(WITHIN))
            }
        }
        self.encoder.as_mut().expect("set above")
    }

    pub(super) fn decoder(
        &mut self,
        threshold: usize,
        recovery: usize,
        shard: usize,
    ) -> &mut ReedSolomonDecoder {
        match &mut self.decoder {
            Some(decoder) => decoder.reset(threshold, recovery, shard).expect(WITHIN),
            none => {
                *none = Some(ReedSolomonDecoder::new(threshold, recovery, shard).expect(WITHIN))
            }
        }
        self.decoder.as_mut().expect("set above")
    }
}
