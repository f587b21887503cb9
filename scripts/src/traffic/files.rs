//! Rollup traffic recorded elsewhere, read from a folder.
//!
//! `ethereum-transactions.json` holds raw signed transactions as hex under the key
//! `transactions`; every other `.bin` file is one transaction, such as a batch that a rollup
//! published.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use serde::Deserialize;

use super::{Rollup, namespace};

const TRANSACTIONS: &str = "ethereum-transactions.json";
/// Namespaces over which recorded transactions are spread.
const TRANSACTION_NAMESPACES: [u64; 3] = [10, 20, 30];
/// Namespace of the recorded batches.
const BATCH_NAMESPACE: u64 = 40;
/// The bound on what is read.
const MAX_FILE_BYTES: u64 = 64 << 20;

#[derive(Deserialize)]
struct Recorded {
    transactions: Vec<String>,
}

/// Reads the folder as rollups, each sending what was recorded once.
pub(crate) fn rollups(folder: &Path) -> Result<Vec<Rollup>> {
    let mut rollups = Vec::new();
    let path = folder.join(TRANSACTIONS);
    if path.exists() {
        let mut streams = vec![Vec::new(); TRANSACTION_NAMESPACES.len()];
        for (position, transaction) in transactions(&path)?.into_iter().enumerate() {
            streams[position % TRANSACTION_NAMESPACES.len()].push(transaction);
        }
        for (id, stream) in TRANSACTION_NAMESPACES.into_iter().zip(streams) {
            rollups.push(Rollup {
                namespace: namespace(id)?,
                transactions: Box::new(stream.into_iter()),
            });
        }
    }
    let batches = batches(folder)?;
    if !batches.is_empty() {
        let transactions = Box::new(batches.into_iter());
        rollups.push(Rollup {
            namespace: namespace(BATCH_NAMESPACE)?,
            transactions,
        });
    }
    ensure!(
        !rollups.is_empty(),
        "{} holds neither {TRANSACTIONS} nor a file that ends in .bin",
        folder.display()
    );
    Ok(rollups)
}

fn transactions(path: &Path) -> Result<Vec<Bytes>> {
    let text = String::from_utf8(read(path)?)
        .with_context(|| format!("{} is not text", path.display()))?;
    let recorded: Recorded = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a list of transactions", path.display()))?;
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (position, digits) in recorded.transactions.iter().enumerate() {
        let bytes = hex::decode(digits.strip_prefix("0x").unwrap_or(digits))
            .with_context(|| format!("transaction {position} of {} is not hex", path.display()))?;
        // A transaction is ordered once, however often it was recorded.
        if !bytes.is_empty() && seen.insert(bytes.clone()) {
            found.push(Bytes::from(bytes));
        }
    }
    Ok(found)
}

fn batches(folder: &Path) -> Result<Vec<Bytes>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "bin") {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .iter()
        .map(|path| Ok(Bytes::from(read(path)?)))
        .collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let size = fs::metadata(path)
        .with_context(|| format!("cannot read {shown}"))?
        .len();
    ensure!(
        size <= MAX_FILE_BYTES,
        "{shown} is larger than {MAX_FILE_BYTES} bytes"
    );
    fs::read(path).with_context(|| format!("cannot read {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_traffic_is_spread_over_namespaces_without_repeats() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let json = r#"{"transactions": ["0x01", "02", "0x03", "0x04", "0x01"], "source": "test"}"#;
        fs::write(folder.path().join(TRANSACTIONS), json)?;
        fs::write(folder.path().join("b.bin"), [8])?;
        fs::write(folder.path().join("a.bin"), [7])?;
        fs::write(folder.path().join("README.md"), "ignored")?;
        let found: Vec<(u64, Vec<Bytes>)> = rollups(folder.path())?
            .into_iter()
            .map(|rollup| (rollup.namespace.get(), rollup.transactions.collect()))
            .collect();
        let bytes = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| Bytes::from(vec![*byte]))
                .collect::<Vec<_>>()
        };
        let expected = [
            (10, bytes(&[1, 4])),
            (20, bytes(&[2])),
            (30, bytes(&[3])),
            (40, bytes(&[7, 8])),
        ];
        assert_eq!(found, expected);
        Ok(())
    }

    #[test]
    fn folder_without_traffic_and_malformed_files_are_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(rollups(folder.path()).is_err());
        fs::write(
            folder.path().join(TRANSACTIONS),
            r#"{"transactions": ["0xzz"]}"#,
        )?;
        let error = rollups(folder.path()).err().context("it is not hex")?;
        assert!(format!("{error:#}").contains("transaction 0"), "{error:#}");
        Ok(())
    }
}
