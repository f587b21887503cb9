//! Opening a data directory, or refusing to.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use borsh::{BorshDeserialize, BorshSerialize};
use fjall::{CompressionType, Database};
use hotshot::EpochInfo;
use hotshot_types::{Hash, Height, PublicKey, SealedHeader, codec};

use super::{
    Batch, Durability, Identity, Inner, Progress, Storage, StorageError, StorageMetrics, files,
    owner,
    record::RECORD_KEY,
    retention, spaces,
    spaces::{Space, Spaces},
    standing::RETURN_KEY,
    witness::{self, Witness},
};

/// The version of everything this module and its children write.
const SCHEMA: u32 = 1;

const SCHEMA_KEY: &[u8] = b"schema";
const OWNER_KEY: &[u8] = b"owner";
pub(super) const TIP_KEY: &[u8] = b"tip";
pub(super) const MAP_KEY: &[u8] = b"map";
pub(super) const INDEXED_KEY: &[u8] = b"indexed";

const CACHE_BYTES: u64 = 32 << 20;
/// Above it what keeps the oldest journal alive is flushed: what a start has to read again.
const JOURNAL_BYTES: u64 = 128 << 20;
/// With more the engine's first worker passes compactions on to the others by asking again and
/// again, a core's worth of it while one of them is at work.
const WORKERS: usize = 1;

/// [`Identity`] as it is stored.
#[derive(Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Owner {
    chain_domain: Hash,
    genesis: Hash,
    key: Option<PublicKey>,
}

impl Storage {
    /// Opens the data directory, or makes one.
    ///
    /// # Errors
    /// A directory that is in use, belongs to another network or node, or is damaged; a safety
    /// record that is damaged or older than one that was written.
    pub fn open(directory: &Path, identity: &Identity) -> Result<Self, StorageError> {
        let lock = lock(directory)?;
        let witness = witness::look(directory, &directory.join("db"), identity)?;
        let (storage, adopted) = Self::open_database(directory, identity, lock, witness)?;
        // A follower signed nothing, so its record says nothing about the key.
        let witness = if adopted {
            storage.give_up_record(witness)?
        } else {
            witness
        };
        storage.check_record(witness)?;
        owner::keep(directory, identity.key)?;
        Ok(storage)
    }

    /// Opens the data directory of a node that gives its safety record up. The key counts as one
    /// without a record from here on (K3): it must not sign before two epochs have passed.
    ///
    /// # Errors
    /// As [`Self::open`], but for the record.
    pub fn open_without_record(
        directory: &Path,
        identity: &Identity,
    ) -> Result<Self, StorageError> {
        let lock = lock(directory)?;
        let database = directory.join("db");
        let witness = witness::look_past_damage(directory, &database, identity)?;
        let (storage, _) = Self::open_database(directory, identity, lock, witness)?;
        storage.give_up_record(witness)?;
        owner::keep(directory, identity.key)?;
        Ok(storage)
    }

    /// Gives up the record of a key that turns out to have signed more than it says (K4).
    ///
    /// # Errors
    /// A failed write.
    pub fn forget_record(&self) -> Result<(), StorageError> {
        let seen = *self.record_sequence();
        let given_up = Witness { seen, given_up: 0 };
        self.give_up_record(given_up).map(|_| ())
    }

    /// Drops the record first: a crash in between leaves a record that is missing, never one that
    /// counts again.
    fn give_up_record(&self, witness: Witness) -> Result<Witness, StorageError> {
        let here = self
            .numbered_record()
            .ok()
            .flatten()
            .map_or(0, |numbered| numbered.sequence);
        let last = witness.seen.max(here);
        let mut batch = self.batch();
        batch.remove(Space::Record, RECORD_KEY);
        // It was found for the record that is lost now.
        batch.remove(Space::Meta, RETURN_KEY);
        self.commit(batch, Durability::Synced)?;
        let witness = Witness {
            seen: last,
            given_up: last,
        };
        witness::keep(self.directory(), witness)?;
        *self.record_sequence() = last;
        Ok(witness)
    }

