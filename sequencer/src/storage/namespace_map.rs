//! The nodes and values of the namespace map (DA9) of final blocks.
//!
//! The maps of blocks that are not final are overlays in the host's memory. A block's update may
//! be written after the block itself: a finality certificate can be faster than a payload.

use da::{MapHead, MapStore, MapUpdate};
use fjall::Keyspace;
use hotshot_types::{Height, codec};

use super::{
    Batch, Storage, StorageError,
    open::decode,
    spaces::{Space, tagged},
};

/// Height -> the version of the map after that block.
const VERSION: u8 = b'h';
/// Height -> the keys that only maps before that block use.
const STALE: u8 = b's';

/// Reads the map's nodes and values.
#[derive(Clone)]
pub struct MapReader(Keyspace);

impl std::fmt::Debug for MapReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MapReader")
    }
}

impl MapStore for MapReader {
    type Error = StorageError;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let value = self.0.get(key).map_err(StorageError::Read)?;
        Ok(value.map(|value| value.to_vec()))
    }
}

impl Batch {
    /// The map after the final block at `height`, one call for each block, empty ones included.
    /// A node that joins with a copy of the map starts at the height of that copy.
    ///
    /// # Errors
    /// A height that is not above the last one, or that is not final: the caller is wrong.
    pub fn advance_map(&mut self, height: Height, update: &MapUpdate) -> Result<(), StorageError> {
        let last = self
            .changes
            .map
            .unwrap_or_else(|| self.storage.map_height());
        let tip = self.tip_height()?;
        if height <= last || height > tip {
            return Err(StorageError::OutOfOrder(format!(
                "a namespace map at height {height}, after {last}, with the tip at {tip}"
            )));
        }
        for (key, value) in &update.puts {
            self.put(Space::Map, key.as_slice(), value.as_slice());
        }
        if !update.stale.is_empty() {
            let key = tagged(STALE, height.0);
            self.put(Space::MapIndex, key, codec::encode(&update.stale));
        }
        let key = tagged(VERSION, height.0);
        self.put(Space::MapIndex, key, update.head.version.to_be_bytes());
        self.changes.map = Some(height);
        Ok(())
    }

    /// Puts a part of the map and drops what it replaces at once: no block stands between them.
    pub(super) fn replace_map(&mut self, update: &MapUpdate) {
        for key in &update.stale {
            self.remove(Space::Map, key.as_slice());
        }
        for (key, value) in &update.puts {
            self.put(Space::Map, key.as_slice(), value.as_slice());
        }
    }

    /// The map that is stored is the one after the block at `height`, and the index starts above.
    pub(super) fn stand_at(&mut self, height: Height, head: MapHead) {
        let key = tagged(VERSION, height.0);
        self.put(Space::MapIndex, key, head.version.to_be_bytes());
        self.changes.map = Some(height);
        self.start_index(height);
    }

    /// Deletes what only maps before `height` use.
    pub(super) fn drop_maps(
        &mut self,
        from: Height,
        height: Height,
        limit: usize,
    ) -> Result<(usize, Height), StorageError> {
        let space = self.storage.0.spaces.get(Space::MapIndex).clone();
        let mut removed = 0;
        for guard in space.range(tagged(STALE, from.0)..=tagged(STALE, height.0)) {
            let (key, value) = guard.into_inner().map_err(StorageError::Read)?;
            let at = Height(super::spaces::number_at("stale keys", &key, 1)?);
            if removed >= limit {
                return Ok((removed, at));
            }
            let stale: Vec<Vec<u8>> = decode("stale keys", &value)?;
            removed += stale.len();
            for key in stale {
                self.remove(Space::Map, key);
            }
            self.remove(Space::MapIndex, key);
        }
        Ok((removed, height))
    }
}

impl Storage {
    /// The highest block whose map is stored. After a restart the host continues from here.
    #[must_use]
    pub fn map_height(&self) -> Height {
        self.progress().map
    }

    /// The head of the map after the final block at a height: none above [`Self::map_height`] and
    /// none below what was pruned.
    ///
    /// # Errors
    /// A read that fails.
    pub fn map_head(&self, height: Height) -> Result<Option<MapHead>, StorageError> {
        if height > self.map_height() || height < self.cutoffs()?.map {
            return Ok(None);
        }
        if height == Height(0) {
            return Ok(Some(MapHead::EMPTY));
        }
        let Some(version) = self.get(Space::MapIndex, tagged(VERSION, height.0))? else {
            return Ok(None);
        };
        let Some(header) = self.header(height)? else {
            return Ok(None);
        };
        Ok(Some(MapHead {
            version: super::spaces::number_at("a map version", &version, 0)?,
            root: header.ns_acc_root.0,
        }))
    }

    /// The store below the overlays.
    #[must_use]
    pub fn map_store(&self) -> MapReader {
        MapReader(self.0.spaces.get(Space::Map).clone())
    }
}
