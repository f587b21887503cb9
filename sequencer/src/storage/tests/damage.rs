//! A flipped byte anywhere in a real directory is harmless, named, or refused; and what is refused
//! can be built anew around the record.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hotshot_types::Height;

use super::{
    chain::record,
    real::Chain,
    snapshot::{fill, identity, restore, snapshot, verify},
};
use crate::storage::{Durability, Rescue, Storage, StorageError, spaces::Space};

/// Places tried in each file; `cargo xtask corrupt` tries more, on a larger directory.
const PLACES: usize = 3;
/// How many directories of each kind of damage are built anew.
const REBUILT: usize = 3;

/// A validator's directory whose data is in tables, with a record in the journal behind them.
fn directory(chain: &Chain) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let storage = fill(&directory.path().join("db"), chain);
    let put = |view| {
        let mut batch = storage.batch();
        batch.put_record(&record(view));
        storage.commit(batch, Durability::Synced).unwrap();
    };
    put(1);
    for space in Space::ALL {
        let keyspace = storage.0.spaces.get(space);
        keyspace.rotate_memtable_and_wait().unwrap();
    }
    put(2);
    put(3);
    directory
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// A copy; the engine keeps its lock on a directory that it failed to open.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for path in files(from) {
        let target = to.path().join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        // Of a journal what is written, and a few of the zeros behind it.
        if path.extension().is_some_and(|extension| extension == "jnl") {
            bytes.truncate(written(&bytes) + 64);
        }
        fs::write(target, bytes).unwrap();
    }
    // Folders without a file matter to the engine too.
    for keyspace in fs::read_dir(from.join("db/db/keyspaces")).unwrap() {
        let name = keyspace.unwrap().file_name();
        for folder in ["tables", "blobs"] {
            if from
                .join("db/db/keyspaces")
                .join(&name)
                .join(folder)
                .exists()
            {
                let folder = to.path().join("db/db/keyspaces").join(&name).join(folder);
                fs::create_dir_all(folder).unwrap();
            }
        }
    }
    to
}

fn written(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1 << (place % 8);
    fs::write(path, bytes).unwrap();
}

/// What a node and its tools make of a directory.
#[derive(Debug, PartialEq)]
enum Finding {
    Harmless,
    Named,
    Refused,
    RecordLost,
}

fn look(directory: &Path, chain: &Chain, what: &str) -> Finding {
    let database = directory.join("db");
    match Storage::open(&database, &identity(chain)) {
        Ok(storage) => {
            // Nothing is ever signed on an older record.
            assert_eq!(storage.record().unwrap(), Some(record(3)), "{what}");
            let verified = verify(&storage, chain);
            if verified.is_sound() {
                assert_eq!(storage.tip().unwrap().height, Height(10), "{what}");
                return Finding::Harmless;
            }
            Finding::Named
        }
        Err(StorageError::RecordDamaged(_)) => Finding::RecordLost,
        Err(error) => {
            assert!(
                matches!(
                    error,
                    StorageError::Corrupt { .. }
                        | StorageError::Damaged { .. }
                        | StorageError::Read(_)
                        | StorageError::Io { .. }
                        | StorageError::Schema { .. }
                ),
                "{what}: {error}"
            );
            Finding::Refused
        }
    }
}

#[test]
fn a_flipped_byte_in_any_file_is_harmless_named_or_refused() {
    let chain = Chain::sample();
    let original = directory(&chain);
    let bytes = snapshot(&chain);
    let (mut named, mut refused, mut lost) = (0, 0, 0);
    for path in files(original.path()) {
        let relative = path.strip_prefix(original.path()).unwrap();
        let end = written(&fs::read(&path).unwrap());
        let step = end.div_ceil(PLACES).max(1);
        for place in (0..end).step_by(step) {
            let changed = copy(original.path());
            flip(&changed.path().join(relative), place);
            let what = format!("byte {place} of {}", relative.display());
            let count = match look(changed.path(), &chain, &what) {
                Finding::Harmless => continue,
                Finding::Named => &mut named,
                Finding::Refused => &mut refused,
                Finding::RecordLost => &mut lost,
            };
            *count += 1;
            if *count <= REBUILT {
                rebuild(changed.path(), &bytes, &chain, &what);
            }
        }
    }
    assert!(
        named > 5 && refused > 5 && lost > 0,
        "{named} {refused} {lost}"
    );
}

/// Builds the directory anew; the record is the newest one or none.
fn rebuild(directory: &Path, snapshot: &[u8], chain: &Chain, what: &str) {
    // A process of its own would find the engine's lock free.
    let changed = copy(directory);
    let (database, new) = (changed.path().join("db"), changed.path().join("new"));
    restore(&new, snapshot, chain).unwrap();
    let (rescue, expected) = match Rescue::begin(&database, &identity(chain)) {
        Ok(rescue) => {
            assert!(rescue.has_record(), "{what}");
            (rescue, Some(record(3)))
        }
        Err(StorageError::RecordDamaged(_)) => {
            let rescue = Rescue::begin_without_record(&database, &identity(chain));
            (rescue.unwrap(), None)
        }
        Err(error) => panic!("{what}: {error}"),
    };
    let damaged = rescue.finish(&new).unwrap();
    assert!(damaged.exists() && !new.exists(), "{what}");
    let storage = Storage::open(&database, &identity(chain)).unwrap();
    assert_eq!(storage.record().unwrap(), expected, "{what}");
    let verified = verify(&storage, chain);
    assert!(verified.is_sound(), "{what}: {:?}", verified.faults);
}

#[test]
fn a_record_ahead_of_the_new_chain_is_not_put_there() {
    let chain = Chain::sample();
    let home = tempfile::tempdir().unwrap();
    let database = home.path().join("db");
    let storage = fill(&database, &chain);
    let mut batch = storage.batch();
    let ahead = hotshot::Record {
        anchor: storage.epoch_end(hotshot_types::Epoch(2)).unwrap(),
        entry: storage.resume(1).unwrap().record.entry,
        ..record(3)
    };
    batch.put_record(&ahead);
    storage.commit(batch, Durability::Synced).unwrap();
    drop(storage);

    let mut shorter = Chain::new();
    shorter.push(&[]);
    let new = home.path().join("new");
    restore(&new, &snapshot(&shorter), &chain).unwrap();
    let rescue = Rescue::begin(&database, &identity(&chain)).unwrap();
    assert_eq!(rescue.needs(), Height(8));
    let error = rescue.finish(&new).unwrap_err();
    assert!(matches!(error, StorageError::OutOfOrder(_)), "{error}");
    let storage = Storage::open(&database, &identity(&chain)).unwrap();
    assert_eq!(storage.record().unwrap(), Some(ahead));
}

#[test]
fn a_directory_in_use_is_not_rebuilt() {
    let chain = Chain::sample();
    let home = tempfile::tempdir().unwrap();
    let _storage = fill(&home.path().join("db"), &chain);
    let error = Rescue::begin(&home.path().join("db"), &identity(&chain)).unwrap_err();
    assert!(matches!(error, StorageError::Locked { .. }), "{error}");
}
