//! The namespace maps of blocks that are not settled, as layers above the stored one.

use std::{collections::BTreeMap, sync::Arc};

use da::{BlockStamp, MapHead, MapStore, MapUpdate};
use hotshot_types::{Hash, Header, Height};

use crate::storage::{MapReader, Storage, StorageError};

/// The settled block that everything else stands on.
#[derive(Clone, Debug)]
pub(super) struct Base {
    height: Height,
    hash: Hash,
    head: MapHead,
}

impl Base {
    /// The highest block whose map is stored.
    pub(super) fn stored(storage: &Storage) -> Result<Self, StorageError> {
        let height = storage.map_height();
        let (Some(header), Some(head)) = (storage.header(height)?, storage.map_head(height)?)
        else {
            return Err(StorageError::OutOfOrder(format!(
                "the namespace map is stored up to height {height}, but that block is not"
            )));
        };
        Ok(Self {
            height,
            hash: header.hash(),
            head,
        })
    }

    pub(super) fn new(height: Height, hash: Hash, head: MapHead) -> Self {
        Self { height, hash, head }
    }

    pub(super) fn height(&self) -> Height {
        self.height
    }

    pub(super) fn hash(&self) -> Hash {
        self.hash
    }

    pub(super) fn head(&self) -> MapHead {
        self.head
    }
}

/// What a block changes in the map, ready to be read through.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    pub(super) update: Arc<MapUpdate>,
    puts: Arc<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Overlay {
    pub(super) fn new(update: MapUpdate) -> Self {
        Self {
            puts: Arc::new(update.puts.iter().cloned().collect()),
            update: Arc::new(update),
        }
    }
}

/// The overlays from a block down to the base, then the database.
pub(super) struct Layers {
    pub(super) overlays: Vec<Overlay>,
    pub(super) stored: MapReader,
}

impl MapStore for Layers {
    type Error = StorageError;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        for overlay in &self.overlays {
            if let Some(value) = overlay.puts.get(key) {
                return Ok(Some(value.clone()));
            }
        }
        self.stored.get(key)
    }
}

/// What a block adds to each of its namespaces' accumulators.
pub(super) fn stamp(header: &Header) -> BlockStamp {
    BlockStamp {
        height: header.height.0,
        timestamp_ms: header.timestamp_ms.0,
        l1_number: header.l1_finalized.number,
    }
}
