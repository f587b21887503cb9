use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::chain::{identity, open, record};
use crate::storage::{Durability, Storage, StorageError, spaces::Space};

fn put(storage: &Storage, view: u64) {
    let mut batch = storage.batch();
    batch.put_record(&record(view));
    storage.commit(batch, Durability::Buffered).unwrap();
}

#[test]
fn the_newest_record_survives_a_reopen() {
    let directory = tempfile::tempdir().unwrap();
    for view in 1..4 {
        let storage = open(directory.path());
        let before = (view > 1).then(|| record(10 * (view - 1) + 1));
        assert_eq!(storage.record().unwrap(), before);
        put(&storage, 10 * view);
        put(&storage, 10 * view + 1);
    }
}

#[test]
fn a_batch_with_a_record_is_synced_whatever_was_asked() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let before = storage.metrics().synced_commits();
    put(&storage, 1);
    assert_eq!(storage.metrics().synced_commits(), before + 1);
}

/// The files of a directory, of a journal only what is written and a few of the zeros behind it.
struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl Files {
    fn of(directory: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut directories = vec![directory.to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                    continue;
                }
                let mut bytes = fs::read(&path).unwrap();
                if path.extension().is_some_and(|extension| extension == "jnl") {
                    bytes.truncate(written(&bytes) + 64);
                }
                files.insert(path, bytes);
            }
        }
        Self(files)
    }

    /// Puts everything back. The engine leaks its lock when it fails to open, so that file is made
    /// anew.
    fn restore(&self, directory: &Path) {
        for (path, now) in Self::of(directory).0 {
            let is_lock = path.file_name().is_some_and(|name| name == "lock");
            if is_lock || self.0.get(&path) != Some(&now) {
                fs::remove_file(&path).unwrap();
            }
        }
        for (path, bytes) in &self.0 {
            if !path.exists() {
                fs::write(path, bytes).unwrap();
            }
        }
    }
}

fn written(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

/// Flips a byte of one file at many places and checks that the record is either the newest one or
/// refused, and if it is called damaged, that it is so again when asked a second time. Returns how
/// often it was refused.
fn flip(directory: &Path, file: &Path, step: usize, newest: u64) -> usize {
    let files = Files::of(directory);
    let original = &files.0[file];
    let open = || Storage::open(directory, &identity(0));
    let mut refused = 0;
    for place in (0..written(original)).step_by(step) {
        files.restore(directory);
        let mut bytes = original.clone();
        bytes[place] ^= 0xff;
        fs::write(file, bytes).unwrap();
        match open() {
            Ok(storage) => {
                let found = storage.record().unwrap();
                assert_eq!(
                    found,
                    Some(record(newest)),
                    "byte {place} of {}",
                    file.display()
                );
            }
            Err(StorageError::RecordDamaged(_)) => {
                refused += 1;
                assert!(matches!(open(), Err(StorageError::RecordDamaged(_))));
            }
            Err(_) => refused += 1,
        }
    }
    files.restore(directory);
    refused
}

#[test]
fn no_flipped_byte_of_the_journal_brings_an_old_record_back() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    for view in 1..=3 {
        put(&storage, view);
    }
    drop(storage);
    let journal = directory.path().join("db/0.jnl");
    let refused = flip(directory.path(), &journal, 37, 3);
    assert!(refused > 30, "{refused}");
}

#[test]
fn no_flipped_byte_of_a_table_brings_an_old_record_back() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    for view in 1..=3 {
        put(&storage, view);
        storage
            .0
            .spaces
            .get(Space::Record)
            .rotate_memtable_and_wait()
            .unwrap();
    }
    let keyspace = storage.0.spaces.get(Space::Record).path().to_owned();
    drop(storage);
    let keyspace = keyspace
        .strip_prefix(fs::canonicalize(directory.path()).unwrap())
        .unwrap();
    for entry in fs::read_dir(directory.path().join(keyspace).join("tables")).unwrap() {
        flip(directory.path(), &entry.unwrap().path(), 101, 3);
    }
}

#[test]
fn a_journal_cut_back_to_an_older_record_is_refused_until_the_record_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    put(&storage, 1);
    let journal = directory.path().join("db/0.jnl");
    let before = written(&fs::read(&journal).unwrap());
    put(&storage, 2);
    put(&storage, 3);
    drop(storage);

    // The first byte after record 1: the engine takes what follows for the end of the journal.
    let mut bytes = fs::read(&journal).unwrap();
    bytes[before] = 0xff;
    fs::write(&journal, bytes).unwrap();
    for _ in 0..2 {
        let error = Storage::open(directory.path(), &identity(0)).unwrap_err();
        assert!(matches!(error, StorageError::RecordDamaged(_)), "{error}");
    }

    let storage = Storage::open_without_record(directory.path(), &identity(0)).unwrap();
    assert_eq!(storage.record().unwrap(), None);
    assert!(!storage.resume(1).unwrap().has_record);
    drop(storage);
    let storage = open(directory.path());
    assert_eq!(storage.record().unwrap(), None);
    put(&storage, 9);
    drop(storage);
    assert_eq!(open(directory.path()).record().unwrap(), Some(record(9)));
}

#[test]
fn a_record_that_vanished_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    put(&storage, 1);
    drop(storage);
    fs::remove_dir_all(directory.path().join("db")).unwrap();
    let error = Storage::open(directory.path(), &identity(0)).unwrap_err();
    assert!(matches!(error, StorageError::RecordDamaged(_)), "{error}");
}

#[test]
fn a_record_of_another_key_does_not_open() {
    let sealed = crate::storage::record::seal(&identity(0), 1, &record(1));
    let open = |key| crate::storage::record::open_prefix(&identity(key), &sealed);
    assert!(open(0).is_ok());
    assert!(open(1).is_err());
}

#[test]
fn a_batch_whose_end_was_never_written_does_not_count() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    put(&storage, 1);
    put(&storage, 2);
    drop(storage);
    let journal = directory.path().join("db/0.jnl");
    let mut bytes = fs::read(&journal).unwrap();
    let end = written(&bytes);
    bytes[end - 13..end].fill(0);
    fs::write(&journal, bytes).unwrap();
    assert_eq!(open(directory.path()).record().unwrap(), Some(record(1)));
}
