//! The Merkle-Patricia trie of Ethereum over nodes that are stored under their hashes (RE12).
//!
//! Only the nodes on the paths of changed keys are read and written, and old ones stay, so every block's state can be
//! read and proven for ever. All keys of a trie have one length: branches hold no values.

use std::mem;

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Decodable as _, EMPTY_STRING_CODE};
use alloy_trie::{
    EMPTY_ROOT_HASH, Nibbles, TrieMask,
    nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode, TrieNode},
};
use rollup_types::{State, StateError};

use crate::keys;

/// A trie that is being changed; what it needs of the stored one is read on the way.
pub(crate) struct Trie<'a> {
    state: &'a dyn State,
    root: Node,
}

/// A node in memory.
#[derive(Default)]
enum Node {
    #[default]
    Empty,
    /// Not read yet; the parent's pointer to it.
    Stored(RlpNode),
    Leaf {
        key: Nibbles,
        value: Vec<u8>,
    },
    Extension {
        key: Nibbles,
        child: Box<Node>,
    },
    Branch(Box<[Node; 16]>),
}

impl<'a> Trie<'a> {
    pub(crate) fn new(state: &'a dyn State, root: B256) -> Self {
        let root = if root == EMPTY_ROOT_HASH {
            Node::Empty
        } else {
            Node::Stored(RlpNode::word_rlp(&root))
        };
        Self { state, root }
    }

    /// Sets the value of a key.
    pub(crate) fn put(&mut self, key: Nibbles, value: Vec<u8>) -> Result<(), StateError> {
        let root = mem::take(&mut self.root);
        self.root = put(self.state, root, key, value)?;
        Ok(())
    }

    /// Forgets a key; it need not be there.
    pub(crate) fn remove(&mut self, key: Nibbles) -> Result<(), StateError> {
        let root = mem::take(&mut self.root);
        self.root = remove(self.state, root, key)?;
        Ok(())
    }

    /// The root, and the nodes to store under their hashes.
    pub(crate) fn finish(self) -> (B256, Vec<(B256, Vec<u8>)>) {
        if matches!(self.root, Node::Empty) {
            return (EMPTY_ROOT_HASH, Vec::new());
        }
        let mut nodes = Vec::new();
        let root = encode(&self.root, &mut nodes);
        let hash = root.as_hash().unwrap_or_else(|| {
            // A parent would hold so short a node in itself, but the root has none.
            let hash = keccak256(&root);
            nodes.push((hash, root.to_vec()));
            hash
        });
        (hash, nodes)
    }
}

/// The value of a key under a root.
pub(crate) fn get(
    state: &dyn State,
    root: B256,
    key: Nibbles,
) -> Result<Option<Vec<u8>>, StateError> {
    let (value, _) = walk(state, root, key)?;
    Ok(value)
}

/// The stored nodes on the path of a key, from the root down: proves what stands there, or that nothing does.
pub(crate) fn prove(state: &dyn State, root: B256, key: Nibbles) -> Result<Vec<Bytes>, StateError> {
    let (_, nodes) = walk(state, root, key)?;
    Ok(nodes)
}

fn walk(
    state: &dyn State,
    root: B256,
    mut key: Nibbles,
) -> Result<(Option<Vec<u8>>, Vec<Bytes>), StateError> {
    let mut nodes = Vec::new();
    if root == EMPTY_ROOT_HASH {
        return Ok((None, nodes));
    }
    let mut pointer = RlpNode::word_rlp(&root);
    loop {
        let bytes = bytes_of(state, &pointer)?;
        let node = decode(&bytes)?;
        if pointer.is_hash() {
            nodes.push(bytes);
        }
        pointer = match node {
            TrieNode::EmptyRoot => return Ok((None, nodes)),
            TrieNode::Leaf(leaf) => {
                return Ok(((leaf.key == key).then_some(leaf.value), nodes));
            }
            TrieNode::Extension(extension) if key.starts_with(&extension.key) => {
                key = key.slice(extension.key.len()..);
                extension.child
            }
            TrieNode::Extension(_) => return Ok((None, nodes)),
            TrieNode::Branch(branch) => {
                let nibble = first(&key);
                key = key.slice(1..);
                let below = *branch.state_mask & ((1 << nibble) - 1);
                if *branch.state_mask >> nibble & 1 == 0 {
                    return Ok((None, nodes));
                }
                branch.stack[below.count_ones() as usize].clone()
            }
        };
    }
}

fn put(state: &dyn State, node: Node, key: Nibbles, value: Vec<u8>) -> Result<Node, StateError> {
    Ok(match node {
        Node::Empty => Node::Leaf { key, value },
        Node::Stored(pointer) => return put(state, load(state, &pointer)?, key, value),
        Node::Leaf { key: old, .. } if old == key => Node::Leaf { key, value },
        Node::Leaf {
            key: old_key,
            value: old_value,
        } => {
            let common = old_key.common_prefix_length(&key);
            let old = |rest| Node::Leaf {
                key: rest,
                value: old_value,
            };
            fork(
                common,
                (old_key, old),
                (key, |key| Node::Leaf { key, value }),
            )
        }
        Node::Extension { key: shared, child } => {
            let common = shared.common_prefix_length(&key);
            if common == shared.len() {
                let child = Box::new(put(state, *child, key.slice(common..), value)?);
                Node::Extension { key: shared, child }
            } else {
                let old = |rest| extend(rest, *child);
                fork(
                    common,
                    (shared, old),
                    (key, |key| Node::Leaf { key, value }),
                )
            }
        }
        Node::Branch(mut children) => {
            let child = &mut children[first(&key)];
            *child = put(state, mem::take(child), key.slice(1..), value)?;
            Node::Branch(children)
        }
    })
}

