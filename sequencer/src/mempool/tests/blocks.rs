use hotshot_types::Height;

use super::*;
use crate::mempool::{BlockContents, Status, TransactionPosition};

fn know(pool: &mut Pool, number: u8, parent: u8, transactions: &[(u64, &Bytes)]) {
    let contents = BlockContents::of(&tree(transactions));
    pool.block_known(
        block(number),
        block(parent),
        Height(number.into()),
        contents,
    );
}

#[test]
fn a_selection_leaves_out_what_the_parent_and_its_ancestors_hold() {
    let all: Vec<Bytes> = (0..4).map(|number| transaction(number, 10)).collect();
    let mut pool = filled(&[(1, 0, 10), (1, 1, 10), (1, 2, 10), (1, 3, 10)]);
    know(&mut pool, 1, 0, &[(1, &all[0])]);
    know(&mut pool, 2, 1, &[(1, &all[1])]);
    // Not an ancestor of 2.
    know(&mut pool, 3, 1, &[(1, &all[2])]);
    let mut chosen = |parent| numbers(&pool.select(block(parent), 1_000, 10));
    assert_eq!(chosen(0), [(1, vec![0, 1, 2, 3])].into());
    assert_eq!(chosen(1), [(1, vec![1, 2, 3])].into());
    assert_eq!(chosen(2), [(1, vec![2, 3])].into());
    assert_eq!(chosen(3), [(1, vec![1, 3])].into());
}

#[test]
fn a_prepared_selection_that_the_parent_overlaps_is_noticed() {
    let mut pool = filled(&[(1, 0, 10), (2, 1, 10)]);
    let selection = pool.select(block(1), 1_000, 10);
    assert!(!pool.overlaps(&selection, block(1)));
    know(&mut pool, 1, 0, &[(2, &transaction(1, 10))]);
    assert!(pool.overlaps(&selection, block(1)));
    assert!(!pool.overlaps(&selection, block(9)));
    pool.block_final(Height(1), &tree(&[(2, &transaction(1, 10))]));
    assert!(pool.overlaps(&selection, block(9)));
}

#[test]
fn there_are_no_transactions_for_a_block_whose_ancestors_hold_them_all() {
    let mut pool = filled(&[(1, 0, 10)]);
    assert!(pool.has_transactions(block(1)));
    know(
        &mut pool,
        1,
        0,
        &[(1, &transaction(0, 10)), (1, &transaction(7, 10))],
    );
    assert!(!pool.has_transactions(block(1)));
    assert!(pool.has_transactions(block(2)));
    submit(&mut pool, client(1), 3, &transaction(1, 10)).unwrap();
    assert!(pool.has_transactions(block(1)));
}

#[test]
fn a_transaction_is_pending_then_proposed_then_final() {
    let mut pool = filled(&[(5, 0, 10), (5, 1, 10)]);
    let hash = da::tx_hash(&transaction(1, 10));
    let id = namespace(5);
    assert_eq!(pool.status(&hash), Some(Status::Pending { namespace: id }));
    let payload = [(5, &transaction(0, 10)), (5, &transaction(1, 10))];
    know(&mut pool, 4, 3, &payload);
    let proposed = Status::Proposed {
        namespace: id,
        block: block(4),
        height: Height(4),
    };
    assert_eq!(pool.status(&hash), Some(proposed));
    pool.block_final(Height(4), &tree(&payload));
    let last = Status::Final(TransactionPosition {
        height: Height(4),
        namespace: id,
        index: 1,
    });
    assert_eq!(pool.status(&hash), Some(last));
    let again = submit(&mut pool, client(1), 5, &transaction(1, 10)).unwrap();
    assert_eq!(again.status, last);
    assert!(!pool.has_transactions(block(4)));
}

#[test]
fn a_block_that_lost_gives_its_transactions_back() {
    let mut pool = filled(&[(1, 0, 10)]);
    know(&mut pool, 1, 0, &[(1, &transaction(0, 10))]);
    pool.block_final(Height(1), &tree(&[]));
    let hash = da::tx_hash(&transaction(0, 10));
    assert!(matches!(pool.status(&hash), Some(Status::Pending { .. })));
    assert_eq!(pool.select(block(1), 1_000, 1).transaction_count(), 1);
}

#[test]
fn recent_blocks_are_forgotten_beyond_their_limits() {
    let mut pool = Pool::new(MempoolLimits {
        recent_blocks: 2,
        recent_transactions: 3,
        ..MempoolLimits::default()
    });
    let hash = |number| da::tx_hash(&transaction(number, 10));
    let mut finalise = |height: u64, numbers: std::ops::Range<u64>| {
        let bytes: Vec<Bytes> = numbers.map(|number| transaction(number, 10)).collect();
        let payload: Vec<(u64, &Bytes)> = bytes.iter().map(|bytes| (1, bytes)).collect();
        pool.block_final(Height(height), &tree(&payload));
        (0..20)
            .filter(|number| pool.status(&hash(*number)).is_some())
            .collect::<Vec<u64>>()
    };
    assert_eq!(finalise(1, 0..1), [0]);
    assert_eq!(finalise(2, 1..2), [0, 1]);
    assert_eq!(finalise(3, 2..3), [1, 2]);
    assert_eq!(finalise(4, 3..5), [2, 3, 4]);
    assert_eq!(finalise(5, 5..7), [5, 6]);
}

#[test]
fn only_so_many_blocks_are_known() {
    let mut pool = Pool::new(MempoolLimits {
        known_blocks: 2,
        ..MempoolLimits::default()
    });
    for number in [3, 1, 2] {
        submit(&mut pool, client(1), 1, &transaction(number.into(), 10)).unwrap();
        know(
            &mut pool,
            number,
            0,
            &[(1, &transaction(number.into(), 10))],
        );
    }
    // The lowest gave way.
    assert_eq!(
        numbers(&pool.select(block(1), 1_000, 9)),
        [(1, vec![3, 1, 2])].into()
    );
    assert_eq!(
        numbers(&pool.select(block(3), 1_000, 9)),
        [(1, vec![1, 2])].into()
    );
}
