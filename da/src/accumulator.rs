//! The map from namespaces to the summary of all their blocks so far, whose root is `ns_acc_root` (DA9).
//!
//! The map is a Jellyfish Merkle tree (crate `jmt`). This module owns no storage: nodes are read through a
//! [`MapStore`] of the host and come back as puts and stale keys in a [`MapUpdate`]. Keys and values are bytes, so
//! blocks that are not final can keep their updates in memory, one overlay a block, while the database only ever
//! sees the final chain: a reader looks into the overlays from the tip downwards, then into the database.
//!
//! A block without namespaces changes nothing, so its [`MapHead`] is its parent's.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::forms;
use crate::hash::{Hash, abi_word, keccak};
use crate::namespace::NamespaceLeaf;
use crate::payload::NamespaceId;

mod map;
mod memory;
mod nodes;
mod proof;
#[cfg(test)]
mod tests;
mod walk;

pub use map::{MapChunk, NamespaceMap};
pub use memory::MemoryStore;
pub use proof::{AccumulatorProof, Terminal};

/// The root of the empty map.
const EMPTY_ROOT: Hash = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";

/// Where the map's nodes are kept: the host's overlays and database.
pub trait MapStore {
    /// What goes wrong when reading.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The bytes last put under a key, on the chain of the block whose map is read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// Why the map could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum MapError<E: std::error::Error> {
    /// The store failed.
    #[error("the store of the namespace map failed: {0}")]
    Store(E),
    /// The store answered, but a node is missing or broken: it lost data or is the store of another chain.
    #[error("the namespace map is damaged: {0}")]
    Damaged(String),
    /// A block must be higher than the one that last changed the map.
    #[error("height {height} is not above {version}")]
    Height {
        /// The block's height.
        height: u64,
        /// The height that last changed the map.
        version: u64,
    },
    /// Namespaces or keys are not strictly ascending.
    #[error("entries are out of order")]
    Order,
    /// A counter of a namespace would exceed 64 bits.
    #[error("a counter of namespace {0} overflows")]
    Overflow(NamespaceId),
}

/// The state of the map after a block: all that is needed to read it from the store.
///
/// The host keeps one per block.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct MapHead {
    /// The height of the last block that had a namespace; 0 while the map is empty.
    pub version: u64,
    /// The root, `ns_acc_root` of the header.
    #[serde(with = "forms::hash")]
    pub root: Hash,
}

impl MapHead {
    /// The empty map: the head of the genesis block.
    pub const EMPTY: Self = Self {
        version: 0,
        root: EMPTY_ROOT,
    };
}

/// What a block adds to the chain of each namespace it holds, besides the namespace's leaf.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct BlockStamp {
    /// The block's height, at least 1.
    pub height: u64,
    /// The header's time in milliseconds.
    pub timestamp_ms: u64,
    /// The number of the L1 block that the header names as final.
    pub l1_number: u64,
}

/// The summary of all blocks that hold a namespace.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct AccumulatorEntry {
    /// How many blocks hold the namespace.
    pub block_count: u64,
    /// How many transactions they have in it.
    pub transaction_total: u64,
    /// The chain over those blocks; 0 before the first.
    #[serde(with = "forms::hash")]
    pub acc: Hash,
}

impl AccumulatorEntry {
    /// The entry after one more block that holds the namespace; nothing when a counter would overflow.
    ///
    /// acc' = keccak(abi(acc, height, timestamp_ms, l1_number, ns_leaf)). A client that follows a namespace replays
    /// this for each block and compares with the map.
    #[must_use]
    pub fn extended(&self, stamp: &BlockStamp, leaf: &NamespaceLeaf) -> Option<Self> {
        let words = [
            abi_word(stamp.height),
            abi_word(stamp.timestamp_ms),
            abi_word(stamp.l1_number),
            leaf.hash(),
        ];
        Some(Self {
            block_count: self.block_count.checked_add(1)?,
            transaction_total: self.transaction_total.checked_add(leaf.tx_count)?,
            acc: keccak(&[&self.acc, words.as_flattened()]),
        })
    }

    /// The value of the map: abi(block count, transaction total, acc).
    pub(crate) fn value(&self) -> [u8; 96] {
        let mut value = [0; 96];
        value[..32].copy_from_slice(&abi_word(self.block_count));
        value[32..64].copy_from_slice(&abi_word(self.transaction_total));
        value[64..].copy_from_slice(&self.acc);
        value
    }

    /// The hash of the value, which the leaf of the map holds.
    fn value_hash(&self) -> Hash {
        keccak(&[&self.value()])
    }
}

/// The hash of a leaf of the tree.
fn hash_of_leaf(key: &Hash, value: &Hash) -> Hash {
    keccak(&[b"JMT::LeafNode", key, value])
}

/// The hash of an inner node of the tree.
fn hash_of_node(left: &Hash, right: &Hash) -> Hash {
    keccak(&[b"JMT::IntrnalNode", left, right])
}

/// The key of a namespace in the map: keccak(be64(id)).
pub(crate) fn key_of(id: NamespaceId) -> Hash {
    keccak(&[&id.to_be_bytes()])
}

/// What a block changes in the store: write the puts with the block, drop the stale keys once no block before it is
/// read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapUpdate {
    /// The map after the block.
    pub head: MapHead,
    /// Keys and their new values.
    pub puts: Vec<(Vec<u8>, Vec<u8>)>,
    /// Keys that only maps before this one use.
    pub stale: Vec<Vec<u8>>,
}
