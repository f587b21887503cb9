//! Reading, proving and changing the namespace map.

use std::collections::BTreeMap;
use std::convert::Infallible;

use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue};

use super::nodes::{Keccak, Named, Nodes, map_error};
use super::proof::AccumulatorProof;
use super::walk::{descend, list};
use super::{
    AccumulatorEntry, BlockStamp, MapError, MapHead, MapStore, MapUpdate, MemoryStore, key_of,
};
use crate::hash::Hash;
use crate::namespace::NamespaceLeaf;
use crate::payload::NamespaceId;

/// A part of the map in the order of its keys, for a node that joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapChunk {
    /// The entries, ascending by keccak(id).
    pub entries: Vec<(NamespaceId, AccumulatorEntry)>,
    /// The key from which the next chunk starts; nothing after the last chunk.
    pub next: Option<Hash>,
}

/// The namespace map after one block.
#[derive(Debug)]
pub struct NamespaceMap<'a, S> {
    store: &'a S,
    head: MapHead,
}

impl<'a, S: MapStore> NamespaceMap<'a, S> {
    /// The map with this head, read through the store of its chain.
    pub fn new(store: &'a S, head: MapHead) -> Self {
        Self { store, head }
    }

    /// Its head.
    pub fn head(&self) -> MapHead {
        self.head
    }

    /// The entry of a namespace; nothing when no block held it.
    pub fn get(&self, id: NamespaceId) -> Result<Option<AccumulatorEntry>, MapError<S::Error>> {
        let descent = descend(self.store, self.head, &key_of(id))?;
        Ok(descent
            .end
            .filter(|named| named.id == id)
            .map(|named| named.entry))
    }

    /// The entry of a namespace with its proof, or the proof that there is none.
    pub fn prove(&self, id: NamespaceId) -> Result<AccumulatorProof, MapError<S::Error>> {
        let descent = descend(self.store, self.head, &key_of(id))?;
        Ok(AccumulatorProof::of(id, descent))
    }

    /// The map after a block with these namespaces, ascending by id. The map itself is not changed: the caller keeps
    /// the update.
    pub fn update(
        &self,
        stamp: &BlockStamp,
        leaves: &[NamespaceLeaf],
    ) -> Result<MapUpdate, MapError<S::Error>> {
        if stamp.height <= self.head.version {
            return Err(MapError::Height {
                height: stamp.height,
                version: self.head.version,
            });
        }
        if leaves.is_empty() {
            return Ok(MapUpdate {
                head: self.head,
                puts: Vec::new(),
                stale: Vec::new(),
            });
        }
        if !leaves.is_sorted_by(|left, right| left.id < right.id) {
            return Err(MapError::Order);
        }
        let mut entries = BTreeMap::new();
        for leaf in leaves {
            let entry = self.get(leaf.id)?.unwrap_or_default().extended(stamp, leaf);
            let entry = entry.ok_or(MapError::Overflow(leaf.id))?;
            entries.insert(key_of(leaf.id), Named { id: leaf.id, entry });
        }
        self.write(stamp.height, &entries)
    }

    /// Sets entries, by key, at a version above the head's.
    fn write(
        &self,
        version: u64,
        entries: &BTreeMap<Hash, Named>,
    ) -> Result<MapUpdate, MapError<S::Error>> {
        let nodes = Nodes::new(self.store, self.head, version - 1);
        let values: Vec<(KeyHash, OwnedValue)> = entries
            .iter()
            .map(|(key, named)| (KeyHash(*key), named.entry.value().to_vec()))
            .collect();
        let tree = JellyfishMerkleTree::<_, Keccak>::new(&nodes);
        let (roots, batch) = tree
            .batch_put_value_sets(vec![values], None, version)
            .map_err(map_error)?;
        let root = roots
            .first()
            .ok_or_else(|| MapError::Damaged("an update has a root".into()))?
            .0;

        let mut puts = Vec::with_capacity(batch.node_batch.nodes().len());
        for (key, node) in batch.node_batch.nodes() {
            let value = nodes
                .encode(node, entries)
                .map_err(|error| MapError::Damaged(error.to_string()))?;
            puts.push((nodes.key(key), value));
        }
        let stale = batch
            .stale_node_index_batch
            .iter()
            .map(|stale| nodes.key(&stale.node_key))
            .collect();
        Ok(MapUpdate {
            head: MapHead { version, root },
            puts,
            stale,
        })
    }

    /// At most `limit` entries from a key on, in the order of their keys; `from` is 32 zero bytes at first.
    pub fn chunk(&self, from: Hash, limit: usize) -> Result<MapChunk, MapError<S::Error>> {
        list(self.store, self.head, &from, limit)
    }
}

impl MapUpdate {
    /// Makes a map from all its entries, strictly ascending by key as [`NamespaceMap::chunk`] lists them. Its root is
    /// to be compared with the header's; until then the entries are a peer's claim.
    ///
    /// `version` is that of the head that the entries came from.
    pub fn of_entries(
        version: u64,
        entries: &[(NamespaceId, AccumulatorEntry)],
    ) -> Result<Self, MapError<Infallible>> {
        if entries.is_empty() {
            return Ok(Self {
                head: MapHead::EMPTY,
                puts: Vec::new(),
                stale: Vec::new(),
            });
        }
        NamespaceMap::new(&MemoryStore::new(), MapHead::EMPTY).with_entries(version, entries)
    }
}

impl<S: MapStore> NamespaceMap<'_, S> {
    /// The map with these entries set, strictly ascending by key: how a map is made from its chunks one after the
    /// other, each at a version above the last. The root depends on the entries alone, not on versions or chunks.
    ///
    /// `version` must be above the head's.
    pub fn with_entries(
        &self,
        version: u64,
        entries: &[(NamespaceId, AccumulatorEntry)],
    ) -> Result<MapUpdate, MapError<S::Error>> {
        if version <= self.head.version {
            return Err(MapError::Height {
                height: version,
                version: self.head.version,
            });
        }
        if entries.is_empty() {
            return Ok(MapUpdate {
                head: self.head,
                puts: Vec::new(),
                stale: Vec::new(),
            });
        }
        let named: Vec<_> = entries
            .iter()
            .map(|(id, entry)| {
                (
                    key_of(*id),
                    Named {
                        id: *id,
                        entry: *entry,
                    },
                )
            })
            .collect();
        if !named.is_sorted_by(|left, right| left.0 < right.0) {
            return Err(MapError::Order);
        }
        self.write(version, &named.into_iter().collect())
    }
}
