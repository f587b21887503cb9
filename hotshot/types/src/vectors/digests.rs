//! Vectors of domain tags and digests.

use serde_json::{Value, json};

use super::sample;
use crate::{
    Epoch, Height, Kind, Round, View,
    digest::{self, Tag},
};

pub(super) fn tags() -> Value {
    let tags = Tag::ALL
        .map(|tag| json!({ "name": tag.name(), "word": digest::keccak(tag.name().as_bytes()) }));
    json!({ "about": "word = keccak256(name), the first word of a digest", "cases": tags })
}

pub(super) fn digests() -> Value {
    let domain = sample::domain();
    let mut cases = vec![
        json!({
            "name": "chain domain",
            "l1_chain_id": sample::L1_CHAIN_ID,
            "stake_table": sample::STAKE_TABLE,
            "salt": sample::SALT,
            "digest": domain,
        }),
        json!({
            "name": "chain domain",
            "l1_chain_id": 0,
            "stake_table": crate::Address::ZERO,
            "salt": crate::Hash::ZERO,
            "digest": digest::chain_domain(0, crate::Address::ZERO, crate::Hash::ZERO),
        }),
    ];
    for (epoch, view, height) in [(1, 1, 1), (2, 6, 57), (9_000, 123_456_789, 449_999)] {
        let round = Round::new(epoch, view);
        cases.extend(in_round(round, Height(height)));
    }
    let key = sample::secret(0).public_key();
    let operator = sample::operator(0);
    cases.push(json!({
        "name": "D_pop",
        "chain_domain": domain,
        "operator": operator,
        "pk1": sample::hex_of(&key.point_g1().0),
        "pk2": sample::hex_of(&key.point_g2().0),
        "digest": digest::possession(domain, operator, &key.point_g1(), &key.point_g2()),
    }));
    json!({
        "about": "digest = keccak256 of the tag word, the chain domain and the words that follow",
        "cases": cases,
    })
}

fn in_round(round: Round, height: Height) -> Vec<Value> {
    let domain = sample::domain();
    let block = sample::named("block");
    let Round { epoch, view } = round;
    let mut cases = Vec::new();
    for kind in [Kind::Fresh, Kind::Repropose] {
        cases.push(json!({
            "name": "D_prop", "chain_domain": domain, "epoch": epoch, "view": view,
            "kind": kind.word(), "height": height, "block_hash": block,
            "digest": digest::proposal(domain, round, kind, height, block),
        }));
    }
    for tag in [Tag::Quorum, Tag::Final] {
        cases.push(json!({
            "name": tag.name(), "chain_domain": domain, "epoch": epoch, "view": view,
            "height": height, "block_hash": block,
            "digest": digest::statement(tag, domain, round, height, block),
        }));
    }
    for lock_view in [View(0), View(view.0 / 2)] {
        cases.push(json!({
            "name": "D_to", "chain_domain": domain, "epoch": epoch, "view": view,
            "lock_view": lock_view, "lock_hash": block,
            "digest": digest::timeout(domain, round, lock_view, block),
        }));
    }
    cases.push(json!({
        "name": "D_rnd", "chain_domain": domain, "epoch": epoch, "height": height,
        "digest": digest::randomness(domain, Epoch(epoch.0), height),
    }));
    cases
}
