//! The tree that rollups, contracts and light nodes open: namespaces, and transactions in them (DA7).

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::forms;
use crate::hash::{Hash, keccak, sha256};
use crate::merkle::{self, Tree};
use crate::payload::NamespaceId;

mod proof;
#[cfg(test)]
mod tests;
mod tree;

pub use proof::{NamespaceProof, Neighbour, ProofError, TransactionProof};
pub use tree::NamespaceTree;

/// DA7: what the tree says about one namespace of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceLeaf {
    /// The namespace.
    pub id: NamespaceId,
    /// Bytes of the whole body, offset table included.
    pub byte_len: u64,
    /// Transactions in it, at least 1.
    pub tx_count: u64,
    /// The root over its transactions.
    #[serde(with = "forms::hash")]
    pub tx_root: Hash,
}

impl NamespaceLeaf {
    /// The hash of the leaf, `ns_leaf` in DA9: keccak(0x00 || id || byte_len || tx_count || tx_root).
    pub fn hash(&self) -> Hash {
        let (length, count) = (self.byte_len.to_be_bytes(), self.tx_count.to_be_bytes());
        keccak(&[&[0], &self.id.to_be_bytes(), &length, &count, &self.tx_root])
    }
}

/// The `ns_root` of a block with these leaves in ascending order: what a node compares when it got only the leaves.
///
/// The order is the caller's to check when the leaves come from a peer; leaves in another order have another root
/// than the one voted for, since every voter rebuilds the tree from the payload.
pub fn namespace_root(leaves: &[NamespaceLeaf]) -> Hash {
    let tree = Tree::<merkle::Keccak>::new(leaves.iter().map(NamespaceLeaf::hash).collect());
    root_of_tree(leaves.len() as u64, &tree.root())
}

/// keccak(0x02 || ns_count || tree root).
fn root_of_tree(count: u64, tree: &Hash) -> Hash {
    keccak(&[&[2], &count.to_be_bytes(), tree])
}

/// The leaf of a transaction in `tx_root`: SHA-256(0x00 || index || tx_hash).
fn transaction_leaf(index: u64, tx_hash: &Hash) -> Hash {
    let mut bytes = [0; 41];
    bytes[1..9].copy_from_slice(&index.to_be_bytes());
    bytes[9..].copy_from_slice(tx_hash);
    sha256(&[&bytes])
}
