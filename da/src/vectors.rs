//! Golden vectors: what this crate computes, in JSON that Solidity and clients in other languages read.
//!
//! The files in `da/vectors` pin every encoding, hash and code of this crate, the Reed-Solomon code's version
//! included. A change of one of them is a change of the protocol. `cargo xtask vectors` writes them anew.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::accumulator::{BlockStamp, MapHead, MemoryStore, NamespaceMap};
use crate::coding::{Coder, covering_slots, is_inline};
use crate::forms::to_text;
use crate::hash::tx_hash;
use crate::namespace::NamespaceTree;
use crate::payload::{Limits, NamespaceId, Payload};
use crate::slots::Slots;

#[cfg(test)]
mod tests;

/// The files of `da/vectors` by name, with their contents.
pub fn all() -> Vec<(&'static str, String)> {
    [
        ("payload.json", payloads()),
        ("slots.json", slots()),
        ("coding.json", codings()),
        ("namespaces.json", namespaces()),
        ("transactions.json", transactions()),
        ("accumulator.json", accumulator()),
    ]
    .map(|(name, mut value)| {
        value.sort_all_objects();
        (name, format!("{value:#}\n"))
    })
    .into()
}

fn id(id: u64) -> NamespaceId {
    NamespaceId::new(id).expect("vectors do not use namespace 0")
}

/// Bytes that anyone can make again: byte i is the lowest byte of 31 i + floor(i / 251).
fn pattern(length: usize) -> Bytes {
    (0..length)
        .map(|index| (index * 31 + index / 251).to_le_bytes()[0])
        .collect()
}

/// A payload of namespaces with transactions of the given lengths, filled with the pattern.
fn payload(namespaces: &[(u64, &[usize])]) -> Payload {
    let namespaces: BTreeMap<_, Vec<_>> = namespaces
        .iter()
        .map(|(number, lengths)| {
            (
                id(*number),
                lengths.iter().map(|length| pattern(*length)).collect(),
            )
        })
        .collect();
    Payload::build(&namespaces, &Limits::default()).expect("vectors are within the limits")
}

/// Five namespaces, one of them with an id of 64 bits.
fn example() -> Payload {
    payload(&[
        (1, &[3, 1, 40]),
        (42, &[5]),
        (1000, &[1, 1, 1, 1, 1]),
        (4_294_967_296, &[90, 7]),
        (u64::MAX, &[2]),
    ])
}

fn payloads() -> Value {
    let valid = [Payload::empty(), payload(&[(7, &[1])]), example()].map(|payload| {
        let namespaces: Vec<_> = payload
            .namespaces()
            .map(|namespace| {
                let transactions: Vec<_> = namespace
                    .body
                    .transactions()
                    .map(|bytes| to_text(&bytes))
                    .collect();
                json!({ "id": namespace.id.get().to_string(), "transactions": transactions })
            })
            .collect();
        json!({ "namespaces": namespaces, "payload": to_text(payload.bytes()) })
    });
    let bytes = payload(&[(7, &[2, 2]), (9, &[1])]).bytes().to_vec();
    let changed = |position: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[position] = byte;
        bytes
    };
    let invalid: Vec<_> = [
        ("a count of 0", vec![0; 4]),
        ("namespace 0", changed(4, 0)),
        ("descending namespaces", changed(4, 10)),
        ("a namespace twice", changed(4, 9)),
        ("an offset behind the end", changed(24, 255)),
        ("an empty transaction", changed(32, 0)),
        ("no transaction", changed(28, 0)),
        ("a byte left over", [&bytes[..], &[0]].concat()),
        ("a byte missing", bytes[..bytes.len() - 1].to_vec()),
    ]
    .into_iter()
    .map(|(why, bytes)| {
        let refused = Payload::decode(bytes.clone().into(), &Limits::default()).is_err();
        json!({ "why": why, "payload": to_text(&bytes), "refused": refused })
    })
    .collect();
    json!({ "rules": "DA1 to DA5", "valid": valid, "invalid": invalid })
}

fn tables() -> Vec<Vec<u64>> {
    vec![
        vec![1],
        vec![1; 2],
        vec![1; 4],
        vec![100; 10],
        vec![32_000_000_000; 100],
        vec![40, 7, 25, 9, 31, 2],
        vec![1, 1, 1, 1_000_000],
        vec![u64::MAX, u64::MAX, u64::MAX, 1],
        (1..=40).collect(),
    ]
}

fn slots() -> Value {
    let cases: Vec<_> = tables()
        .iter()
        .map(|stakes| {
            let slots = Slots::new(stakes).expect("the table has stake");
            let ends: Vec<_> = (0..stakes.len()).filter_map(|validator| slots.range(validator)).collect();
            let ends: Vec<_> = ends.iter().map(|range| range.end).collect();
            let stakes: Vec<_> = stakes.iter().map(u64::to_string).collect();
            json!({ "stakes": stakes, "total": slots.total(), "threshold": slots.threshold(), "ends": ends })
        })
        .collect();
    json!({ "rules": "DA10, DA11", "cases": cases })
}

