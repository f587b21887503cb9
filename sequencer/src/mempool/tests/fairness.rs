use da::Limits;
use proptest::prelude::*;

use super::*;

#[test]
fn inside_a_namespace_first_come_is_first_served() {
    let mut pool = filled(&[(1, 5, 10), (1, 3, 10), (1, 9, 10), (1, 1, 10)]);
    // Three transactions fit: 4 + 16 + 3 * (10 + 4).
    let selection = pool.select(block(0), 62, 10);
    assert_eq!(numbers(&selection), [(1, vec![5, 3, 9])].into());
    assert_eq!(selection.payload_len(), 62);
}

#[test]
fn a_flooded_namespace_leaves_the_others_their_part() {
    let mut pool = pool();
    for number in 0..5_000 {
        submit(&mut pool, client(1), 7, &transaction(number, 1_000)).unwrap();
    }
    for id in [1, 9] {
        for number in 0..100 {
            submit(&mut pool, client(2), id, &transaction(number, 1_000)).unwrap();
        }
    }
    let chosen = numbers(&pool.select(block(0), 600_000, 256));
    assert_eq!(chosen[&1].len(), 100);
    assert_eq!(chosen[&9].len(), 100);
    // The rest of the block is not wasted.
    assert!(chosen[&7].len() > 380, "{}", chosen[&7].len());
}

#[test]
fn equally_hungry_namespaces_get_about_the_same_bytes_whatever_their_transactions_size() {
    let mut pool = pool();
    for (id, length) in [(1, 100), (2, 10_000), (3, 1_000)] {
        for number in 0..2_000_000 / u64::try_from(length).unwrap() {
            submit(&mut pool, client(1), id, &transaction(number, length)).unwrap();
        }
    }
    let selection = pool.select(block(0), 1_000_000, 256);
    for (id, transactions) in &selection.namespaces {
        let bytes: usize = transactions.iter().map(|(_, bytes)| bytes.len() + 4).sum();
        assert!(
            (300_000..370_000).contains(&bytes),
            "namespace {id}: {bytes}"
        );
    }
}

#[test]
fn the_largest_transaction_gets_into_a_block_however_many_compete() {
    let mut pool = pool();
    let large = transaction(999_999, 1 << 20);
    submit(&mut pool, client(200), 50, &large).unwrap();
    for id in (1..100).filter(|id| *id != 50) {
        for number in 0..40 {
            let from = client(u8::try_from(id).unwrap());
            submit(&mut pool, from, id, &transaction(number, 20_000)).unwrap();
        }
    }
    // Blocks of just more than the large one; the pool is never drained. The first turn makes it
    // wait, the second is its own.
    let limit = (1 << 20) + 1_000;
    let blocks = (0..3).map(|_| pool.select(block(0), limit, 256));
    let at = blocks.map(|chosen| chosen.namespaces.contains_key(&namespace(50)));
    assert!(at.into_iter().any(|has| has));
}

#[test]
fn more_namespaces_than_fit_take_turns() {
    let mut pool = pool();
    for id in 1..=10 {
        for number in 0..5 {
            submit(&mut pool, client(1), id, &transaction(number, 100)).unwrap();
        }
    }
    let mut heard = Vec::new();
    for _ in 0..4 {
        let chosen = numbers(&pool.select(block(0), 100_000, 3));
        assert_eq!(chosen.len(), 3);
        heard.extend(chosen.into_keys());
    }
    heard.sort_unstable();
    heard.dedup();
    assert_eq!(heard, (1..=10).collect::<Vec<u64>>());
}

#[test]
fn no_room_and_no_transactions_make_an_empty_selection() {
    let mut pool = filled(&[(1, 0, 100)]);
    for (bytes, namespaces) in [(0, 9), (4, 9), (123, 9), (9_999, 0)] {
        let selection = pool.select(block(0), bytes, namespaces);
        assert!(
            selection.is_empty(),
            "{bytes} bytes, {namespaces} namespaces"
        );
        assert_eq!(selection.payload_len(), 0);
    }
    assert_eq!(pool.select(block(0), 124, 1).transaction_count(), 1);
    assert!(super::pool().select(block(0), 9_999, 9).is_empty());
}

proptest! {
    /// Whatever is selected builds within the limits, with the length that was foretold, and with
    /// the hashes that a check of the payload finds.
    #[test]
    fn every_selection_builds(
        transactions in prop::collection::vec((1_u64..20, 8_usize..400), 0..200),
        payload_bytes in 0_u32..20_000,
        namespaces in 0_u32..20,
    ) {
        let mut pool = pool();
        for (number, (id, length)) in (0..).zip(&transactions) {
            submit(&mut pool, client(1), *id, &transaction(number, *length)).unwrap();
        }
        let limits = Limits { payload_bytes, namespaces, ..Limits::default() };
        let selection = pool.select(block(0), payload_bytes, namespaces);
        let length = selection.payload_len();
        let (bytes, hashes) = selection.into_parts();
        let payload = Payload::build(&bytes, &limits).unwrap();
        prop_assert_eq!(payload.len(), length);
        let known = NamespaceTree::with_hashes(&payload, hashes).unwrap();
        prop_assert_eq!(known.root(), NamespaceTree::new(&payload).root());
    }

    /// A transaction that can be in a block is in one before long, while others keep coming.
    #[test]
    fn nothing_waits_for_ever(
        lengths in prop::collection::vec(8_usize..3_000, 1..12),
        payload_bytes in 3_100_u32..6_000,
        namespaces in 1_u32..6,
    ) {
        let mut pool = pool();
        for (id, length) in (1..).zip(&lengths) {
            for number in 0..50 {
                submit(&mut pool, client(1), id, &transaction(number, *length)).unwrap();
            }
        }
        let mut served = std::collections::BTreeSet::new();
        for _ in 0..2 * lengths.len() {
            served.extend(pool.select(block(0), payload_bytes, namespaces).namespaces.into_keys());
        }
        prop_assert_eq!(served.len(), lengths.len());
    }
}
