//! Between the crate `jmt`, which knows versions and nodes, and the host's store, which knows keys and bytes.
//!
//! A key is the version that wrote the node (8 bytes, big-endian), the number of nibbles of its path (1 byte) and
//! the nibbles, two a byte. A value is an inner node of `jmt`, or an entry with its id: `jmt`'s leaf follows from it,
//! so no second table for values is needed and reading an entry is one walk.
//!
//! Only updates go through `jmt`. Its readers unwrap what the store answers, so a failing disk would be a panic;
//! walking is done in [`super::walk`].

use std::cell::RefCell;
use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize, io};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, SimpleHasher, ValueHash};
use sha3::{Digest as _, Keccak256};

use super::{AccumulatorEntry, MapError, MapHead, MapStore, key_of};
use crate::hash::Hash;
use crate::payload::NamespaceId;

/// Keccak-256 for `jmt`, which speaks older digest traits.
pub(super) struct Keccak(Keccak256);

impl SimpleHasher for Keccak {
    fn new() -> Self {
        Self(Keccak256::new())
    }

    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finalize(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// An entry with the id that its key in the tree hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Named {
    pub(super) id: NamespaceId,
    pub(super) entry: AccumulatorEntry,
}

impl Named {
    fn leaf(&self) -> LeafNode {
        LeafNode::new(KeyHash(key_of(self.id)), ValueHash(self.entry.value_hash()))
    }
}

/// What the store holds under a key.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(super) enum Stored {
    Leaf(Named),
    Inner(Node),
}

/// The key in the store of a node at a path, one nibble a byte.
pub(super) fn store_key(version: u64, path: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(9 + path.len().div_ceil(2));
    key.extend_from_slice(&version.to_be_bytes());
    key.push(u8::try_from(path.len()).expect("a path has at most 64 nibbles"));
    key.extend(
        path.chunks(2)
            .map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)),
    );
    key
}

/// Reads one node; it is an error if the store does not have it.
pub(super) fn read<S: MapStore>(store: &S, key: &[u8]) -> Result<Stored, MapError<S::Error>> {
    let bytes = store.get(key).map_err(MapError::Store)?;
    let bytes =
        bytes.ok_or_else(|| MapError::Damaged(format!("node {} is missing", hex::encode(key))))?;
    Stored::try_from_slice(&bytes).map_err(|error| MapError::Damaged(error.to_string()))
}

/// The nodes of one map, as `jmt` reads them for an update to the version after `shown`.
///
/// `jmt` expects a root at every version, but blocks without namespaces write none: the root of the head stands for
/// the root of the version before the update.
pub(super) struct Nodes<'a, S> {
    store: &'a S,
    head: MapHead,
    shown: u64,
    /// The entries that were read: a leaf that moves down is written again.
    read: RefCell<BTreeMap<Hash, Named>>,
}

impl<'a, S: MapStore> Nodes<'a, S> {
    pub(super) fn new(store: &'a S, head: MapHead, shown: u64) -> Self {
        Self {
            store,
            head,
            shown,
            read: RefCell::new(BTreeMap::new()),
        }
    }

    /// The key in the store of a node that `jmt` names.
    pub(super) fn key(&self, key: &NodeKey) -> Vec<u8> {
        let path: Vec<u8> = key.nibble_path().nibbles().map(u8::from).collect();
        let is_shown_root = path.is_empty() && key.version() == self.shown;
        store_key(
            if is_shown_root {
                self.head.version
            } else {
                key.version()
            },
            &path,
        )
    }

    /// What to store for a node that `jmt` made out of `new` entries and those it read.
    pub(super) fn encode(&self, node: &Node, new: &BTreeMap<Hash, Named>) -> io::Result<Vec<u8>> {
        let stored = match node {
            Node::Leaf(leaf) => {
                let key = leaf.key_hash().0;
                let named = new
                    .get(&key)
                    .copied()
                    .or_else(|| self.read.borrow().get(&key).copied());
                Stored::Leaf(
                    named.ok_or_else(|| io::Error::other("a leaf that nobody read or wrote"))?,
                )
            }
            inner => Stored::Inner(inner.clone()),
        };
        borsh::to_vec(&stored)
    }
}

impl<S: MapStore> TreeReader for Nodes<'_, S> {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        if self.head.version == 0 && key.nibble_path().is_empty() {
            return Ok(Some(Node::Null));
        }
        match read(self.store, &self.key(key)) {
            Ok(Stored::Inner(node)) => Ok(Some(node)),
            Ok(Stored::Leaf(named)) => {
                self.read.borrow_mut().insert(key_of(named.id), named);
                Ok(Some(Node::Leaf(named.leaf())))
            }
            Err(MapError::Store(error)) => Err(error.into()),
            Err(error) => Err(anyhow::anyhow!("{error}")),
        }
    }

    fn get_value_option(&self, _: u64, _: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        anyhow::bail!("an update reads no values")
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("an update does not ask for the last leaf")
    }
}

/// Sorts out whose error `jmt` handed on.
pub(super) fn map_error<E: std::error::Error + Send + Sync + 'static>(
    error: anyhow::Error,
) -> MapError<E> {
    match error.downcast::<E>() {
        Ok(error) => MapError::Store(error),
        Err(error) => MapError::Damaged(format!("{error:#}")),
    }
}
