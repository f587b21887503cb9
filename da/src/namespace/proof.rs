//! Proofs against `ns_root` that a client checks without trusting the node.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{NamespaceLeaf, root_of_tree, transaction_leaf, tree};
use crate::hash::{Hash, tx_hash};
use crate::merkle::{self, Path, root_of_path};
use crate::payload::{NamespaceBody, NamespaceId, PayloadError};

/// Why a proof proves nothing. Whoever made it is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The proof is about another namespace.
    #[error("the proof is about namespace {0}")]
    OtherNamespace(NamespaceId),
    /// A path does not lead to the root in the header.
    #[error("the path does not lead to the root")]
    Root,
    /// An absence proof whose neighbours do not enclose the namespace, or one is missing.
    #[error("the neighbours do not enclose the namespace")]
    Neighbours,
    /// The bytes are not those the leaf commits to.
    #[error("the bytes are not the namespace's")]
    Body,
    /// The bytes are not a namespace body at all.
    #[error("the bytes are not a namespace's: {0}")]
    Malformed(#[from] PayloadError),
    /// Bytes came with a proof of absence.
    #[error("an absent namespace has no bytes")]
    UnexpectedBody,
}

/// A leaf next to where an absent namespace would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// The leaf.
    pub leaf: NamespaceLeaf,
    /// Its siblings.
    pub path: Path,
}

/// All data of one namespace in one block, or that there is none.
///
/// Size in bytes (borsh): present 77 + 32 d, absent at most 139 + 64 d, with d the depth for the block's namespaces
/// (8 for 256).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NamespaceProof {
    /// The block has the namespace.
    Present {
        /// The namespace's leaf.
        leaf: NamespaceLeaf,
        /// Its position among the namespaces.
        index: u64,
        /// The number of namespaces in the block.
        count: u64,
        /// Its siblings.
        path: Path,
    },
    /// The block does not have the namespace.
    Absent {
        /// The position that it would have.
        index: u64,
        /// The number of namespaces in the block.
        count: u64,
        /// The leaf at `index - 1`, unless `index` is 0.
        left: Option<Neighbour>,
        /// The leaf at `index`, unless that is `count`.
        right: Option<Neighbour>,
    },
}

impl NamespaceProof {
    /// Checks the proof together with the bytes of the namespace: its transactions, or nothing when it is absent.
    ///
    /// `body` is empty for an absent namespace. What is returned is complete: no transaction of the namespace in
    /// this block was left out.
    pub fn verify(
        &self,
        ns_root: &Hash,
        id: NamespaceId,
        body: &Bytes,
    ) -> Result<Option<NamespaceBody>, ProofError> {
        let Some(leaf) = self.verify_leaf(ns_root, id)? else {
            return if body.is_empty() {
                Ok(None)
            } else {
                Err(ProofError::UnexpectedBody)
            };
        };
        if leaf.byte_len != body.len() as u64 {
            return Err(ProofError::Body);
        }
        let body = NamespaceBody::decode(body.clone(), u32::MAX)?;
        if leaf.tx_count != body.len() as u64 || leaf.tx_root != tree::tx_root(&body) {
            return Err(ProofError::Body);
        }
        Ok(Some(body))
    }

    /// Checks the proof without the bytes: the leaf of the namespace, or nothing when it is absent.
    pub fn verify_leaf(
        &self,
        ns_root: &Hash,
        id: NamespaceId,
    ) -> Result<Option<&NamespaceLeaf>, ProofError> {
        match self {
            Self::Present {
                leaf,
                index,
                count,
                path,
            } => {
                if leaf.id != id {
                    return Err(ProofError::OtherNamespace(leaf.id));
                }
                leads_to_root(ns_root, leaf, *index, *count, path)?;
                Ok(Some(leaf))
            }
            Self::Absent {
                index,
                count,
                left,
                right,
            } => {
                verify_absent(ns_root, id, *index, *count, left.as_ref(), right.as_ref())?;
                Ok(None)
            }
        }
    }
}

fn leads_to_root(
    ns_root: &Hash,
    leaf: &NamespaceLeaf,
    index: u64,
    count: u64,
    path: &Path,
) -> Result<(), ProofError> {
    let tree =
        root_of_path::<merkle::Keccak>(leaf.hash(), index, count, path).ok_or(ProofError::Root)?;
    if root_of_tree(count, &tree) == *ns_root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

fn verify_absent(
    ns_root: &Hash,
    id: NamespaceId,
    index: u64,
    count: u64,
    left: Option<&Neighbour>,
    right: Option<&Neighbour>,
) -> Result<(), ProofError> {
    if count == 0 {
        // A block without namespaces: nothing but the count and the root of no leaves is hashed.
        let is_empty = index == 0 && left.is_none() && right.is_none();
        let has_root = root_of_tree(0, &merkle::MISSING) == *ns_root;
        return if is_empty && has_root {
            Ok(())
        } else {
            Err(ProofError::Root)
        };
    }
    if index > count || left.is_some() != (index > 0) || right.is_some() != (index < count) {
        return Err(ProofError::Neighbours);
    }
    if let Some(left) = left {
        if left.leaf.id >= id {
            return Err(ProofError::Neighbours);
        }
        leads_to_root(ns_root, &left.leaf, index - 1, count, &left.path)?;
    }
    if let Some(right) = right {
        if right.leaf.id <= id {
            return Err(ProofError::Neighbours);
        }
        leads_to_root(ns_root, &right.leaf, index, count, &right.path)?;
    }
    Ok(())
}

/// One transaction at one position of one namespace of one block.
///
/// Size in bytes (borsh): 88 + 32 (d + t), with t the depth for the namespace's transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct TransactionProof {
    /// The namespace's leaf.
    pub leaf: NamespaceLeaf,
    /// The namespace's position among the namespaces.
    pub ns_index: u64,
    /// The number of namespaces in the block.
    pub ns_count: u64,
    /// The leaf's siblings among the namespaces.
    pub ns_path: Path,
    /// The transaction's position in the namespace.
    pub index: u64,
    /// The transaction's siblings.
    pub path: Path,
}

impl TransactionProof {
    /// Checks that `transaction` is the one at position `index` of namespace `id`.
    pub fn verify(
        &self,
        ns_root: &Hash,
        id: NamespaceId,
        index: u64,
        transaction: &[u8],
    ) -> Result<(), ProofError> {
        if self.leaf.id != id {
            return Err(ProofError::OtherNamespace(self.leaf.id));
        }
        leads_to_root(
            ns_root,
            &self.leaf,
            self.ns_index,
            self.ns_count,
            &self.ns_path,
        )?;
        let leaf = transaction_leaf(index, &tx_hash(transaction));
        let root = root_of_path::<merkle::Sha256>(leaf, index, self.leaf.tx_count, &self.path);
        if self.index == index && root == Some(self.leaf.tx_root) {
            Ok(())
        } else {
            Err(ProofError::Root)
        }
    }
}
