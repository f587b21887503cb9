//! A process that is killed while it writes must find everything it was told is written.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use hotshot_types::{Height, Round};

use super::chain::{decide, next, open, record, unsigned};
use crate::storage::{Durability, Storage};

const DIRECTORY: &str = "STORAGE_CRASH_DIRECTORY";

/// The payload of a height: long enough to be cut in the middle.
fn payload(height: Height) -> Bytes {
    Bytes::from(vec![height.0.to_le_bytes()[0]; 100_000])
}

/// The part of the child. It writes blocks as the consensus loop and its workers do, and prints
/// each height after the synced commit returned.
#[test]
#[ignore = "run by the crash test, as a process of its own"]
fn writes_until_killed() {
    let Some(directory) = env::var_os(DIRECTORY) else {
        return;
    };
    let storage = open(Path::new(&directory));
    loop {
        let block = Arc::new(next(&storage, 0));
        let worker = std::thread::spawn({
            let (storage, block) = (storage.clone(), Arc::clone(&block));
            move || {
                let mut batch = storage.batch();
                batch.put_payload(&block, payload(block.height));
                storage.commit(batch, Durability::Buffered).unwrap();
            }
        });
        let mut batch = storage.batch();
        batch.put_pending(&block);
        batch.put_record(&record(2 * block.height.0));
        storage.commit(batch, Durability::Synced).unwrap();
        worker.join().unwrap();
        let mut batch = storage.batch();
        decide(&mut batch, &block, &unsigned(&block));
        batch.put_record(&record(2 * block.height.0 + 1));
        storage.commit(batch, Durability::Synced).unwrap();
        println!("\nwritten {}", block.height);
        std::io::stdout().flush().unwrap();
    }
}

fn start(directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([
            "storage::tests::crash::writes_until_killed",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills the child after it wrote so many more blocks; returns the last height it reported.
fn run(directory: &Path, blocks: usize) -> u64 {
    let mut child = start(directory);
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut last = 0;
    let mut seen = 0;
    for line in stdout.lines() {
        if let Some(height) = line.unwrap().strip_prefix("written ") {
            last = height.parse().unwrap();
            seen += 1;
            if seen == blocks {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    assert!(
        seen >= blocks,
        "the child wrote {seen} blocks and ended by itself"
    );
    last
}

fn check(storage: &Storage, reported: u64) {
    let resume = storage.resume(10).unwrap();
    let tip = resume.tip.height.0;
    assert!(tip >= reported, "{reported} was reported, {tip} is the tip");
    let Round { view, .. } = resume.record.last_timeout.unwrap();
    // The record of the tip, or that of the vote for the next block.
    assert!(
        view.0 == 2 * tip + 1 || view.0 == 2 * tip + 2,
        "tip {tip}, record {view}"
    );
    assert_eq!(resume.certificate.unwrap().height().0, tip);
    let mut parent = storage.header(Height(0)).unwrap().unwrap();
    for height in (1..=tip).map(Height) {
        let header = storage.header(height).unwrap().unwrap();
        assert_eq!(header.parent_hash, parent.hash());
        assert_eq!(storage.payload(&header).unwrap().unwrap(), payload(height));
        assert!(
            storage
                .header_proof(parent.height, height)
                .unwrap()
                .is_some()
        );
        parent = header;
    }
    assert!(
        resume
            .headers
            .iter()
            .all(|header| header.height.0 == tip + 1)
    );
}

#[test]
fn nothing_reported_as_written_is_lost_when_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    for blocks in [1, 7, 20, 3, 41, 12] {
        let reported = run(directory.path(), blocks);
        check(&open(directory.path()), reported);
    }
}
