use super::*;
use crate::{
    codec,
    vectors::sample::{header, named},
};

fn word(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&number.to_be_bytes());
    word
}

/// R3.
#[test]
fn the_block_hash_is_made_of_the_words_of_both_parts() {
    let h = header();
    let lc = [
        word(57),
        word(2),
        h.history_root.0,
        h.next_committee.0,
        h.ns_root.0,
        h.ns_acc_root.0,
        word(1_800_000_123_456),
        word(24_000_000),
    ]
    .concat();
    let rest = [
        word(1),
        h.chain_domain.0,
        word(6),
        word(1),
        h.parent_hash.0,
        h.l1_finalized.hash.0,
        word(1_799_999_000),
        word(4_321),
        h.shard_root.0,
        digest::keccak(&h.randao_reveal.0).0,
        h.randao_mix.0,
    ]
    .concat();
    assert_eq!(h.lc_hash(), digest::keccak(&lc));
    assert_eq!(h.rest_hash(), digest::keccak(&rest));
    let both = [h.lc_hash().0, h.rest_hash().0].concat();
    assert_eq!(h.hash(), digest::keccak(&both));
    assert_eq!(h.clone().seal().hash(), h.hash());
}

#[test]
fn every_field_is_in_the_block_hash() {
    let changes: [fn(&mut Header); 19] = [
        |h| h.version = 2,
        |h| h.chain_domain = named("x"),
        |h| h.height = h.height.next(),
        |h| h.epoch = h.epoch.next(),
        |h| h.origin_view = h.origin_view.next(),
        |h| h.proposer = ValidatorIndex(0),
        |h| h.parent_hash = named("x"),
        |h| h.timestamp_ms = h.timestamp_ms.next(),
        |h| h.l1_finalized.number += 1,
        |h| h.l1_finalized.hash = named("x"),
        |h| h.l1_finalized.timestamp += 1,
        |h| h.payload_len += 1,
        |h| h.shard_root = named("x"),
        |h| h.ns_root = named("x"),
        |h| h.ns_acc_root = named("x"),
        |h| h.history_root = named("x"),
        |h| h.next_committee = named("x"),
        |h| h.randao_reveal = Signature::ZERO,
        |h| h.randao_mix = named("x"),
    ];
    let hashes: std::collections::BTreeSet<Hash> = changes
        .iter()
        .map(|change| {
            let mut other = header();
            change(&mut other);
            other.hash()
        })
        .chain([header().hash()])
        .collect();
    assert_eq!(hashes.len(), changes.len() + 1);
}

#[test]
fn the_mix_hashes_the_parents_mix_with_the_hash_of_the_reveal() {
    let reveal = header().randao_reveal;
    let parent = named("parent's mix");
    let bytes = [parent.0, digest::keccak(&reveal.0).0].concat();
    assert_eq!(mix(parent, &reveal), digest::keccak(&bytes));
}

#[test]
fn headers_survive_wire_and_json() {
    let header = header();
    assert_eq!(codec::decode(&codec::encode(&header)), Ok(header.clone()));
    let json = serde_json::to_string(&header).unwrap();
    assert_eq!(serde_json::from_str::<Header>(&json).unwrap(), header);
    let unknown = json.replacen('{', r#"{"extra":1,"#, 1);
    assert!(serde_json::from_str::<Header>(&unknown).is_err());
}
