//! Proofs against `ns_acc_root`: the summary of all blocks of a namespace, or that there never was one.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::walk::Descent;
use super::{AccumulatorEntry, EMPTY_ROOT, hash_of_leaf, hash_of_node, key_of};
use crate::forms;
use crate::hash::Hash;
use crate::merkle::Path;
use crate::namespace::ProofError;
use crate::payload::NamespaceId;

/// Where the path of a key ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Terminal {
    /// At the entry of the namespace.
    Entry(AccumulatorEntry),
    /// At the leaf of another namespace, the only one below this node: this namespace has no entry.
    Other {
        /// The other leaf's key.
        #[serde(with = "forms::hash")]
        key: Hash,
        /// The other leaf's value hash.
        #[serde(with = "forms::hash")]
        value: Hash,
    },
    /// At an empty subtree: this namespace has no entry.
    Empty,
}

/// The entry of a namespace in the map, or that it has none.
///
/// Size in bytes (borsh): 53 + 32 d with an entry, at most 69 + 32 d without, d about log2 of the number of
/// namespaces there ever were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(deny_unknown_fields)]
pub struct AccumulatorProof {
    /// Where the path of the namespace's key ends.
    pub terminal: Terminal,
    /// The siblings, bottom up.
    pub path: Path,
}

impl AccumulatorProof {
    /// The entry that this proof claims.
    pub fn entry(&self) -> Option<AccumulatorEntry> {
        match &self.terminal {
            Terminal::Entry(entry) => Some(*entry),
            Terminal::Other { .. } | Terminal::Empty => None,
        }
    }

    /// Checks the proof: the namespace's entry in the map with this root, or nothing when it has none.
    pub fn verify(
        &self,
        root: &Hash,
        id: NamespaceId,
    ) -> Result<Option<AccumulatorEntry>, ProofError> {
        let key = key_of(id);
        let depth = self.path.siblings().len();
        let end = match &self.terminal {
            Terminal::Entry(entry) => hash_of_leaf(&key, &entry.value_hash()),
            Terminal::Other { key: other, value } => {
                // The other leaf shows absence only if this key would have to pass through the same node.
                if *other == key || common_bits(&key, other) < depth {
                    return Err(ProofError::Neighbours);
                }
                hash_of_leaf(other, value)
            }
            Terminal::Empty => EMPTY_ROOT,
        };
        let mut found = end;
        for (level, sibling) in (0..depth).rev().zip(self.path.siblings()) {
            found = if bit(&key, level).ok_or(ProofError::Root)? {
                hash_of_node(sibling, &found)
            } else {
                hash_of_node(&found, sibling)
            };
        }
        if found == *root {
            Ok(self.entry())
        } else {
            Err(ProofError::Root)
        }
    }

    /// The proof that the walk to a namespace's key makes.
    pub(super) fn of(id: NamespaceId, descent: Descent) -> Self {
        let terminal = match descent.end {
            Some(named) if named.id == id => Terminal::Entry(named.entry),
            Some(other) => Terminal::Other {
                key: key_of(other.id),
                value: other.entry.value_hash(),
            },
            None => Terminal::Empty,
        };
        let mut siblings = descent.siblings;
        siblings.reverse();
        Self {
            terminal,
            path: Path::new(siblings),
        }
    }
}

/// The bit at a depth of the tree, the highest bit of the first byte at depth 0.
fn bit(key: &Hash, depth: usize) -> Option<bool> {
    key.get(depth / 8)
        .map(|byte| byte & (0x80 >> (depth % 8)) != 0)
}

fn common_bits(left: &Hash, right: &Hash) -> usize {
    (0..256)
        .take_while(|depth| bit(left, *depth) == bit(right, *depth))
        .count()
}
