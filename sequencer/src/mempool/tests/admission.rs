use std::{net::IpAddr, time::Duration};

use super::*;
use crate::mempool::{ENTRY_BYTES, Status};

fn limits() -> MempoolLimits {
    MempoolLimits {
        total_bytes: 4 * (1_000 + ENTRY_BYTES),
        namespace_bytes: 3 * (1_000 + ENTRY_BYTES),
        source_bytes: 2 * (1_000 + ENTRY_BYTES),
        transaction_bytes: 1_000,
        ..MempoolLimits::default()
    }
}

#[test]
fn each_reason_to_refuse_has_its_own_error_and_hint() {
    let mut pool = Pool::new(limits());
    let mut take = |source, id, number, length| {
        submit(&mut pool, source, id, &transaction(number, length)).map_err(|why| why.code())
    };
    assert_eq!(take(client(1), 0, 1, 10), Err("reserved_namespace"));
    assert_eq!(take(client(1), 1, 1, 1_001), Err("too_large"));
    assert!(take(client(1), 1, 1, 1_000).is_ok());
    assert!(take(client(1), 1, 2, 1_000).is_ok());
    assert_eq!(take(client(1), 2, 3, 8), Err("source_full"));
    assert!(take(client(2), 1, 3, 1_000).is_ok());
    assert_eq!(take(client(2), 1, 4, 8), Err("namespace_full"));
    assert!(take(client(2), 2, 4, 1_000).is_ok());
    assert_eq!(take(client(3), 3, 5, 8), Err("pool_full"));
    let empty = submit(&mut pool, client(1), 1, &Bytes::new()).unwrap_err();
    assert_eq!(empty, Rejection::Empty);
    assert_eq!(empty.retry_after(), None);
    let full = submit(&mut pool, client(3), 3, &transaction(5, 8)).unwrap_err();
    assert_eq!(full.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(pool.metrics().rejected, [1, 1, 1, 2, 1, 1]);
    assert_eq!(pool.metrics().accepted, 4);
}

#[test]
fn room_is_free_again_when_transactions_are_final() {
    let mut pool = Pool::new(limits());
    let first = transaction(1, 1_000);
    let second = transaction(2, 1_000);
    for bytes in [&first, &second] {
        submit(&mut pool, client(1), 1, bytes).unwrap();
    }
    pool.block_final(
        hotshot_types::Height(1),
        &tree(&[(1, &first), (1, &second)]),
    );
    let metrics = pool.metrics();
    assert_eq!((metrics.transactions, metrics.bytes), (0, 0));
    assert_eq!((metrics.namespaces, metrics.sources), (0, 0));
    submit(&mut pool, client(1), 1, &transaction(3, 1_000)).unwrap();
}

#[test]
fn a_duplicate_is_accepted_with_the_status_it_has_and_takes_no_room() {
    let mut pool = pool();
    let bytes = transaction(1, 100);
    let first = submit(&mut pool, client(1), 1, &bytes).unwrap();
    assert_eq!(first.hash, da::tx_hash(&bytes));
    let pending = |id| Status::Pending {
        namespace: namespace(id),
    };
    assert_eq!(first.status, pending(1));
    assert_eq!(submit(&mut pool, client(2), 1, &bytes).unwrap(), first);
    assert_eq!(pool.metrics().transactions, 1);
    // In another namespace it is another transaction.
    assert_eq!(
        submit(&mut pool, client(2), 2, &bytes).unwrap().status,
        pending(2)
    );
    assert_eq!(pool.metrics().transactions, 2);
    assert_eq!(pool.status(&first.hash), Some(pending(1)));
    pool.block_final(hotshot_types::Height(1), &tree(&[(1, &bytes)]));
    assert_eq!(pool.metrics().transactions, 1);
    assert!(matches!(pool.status(&first.hash), Some(Status::Final(_))));
    let status_in = |id| pool.status_in(&first.hash, namespace(id));
    assert!(matches!(status_in(1), Some(Status::Final(_))));
    assert_eq!((status_in(2), status_in(3)), (Some(pending(2)), None));
}

#[test]
fn transactions_expire_in_order_of_arrival() {
    let mut pool = pool();
    let start = Instant::now();
    let expiry = MempoolLimits::default().expiry;
    for number in 0..3 {
        let at = start + Duration::from_secs(number);
        pool.submit(client(1), 1, transaction(number, 10), at)
            .unwrap();
    }
    assert_eq!(
        pool.expire(start + expiry - Duration::from_secs(1)),
        [[0; 32]; 0]
    );
    let expired = pool.expire(start + expiry + Duration::from_secs(1));
    let hash = |number| da::tx_hash(&transaction(number, 10));
    assert_eq!(expired, [hash(0), hash(1)]);
    assert_eq!(pool.status(&hash(0)), None);
    assert!(pool.status(&hash(2)).is_some());
}

#[test]
fn addresses_of_one_ipv6_network_are_one_source() {
    let source = |text: &str| Source::client(text.parse::<IpAddr>().unwrap());
    assert_eq!(source("2001:db8:1:2:3::4"), source("2001:db8:1:2:ffff::9"));
    assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
    assert_eq!(source("::ffff:10.0.0.1"), source("10.0.0.1"));
    assert_ne!(source("10.0.0.1"), source("10.0.0.2"));
}

#[test]
fn a_forwarded_transaction_does_not_keep_its_batch_in_memory() {
    let mut pool = pool();
    let batch = Bytes::from(vec![1; 100_000]);
    let slice = batch.slice(..10);
    submit(&mut pool, Source::Peer(1), 1, &slice).unwrap();
    let selection = pool.select(block(0), 1_000, 1);
    let kept = &selection.namespaces[&namespace(1)][0].1;
    assert_eq!(*kept, slice);
    assert_ne!(kept.as_ptr(), slice.as_ptr());
}
