//! The tree over the namespaces of one block, made once when a payload is built or checked.

use super::{
    NamespaceLeaf, NamespaceProof, Neighbour, TransactionProof, root_of_tree, transaction_leaf,
};
use crate::hash::{Hash, tx_hash};
use crate::merkle::{self, Tree};
use crate::payload::{NamespaceBody, NamespaceId, Payload};

/// DA7 for one payload: every leaf, and every transaction hash, ready to be opened.
#[derive(Clone, Debug)]
pub struct NamespaceTree {
    leaves: Vec<NamespaceLeaf>,
    transactions: Vec<Transactions>,
    tree: Tree<merkle::Keccak>,
}

#[derive(Clone, Debug)]
struct Transactions {
    hashes: Vec<Hash>,
    tree: Tree<merkle::Sha256>,
}

impl Transactions {
    fn new(hashes: Vec<Hash>) -> Self {
        let leaves = (0..)
            .zip(&hashes)
            .map(|(index, hash)| transaction_leaf(index, hash))
            .collect();
        Self {
            tree: Tree::new(leaves),
            hashes,
        }
    }
}

pub(super) fn hashes_of(body: &NamespaceBody) -> Vec<Hash> {
    body.transactions()
        .map(|transaction| tx_hash(&transaction))
        .collect()
}

impl NamespaceTree {
    /// The tree of a payload; hashes each transaction once.
    pub fn new(payload: &Payload) -> Self {
        Self::of(
            payload,
            payload
                .namespaces()
                .map(|namespace| hashes_of(&namespace.body)),
        )
    }

    /// The tree of a payload whose transaction hashes are known, by namespace in ascending order: a leader's mempool
    /// has them. They are not checked, so never take them from a peer.
    ///
    /// Nothing when the numbers of namespaces or transactions differ.
    pub fn with_hashes(payload: &Payload, hashes: Vec<Vec<Hash>>) -> Option<Self> {
        let counts = payload.namespaces().map(|namespace| namespace.body.len());
        counts
            .eq(hashes.iter().map(Vec::len))
            .then(|| Self::of(payload, hashes.into_iter()))
    }

    fn of(payload: &Payload, hashes: impl Iterator<Item = Vec<Hash>>) -> Self {
        let transactions: Vec<_> = hashes.map(Transactions::new).collect();
        let leaves: Vec<_> = payload
            .namespaces()
            .zip(&transactions)
            .map(|(namespace, transactions)| NamespaceLeaf {
                id: namespace.id,
                byte_len: namespace.body.bytes().len() as u64,
                tx_count: transactions.hashes.len() as u64,
                tx_root: transactions.tree.root(),
            })
            .collect();
        let tree = Tree::new(leaves.iter().map(NamespaceLeaf::hash).collect());
        Self {
            leaves,
            transactions,
            tree,
        }
    }

    /// The commitment in the header.
    pub fn root(&self) -> Hash {
        root_of_tree(self.count(), &self.tree.root())
    }

    /// The leaves in ascending order, for the namespace map.
    pub fn leaves(&self) -> &[NamespaceLeaf] {
        &self.leaves
    }

    /// The transaction hashes of a namespace, in order.
    pub fn tx_hashes(&self, id: NamespaceId) -> Option<&[Hash]> {
        let index = self.position(id).ok()?;
        Some(&self.transactions[index].hashes)
    }

    fn count(&self) -> u64 {
        self.leaves.len() as u64
    }

    fn position(&self, id: NamespaceId) -> Result<usize, usize> {
        self.leaves.binary_search_by_key(&id, |leaf| leaf.id)
    }

    /// Proves that a namespace is in the block with all its transactions, or that it is not.
    pub fn prove(&self, id: NamespaceId) -> NamespaceProof {
        match self.position(id) {
            Ok(index) => {
                let Neighbour { leaf, path } = self.opened(index);
                NamespaceProof::Present {
                    leaf,
                    index: index as u64,
                    count: self.count(),
                    path,
                }
            }
            Err(index) => NamespaceProof::Absent {
                index: index as u64,
                count: self.count(),
                left: index.checked_sub(1).map(|left| self.opened(left)),
                right: (index < self.leaves.len()).then(|| self.opened(index)),
            },
        }
    }

    /// Proves that a transaction is the one at `index` of its namespace; nothing when there is no such transaction.
    pub fn prove_transaction(&self, id: NamespaceId, index: usize) -> Option<TransactionProof> {
        let position = self.position(id).ok()?;
        let path = self.transactions[position].tree.path(index)?;
        let namespace = self.opened(position);
        Some(TransactionProof {
            leaf: namespace.leaf,
            ns_index: position as u64,
            ns_count: self.count(),
            ns_path: namespace.path,
            index: index as u64,
            path,
        })
    }

    fn opened(&self, index: usize) -> Neighbour {
        let path = self.tree.path(index).expect("the index is of a leaf");
        Neighbour {
            leaf: self.leaves[index].clone(),
            path,
        }
    }
}

/// The root over the transactions of a body.
pub(super) fn tx_root(body: &NamespaceBody) -> Hash {
    Transactions::new(hashes_of(body)).tree.root()
}
