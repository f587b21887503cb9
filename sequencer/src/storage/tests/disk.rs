//! A disk that takes no more.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use bytes::Bytes;

use super::chain::{next, open, record};
use crate::storage::{Durability, StorageError};

const DIRECTORY: &str = "STORAGE_FULL_DIRECTORY";

/// Sixteen of these are more than 64 MiB, and fifteen are less than what makes the engine go on in
/// another journal.
const LENGTH: usize = (4 << 20) + (4 << 10);

#[test]
#[ignore = "run by the test of a full disk, as a process of its own"]
fn fills_the_disk() {
    let Some(directory) = env::var_os(DIRECTORY) else {
        return;
    };
    let storage = open(Path::new(&directory));
    let mut batch = storage.batch();
    batch.put_record(&record(1));
    storage.commit(batch, Durability::Synced).unwrap();
    for salt in 0..100 {
        let mut batch = storage.batch();
        batch.put_payload(&next(&storage, salt), Bytes::from(vec![salt; LENGTH]));
        let Err(error) = storage.commit(batch, Durability::Buffered) else {
            continue;
        };
        assert!(matches!(error, StorageError::Failed(_)), "{error}");
        let mut batch = storage.batch();
        batch.put_record(&record(2));
        let error = storage.commit(batch, Durability::Synced).unwrap_err();
        assert!(matches!(error, StorageError::Failed(_)), "{error}");
        assert!(storage.commit(storage.batch(), Durability::Synced).is_err());
        assert_eq!(storage.record().unwrap(), Some(record(1)));
        println!("\nrefused");
        return;
    }
    panic!("no write failed");
}

#[test]
#[cfg(target_os = "linux")]
fn after_a_failed_write_nothing_is_accepted_and_the_last_record_stands() {
    let directory = tempfile::tempdir().unwrap();
    // A limit on the size of a file, in kilobytes and just above the 64 MiB that the journal
    // allocates at first, stands in for the full disk.
    let script = "trap '' XFSZ; ulimit -f 65537; exec \"$0\" \
        storage::tests::disk::fills_the_disk --exact --ignored --nocapture";
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(env::current_exe().unwrap())
        .env(DIRECTORY, directory.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("refused"),
        "{text}"
    );
    assert_eq!(open(directory.path()).record().unwrap(), Some(record(1)));
}
