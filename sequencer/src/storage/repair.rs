//! Building a database anew around its safety record.
//!
//! Everything but the record comes from peers or a snapshot and is checked on the way in. The
//! record can come from nowhere else: it is read, past any other damage, from the damaged
//! database, and only if the engine opens it, its seal is right and nothing knows of a newer one.
//! Any damage in its own store means that it is lost (K3).

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hotshot_types::Height;

use super::{
    Durability, Identity, Storage, StorageError,
    open::lock,
    record::Numbered,
    witness::{self, Witness},
};

/// How long a node that has been told to stop may hold on to its new database.
const PATIENCE: Duration = Duration::from_secs(20);

/// A damaged data directory, locked, and the record that was read from it.
#[derive(Debug)]
pub struct Rescue {
    directory: PathBuf,
    identity: Identity,
    record: Option<Numbered>,
    _lock: File,
}

impl Rescue {
    /// Locks a directory and reads its safety record.
    ///
    /// # Errors
    /// A directory in use; [`StorageError::RecordDamaged`] if the record of a validator can't be
    /// trusted.
    pub fn begin(directory: &Path, identity: &Identity) -> Result<Self, StorageError> {
        let lock = lock(directory)?;
        let record = match identity.key {
            // A follower signed nothing.
            None => None,
            Some(_) => read(directory, identity, &lock)?,
        };
        Ok(Self {
            directory: directory.to_owned(),
            identity: *identity,
            record,
            _lock: lock,
        })
    }

    /// Locks a directory whose record is given up: its key is one without a record from here on
    /// (K3).
    ///
    /// # Errors
    /// A directory in use.
    pub fn begin_without_record(
        directory: &Path,
        identity: &Identity,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            _lock: lock(directory)?,
            directory: directory.to_owned(),
            identity: *identity,
            record: None,
        })
    }

    /// Whether there is a record to keep.
    #[must_use]
    pub fn has_record(&self) -> bool {
        self.record.is_some()
    }

    /// The height that the new chain must have come to for the record to stand on it.
    #[must_use]
    pub fn needs(&self) -> Height {
        let anchor = self
            .record
            .as_ref()
            .and_then(|numbered| numbered.record.anchor.as_ref());
        anchor.map_or(Height(0), |end| end.header.height)
    }

    /// Puts the record into a new database, which was made as a follower's, and that into the
    /// place of the damaged one; returns where the damaged one is now.
    ///
    /// # Errors
    /// A new database that has not come as far as the record, or a disk that fails. The damaged
    /// one is then where it was. A crash in between leaves the key without a record, never with an
    /// older one.
    pub fn finish(self, new: &Path) -> Result<PathBuf, StorageError> {
        let storage = open_when_free(new, &self.identity)?;
        if let Some(numbered) = &self.record {
            storage.adopt(numbered)?;
        }
        drop(storage);
        let damaged = free_name(&self.directory);
        rename(&self.directory, &damaged)?;
        rename(new, &self.directory)?;
        if let Some(parent) = self.directory.parent() {
            let synced = File::open(parent).and_then(|parent| parent.sync_all());
            synced.map_err(StorageError::io(parent))?;
        }
        Ok(damaged)
    }
}

/// The record, with nothing else of the database looked at.
fn read(
    directory: &Path,
    identity: &Identity,
    lock: &File,
) -> Result<Option<Numbered>, StorageError> {
    let witness = witness::look(directory, &directory.join("db"), identity)?;
    let lock = lock.try_clone().map_err(StorageError::io(directory))?;
    let storage = match Storage::open_unread(directory, identity, lock, witness) {
        Err(StorageError::Corrupt { path, reason }) => {
            return Err(StorageError::RecordDamaged(format!(
                "the database that holds it can't be opened: {}: {reason}",
                path.display()
            )));
        }
        opened => opened?,
    };
    storage.check_record(witness)?;
    storage.numbered_record()
}

/// The tasks of a node that followed into it may not have let go of it yet.
fn open_when_free(new: &Path, identity: &Identity) -> Result<Storage, StorageError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Storage::open(new, identity) {
            Err(StorageError::Locked { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            opened => return opened,
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), StorageError> {
    fs::rename(from, to).map_err(StorageError::io(from))
}

/// A name beside the directory that nothing has yet.
fn free_name(directory: &Path) -> PathBuf {
    (1_u64..)
        .map(|number| directory.with_extension(format!("damaged-{number}")))
        .find(|path| !path.exists())
        .expect("one of all numbers is free")
}

impl Storage {
    /// Writes a record that was kept from another database of this key, with a number of its own.
    fn adopt(&self, numbered: &Numbered) -> Result<(), StorageError> {
        let tip = self.tip()?.height;
        let record = &numbered.record;
        let epoch = record.epoch();
        let anchor = record.anchor.as_ref().map(|end| end.header.height);
        let is_far = anchor.is_none_or(|anchor| anchor <= tip)
            && self.epoch(epoch)?.is_some()
            && self.epoch(epoch.next())?.is_some();
        if !is_far {
            return Err(StorageError::OutOfOrder(format!(
                "the safety record stands in epoch {epoch}, the new database has only come to height {tip}"
            )));
        }
        {
            let mut last = self.record_sequence();
            *last = (*last).max(numbered.sequence);
            let witness = Witness {
                seen: *last + 1,
                given_up: 0,
            };
            witness::keep(self.directory(), witness)?;
        }
        let mut batch = self.batch();
        batch.put_record(record);
        self.commit(batch, Durability::Synced)
    }
}
