//! A map from (transaction hash, namespace) that can also be asked by hash alone.
//!
//! A hash nearly always has one namespace, so the first needs no allocation.

use std::collections::HashMap;

use da::NamespaceId;

use super::TxHash;

#[derive(Debug)]
struct Places<V> {
    first: (NamespaceId, V),
    others: Vec<(NamespaceId, V)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct ByHash<V>(HashMap<TxHash, Places<V>>);

impl<V: Copy> ByHash<V> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// The value of the hash in this namespace.
    pub(super) fn get(&self, hash: &TxHash, namespace: NamespaceId) -> Option<V> {
        let places = self.0.get(hash)?;
        places
            .iter()
            .find_map(|(id, value)| (id == namespace).then_some(value))
    }

    /// The namespace and value of the hash that came first.
    pub(super) fn first(&self, hash: &TxHash) -> Option<(NamespaceId, V)> {
        self.0.get(hash).map(|places| places.first)
    }

    /// Sets a value; an earlier one stays.
    pub(super) fn insert(&mut self, hash: TxHash, namespace: NamespaceId, value: V) {
        match self.0.get_mut(&hash) {
            None => {
                let places = Places {
                    first: (namespace, value),
                    others: Vec::new(),
                };
                self.0.insert(hash, places);
            }
            Some(places) if places.iter().any(|(id, _)| id == namespace) => {}
            Some(places) => places.others.push((namespace, value)),
        }
    }

    /// Removes a value.
    pub(super) fn remove(&mut self, hash: &TxHash, namespace: NamespaceId) -> Option<V> {
        let places = self.0.get_mut(hash)?;
        if places.first.0 != namespace {
            let at = places.others.iter().position(|(id, _)| *id == namespace)?;
            return Some(places.others.remove(at).1);
        }
        let value = places.first.1;
        if places.others.is_empty() {
            self.0.remove(hash);
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
