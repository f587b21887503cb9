//! Opening a data directory, or refusing to.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::Path,
    sync::Arc,
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use rollup_types::{Hash, Transition};

use super::{
    Block, CURSOR_KEY, HEAD_KEY, Inner, Spaces, Storage, StorageError,
    record::{decode, encode},
    state_key,
};

/// The version of everything this module and its siblings write.
const SCHEMA: u32 = 1;

const SCHEMA_KEY: &[u8] = b"schema";
const DEFINITION_KEY: &[u8] = b"definition";

const CACHE_BYTES: u64 = 64 << 20;
/// Above it what keeps the oldest journal alive is flushed: what a start has to read again.
const JOURNAL_BYTES: u64 = 256 << 20;
/// With more the engine's first worker passes compactions on to the others by asking again and again.
const WORKERS: usize = 1;

impl Storage {
    /// Opens the data directory, or makes one with the machine's block 0. RN1
    ///
    /// # Errors
    /// A directory that is in use, is of another definition or machine, or is damaged.
    pub(crate) fn open(
        directory: &Path,
        definition: Hash,
        genesis: &Transition,
    ) -> Result<Self, StorageError> {
        fs::create_dir_all(directory).map_err(StorageError::io(directory))?;
        let lock = lock(directory)?;
        let (database, spaces) = open_engine(&directory.join("db"))?;
        let storage = Self(Arc::new(Inner {
            directory: directory.to_owned(),
            spaces,
            database,
            _lock: lock,
        }));
        if storage.check_owner(definition)? {
            storage.check_genesis(genesis)?;
        } else {
            storage.initialize(definition, genesis)?;
        }
        Ok(storage)
    }

    /// Whether the directory is ours already.
    fn check_owner(&self, expected: Hash) -> Result<bool, StorageError> {
        let meta = |key| self.0.spaces.meta.get(key).map_err(StorageError::Read);
        let Some(schema) = meta(SCHEMA_KEY)? else {
            return Ok(false);
        };
        let schema: u32 = decode("schema", &schema)?;
        if schema != SCHEMA {
            return Err(StorageError::Schema {
                found: schema,
                expected: SCHEMA,
            });
        }
        let found = meta(DEFINITION_KEY)?;
        let found = found.ok_or_else(|| StorageError::damaged("the definition", "missing"))?;
        let found: Hash = decode("the definition", &found)?;
        if found != expected {
            return Err(StorageError::OtherDefinition {
                path: self.0.directory.clone(),
                found,
                expected,
            });
        }
        Ok(true)
    }

    fn check_genesis(&self, genesis: &Transition) -> Result<(), StorageError> {
        let stored = self.view().block(0)?;
        let stored = stored.ok_or_else(|| StorageError::damaged("block 0", "missing"))?;
        if stored.hash != genesis.hash {
            return Err(StorageError::OtherGenesis {
                path: self.0.directory.clone(),
                found: stored.hash,
                expected: genesis.hash,
            });
        }
        Ok(())
    }

    fn initialize(&self, definition: Hash, genesis: &Transition) -> Result<(), StorageError> {
        let Spaces {
            meta,
            state,
            blocks,
            ..
        } = &self.0.spaces;
        let block = Block {
            number: 0,
            hash: genesis.hash,
            parent: Hash::ZERO,
            state_root: genesis.state_root,
            height: 0,
            sequencer_block: Hash::ZERO,
            timestamp_ms: 0,
            l1_number: 0,
            pin: None,
            outcomes: Vec::new(),
            withdrawals: 0,
            messages: 0,
            message_block: 0,
        };
        let mut batch = self
            .0
            .database
            .batch()
            .durability(Some(PersistMode::SyncData));
        batch.insert(meta, SCHEMA_KEY, encode(&SCHEMA));
        batch.insert(meta, DEFINITION_KEY, encode(&definition));
        batch.insert(meta, HEAD_KEY, encode(&0_u64));
        batch.insert(meta, CURSOR_KEY, Vec::new());
        batch.insert(blocks, 0_u64.to_be_bytes(), encode(&block));
        for (key, value) in &genesis.writes {
            if let Some(value) = value {
                batch.insert(state, state_key(key), value.clone());
            }
        }
        batch.commit().map_err(StorageError::Failed)
    }
}

fn lock(directory: &Path) -> Result<File, StorageError> {
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
fn open_engine(path: &Path) -> Result<(Database, Spaces), StorageError> {
    let corrupt = |reason: String| StorageError::Corrupt {
        path: path.to_owned(),
        reason,
    };
    let builder = Database::builder(path)
        .cache_size(CACHE_BYTES)
        .worker_threads(WORKERS)
        .max_journaling_size(JOURNAL_BYTES);
    let opening = std::thread::Builder::new()
        .name("storage-open".into())
        .spawn(move || {
            let database = builder.open()?;
            let spaces = Spaces::open(&database)?;
            Ok((database, spaces))
        });
    match opening.map_err(StorageError::io(path))?.join() {
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

impl Spaces {
    fn open(database: &Database) -> fjall::Result<Self> {
        let open = |name: &str, mib: u64| -> fjall::Result<Keyspace> {
            database.keyspace(name, || {
                KeyspaceCreateOptions::default().max_memtable_size(mib << 20)
            })
        };
        Ok(Self {
            meta: open("meta", 2)?,
            state: open("state", 16)?,
            blocks: open("blocks", 8)?,
            places: open("places", 8)?,
            messages: open("messages", 8)?,
            undo: open("undo", 8)?,
            withdrawals: open("withdrawals", 2)?,
            range: open("range", 2)?,
            waiting: open("waiting", 8)?,
        })
    }
}