    fn open_database(
        directory: &Path,
        identity: &Identity,
        lock: File,
        witness: Witness,
    ) -> Result<(Self, bool), StorageError> {
        let storage = Self::open_unread(directory, identity, lock, witness)?;
        let adopted = storage.check_owner()?;
        let progress = storage.read_progress()?;
        *storage.progress() = progress;
        retention::restore(&storage)?;
        Ok((storage, adopted))
    }

    /// The engine alone: nothing in the database has been looked at.
    pub(super) fn open_unread(
        directory: &Path,
        identity: &Identity,
        lock: File,
        witness: Witness,
    ) -> Result<Self, StorageError> {
        let path = directory.join("db");
        if witness.seen == 0 && path.exists() && witness::is_blank(&path)? {
            fs::remove_dir_all(&path).map_err(StorageError::io(&path))?;
        }
        files::check_lists(&path)?;
        let index_cutoff = Arc::new(AtomicU64::new(0));
        let (database, spaces) = open_engine(&path, Arc::clone(&index_cutoff))?;
        Ok(Self(Arc::new(Inner {
            identity: *identity,
            directory: directory.to_owned(),
            record_sequence: Mutex::new(witness.seen),
            progress: Mutex::default(),
            recent_index: super::index::Recent::default(),
            index_cutoff,
            unreadable: Mutex::default(),
            metrics: StorageMetrics::new(),
            spaces,
            database,
            _lock: lock,
        })))
    }

    /// Makes the directory ours if it is new, or checks that it is. Whether a follower's became a
    /// validator's.
    fn check_owner(&self) -> Result<bool, StorageError> {
        let expected = Owner {
            chain_domain: self.identity().chain_domain,
            genesis: self.identity().genesis,
            key: self.identity().key,
        };
        let Some(schema) = self.get(Space::Meta, SCHEMA_KEY)? else {
            self.write_owner(&expected)?;
            return Ok(false);
        };
        let schema = decode::<u32>("schema", &schema)?;
        if schema != SCHEMA {
            return Err(StorageError::Schema {
                found: schema,
                expected: SCHEMA,
            });
        }
        let owner = self.get(Space::Meta, OWNER_KEY)?;
        let owner = owner.ok_or_else(|| StorageError::damaged("owner", "missing"))?;
        let found: Owner = decode("owner", &owner)?;
        let path = self.directory().to_owned();
        if found.chain_domain != expected.chain_domain {
            return Err(StorageError::OtherNetwork {
                path,
                found: found.chain_domain,
                expected: expected.chain_domain,
            });
        }
        if found.genesis != expected.genesis {
            return Err(StorageError::OtherGenesis {
                path,
                found: found.genesis,
                expected: expected.genesis,
            });
        }
        match (found.key, expected.key) {
            (found, expected) if found == expected => Ok(false),
            (None, Some(_)) => {
                self.write_owner(&expected)?;
                Ok(true)
            }
            (found, expected) => Err(StorageError::OtherNode {
                path,
                found: name(found),
                expected: name(expected),
            }),
        }
    }

    fn write_owner(&self, owner: &Owner) -> Result<(), StorageError> {
        let mut batch = self.batch();
        batch.put(Space::Meta, SCHEMA_KEY, codec::encode(&SCHEMA));
        batch.put(Space::Meta, OWNER_KEY, codec::encode(owner));
        self.commit(batch, Durability::Synced)
    }

    pub(super) fn check_record(&self, witness: Witness) -> Result<(), StorageError> {
        let sequence = self
            .numbered_record()?
            .map_or(0, |numbered| numbered.sequence);
        if witness.is_bound() && sequence < witness.seen {
            return Err(StorageError::RecordDamaged(format!(
                "record {} was written, and the newest left is {sequence}",
                witness.seen
            )));
        }
        *self.record_sequence() = sequence.max(witness.seen);
        Ok(())
    }

