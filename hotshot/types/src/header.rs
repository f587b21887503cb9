//! The block header and its hash (R2, R3).

use std::ops::Deref;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Epoch, Hash, Height, Signature, TimestampMs, ValidatorIndex, View,
    digest::{self, Words},
};

/// The one version of the header there is.
pub const HEADER_VERSION: u32 = 1;

/// A block of the home L1.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct L1Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// Its timestamp in seconds since the Unix epoch.
    pub timestamp: u64,
}

/// What a block commits to. The payload itself travels apart.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`HEADER_VERSION`].
    pub version: u32,
    /// The network.
    pub chain_domain: Hash,
    /// Position in the chain.
    pub height: Height,
    /// The epoch that `height` belongs to.
    pub epoch: Epoch,
    /// The view in which the block was first proposed.
    pub origin_view: View,
    /// The leader of that view.
    pub proposer: ValidatorIndex,
    /// Hash of the block before.
    pub parent_hash: Hash,
    /// When it was proposed; above the parent's.
    pub timestamp_ms: TimestampMs,
    /// The newest L1 block known to be finalized; never below the parent's.
    pub l1_finalized: L1Block,
    /// Length of the payload in bytes.
    pub payload_len: u32,
    /// Root over the erasure-coded shards: makes the payload recoverable.
    pub shard_root: Hash,
    /// Root over the namespaces of the payload.
    pub ns_root: Hash,
    /// Root of the map from namespace to its accumulator, this block included.
    pub ns_acc_root: Hash,
    /// Root of the mountain range over all earlier block hashes.
    pub history_root: Hash,
    /// Commitment of the committee of the next epoch.
    pub next_committee: Hash,
    /// The proposer's unique signature of D5; zero in genesis.
    pub randao_reveal: Signature,
    /// The parent's mix hashed with the reveal (T3).
    pub randao_mix: Hash,
}

impl Header {
    /// What L1 needs of a header, as one hash (R3).
    #[must_use]
    pub fn lc_hash(&self) -> Hash {
        Words::new()
            .uint(self.height.0)
            .uint(self.epoch.0)
            .hash(self.history_root)
            .hash(self.next_committee)
            .hash(self.ns_root)
            .hash(self.ns_acc_root)
            .uint(self.timestamp_ms.0)
            .uint(self.l1_finalized.number)
            .finish()
    }

    /// Everything else in a header, as one hash (R3).
    #[must_use]
    pub fn rest_hash(&self) -> Hash {
        Words::new()
            .uint(self.version)
            .hash(self.chain_domain)
            .uint(self.origin_view.0)
            .uint(self.proposer.0)
            .hash(self.parent_hash)
            .hash(self.l1_finalized.hash)
            .uint(self.l1_finalized.timestamp)
            .uint(self.payload_len)
            .hash(self.shard_root)
            .hash(reveal_word(&self.randao_reveal))
            .hash(self.randao_mix)
            .finish()
    }

    /// The block hash (R3).
    #[must_use]
    pub fn hash(&self) -> Hash {
        digest::keccak_concat(&[&self.lc_hash().0, &self.rest_hash().0])
    }

    /// The header with its hash, computed once.
    #[must_use]
    pub fn seal(self) -> SealedHeader {
        SealedHeader {
            hash: self.hash(),
            header: self,
        }
    }
}

/// The Keccak-256 of a reveal; zero for the absent one of genesis (R4).
fn reveal_word(reveal: &Signature) -> Hash {
    if *reveal == Signature::ZERO {
        Hash::ZERO
    } else {
        digest::keccak(&reveal.0)
    }
}

/// T3: the mix after a block with this reveal.
#[must_use]
pub fn mix(parent: Hash, reveal: &Signature) -> Hash {
    digest::keccak_concat(&[&parent.0, &reveal_word(reveal).0])
}

/// A header together with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedHeader {
    header: Header,
    hash: Hash,
}

impl SealedHeader {
    /// The block hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The header alone.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }
}

impl Deref for SealedHeader {
    type Target = Header;

    fn deref(&self) -> &Header {
        &self.header
    }
}

#[cfg(test)]
mod tests;