fn codings() -> Value {
    let mut coder = Coder::new();
    let mut cases = Vec::new();
    for stakes in tables() {
        let slots = Slots::new(&stakes).expect("the table has stake");
        for length in [0, 1, 100, 5000, 70_000] {
            let encoded = coder.encode(&slots, &pattern(length));
            let last = slots
                .range(stakes.len() - 1)
                .and_then(|range| encoded.range(range));
            let last = last.expect("every validator has slots");
            let shards =
                (length <= 100 && slots.total() <= 4).then(|| encoded.range(0..slots.total()));
            let payload_len = length as u64;
            let shards = shards.flatten().map(|range| to_text(&range.shards));
            cases.push(json!({
                "stakes": stakes.iter().map(u64::to_string).collect::<Vec<_>>(),
                "payload_len": payload_len,
                "total": slots.total(),
                "threshold": slots.threshold(),
                "shard_len": encoded.shard_len(),
                "inline": is_inline(payload_len, &slots),
                "shard_root": to_text(&encoded.root()),
                "shards": shards,
                "covering_last_byte": covering_slots(payload_len.saturating_sub(1)..payload_len, payload_len, &slots),
                "last_validator": {
                    "start": last.start,
                    "proof": last.proof,
                    "shards_sha256": to_text(&tx_hash(&last.shards)),
                },
            }));
        }
    }
    let payload = "byte i is the lowest byte of 31 i + floor(i / 251)";
    json!({ "rules": "DA6, DA12", "code": "reed-solomon-simd 3.1, default rate", "payload": payload, "cases": cases })
}

fn namespaces() -> Value {
    let cases = [Payload::empty(), payload(&[(7, &[1])]), example()].map(|payload| {
        let tree = NamespaceTree::new(&payload);
        let leaves: Vec<_> =
            tree.leaves().iter().map(|leaf| json!({ "leaf": leaf, "hash": to_text(&leaf.hash()) })).collect();
        let proofs: Vec<_> = [1, 2, 7, 42, 43, 1000, 1 << 40, u64::MAX]
            .map(|number| {
                let body = payload.namespace(id(number)).map(|body| body.bytes().clone()).unwrap_or_default();
                json!({ "namespace": number.to_string(), "body": to_text(&body), "proof": tree.prove(id(number)) })
            })
            .into();
        let root = to_text(&tree.root());
        json!({ "payload": to_text(payload.bytes()), "ns_root": root, "leaves": leaves, "proofs": proofs })
    });
    json!({ "rules": "DA7, DA8", "cases": cases })
}

fn transactions() -> Value {
    let payload = example();
    let tree = NamespaceTree::new(&payload);
    let mut cases = Vec::new();
    for namespace in payload.namespaces() {
        for (index, transaction) in namespace.body.transactions().enumerate() {
            cases.push(json!({
                "namespace": namespace.id.get().to_string(),
                "index": index,
                "transaction": to_text(&transaction),
                "tx_hash": to_text(&tx_hash(&transaction)),
                "proof": tree.prove_transaction(namespace.id, index),
            }));
        }
    }
    json!({ "rules": "DA5, DA7, DA8", "ns_root": to_text(&tree.root()), "cases": cases })
}

fn accumulator() -> Value {
    let mut store = MemoryStore::new();
    let mut head = MapHead::EMPTY;
    let many: Vec<(u64, &[usize])> = (1..60)
        .map(|number| (number * number, &[2, 3][..]))
        .collect();
    let blocks = [
        (1, Payload::empty()),
        (2, payload(&[(42, &[5])])),
        (5, example()),
        (6, Payload::empty()),
        (7, payload(&many)),
        (9, payload(&[(42, &[8, 8])])),
    ];
    let mut cases = Vec::new();
    for (height, payload) in blocks {
        let stamp = BlockStamp {
            height,
            timestamp_ms: 1_700_000_000_000 + 100 * height,
            l1_number: 500 + height / 2,
        };
        let tree = NamespaceTree::new(&payload);
        let update = NamespaceMap::new(&store, head).update(&stamp, tree.leaves());
        let update = update.expect("a store in memory does not fail");
        store.apply(&update);
        head = update.head;
        let map = NamespaceMap::new(&store, head);
        let proofs: Vec<_> = [1, 2, 4, 42, 1000]
            .map(|number| {
                let proof = map
                    .prove(id(number))
                    .expect("a store in memory does not fail");
                json!({ "namespace": number.to_string(), "entry": proof.entry(), "proof": proof })
            })
            .into();
        let block = json!({ "stamp": stamp, "leaves": tree.leaves(), "head": head });
        cases.push(json!({ "block": block, "ns_acc_root": to_text(&head.root), "proofs": proofs }));
    }
    json!({ "rules": "DA9", "empty_root": to_text(&MapHead::EMPTY.root), "blocks": cases })
}
