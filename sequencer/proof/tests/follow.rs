//! A follower of a namespace notices every block that is missing, repeated or put in.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chain;

use chain::{Chain, id};
use hotshot_types::Height;
use sequencer_proof::{FollowError, Follower};

fn accept(follower: &mut Follower, chain: &Chain, height: u64) -> Result<(), FollowError> {
    let block = chain.block(height);
    let proof = block.tree.prove(follower.namespace());
    let leaf = proof
        .verify_leaf(&block.header.ns_root.0, follower.namespace())
        .unwrap()
        .unwrap();
    follower.accept(&block.header, leaf)
}

fn check(follower: &mut Follower, chain: &Chain, height: u64) -> Result<(), FollowError> {
    let entry = chain
        .accumulator(height, follower.namespace().get())
        .entry()
        .unwrap_or_default();
    follower.check(chain.header(height), entry)
}

#[test]
fn all_blocks_lead_to_the_summary_in_the_header() {
    let chain = Chain::sample();
    let mut follower = Follower::from_start(id(7));
    for height in [1, 3, 5, 7, 9] {
        accept(&mut follower, &chain, height).unwrap();
        check(&mut follower, &chain, height).unwrap();
    }
    check(&mut follower, &chain, 10).unwrap();
    assert_eq!(follower.height(), Height(10));
}

#[test]
fn a_hidden_block_is_noticed() {
    let chain = Chain::sample();
    for hidden in [1, 3, 5, 7, 9] {
        let mut follower = Follower::from_start(id(7));
        for height in [1, 3, 5, 7, 9]
            .into_iter()
            .filter(|height| *height != hidden)
        {
            accept(&mut follower, &chain, height).unwrap();
        }
        let found = check(&mut follower, &chain, 10);
        assert!(
            matches!(
                found,
                Err(FollowError::Hidden {
                    expected: 5,
                    received: 4,
                    ..
                })
            ),
            "{found:?}"
        );
    }
}

#[test]
fn a_namespace_that_never_occurred_is_complete_at_once() {
    let chain = Chain::sample();
    let mut follower = Follower::from_start(id(555));
    check(&mut follower, &chain, 10).unwrap();
    assert_eq!(follower.height(), Height(10));
}

#[test]
fn a_repeated_or_older_block_is_refused() {
    let chain = Chain::sample();
    let mut follower = Follower::from_start(id(7));
    accept(&mut follower, &chain, 3).unwrap();
    for height in [3, 1] {
        let found = accept(&mut follower, &chain, height);
        assert!(matches!(found, Err(FollowError::Order { .. })));
    }
    assert!(matches!(
        check(&mut follower, &chain, 2),
        Err(FollowError::Old { .. })
    ));
}

#[test]
fn a_reader_goes_on_from_a_proven_summary() {
    let chain = Chain::sample();
    let entry = chain.accumulator(6, 7).entry().unwrap();
    let mut follower = Follower::resume(id(7), Height(6), entry);
    accept(&mut follower, &chain, 7).unwrap();
    accept(&mut follower, &chain, 9).unwrap();
    check(&mut follower, &chain, 10).unwrap();
}

#[test]
fn another_chain_of_blocks_is_not_taken_for_this_one() {
    let chain = Chain::sample();
    let mut follower = Follower::from_start(id(7));
    let mut other = Chain::new();
    for height in 1_u8..=10 {
        let transactions = [vec![height]];
        let namespaces: &[(u64, &[Vec<u8>])] = if height % 2 == 1 {
            &[(7, &transactions)]
        } else {
            &[]
        };
        other.push(namespaces);
    }
    for height in [1, 3, 5, 7, 9] {
        accept(&mut follower, &other, height).unwrap();
    }
    assert!(matches!(
        check(&mut follower, &chain, 10),
        Err(FollowError::Different { .. })
    ));
}
