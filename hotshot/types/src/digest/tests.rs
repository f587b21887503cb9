use std::collections::BTreeSet;

use super::*;
use crate::vectors::sample::{domain, named, operator, secret};

#[test]
fn no_two_tags_share_a_word() {
    let words: BTreeSet<Hash> = Tag::ALL
        .iter()
        .map(|tag| keccak(tag.name().as_bytes()))
        .collect();
    assert_eq!(words.len(), Tag::ALL.len());
}

/// The digests of section 3, from their bytes.
#[test]
fn digests_are_the_hash_of_their_words() {
    let word = |number: u64| {
        let mut word = [0; 32];
        word[24..].copy_from_slice(&number.to_be_bytes());
        word
    };
    let tag = |name: &str| keccak(name.as_bytes()).0;
    let address = |address: Address| [[0; 12].as_slice(), &address.0].concat();
    let hash = |words: &[&[u8]]| keccak(&words.concat());
    let (cd, block, round) = (domain(), named("block"), Round::new(3, 9));
    let (e, v, h) = (word(3), word(9), Height(77));

    for (kind, number) in [(Kind::Fresh, 0), (Kind::Repropose, 1)] {
        assert_eq!(
            proposal(cd, round, kind, h, block),
            hash(&[
                &tag("D_prop"),
                &cd.0,
                &e,
                &v,
                &word(number),
                &word(77),
                &block.0
            ])
        );
    }
    for (kind, name) in [(Tag::Quorum, "D_qv"), (Tag::Final, "D_fv")] {
        assert_eq!(
            statement(kind, cd, round, h, block),
            hash(&[&tag(name), &cd.0, &e, &v, &word(77), &block.0])
        );
    }
    assert_eq!(
        timeout(cd, round, View(5), block),
        hash(&[&tag("D_to"), &cd.0, &e, &v, &word(5), &block.0])
    );
    assert_eq!(
        randomness(cd, Epoch(3), h),
        hash(&[&tag("D_rnd"), &cd.0, &e, &word(77)])
    );
    let key = secret(0).public_key();
    let (pk1, pk2) = (key.point_g1(), key.point_g2());
    assert_eq!(
        possession(cd, operator(0), &pk1, &pk2),
        hash(&[&tag("D_pop"), &cd.0, &address(operator(0)), &pk1.0, &pk2.0])
    );
    assert_eq!(
        chain_domain(1, operator(0), block),
        hash(&[
            &tag("chain domain"),
            &word(1),
            &address(operator(0)),
            &block.0
        ])
    );
    assert_eq!(
        leader(block, View(9)),
        hash(&[&tag("leader"), &block.0, &v])
    );
}

/// Section 14, item 11; D8.
#[test]
fn digests_differ_across_networks_epochs_views_phases_and_contents() {
    let mut digests = BTreeSet::new();
    let mut count = 0;
    let mut insert = |digest| {
        count += 1;
        digests.insert(digest);
    };
    let domains = [
        domain(),
        chain_domain(0, operator(0), named("salt")),
        Hash::ZERO,
    ];
    for cd in domains {
        for epoch in 1..4 {
            for number in 1..4 {
                insert(randomness(cd, Epoch(epoch), Height(number)));
                let round = Round::new(epoch, number);
                for block in [named("a"), named("b")] {
                    insert(instance(cd, 1_000 * epoch + number, block));
                    for lock in 0..3 {
                        insert(timeout(cd, round, View(lock), block));
                    }
                    for height in [Height(0), Height(1), Height(2)] {
                        insert(proposal(cd, round, Kind::Fresh, height, block));
                        insert(proposal(cd, round, Kind::Repropose, height, block));
                        insert(statement(Tag::Quorum, cd, round, height, block));
                        insert(statement(Tag::Final, cd, round, height, block));
                    }
                }
            }
        }
    }
    assert_eq!(digests.len(), count);
}
