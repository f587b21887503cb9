//! Walking the stored tree: down to one key with the siblings on the way, or along all entries in order.
//!
//! The tree is binary; `jmt` stores four levels in one node of 16 children. A subtree of one leaf is that leaf, at
//! whatever height it stands; a subtree of none has the empty root.

use jmt::storage::Node;

use super::map::MapChunk;
use super::nodes::{Named, Stored, read, store_key};
use super::{EMPTY_ROOT, MapError, MapHead, MapStore, hash_of_node, key_of};
use crate::hash::Hash;

const NIBBLES: usize = 64;

/// The end of the walk to a key.
pub(super) struct Descent {
    /// The leaf at the end, the key's own or the only one in its place; nothing at an empty subtree.
    pub(super) end: Option<Named>,
    /// The siblings on the way, top down.
    pub(super) siblings: Vec<Hash>,
}

#[derive(Clone, Copy)]
struct Child {
    hash: Hash,
    version: u64,
    is_leaf: bool,
}

/// Four levels of the tree.
struct Inner([Option<Child>; 16]);

impl Inner {
    fn of<E: std::error::Error>(node: &Node) -> Result<Self, MapError<E>> {
        let Node::Internal(node) = node else {
            return Err(MapError::Damaged("an inner node is none".into()));
        };
        let mut children = [None; 16];
        for (nibble, child) in node.children_sorted() {
            let child = Child {
                hash: child.hash,
                version: child.version,
                is_leaf: child.is_leaf(),
            };
            children[usize::from(u8::from(nibble))] = Some(child);
        }
        Ok(Self(children))
    }

    /// The child that stands for a whole subtree of `width` children: the only one, if it is a leaf or the last.
    fn only_child(&self, start: usize, width: usize) -> Option<(usize, Child)> {
        let mut children = (start..start + width).filter_map(|index| Some((index, self.0[index]?)));
        let first = children.next()?;
        (children.next().is_none() && (first.1.is_leaf || width == 1)).then_some(first)
    }

    fn is_empty(&self, start: usize, width: usize) -> bool {
        self.0[start..start + width].iter().all(Option::is_none)
    }

    /// The hash of the subtree over `width` children.
    fn hash(&self, start: usize, width: usize) -> Hash {
        if self.is_empty(start, width) {
            return EMPTY_ROOT;
        }
        match self.only_child(start, width) {
            Some((_, child)) => child.hash,
            None => hash_of_node(
                &self.hash(start, width / 2),
                &self.hash(start + width / 2, width / 2),
            ),
        }
    }

    /// Halves the node towards a child, noting the other halves, until one child or none is left.
    fn narrow(&self, towards: usize, siblings: &mut Vec<Hash>) -> Option<(usize, Child)> {
        let (mut start, mut width) = (0, 16);
        while !self.is_empty(start, width) {
            if let Some(child) = self.only_child(start, width) {
                return Some(child);
            }
            width /= 2;
            let middle = start + width;
            if towards < middle {
                siblings.push(self.hash(middle, width));
            } else {
                siblings.push(self.hash(start, width));
                start = middle;
            }
        }
        None
    }
}

fn nibble(key: &Hash, index: usize) -> u8 {
    let byte = key[index / 2];
    if index.is_multiple_of(2) {
        byte >> 4
    } else {
        byte & 15
    }
}

/// Walks from the root towards a key.
pub(super) fn descend<S: MapStore>(
    store: &S,
    head: MapHead,
    key: &Hash,
) -> Result<Descent, MapError<S::Error>> {
    let mut siblings = Vec::new();
    if head.version == 0 {
        return Ok(Descent {
            end: None,
            siblings,
        });
    }
    let (mut version, mut path) = (head.version, Vec::new());
    while path.len() <= NIBBLES {
        let inner = match read(store, &store_key(version, &path))? {
            Stored::Leaf(named) => {
                return Ok(Descent {
                    end: Some(named),
                    siblings,
                });
            }
            Stored::Inner(node) => Inner::of(&node)?,
        };
        if path.len() == NIBBLES {
            break;
        }
        match inner.narrow(usize::from(nibble(key, path.len())), &mut siblings) {
            None => {
                return Ok(Descent {
                    end: None,
                    siblings,
                });
            }
            Some((index, child)) => {
                path.push(u8::try_from(index).expect("one of 16 children"));
                version = child.version;
            }
        }
    }
    Err(MapError::Damaged("a path is longer than its key".into()))
}

/// The entries with keys from `from` on, ascending by key: at most `limit` and the key of the one after them.
pub(super) fn list<S: MapStore>(
    store: &S,
    head: MapHead,
    from: &Hash,
    limit: usize,
) -> Result<MapChunk, MapError<S::Error>> {
    let first: Vec<u8> = (0..NIBBLES).map(|index| nibble(from, index)).collect();
    let mut entries = Vec::new();
    let mut pending = Vec::new();
    if head.version != 0 {
        pending.push((head.version, Vec::new()));
    }
    while let Some((version, path)) = pending.pop() {
        match read(store, &store_key(version, &path))? {
            Stored::Leaf(named) if key_of(named.id) < *from => {}
            Stored::Leaf(named) if entries.len() == limit => {
                return Ok(MapChunk {
                    entries,
                    next: Some(key_of(named.id)),
                });
            }
            Stored::Leaf(named) => entries.push((named.id, named.entry)),
            Stored::Inner(_) if path.len() == NIBBLES => {
                return Err(MapError::Damaged("a path is longer than its key".into()));
            }
            Stored::Inner(node) => {
                let children = Inner::of(&node)?.0;
                for (index, child) in (0_u8..16).zip(children).rev() {
                    let path = [&path[..], &[index]].concat();
                    // Below a path that is smaller than the start of `from`, all keys are smaller.
                    if let Some(child) = child.filter(|_| path[..] >= first[..path.len()]) {
                        pending.push((child.version, path));
                    }
                }
            }
        }
    }
    Ok(MapChunk {
        entries,
        next: None,
    })
}
