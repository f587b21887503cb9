//! A map from (transaction hash, namespace) that can also be asked by hash alone.
//!
//! A hash nearly always has one namespace, so the first needs no allocation.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{Hash, Hasher},
};

use da::NamespaceId;

use super::TxHash;

/// A hash as a key: its first bytes are as random as all of them, and the map's own hash, keyed at
/// random, keeps whoever grinds them from filling one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(pub(super) TxHash);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let first: [u8; 8] = *self.0.first_chunk().expect("a hash has 32 bytes");
        state.write_u64(u64::from_le_bytes(first));
    }
}

#[derive(Debug)]
struct Places<V> {
    first: (NamespaceId, V),
    others: Vec<(NamespaceId, V)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct ByHash<V>(HashMap<Key, Places<V>>);

impl<V: Copy> ByHash<V> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// The value of the hash in this namespace.
    pub(super) fn get(&self, hash: &TxHash, namespace: NamespaceId) -> Option<V> {
        let places = self.0.get(&Key(*hash))?;
        places
            .iter()
            .find_map(|(id, value)| (id == namespace).then_some(value))
    }

    /// The namespace and value of the hash that came first.
    pub(super) fn first(&self, hash: &TxHash) -> Option<(NamespaceId, V)> {
        self.0.get(&Key(*hash)).map(|places| places.first)
    }

    /// Sets a value, unless there is one. Whether it did.
    pub(super) fn insert(&mut self, hash: TxHash, namespace: NamespaceId, value: V) -> bool {
        match self.0.entry(Key(hash)) {
            Entry::Vacant(vacant) => {
                vacant.insert(Places {
                    first: (namespace, value),
                    others: Vec::new(),
                });
                true
            }
            Entry::Occupied(mut occupied) => {
                let places = occupied.get_mut();
                let is_new = places.iter().all(|(id, _)| id != namespace);
                if is_new {
                    places.others.push((namespace, value));
                }
                is_new
            }
        }
    }

    /// Removes a value.
    pub(super) fn remove(&mut self, hash: &TxHash, namespace: NamespaceId) -> Option<V> {
        let Entry::Occupied(mut occupied) = self.0.entry(Key(*hash)) else {
            return None;
        };
        let places = occupied.get_mut();
        if places.first.0 != namespace {
            let at = places.others.iter().position(|(id, _)| *id == namespace)?;
            return Some(places.others.remove(at).1);
        }
        let value = places.first.1;
        if places.others.is_empty() {
            occupied.remove();
        } else {
            places.first = places.others.remove(0);
        }
        Some(value)
    }
}

impl<V: Copy> Places<V> {
    fn iter(&self) -> impl Iterator<Item = (NamespaceId, V)> + '_ {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}
