//! From a submission to a proof.

use std::time::Duration;

use bytes::Bytes;
use hotshot_types::{Hash, Height};
use sequencer_client::{
    ClientError,
    types::{ProblemCode, SubmitRequest, TransactionState},
};

use crate::{
    chain::id,
    node::{Node, bounds, read, sample},
};
use sequencer::{
    api::Bounds,
    mempool::{Mempool, MempoolLimits},
};

#[tokio::test]
async fn a_transaction_waits_until_it_is_final_and_served() {
    let mut node = sample().await;
    let (api, bytes) = (node.api(), Bytes::from_static(b"a transaction"));
    let hash = Hash(da::tx_hash(&bytes));
    let waiting = {
        let (api, bytes) = (api.clone(), bytes.clone());
        tokio::spawn(async move {
            api.submit(id(42), bytes, Some(Duration::from_secs(60)))
                .await
        })
    };
    while node.mempool.status(&hash.0).is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pending = api.transaction(hash, None).await.unwrap();
    assert_eq!(
        (pending.state, pending.position),
        (TransactionState::Pending, None)
    );
    assert!(!waiting.is_finished());

    node.push(&[(42, &[bytes.to_vec()])]);
    let submitted = waiting.await.unwrap().unwrap();
    let position = submitted.position.unwrap();
    assert_eq!(
        (submitted.state, submitted.hash),
        (TransactionState::Final, hash)
    );
    assert_eq!((position.height, position.index), (Height(11), 0));
    let verified = node.client().transaction(hash, Some(id(42))).await.unwrap();
    assert_eq!(
        (verified.bytes, verified.block.hash),
        (bytes, position.block)
    );
}

#[tokio::test]
async fn both_forms_of_a_submission_are_one_transaction() {
    let node = sample().await;
    let http = reqwest::Client::new();
    let url = format!("{}/v1/transactions", node.url());
    let raw = http
        .post(&url)
        .header("x-namespace", "0x2a")
        .body("hello")
        .send()
        .await
        .unwrap();
    let raw = read(raw).await;
    let request = SubmitRequest {
        namespace: id(42),
        payload: sequencer_client::Base64(Bytes::from_static(b"hello")),
    };
    let json = read(http.post(&url).json(&request).send().await.unwrap()).await;
    assert_eq!((raw.0, &raw.2), (202, &json.2));
    let tolerant = http
        .post(&url)
        .header("content-type", "application/json; charset=utf-8")
        .body("{\"namespace\": \"0x2a\", \"payload\": \"aGVsbG8\"}");
    assert_eq!(read(tolerant.send().await.unwrap()).await.2, raw.2);
    assert_eq!(node.mempool.metrics().transactions, 1);
}

#[tokio::test]
async fn a_wait_that_ran_out_says_that_the_transaction_is_pending() {
    let node = Node::with(
        crate::chain::Chain::sample(),
        Bounds {
            wait: Duration::from_millis(50),
            ..bounds()
        },
        None,
    )
    .await;
    let bytes = Bytes::from_static(b"slow");
    let submitted = node
        .api()
        .submit(id(7), bytes.clone(), Some(Duration::from_millis(50)))
        .await
        .unwrap();
    assert_eq!(
        (submitted.state, submitted.position),
        (TransactionState::Pending, None)
    );
    assert_eq!(submitted.hash, Hash(da::tx_hash(&bytes)));
    assert_eq!(node.mempool.metrics().transactions, 1);
    let url = format!("{}/v1/transactions?wait=final&timeout_ms=1", node.url());
    let again = reqwest::Client::new()
        .post(url)
        .header("x-namespace", "7")
        .body(bytes);
    assert_eq!(read(again.send().await.unwrap()).await.0, 202);

    let desk = crate::command_line::Desk::at(&node);
    let outcome = desk
        .run("tx submit --namespace 7 --hex aa --wait --timeout 0 --json")
        .await;
    outcome.fails(9, "not final after 0 s");
    let printed: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(printed["state"], "pending");
}

#[tokio::test]
async fn a_transaction_that_is_final_already_is_answered_at_once() {
    let node = sample().await;
    let again = node
        .api()
        .submit(
            id(7),
            Bytes::from(vec![9, 1]),
            Some(Duration::from_secs(60)),
        )
        .await;
    let position = again.unwrap().position.unwrap();
    assert_eq!((position.height, position.index), (Height(9), 0));
    assert_eq!(node.mempool.metrics().transactions, 0);
}

#[tokio::test]
async fn waiting_requests_end_when_the_node_stops() {
    let mut node = sample().await;
    let api = node.api();
    let bytes = Bytes::from_static(b"too late");
    let hash = da::tx_hash(&bytes);
    let waiting = tokio::spawn(async move {
        api.submit(id(7), bytes, Some(Duration::from_secs(60)))
            .await
    });
    while node.mempool.status(&hash).is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    node.stop().await;
    let Err(ClientError::Refused(problem)) = waiting.await.unwrap() else {
        panic!()
    };
    assert_eq!(problem.code, ProblemCode::NotReady);
}

#[tokio::test]
async fn the_same_bytes_in_two_namespaces_are_two_transactions() {
    let mut node = sample().await;
    let (api, bytes) = (node.api(), Bytes::from(vec![9, 1]));
    let waiting = tokio::spawn(async move {
        api.submit(id(42), bytes, Some(Duration::from_secs(60)))
            .await
    });
    while node.mempool.metrics().transactions == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    node.push(&[]);
    node.push(&[(42, &[vec![1], vec![9, 1]])]);
    let position = waiting.await.unwrap().unwrap().position.unwrap();
    assert_eq!((position.height, position.index), (Height(12), 1));

    let (api, client) = (node.api(), node.client());
    let hash = Hash(da::tx_hash(&[9, 1]));
    for (namespace, height) in [(7, 9), (42, 12)] {
        let found = api.transaction(hash, Some(id(namespace))).await.unwrap();
        assert_eq!(found.namespace, id(namespace));
        assert_eq!(found.position.unwrap().height, Height(height));
        let proven = client.transaction(hash, Some(id(namespace))).await.unwrap();
        assert_eq!(proven.block.header.height, Height(height));
        let (_, proven) = client
            .prove_transaction(hash, Some(id(namespace)))
            .await
            .unwrap();
        assert_eq!(proven.header.height, Height(height));
    }
    let first = api.transaction(hash, None).await.unwrap();
    assert_eq!(first.namespace, id(7));
    let outcome = api.transaction(hash, Some(id(8))).await;
    assert!(
        matches!(&outcome, Err(ClientError::Refused(problem)) if problem.code == ProblemCode::TransactionUnknown),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_restarted_node_does_not_take_a_final_transaction_again() {
    let mut node = sample().await;
    node.stop().await;
    node.mempool = Mempool::new(MempoolLimits::default());
    node.restart().await;
    let again = node
        .api()
        .submit(id(7), Bytes::from(vec![9, 1]), None)
        .await
        .unwrap();
    assert_eq!(again.position.unwrap().height, Height(9));
    assert_eq!(node.mempool.metrics().transactions, 0);
}