    fn read_progress(&self) -> Result<Progress, StorageError> {
        let Some(tip) = self.get(Space::Meta, TIP_KEY)? else {
            return Ok(Progress::default());
        };
        let (height, hash): (Height, Hash) = decode("tip", &tip)?;
        let header = self.header(height)?;
        let header = header.filter(|header| header.hash() == hash);
        let header = header.ok_or_else(|| StorageError::damaged("tip", "its header is missing"))?;
        Ok(Progress {
            tip: Some((height, hash)),
            history: self.read_history(&header)?,
            map: self.read_height(MAP_KEY)?,
            indexed: self.read_height(INDEXED_KEY)?,
        })
    }

    pub(super) fn read_height(&self, name: &'static [u8]) -> Result<Height, StorageError> {
        match self.get(Space::Meta, name)? {
            None => Ok(Height(0)),
            Some(bytes) => decode("height", &bytes),
        }
    }

    /// Writes the genesis block and the first epochs, unless they are there.
    ///
    /// # Errors
    /// A genesis block that is not the identity's, or a failed write.
    pub fn initialize(
        &self,
        genesis: &SealedHeader,
        epochs: &[EpochInfo],
    ) -> Result<(), StorageError> {
        if self.progress().tip.is_some() {
            return Ok(());
        }
        if genesis.height != Height(0) || genesis.hash() != self.identity().genesis {
            return Err(StorageError::OutOfOrder(format!(
                "block {} at height {} is not this network's genesis",
                genesis.hash(),
                genesis.height
            )));
        }
        let mut batch: Batch = self.batch();
        batch.put_genesis(genesis);
        for info in epochs {
            batch.put_epoch(info);
        }
        self.commit(batch, Durability::Synced)
    }
}

fn name(key: Option<PublicKey>) -> String {
    key.map_or_else(
        || "a follower without a key".into(),
        |key| format!("validator {key}"),
    )
}

pub(super) fn decode<T: BorshDeserialize>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, StorageError> {
    codec::decode(bytes).map_err(|error| StorageError::undecodable(what, &error))
}

/// Whether a process has the data directory open. A node that starts in the very moment of
/// the question may be refused.
///
/// # Errors
/// A lock that can't be looked at.
pub fn is_in_use(directory: &Path) -> Result<bool, StorageError> {
    let path = directory.join("lock");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(StorageError::io(path)(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(StorageError::io(path)(error)),
    }
}

pub(super) fn lock(directory: &Path) -> Result<File, StorageError> {
    fs::create_dir_all(directory).map_err(StorageError::io(directory))?;
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StorageError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::Locked {
            path: directory.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(StorageError::io(path)(error)),
    }
}

/// Opens the engine on a thread of its own, because it answers some kinds of damage with a panic.
fn open_engine(
    path: &Path,
    index_cutoff: Arc<AtomicU64>,
) -> Result<(Database, Spaces), StorageError> {
    let corrupt = |reason: String| StorageError::Corrupt {
        path: path.to_owned(),
        reason,
    };
    let builder = Database::builder(path)
        .cache_size(CACHE_BYTES)
        .worker_threads(WORKERS)
        .max_journaling_size(JOURNAL_BYTES)
        // Compressed records would hide from the witness.
        .journal_compression(CompressionType::None)
        .with_compaction_filter_factories(Arc::new(spaces::filters(index_cutoff)));
    let opening = std::thread::Builder::new()
        .name("storage-open".into())
        .spawn(move || {
            let database = builder.open()?;
            let spaces = Spaces::open(&database)?;
            Ok((database, spaces))
        });
    let opened = opening.map_err(StorageError::io(path))?.join();
    match opened {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(fjall::Error::Io(source))) => Err(StorageError::io(path)(source)),
        Ok(Err(fjall::Error::Locked)) => Err(StorageError::Locked {
            path: path.to_owned(),
        }),
        Ok(Err(error)) => Err(corrupt(error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(corrupt(text.unwrap_or("the engine gave up").into()))
        }
    }
}
