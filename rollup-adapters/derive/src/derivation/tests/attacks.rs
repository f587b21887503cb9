//! What servers may try.

use hotshot_types::{Hash, Height};
use sequencer_proof::FollowError;

use super::world::{Chain, L1, NETWORK, Node};
use crate::{Fact, FactError, Need, Step};

fn chain(texts: &[&str]) -> Chain {
    let mut chain = Chain::new(NETWORK);
    for text in texts {
        chain.push(1, &[(7, &[*text]), (8, &["x"])]);
    }
    chain
}

fn take(node: &mut Node<'_>, fact: Fact) -> Result<(), FactError> {
    node.derivation.take(fact)
}

#[test]
fn a_block_that_is_held_back_is_noticed_before_anything_after_it_is_executed() {
    let chain = chain(&["a", "b", "c"]);
    for with_summary in [false, true] {
        let mut node = Node::new(&chain, 1);
        take(&mut node, chain.block(1, 7, true)).unwrap();
        let told = take(&mut node, chain.block(3, 7, with_summary));
        let told = told.and_then(|()| take(&mut node, chain.complete(3, 7)));
        assert!(matches!(
            told,
            Err(FactError::Follow(FollowError::Hidden { .. }))
        ));
        // What was proven complete stays, the rest has to be told anew.
        assert_eq!(node.derivation.follower().height(), Height(1));
        node.tell(3, || true);
        node.run(&L1::default(), 1, || 1);
        assert_eq!(node.segments().len(), 3);
    }
}

#[test]
fn nothing_is_executed_before_it_is_proven_that_nothing_is_missing() {
    let chain = chain(&["a", "b"]);
    let mut node = Node::new(&chain, 1);
    take(&mut node, chain.block(1, 7, false)).unwrap();
    take(&mut node, chain.block(2, 7, false)).unwrap();
    assert_eq!(node.derivation.step(), Step::Idle);
    take(&mut node, chain.complete(2, 7)).unwrap();
    assert!(matches!(
        node.derivation.step(),
        Step::Need(Need::L1 { .. })
    ));
}

#[test]
fn blocks_out_of_order_or_twice_are_refused() {
    let chain = chain(&["a", "b"]);
    let mut node = Node::new(&chain, 1);
    take(&mut node, chain.block(1, 7, true)).unwrap();
    take(&mut node, chain.block(2, 7, true)).unwrap();
    for height in [1, 2] {
        let refused = take(&mut node, chain.block(height, 7, true));
        assert!(matches!(
            refused,
            Err(FactError::Follow(FollowError::Order { .. }))
        ));
    }
    let refused = take(&mut node, chain.complete(1, 7));
    assert!(matches!(
        refused,
        Err(FactError::Follow(FollowError::Old { .. }))
    ));
}

#[test]
fn a_block_of_a_fork_is_noticed_at_the_next_header() {
    let (chain, fork) = (chain(&["a", "b"]), chain(&["a", "other"]));
    let mut node = Node::new(&chain, 1);
    take(&mut node, chain.block(1, 7, true)).unwrap();
    take(&mut node, fork.block(2, 7, false)).unwrap();
    let refused = take(&mut node, chain.complete(2, 7));
    assert!(matches!(
        refused,
        Err(FactError::Follow(FollowError::Different { .. }))
    ));
}

#[test]
fn another_namespace_is_refused() {
    let chain = chain(&["a"]);
    let mut node = Node::new(&chain, 1);
    let refused = take(&mut node, chain.block(1, 8, true));
    assert!(matches!(refused, Err(FactError::OtherBody(_))));
    let refused = take(&mut node, chain.complete(1, 8));
    assert!(matches!(refused, Err(FactError::OtherBody(_))));
}

#[test]
fn another_network_is_refused() {
    let ours = chain(&["a"]);
    let mut foreign = Chain::new(Hash([8; 32]));
    foreign.push(1, &[(7, &["a"])]);
    let mut node = Node::new(&ours, 1);
    let header = Fact::Header(foreign.header(1));
    for fact in [foreign.block(1, 7, true), foreign.complete(1, 7), header] {
        let refused = take(&mut node, fact);
        assert_eq!(refused, Err(FactError::OtherNetwork(Hash([8; 32]))));
    }
}

#[test]
fn the_transactions_of_one_block_are_not_those_of_another() {
    let chain = chain(&["a", "b"]);
    let mut node = Node::new(&chain, 1);
    let (Fact::Block(first, _), Fact::Block(_, second)) =
        (chain.block(1, 7, true), chain.block(2, 7, true))
    else {
        unreachable!("both are blocks");
    };
    let refused = take(&mut node, Fact::Block(first, second));
    assert!(matches!(refused, Err(FactError::OtherBody(_))));
}

#[test]
fn headers_that_nobody_asked_for_change_nothing() {
    let mut chain = Chain::new(NETWORK);
    for height in 1..=9 {
        chain.push(height, &[]);
    }
    let mut l1 = L1::default();
    l1.send(5);
    let mut node = Node::new(&chain, 1);
    node.tell(9, || true);
    node.see(&l1, 9, true);
    let Step::Need(Need::Header(asked)) = node.derivation.step() else {
        panic!("a header is needed");
    };
    let other = chain.header(asked.0 + 1);
    take(&mut node, Fact::Header(other)).unwrap();
    assert_eq!(node.derivation.step(), Step::Need(Need::Header(asked)));
    node.run(&l1, 9, || 1);
    assert_eq!(node.segments()[0].place.height, Height(5));
}
