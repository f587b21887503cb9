use std::time::Duration;

use hotshot_types::Height;

use super::*;
use crate::mempool::{Mempool, TransactionPosition};

#[tokio::test]
async fn a_submitter_waits_until_its_transaction_is_final() {
    let mempool = Mempool::new(MempoolLimits::default());
    let bytes = transaction(0, 10);
    let hash = mempool.submit(client(1), 3, bytes.clone()).unwrap().hash;
    let waiting = tokio::spawn({
        let mempool = mempool.clone();
        async move { mempool.wait_final(&hash, namespace(3)).await }
    });
    mempool.block_final(Height(1), &tree(&[]));
    mempool.block_known(block(2), block(1), Height(2), &tree(&[(3, &bytes)]));
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    mempool.block_final(Height(2), &tree(&[(3, &bytes)]));
    let position = TransactionPosition {
        height: Height(2),
        namespace: namespace(3),
        index: 0,
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert_eq!(waited.unwrap().unwrap(), Some(position));
    assert_eq!(
        mempool.wait_final(&hash, namespace(3)).await,
        Some(position)
    );
    assert_eq!(*mempool.final_height().borrow(), Height(2));
}

#[tokio::test]
async fn waiting_for_an_unknown_or_expired_transaction_ends() {
    let mempool = Mempool::new(MempoolLimits::default());
    assert_eq!(mempool.wait_final(&[0; 32], namespace(3)).await, None);
    let hash = mempool
        .submit(client(1), 3, transaction(0, 10))
        .unwrap()
        .hash;
    mempool.expire(Instant::now() + MempoolLimits::default().expiry);
    assert_eq!(mempool.wait_final(&hash, namespace(3)).await, None);
}

#[tokio::test]
async fn arrivals_wake_whoever_waits_for_the_first_transaction() {
    let mempool = Mempool::new(MempoolLimits::default());
    let mut arrivals = mempool.arrivals();
    assert!(!arrivals.has_changed().unwrap());
    mempool
        .submit(client(1), 0, transaction(0, 10))
        .unwrap_err();
    assert!(!arrivals.has_changed().unwrap());
    mempool.submit(client(1), 1, transaction(0, 10)).unwrap();
    arrivals.changed().await.unwrap();
    // A duplicate is no arrival.
    mempool.submit(client(1), 1, transaction(0, 10)).unwrap();
    assert!(!arrivals.has_changed().unwrap());
}

#[test]
fn each_transaction_of_a_batch_is_taken_or_refused_on_its_own() {
    let mempool = Mempool::new(MempoolLimits::default());
    let batch = [
        (namespace(1), transaction(0, 10)),
        (namespace(1), Bytes::new()),
    ];
    let results = mempool.submit_many(Source::Peer(1), batch);
    assert!(results[0].is_ok());
    assert_eq!(results[1], Err(Rejection::Empty));
    assert_eq!(mempool.metrics().transactions, 1);
    assert_eq!(mempool.metrics().rejected[1], 1);
}

#[test]
fn submitters_and_a_builder_work_at_once_without_losing_a_transaction() {
    let mempool = Mempool::new(MempoolLimits::default());
    let submitters: Vec<_> = (1..=4)
        .map(|id| {
            let mempool = mempool.clone();
            std::thread::spawn(move || {
                for number in 0..500 {
                    let from = client(u8::try_from(id).unwrap());
                    mempool.submit(from, id, transaction(number, 100)).unwrap();
                }
            })
        })
        .collect();
    let mut count = 0;
    let mut height = 0;
    while count < 2_000 {
        let selection = mempool.select(block(0), 50_000, 256);
        count += selection.transaction_count();
        let (bytes, hashes) = selection.into_parts();
        let payload = Payload::build(&bytes, &da::Limits::default()).unwrap();
        let namespaces = NamespaceTree::with_hashes(&payload, hashes).unwrap();
        height += 1;
        mempool.block_final(Height(height), &namespaces);
    }
    for submitter in submitters {
        submitter.join().unwrap();
    }
    assert_eq!((count, mempool.metrics().transactions), (2_000, 0));
}
