use std::path::PathBuf;

use bytes::Bytes;
use serde_json::Value;

use super::all;
use crate::accumulator::{AccumulatorEntry, AccumulatorProof};
use crate::hash::Hash;
use crate::namespace::{NamespaceProof, TransactionProof};
use crate::payload::NamespaceId;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name)
}

fn file(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Bytes {
    hex::decode(value.as_str().unwrap().strip_prefix("0x").unwrap())
        .unwrap()
        .into()
}

fn hash(value: &Value) -> Hash {
    bytes(value)[..].try_into().unwrap()
}

fn namespace(case: &Value) -> NamespaceId {
    NamespaceId::new(case["namespace"].as_str().unwrap().parse().unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn the_files_are_what_the_crate_computes() {
    // `cargo xtask vectors` and `WRITE_VECTORS=1 cargo test -p da` write them.
    for (name, contents) in all() {
        if std::env::var_os("WRITE_VECTORS").is_some() {
            std::fs::write(path(name), &contents).unwrap();
        }
        let file = std::fs::read_to_string(path(name)).unwrap();
        assert!(
            file == contents,
            "{name} differs: this changes the protocol, see README"
        );
    }
}

#[test]
fn the_invalid_payloads_of_the_files_are_refused() {
    let file = file("payload.json");
    assert!(
        list(&file, "invalid")
            .iter()
            .all(|case| case["refused"] == true)
    );
}

#[test]
fn the_proofs_of_the_files_verify() {
    for case in list(&file("namespaces.json"), "cases") {
        for proven in list(case, "proofs") {
            let proof: NamespaceProof = read(&proven["proof"]);
            let body = bytes(&proven["body"]);
            let verified = proof
                .verify(&hash(&case["ns_root"]), namespace(proven), &body)
                .unwrap();
            assert_eq!(verified.is_some(), !body.is_empty());
        }
    }
    let transactions = file("transactions.json");
    for case in list(&transactions, "cases") {
        let proof: TransactionProof = read(&case["proof"]);
        let index = case["index"].as_u64().unwrap();
        let verified = proof.verify(
            &hash(&transactions["ns_root"]),
            namespace(case),
            index,
            &bytes(&case["transaction"]),
        );
        assert_eq!(verified, Ok(()));
    }
    for block in list(&file("accumulator.json"), "blocks") {
        for case in list(block, "proofs") {
            let proof: AccumulatorProof = read(&case["proof"]);
            let entry: Option<AccumulatorEntry> = read(&case["entry"]);
            assert_eq!(
                proof.verify(&hash(&block["ns_acc_root"]), namespace(case)),
                Ok(entry)
            );
        }
    }
}
