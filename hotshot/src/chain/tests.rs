use hotshot_types::{
    Epoch, Hash, Header, Height, L1Block, Round, SealedHeader, Signature, TimestampMs,
    ValidatorIndex, View, mountain_range::MountainRange,
};

use super::{Chain, MAX_ORPHANS, Relation};
use crate::Verdict;

/// A block at a height; `label` tells blocks on one parent apart and is their view.
fn block(height: u64, parent: Hash, label: u64) -> SealedHeader {
    Header {
        version: 1,
        chain_domain: Hash::ZERO,
        height: Height(height),
        epoch: Epoch(1),
        origin_view: View(label),
        proposer: ValidatorIndex(0),
        parent_hash: parent,
        timestamp_ms: TimestampMs(height),
        l1_finalized: L1Block::default(),
        payload_len: 0,
        shard_root: Hash::ZERO,
        ns_root: Hash::ZERO,
        ns_acc_root: Hash::ZERO,
        history_root: Hash::ZERO,
        next_committee: Hash::ZERO,
        randao_reveal: Signature::ZERO,
        randao_mix: Hash::ZERO,
    }
    .seal()
}

fn chain() -> (Chain, SealedHeader) {
    let genesis = block(0, Hash::ZERO, 0);
    let mut history = MountainRange::new();
    history.append(genesis.hash());
    (Chain::new(genesis.clone(), history, &[]), genesis)
}

/// V4: headers connect in any order, and what was told of them meanwhile stays.
#[test]
fn headers_wait_for_their_parents_with_what_is_known_of_them() {
    let (mut chain, genesis) = chain();
    let a = block(1, genesis.hash(), 1);
    let b = block(2, a.hash(), 2);
    let c = block(3, b.hash(), 3);
    assert_eq!(chain.add(c.clone()).unwrap_err(), (b.hash(), Height(3)));
    chain.judge(c.hash(), Verdict::Good);
    chain.prove_slots(c.hash());
    assert_eq!(chain.add(b.clone()).unwrap_err(), (a.hash(), Height(2)));
    assert_eq!(chain.relation(c.hash()), Relation::Unknown);
    let added: Vec<Hash> = chain
        .add(a.clone())
        .unwrap()
        .iter()
        .map(|h| h.hash())
        .collect();
    assert_eq!(added, [a.hash(), b.hash(), c.hash()]);
    assert!(chain.is_good(c.hash()) && !chain.is_good(b.hash()));
    assert!(chain.get(c.hash()).unwrap().own_slots);
    assert_eq!(chain.relation(c.hash()), Relation::Extends);
}

/// P1: bad is permanent, and so is good.
#[test]
fn the_first_verdict_stands() {
    let (mut chain, genesis) = chain();
    let a = block(1, genesis.hash(), 1);
    chain.add(a.clone()).unwrap();
    chain.judge(a.hash(), Verdict::Bad);
    chain.judge(a.hash(), Verdict::Good);
    assert!(chain.is_bad(a.hash()));
}

/// T5: a final block takes its ancestors along and leaves no other branch.
#[test]
fn finality_drops_what_does_not_extend_it() {
    let (mut chain, genesis) = chain();
    let a = block(1, genesis.hash(), 1);
    let other = block(1, genesis.hash(), 2);
    let child_of_other = block(2, other.hash(), 4);
    let b = block(2, a.hash(), 3);
    for block in [&a, &other, &child_of_other, &b] {
        chain.add(block.clone()).unwrap();
    }
    let path: Vec<Hash> = chain.finalize(a.hash()).iter().map(|h| h.hash()).collect();
    assert_eq!(path, [a.hash()]);
    assert_eq!(chain.relation(genesis.hash()), Relation::Final);
    assert_eq!(chain.relation(b.hash()), Relation::Extends);
    assert!(chain.get(other.hash()).is_none() && chain.get(child_of_other.hash()).is_none());
    assert_eq!(chain.final_hash(Height(1)), Some(a.hash()));
    // It does not come back.
    assert_eq!(chain.add(other.clone()).unwrap().len(), 0);
    assert_eq!(chain.relation(other.hash()), Relation::Unknown);
}

/// B1: headers that connect to nothing are bounded, and the highest go first.
#[test]
fn orphans_are_bounded() {
    let (mut chain, _) = chain();
    let count = u64::try_from(MAX_ORPHANS).unwrap();
    let lowest = block(2, Hash([1; 32]), 1);
    assert!(chain.add(lowest.clone()).is_err());
    for height in 0..2 * count {
        assert!(chain.add(block(3 + height, Hash([1; 32]), 1)).is_err());
    }
    assert_eq!(chain.orphans.len(), MAX_ORPHANS);
    assert!(chain.has_header(lowest.hash()));
}

/// B1: uncertified blocks of rounds gone by are forgotten, unless something stands on them.
#[test]
fn uncertified_blocks_of_old_rounds_are_forgotten() {
    let (mut chain, genesis) = chain();
    let parent = block(1, genesis.hash(), 1);
    let certified = block(2, parent.hash(), 2);
    let left = block(2, parent.hash(), 3);
    let young = block(2, parent.hash(), 9);
    for block in [&parent, &certified, &left, &young] {
        chain.add(block.clone()).unwrap();
    }
    chain.get_mut(certified.hash()).unwrap().certified = true;
    chain.forget_before(Round::new(1, 9));
    let known = |block: &SealedHeader| chain.get(block.hash()).is_some();
    assert!(known(&genesis) && known(&parent) && known(&certified) && known(&young));
    assert!(!known(&left));
}

/// P3: a header whose height is not its parent's plus one connects to nothing.
#[test]
fn a_header_with_a_wrong_height_is_not_taken() {
    let (mut chain, genesis) = chain();
    let wrong = block(5, genesis.hash(), 1);
    assert_eq!(chain.add(wrong.clone()).unwrap().len(), 0);
    assert!(!chain.has_header(wrong.hash()));
}
