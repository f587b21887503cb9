//! Many transactions in one request.

use bytes::Bytes;
use hotshot_types::Hash;
use sequencer::api::Bounds;
use sequencer_client::types::{
    BatchSubmitted, ProblemCode as Code, RefusedTransaction, TransactionState, push_record,
};

use crate::{
    chain::{Chain, id},
    node::{Node, bounds, problem_of, read, sample},
};

async fn post(node: &Node, form: &str, body: impl Into<reqwest::Body>) -> (u16, String, Bytes) {
    let request = reqwest::Client::new()
        .post(format!("{}/v1/transactions/batch", node.url()))
        .header("content-type", form)
        .body(body);
    read(request.send().await.unwrap()).await
}

fn refused(index: u32, code: Code) -> RefusedTransaction {
    RefusedTransaction { index, code }
}

#[tokio::test]
async fn each_transaction_of_a_batch_is_taken_or_refused_on_its_own() {
    let node = sample().await;
    let limit = usize::try_from(node.chain.genesis.parameters.max_transaction_bytes).unwrap();
    let mut batch = Vec::new();
    for (namespace, transaction) in [
        (7, b"one".as_slice()),
        (0, b"two"),
        (8, b"three"),
        (7, b""),
        (7, &vec![1; limit + 1]),
        (9, b"one"),
    ] {
        push_record(&mut batch, namespace, transaction);
    }
    let (status, _, body) = post(&node, "application/octet-stream", batch).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let answer: BatchSubmitted = serde_json::from_slice(&body).unwrap();
    let expected = BatchSubmitted {
        accepted: 3,
        refused: vec![
            refused(1, Code::NamespaceReserved),
            refused(3, Code::EmptyTransaction),
            refused(4, Code::TransactionTooLarge),
        ],
        retry_after_ms: None,
    };
    assert_eq!(answer, expected);
    let hash = Hash(da::tx_hash(b"one"));
    for namespace in [7, 9] {
        let found = node.api().transaction(hash, Some(id(namespace))).await;
        assert_eq!(found.unwrap().state, TransactionState::Pending);
    }
}

#[tokio::test]
async fn both_forms_of_a_batch_are_the_same_transactions() {
    let node = sample().await;
    let transactions: Vec<_> = (0..500_u32)
        .map(|number| (id(7), Bytes::from(vec![number.to_le_bytes(); 128].concat())))
        .collect();
    let raw = node.api().submit_batch(&transactions).await.unwrap();
    assert_eq!((raw.accepted, raw.refused.len()), (500, 0));
    let items: Vec<_> = transactions
        .iter()
        .map(|(id, bytes)| {
            serde_json::json!({"namespace": id.to_string(), "payload": sequencer_client::Base64(bytes.clone())})
        })
        .collect();
    let body = serde_json::json!({ "transactions": items }).to_string();
    let (status, _, body) = post(&node, "application/json", body).await;
    let json: BatchSubmitted = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, json), (200, raw));
    assert_eq!(node.mempool.metrics().transactions, 500);
}

#[tokio::test]
async fn what_does_not_fit_the_pool_is_named_with_a_time_to_come_back() {
    let node = sample().await;
    let transactions = |from: u8| -> Vec<_> {
        let numbers = from..from + 7;
        numbers
            .map(|number| (id(7), Bytes::from(vec![number; 1 << 20])))
            .collect()
    };
    let api = node.api();
    let first = api.submit_batch(&transactions(0)).await.unwrap();
    let second = api.submit_batch(&transactions(7)).await.unwrap();
    let third = api.submit_batch(&transactions(14)).await.unwrap();
    assert_eq!((first.accepted, second.accepted), (7, 7));
    assert_eq!(third.accepted, 1, "a source has 16 MiB");
    let rest: Vec<_> = (1..7).map(|index| refused(index, Code::PoolFull)).collect();
    assert_eq!(third.refused, rest);
    assert!(third.retry_after_ms.is_some());
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_as_a_whole() {
    let node = Node::with(
        Chain::sample(),
        Bounds {
            batch_bytes: 10_000,
            batch_transactions: 3,
            ..bounds()
        },
        None,
    )
    .await;
    let raw = "application/octet-stream";
    let json = "application/json";
    let mut whole = Vec::new();
    for number in 0..4_u8 {
        push_record(&mut whole, 7, &[number]);
    }
    let item = "{\"namespace\":7,\"payload\":\"aGk=\"}";
    let many = format!("{{\"transactions\":[{}]}}", [item; 4].join(","));
    let reserved =
        format!("{{\"transactions\":[{item},{{\"namespace\":0,\"payload\":\"aGk=\"}}]}}");
    for (form, body, status, code) in [
        (raw, whole[..20].to_vec(), 400, Code::MalformedRequest),
        (raw, whole.clone(), 413, Code::BatchTooLarge),
        (raw, vec![0; 10_001], 413, Code::BatchTooLarge),
        (json, many.into_bytes(), 413, Code::BatchTooLarge),
        (json, vec![b' '; 20_000], 413, Code::BatchTooLarge),
        (json, b"[]".to_vec(), 400, Code::MalformedRequest),
        (raw, Vec::new(), 400, Code::MalformedRequest),
        (
            json,
            b"{\"transactions\":[]}".to_vec(),
            400,
            Code::MalformedRequest,
        ),
        (json, reserved.into_bytes(), 400, Code::NamespaceReserved),
        ("text/plain", whole, 415, Code::UnsupportedMediaType),
    ] {
        let (found, form, body) = post(&node, form, body).await;
        let problem = problem_of(found, &form, &body);
        assert_eq!((found, problem.code), (status, code), "{problem:?}");
    }
    assert_eq!(node.mempool.metrics().transactions, 0);
}

#[tokio::test]
async fn bodies_beyond_the_memory_for_them_are_refused_for_a_moment() {
    let node = Node::with(
        Chain::sample(),
        Bounds {
            body_bytes: 128 << 10,
            ..bounds()
        },
        None,
    )
    .await;
    let (status, form, body) = post(&node, "application/octet-stream", vec![0; 129 << 10]).await;
    let problem = problem_of(status, &form, &body);
    assert_eq!((status, problem.code), (503, Code::TooBusy));
    // What was refused gives its share back.
    let (status, _, _) = post(&node, "application/octet-stream", vec![0; 120]).await;
    assert_eq!(status, 200, "ten records that are refused one by one");
}
