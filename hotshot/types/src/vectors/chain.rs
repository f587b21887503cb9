//! Vectors of what the chain commits to.

use serde_json::{Value, json};

use super::sample::{self, hex_of};
use crate::{
    Committee, Hash, Height, Signature, View, bls, digest,
    header::mix,
    mountain_range::{HeaderProof, MountainRange, Position},
};

fn members(committee: &Committee) -> Vec<Value> {
    committee
        .members()
        .iter()
        .map(|member| {
            json!({
                "key": member.key,
                "pk1": hex_of(&member.key.point_g1().0),
                "weight": member.weight.to_string(),
            })
        })
        .collect()
}

pub(super) fn committees() -> Value {
    let cases: Vec<Value> = [
        (1, vec![1]),
        (2, sample::WEIGHTS.to_vec()),
        (3, vec![1, 1, 1]),
        (4, vec![5, 4, 3, 2, 1]),
        (5, vec![u64::MAX; 6]),
    ]
    .into_iter()
    .map(|(epoch, weights)| {
        let committee = sample::committee(epoch, &weights);
        let keys = committee.members().iter().map(|member| &member.key);
        json!({
            "epoch": epoch,
            "members": members(&committee),
            "total": committee.total().to_string(),
            "quorum": committee.quorum().to_string(),
            "one_honest": committee.one_honest().to_string(),
            "apk1": hex_of(&bls::sum_g1(keys).0),
            "root": committee.root(),
            "commitment": committee.commitment(),
        })
    })
    .collect();
    json!({
        "about": "commitment = keccak256(words epoch, n, total, apk1, root); \
                  leaf = keccak256(words index, pk1, weight); node = keccak256(0x01, left, right); \
                  padded with zero words to a power of two",
        "cases": cases,
    })
}

pub(super) fn leaders() -> Value {
    let seed = sample::named("seed");
    let mut cases = Vec::new();
    for weights in [vec![1], sample::WEIGHTS.to_vec(), vec![u64::MAX; 6]] {
        let committee = sample::committee(1, &weights);
        for view in (1..=12).map(View) {
            cases.push(json!({
                "seed": seed,
                "weights": weights.iter().map(u64::to_string).collect::<Vec<_>>(),
                "view": view,
                "draw": digest::leader(seed, view),
                "leader": committee.leader(seed, view),
            }));
        }
    }
    json!({
        "about": "x = draw * total >> 256; the leader is the first whose cumulative weight exceeds x",
        "cases": cases,
    })
}

pub(super) fn headers() -> Value {
    let header = sample::header();
    let first = crate::Header {
        randao_reveal: Signature::ZERO,
        ..header.clone()
    };
    let cases = [header, first].map(|header| {
        json!({
            "header": header,
            "encoding": sample::encoded(&header),
            "lc_hash": header.lc_hash(),
            "rest_hash": header.rest_hash(),
            "block_hash": header.hash(),
        })
    });
    let parent = sample::named("parent's mix");
    let reveal = sample::header().randao_reveal;
    json!({
        "about": "block_hash = keccak256(lc_hash, rest_hash); the second has no reveal: its word is zero",
        "cases": cases,
        "mix": { "parent": parent, "reveal": reveal, "mix": mix(parent, &reveal) },
    })
}

pub(super) fn genesis() -> Value {
    let document = sample::genesis();
    let empty = sample::empty_roots();
    let header = document
        .header(empty)
        .expect("the sample's validators form a committee");
    json!({
        "about": "parent_hash of the genesis header = keccak256(encoding of the document)",
        "document": document,
        "encoding": sample::encoded(&document),
        "chain_domain": document.chain_domain(),
        "document_hash": document.hash(),
        "empty_payload": {
            "shard_root": empty.shard_root,
            "ns_root": empty.ns_root,
            "ns_acc_root": empty.ns_acc_root,
        },
        "header": header.header(),
        "block_hash": header.hash(),
    })
}

/// The block hash at `height` of the sample history.
fn leaf(height: u64) -> Hash {
    sample::named(&format!("block {height}"))
}

pub(super) fn mountain_range() -> Value {
    let mut range = MountainRange::new();
    let mut nodes: Vec<(Position, Hash)> = Vec::new();
    let mut roots = vec![json!({ "count": 0, "peaks": range.peaks(), "root": range.root() })];
    let mut proofs = Vec::new();
    for count in 1..=70 {
        nodes.extend(range.append(leaf(count - 1)));
        roots.push(json!({ "count": count, "peaks": range.peaks(), "root": range.root() }));
        if [1, 2, 3, 7, 8, 11, 70].contains(&count) {
            let node = |position| Some(nodes.iter().find(|(at, _)| *at == position)?.1);
            for height in [0, count / 2, count - 1] {
                proofs.push(json!({
                    "root": range.root(),
                    "block_hash": leaf(height),
                    "proof": HeaderProof::build(Height(height), count, node),
                }));
            }
        }
    }
    json!({
        "about": "leaf i = keccak256 of the ASCII text 'block i'; node = keccak256(0x01, left, right); \
                  bag: from the rightmost peak leftwards, acc = keccak256(0x01, peak, acc); \
                  root = keccak256(0x03, count as 8 bytes, acc)",
        "roots": roots,
        "proofs": proofs,
    })
}
