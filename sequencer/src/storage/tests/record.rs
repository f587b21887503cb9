use std::{
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

/// Copies a directory, but of a journal only what is written and a few of the zeros behind it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            let mut bytes = fs::read(&path).unwrap();
            if path.extension().is_some_and(|extension| extension == "jnl") {
                bytes.truncate(written(&bytes) + 64);
            }
            fs::write(target, bytes).unwrap();
        }
    }
}

fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Flips a byte of one file at many places and checks that the record is either the newest one or
/// reported as damaged, also when asked a second time.
fn flip(original: &Path, file: &Path, places: impl Iterator<Item = usize>, newest: u64) -> usize {
    let mut refused = 0;
    for place in places {
        let damaged = tempfile::tempdir().unwrap();
        copy(original, damaged.path());
        let path = damaged.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[place] ^= 0xff;
        fs::write(&path, bytes).unwrap();
        for _ in 0..2 {
            match Storage::open(damaged.path(), &identity(0)) {
                Ok(storage) => assert_eq!(
                    storage.record().unwrap(),
                    Some(record(newest)),
                    "byte {place} of {}",
                    file.display()
                ),
                Err(_) => refused += 1,
            }
        }
    }
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
    let file = PathBuf::from("db/0.jnl");
    let length = written(&fs::read(directory.path().join(&file)).unwrap());
    let refused = flip(directory.path(), &file, (0..length).step_by(23), 3);
    assert!(refused > 50, "{refused} of {length}");
}

#[test]
fn no_flipped_byte_of_a_table_brings_an_old_record_back() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    for view in 1..=3 {
        put(&storage, view);
        storage.0.spaces.get(Space::Record).rotate_memtable_and_wait().unwrap();
    }
    let keyspace = storage.0.spaces.get(Space::Record).path().to_owned();
    drop(storage);
    let root = fs::canonicalize(directory.path()).unwrap();
    let keyspace = fs::canonicalize(keyspace).unwrap();
    for entry in fs::read_dir(keyspace.join("tables")).unwrap() {
        let path = entry.unwrap().path();
        let length = fs::read(&path).unwrap().len();
        let file = path.strip_prefix(&root).unwrap();
        flip(&root, file, (0..length).step_by(41), 3);
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
