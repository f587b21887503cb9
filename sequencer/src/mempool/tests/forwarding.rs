use hotshot_types::{Height, Round};

use super::*;
use crate::mempool::BlockContents;

fn round(view: u64) -> Round {
    Round::new(1, view)
}

fn batch(pool: &mut Pool, view: u64) -> Vec<u64> {
    let batch = pool.batch_for(round(view), 1 << 20);
    let number = |(_, bytes): &(_, Bytes)| u64::from_le_bytes(bytes[..8].try_into().unwrap());
    batch.iter().map(number).collect()
}

#[test]
fn a_transaction_goes_to_one_leader_and_to_the_next_when_the_view_passed_without_it() {
    let mut pool = filled(&[(1, 0, 10), (1, 1, 10)]);
    assert_eq!(batch(&mut pool, 1), [0, 1]);
    assert!(batch(&mut pool, 1).is_empty());
    assert!(batch(&mut pool, 2).is_empty());
    submit(&mut pool, client(1), 1, &transaction(2, 10)).unwrap();
    assert_eq!(batch(&mut pool, 2), [2]);
    pool.round_passed(round(1));
    assert_eq!(batch(&mut pool, 3), [0, 1]);
    // The second leader has two rounds.
    pool.round_passed(round(3));
    assert_eq!(batch(&mut pool, 4), [2]);
    pool.round_passed(round(4));
    assert_eq!(batch(&mut pool, 5), [0, 1]);
}

#[test]
fn what_is_in_no_block_after_many_views_still_goes_to_a_leader_every_eight() {
    let mut pool = filled(&[(1, 0, 10)]);
    let mut views = Vec::new();
    for view in 1..=40 {
        if !batch(&mut pool, view).is_empty() {
            views.push(view);
        }
        pool.round_passed(round(view));
    }
    assert_eq!(views, [1, 2, 4, 8, 16, 24, 32, 40]);
}

#[test]
fn what_a_known_block_holds_is_held_back_until_that_block_loses() {
    let mut pool = filled(&[(1, 0, 10), (1, 1, 10)]);
    assert_eq!(batch(&mut pool, 1), [0, 1]);
    let contents = BlockContents::of(&tree(&[(1, &transaction(0, 10))]));
    pool.block_known(block(1), block(0), Height(1), contents);
    pool.round_passed(round(1));
    assert_eq!(batch(&mut pool, 2), [1]);
    // Another block became final at this height.
    pool.block_final(Height(1), &tree(&[]));
    pool.round_passed(round(3));
    assert_eq!(batch(&mut pool, 4), [0, 1]);
}

#[test]
fn final_and_expired_transactions_are_not_sent_again() {
    let mut pool = filled(&[(1, 0, 10), (1, 1, 10)]);
    assert_eq!(batch(&mut pool, 1), [0, 1]);
    pool.block_final(Height(1), &tree(&[(1, &transaction(0, 10))]));
    pool.round_passed(round(1));
    assert_eq!(batch(&mut pool, 2), [1]);
    pool.expire(Instant::now() + MempoolLimits::default().expiry);
    pool.round_passed(round(2));
    assert!(batch(&mut pool, 3).is_empty());
}

#[test]
fn what_a_peer_forwarded_is_not_forwarded_on_unless_a_client_asks_for_it() {
    let mut pool = pool();
    submit(&mut pool, Source::Peer(4), 1, &transaction(0, 10)).unwrap();
    assert!(batch(&mut pool, 1).is_empty());
    assert!(pool.has_transactions(block(0)));
    submit(&mut pool, client(1), 1, &transaction(0, 10)).unwrap();
    submit(&mut pool, client(1), 1, &transaction(0, 10)).unwrap();
    assert_eq!(batch(&mut pool, 1), [0]);
}

#[test]
fn batches_are_bounded_and_oldest_first() {
    let mut pool = filled(&[(1, 0, 500), (2, 1, 500), (1, 2, 500)]);
    let lengths = |pool: &mut Pool, max: usize| -> usize { pool.batch_for(round(1), max).len() };
    assert_eq!(lengths(&mut pool, 1_000), 2);
    // A transaction larger than a batch still goes, alone.
    assert_eq!(lengths(&mut pool, 100), 1);
    assert_eq!(lengths(&mut pool, 100), 0);
}

#[test]
fn a_new_epoch_starts_its_rounds_after_those_of_the_old_one() {
    let mut pool = filled(&[(1, 0, 10)]);
    assert_eq!(batch(&mut pool, 700), [0]);
    pool.round_passed(Round::new(2, 1));
    let again = pool.batch_for(Round::new(2, 2), 100);
    assert_eq!(again.len(), 1);
}
