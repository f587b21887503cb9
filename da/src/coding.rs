//! The erasure code: from a payload to shards, and from enough proven shards back (DA6, DA12).
//!
//! Reed-Solomon does not notice a corrupt shard, so only shards that were proven against the root get near the
//! decoder: [`ShardRange`] is what a peer sent, [`CheckedShards`] is what [`Reconstruction`] takes.

use std::ops::Range;

use crate::hash::{Hash, blake3};
use crate::slots::Slots;

mod coder;
mod encoded;
mod reconstruction;
mod shards;
#[cfg(test)]
mod tests;

pub use coder::Coder;
pub use encoded::Encoded;
pub use reconstruction::{BadEncoding, Reconstruction, ReconstructionError};
pub use shards::{CheckedShards, ShardError, ShardRange};

/// DA12: the payload's length as a little-endian u64 stands before it.
const PREFIX: usize = 8;

/// Shards are multiples of this many bytes, the block size of the code.
const SHARD_UNIT: u64 = 64;

/// DA12: a payload of at most this many bytes travels in the proposal whatever the committee.
const INLINE_BYTES: u64 = 32 * 1024;

/// DA12: whether a payload of this length travels inside the proposal, so that nothing is dispersed or echoed.
pub fn is_inline(payload_len: u64, slots: &Slots) -> bool {
    payload_len <= INLINE_BYTES.max(SHARD_UNIT * u64::from(slots.threshold()))
}

/// DA12: the bytes of one shard; nothing when the payload would not fit into memory.
pub fn shard_len(payload_len: u64, slots: &Slots) -> Option<usize> {
    let coded = payload_len.checked_add(8)?;
    let units = coded.div_ceil(SHARD_UNIT * u64::from(slots.threshold()));
    usize::try_from(units.checked_mul(SHARD_UNIT)?).ok()
}

/// The systematic slots that hold a range of payload bytes, such as the body of one namespace.
pub fn covering_slots(bytes: Range<u64>, payload_len: u64, slots: &Slots) -> Option<Range<u32>> {
    if bytes.is_empty() || bytes.end > payload_len {
        return None;
    }
    let length = u64::try_from(shard_len(payload_len, slots)?).ok()?;
    let slot = |position: u64| u32::try_from((position + 8) / length).ok();
    Some(slot(bytes.start)?..slot(bytes.end - 1)? + 1)
}

/// The leaf of a shard in the tree under `shard_root`.
fn leaf(slot: u64, shard: &[u8]) -> Hash {
    let mut prefix = [0; 9];
    prefix[1..].copy_from_slice(&slot.to_be_bytes());
    blake3(&[&prefix, shard])
}

/// A slot or a number of slots as an index.
fn as_index(slot: u32) -> usize {
    usize::try_from(slot).expect("usize has at least 32 bits")
}
