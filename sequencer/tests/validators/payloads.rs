//! What becomes of a validator whose stored payloads are damaged.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::network::{Network, Node, eventually};

/// The engine keeps up to 16 MiB of payloads in its journal before it writes files of them.
const TRANSACTIONS: u8 = 40;
const TRANSACTION_BYTES: usize = 1 << 20;
/// Less than what it then writes.
const FILE_BYTES: u64 = 8 << 20;
/// A byte is flipped in each stretch of this length, so that every payload of a file is hit.
const STRETCH: usize = 64 << 10;

#[test]
fn damaged_payloads_are_fetched_from_peers_again() {
    let mut network = Network::running_with(&["--retention.archive"]);
    let mut heights = Vec::new();
    for number in 0..TRANSACTIONS {
        let transaction = vec![number; TRANSACTION_BYTES];
        let answer = network.nodes[0].submit(7, &transaction);
        heights.push(answer["position"]["height"].as_u64().unwrap());
    }
    heights.dedup();
    let last = *heights.last().unwrap();
    eventually("the victim has it all", || {
        network.nodes[3].payload(last).0 == 200
    });
    // The engine writes files when it comes to it.
    let files = || blobs(&network.nodes[3].home.join("db/db"));
    let length = |path: &PathBuf| fs::metadata(path).map_or(0, |found| found.len());
    eventually("payloads are in files of their own", || {
        files().iter().map(length).sum::<u64>() > FILE_BYTES
    });
    let damaged = files();
    network.nodes[3].kill();
    for path in &damaged {
        let mut bytes = fs::read(path).unwrap();
        for byte in bytes.iter_mut().skip(STRETCH / 2).step_by(STRETCH) {
            *byte ^= 1;
        }
        fs::write(path, bytes).unwrap();
    }

    network.nodes[3].start();
    let victim = &mut network.nodes[3];
    eventually("it votes again", || {
        assert_eq!(victim.exit_code(), None, "{}", victim.log());
        victim.votes() > 0
    });
    let victim = &network.nodes[3];
    // Damage is noticed by whoever reads: the node itself where it indexes, else the first to ask.
    for height in heights {
        let expected = network.nodes[0].payload(height);
        assert_eq!(expected.0, 200);
        eventually("the payload is there again", || {
            victim.payload(height) == expected
        });
    }
    eventually("the damage hit a payload", || {
        victim
            .log()
            .contains("an unreadable payload was fetched again")
    });
}

/// Files of large values.
fn blobs(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(blobs(&path));
        } else if path
            .parent()
            .is_some_and(|folder| folder.ends_with("blobs"))
        {
            found.push(path);
        }
    }
    found
}

impl Node {
    /// Submits a transaction and waits until it is final; the answer.
    fn submit(&self, namespace: u64, transaction: &[u8]) -> serde_json::Value {
        let head = format!(
            "POST /v1/transactions?wait=finalized HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             x-namespace: {namespace}\r\ncontent-length: {}\r\n\r\n",
            transaction.len()
        );
        let mut answer = (0, Vec::new());
        // The node waits for a minute; whoever asks again submits nothing twice.
        eventually("it is final", || {
            answer = self.exchange(&[head.as_bytes(), transaction].concat());
            let (status, body) = &answer;
            assert!(
                [200, 202].contains(status),
                "{}",
                String::from_utf8_lossy(body)
            );
            *status == 200
        });
        serde_json::from_slice(&answer.1).unwrap()
    }

    /// Status and raw payload of a block.
    fn payload(&self, height: u64) -> (u16, Vec<u8>) {
        let request = format!(
            "GET /v1/blocks/{height}/payload HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             accept: application/octet-stream\r\n\r\n"
        );
        self.exchange(request.as_bytes())
    }
}
