//! A store in memory: for tests, simulations, and the overlay of a block that is not final.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::{MapStore, MapUpdate};

/// A [`MapStore`] that keeps everything in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStore {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes what an update puts. Older maps stay readable.
    pub fn apply(&mut self, update: &MapUpdate) {
        self.values.extend(update.puts.iter().cloned());
    }

    /// Drops what an update made stale. Maps before it are no longer readable.
    pub fn prune(&mut self, update: &MapUpdate) {
        for key in &update.stale {
            self.values.remove(key);
        }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl MapStore for MemoryStore {
    type Error = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.values.get(key).cloned())
    }
}