/// A branch after `common` nibbles, with what the two keys go on to.
fn fork(
    common: usize,
    (old_key, old): (Nibbles, impl FnOnce(Nibbles) -> Node),
    (new_key, new): (Nibbles, impl FnOnce(Nibbles) -> Node),
) -> Node {
    let mut children: Box<[Node; 16]> = Box::default();
    children[first(&old_key.slice(common..))] = old(old_key.slice(common + 1..));
    children[first(&new_key.slice(common..))] = new(new_key.slice(common + 1..));
    extend(new_key.slice(..common), Node::Branch(children))
}

/// `node` behind a key that may be empty; `node` is a branch, or what stood behind an extension.
fn extend(key: Nibbles, node: Node) -> Node {
    if key.is_empty() {
        return node;
    }
    Node::Extension {
        key,
        child: Box::new(node),
    }
}

fn remove(state: &dyn State, node: Node, key: Nibbles) -> Result<Node, StateError> {
    match node {
        Node::Empty => Ok(Node::Empty),
        Node::Stored(pointer) => remove(state, load(state, &pointer)?, key),
        Node::Leaf { key: old, .. } if old == key => Ok(Node::Empty),
        Node::Leaf { .. } => Ok(node),
        Node::Extension { key: shared, child } if key.starts_with(&shared) => {
            let child = remove(state, *child, key.slice(shared.len()..))?;
            join(state, shared, child)
        }
        Node::Extension { .. } => Ok(node),
        Node::Branch(mut children) => {
            let child = &mut children[first(&key)];
            *child = remove(state, mem::take(child), key.slice(1..))?;
            let mut left = (0_u8..)
                .zip(children.iter_mut())
                .filter(|(_, child)| !matches!(child, Node::Empty));
            let (Some((nibble, only)), None) = (left.next(), left.next()) else {
                return Ok(Node::Branch(children));
            };
            let only = mem::take(only);
            join(state, Nibbles::from_nibbles([nibble]), only)
        }
    }
}

/// `node` behind a key, in the one shape that a trie may have: keys that follow each other are one key.
fn join(state: &dyn State, key: Nibbles, node: Node) -> Result<Node, StateError> {
    Ok(match node {
        Node::Empty => Node::Empty,
        Node::Stored(pointer) => return join(state, key, load(state, &pointer)?),
        Node::Leaf { key: rest, value } => Node::Leaf {
            key: key.join(&rest),
            value,
        },
        Node::Extension { key: rest, child } => Node::Extension {
            key: key.join(&rest),
            child,
        },
        Node::Branch(_) => extend(key, node),
    })
}

/// The pointer to a node; nodes too long to stand in their parent are added to `nodes`.
fn encode(node: &Node, nodes: &mut Vec<(B256, Vec<u8>)>) -> RlpNode {
    let mut bytes = Vec::new();
    let pointer = match node {
        Node::Empty => RlpNode::from_rlp(&[EMPTY_STRING_CODE]),
        Node::Stored(pointer) => return pointer.clone(),
        Node::Leaf { key, value } => LeafNodeRef::new(key, value).rlp(&mut bytes),
        Node::Extension { key, child } => {
            let child = encode(child, nodes);
            ExtensionNodeRef::new(key, &child).rlp(&mut bytes)
        }
        Node::Branch(children) => {
            let mut mask = TrieMask::default();
            let mut stack = Vec::with_capacity(16);
            for (nibble, child) in (0_u8..).zip(children.iter()) {
                if !matches!(child, Node::Empty) {
                    mask.set_bit(nibble);
                    stack.push(encode(child, nodes));
                }
            }
            BranchNodeRef::new(&stack, mask).rlp(&mut bytes)
        }
    };
    if let Some(hash) = pointer.as_hash() {
        nodes.push((hash, bytes));
    }
    pointer
}

fn load(state: &dyn State, pointer: &RlpNode) -> Result<Node, StateError> {
    Ok(match decode(&bytes_of(state, pointer)?)? {
        TrieNode::EmptyRoot => Node::Empty,
        TrieNode::Leaf(leaf) => Node::Leaf {
            key: leaf.key,
            value: leaf.value,
        },
        TrieNode::Extension(extension) => Node::Extension {
            key: extension.key,
            child: Box::new(Node::Stored(extension.child)),
        },
        TrieNode::Branch(branch) => {
            let mut children: Box<[Node; 16]> = Box::default();
            for (nibble, child) in branch.as_ref().children() {
                if let Some(child) = child {
                    children[usize::from(nibble)] = Node::Stored(child.clone());
                }
            }
            Node::Branch(children)
        }
    })
}

fn bytes_of(state: &dyn State, pointer: &RlpNode) -> Result<Bytes, StateError> {
    let Some(hash) = pointer.as_hash() else {
        return Ok(Bytes::copy_from_slice(pointer));
    };
    let bytes = state.get(&keys::node(hash))?;
    bytes
        .map(Bytes::from)
        .ok_or_else(|| StateError(format!("the trie node {hash} is missing")))
}

fn decode(mut bytes: &[u8]) -> Result<TrieNode, StateError> {
    TrieNode::decode(&mut bytes)
        .map_err(|error| StateError(format!("a trie node is broken: {error}")))
}

fn first(key: &Nibbles) -> usize {
    let nibble = key.first().expect("the keys of a trie have one length");
    usize::from(nibble)
}

#[cfg(test)]
mod tests;
