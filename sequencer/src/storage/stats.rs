//! What a database holds, in numbers.

use hotshot_types::{Epoch, Height};
use serde::Serialize;

use super::{Cutoffs, Storage, StorageError, spaces::Space};

/// What a database holds.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// The highest final block.
    pub tip: Height,
    /// Its epoch.
    pub epoch: Epoch,
    /// The highest block whose namespace map is stored.
    pub map_height: Height,
    /// The highest block that is indexed.
    pub indexed_height: Height,
    /// What was dropped below which heights.
    pub cutoffs: Cutoffs,
    /// Bytes on disk, the journal included.
    pub disk_bytes: u64,
    /// The keyspaces.
    pub keyspaces: Vec<KeyspaceStats>,
}

/// What one keyspace holds.
#[derive(Clone, Debug, Serialize)]
pub struct KeyspaceStats {
    /// Its name.
    pub name: &'static str,
    /// Entries that can be read.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Bytes of its files; what is only in the journal has none.
    pub file_bytes: u64,
    /// Why not everything could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Storage {
    /// Counts everything; reads all keys. Calls `look` before each keyspace.
    ///
    /// # Errors
    /// No genesis block yet, or a read that fails. What can't be read of a keyspace is in its
    /// numbers instead.
    pub fn stats(&self, mut look: impl FnMut(&'static str)) -> Result<Stats, StorageError> {
        let tip = self.tip()?;
        let keyspaces = Space::ALL
            .into_iter()
            .map(|space| {
                look(space.name());
                self.keyspace_stats(space)
            })
            .collect();
        Ok(Stats {
            tip: tip.height,
            epoch: tip.epoch,
            map_height: self.map_height(),
            indexed_height: self.indexed_height(),
            cutoffs: self.cutoffs()?,
            disk_bytes: self.disk_bytes()?,
            keyspaces,
        })
    }

    fn keyspace_stats(&self, space: Space) -> KeyspaceStats {
        let keyspace = self.0.spaces.get(space);
        let mut stats = KeyspaceStats {
            name: space.name(),
            entries: 0,
            bytes: 0,
            file_bytes: keyspace.disk_space(),
            error: None,
        };
        for guard in keyspace.iter() {
            match guard.into_inner() {
                Ok((key, value)) => {
                    stats.entries += 1;
                    stats.bytes += (key.len() + value.len()) as u64;
                }
                Err(error) => {
                    stats.error = Some(error.to_string());
                    break;
                }
            }
        }
        stats
    }
}
