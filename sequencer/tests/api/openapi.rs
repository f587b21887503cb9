//! The OpenAPI document against the running API: each route of it answers, and as it says.

use bytes::Bytes;
use da::{Coder, CommittedPayload, Slots};
use hotshot_types::{
    Hash, Height, Round, Signature, ValidatorIndex,
    evidence::{Evidence, SignedProposal},
    message::Kind,
};
use sequencer::storage::Durability;
use sequencer_client::types::push_record;
use serde_json::{Value, json};

use crate::{
    document::{Document, assert_all_seen},
    node::{Node, read, sample},
};

/// A node that also has shares and evidence.
async fn full_node() -> Node {
    let node = sample().await;
    let block = node.chain.block(5);
    let weights = node.chain.committee(2).weights();
    let slots = Slots::new(&weights).unwrap();
    let committed = CommittedPayload::new(&mut Coder::new(), &slots, block.payload.clone());
    let shares = committed.encoded().range(slots.range(1).unwrap()).unwrap();
    let proposal = |hash| SignedProposal {
        round: Round::new(1, 2),
        kind: Kind::Fresh,
        height: Height(2),
        hash: Hash([hash; 32]),
        signer: ValidatorIndex(3),
        signature: Signature::ZERO,
    };
    let mut batch = node.storage.batch();
    batch.put_slots(&block.header, &shares).unwrap();
    // Two, so that a page may have a next one.
    batch.put_evidence(&Evidence::Proposals(proposal(1), proposal(2)));
    batch.put_evidence(&Evidence::Proposals(proposal(1), proposal(3)));
    node.storage.commit(batch, Durability::Buffered).unwrap();
    node
}

async fn post(node: &Node, path: &str, form: &str, body: Vec<u8>) -> (u16, String, Bytes) {
    let request = reqwest::Client::new()
        .post(format!("{}{path}", node.url()))
        .header("content-type", form)
        .header("x-namespace", "7")
        .body(body);
    read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn every_documented_route_answers_as_the_document_says() {
    let node = full_node().await;
    let mut document = Document::of(&node).await;
    let known = hex::encode(da::tx_hash(&[5, 2, 2]));
    let unknown = "00".repeat(32);
    let requests = [
        (
            "/v1/transactions/{hash}",
            format!("/v1/transactions/{known}"),
            200,
        ),
        (
            "/v1/transactions/{hash}",
            format!("/v1/transactions/{unknown}"),
            404,
        ),
        ("/v1/transactions/{hash}", "/v1/transactions/x".into(), 400),
        ("/v1/blocks", "/v1/blocks?from=0&limit=3".into(), 200),
        ("/v1/blocks", "/v1/blocks?limit=0".into(), 400),
        ("/v1/blocks/{block}", "/v1/blocks/latest".into(), 200),
        ("/v1/blocks/{block}", "/v1/blocks/99".into(), 404),
        (
            "/v1/blocks/{block}/ancestors/{height}",
            "/v1/blocks/5/ancestors/0".into(),
            200,
        ),
        (
            "/v1/blocks/{block}/ancestors/{height}",
            "/v1/blocks/5/ancestors/5".into(),
            400,
        ),
        (
            "/v1/blocks/{block}/payload",
            "/v1/blocks/5/payload".into(),
            200,
        ),
        (
            "/v1/blocks/{block}/shares/{validator}",
            "/v1/blocks/5/shares/1".into(),
            200,
        ),
        (
            "/v1/blocks/{block}/shares/{validator}",
            "/v1/blocks/5/shares/0".into(),
            404,
        ),
        (
            "/v1/blocks/{block}/shares/{validator}",
            "/v1/blocks/4/shares/0".into(),
            404,
        ),
        (
            "/v1/blocks/{block}/shares/{validator}",
            "/v1/blocks/4/shares/-1".into(),
            400,
        ),
        (
            "/v1/blocks/{block}/namespaces",
            "/v1/blocks/5/namespaces".into(),
            200,
        ),
        (
            "/v1/blocks/{block}/namespaces/{namespace}",
            "/v1/blocks/5/namespaces/7?proof=true".into(),
            200,
        ),
        (
            "/v1/blocks/{block}/namespaces/{namespace}",
            "/v1/blocks/5/namespaces/8?proof=1".into(),
            200,
        ),
        (
            "/v1/blocks/{block}/namespaces/{namespace}",
            "/v1/blocks/5/namespaces/0".into(),
            400,
        ),
        (
            "/v1/blocks/{block}/namespaces/{namespace}/accumulator",
            "/v1/blocks/5/namespaces/7/accumulator".into(),
            200,
        ),
        (
            "/v1/blocks/{block}/namespaces/{namespace}/accumulator",
            "/v1/blocks/5/namespaces/8/accumulator".into(),
            200,
        ),
        (
            "/v1/blocks/{block}/namespaces/{namespace}/accumulator",
            "/v1/blocks/2/namespaces/8/accumulator".into(),
            200,
        ),
        (
            "/v1/blocks/{block}/namespaces/{namespace}/accumulator",
            "/v1/blocks/0/namespaces/8/accumulator".into(),
            200,
        ),
        (
            "/v1/namespaces/{namespace}/blocks",
            "/v1/namespaces/7/blocks?from=1&proof=true".into(),
            200,
        ),
        (
            "/v1/namespaces/{namespace}/blocks",
            "/v1/namespaces/7/blocks?limit=1000".into(),
            400,
        ),
        ("/v1/light-client/{block}", "/v1/light-client/0".into(), 200),
        (
            "/v1/light-client/{block}",
            "/v1/light-client/10".into(),
            200,
        ),
        (
            "/v1/light-client/{block}",
            "/v1/light-client/10?from_epoch=9".into(),
            404,
        ),
        ("/v1/epochs/{epoch}", "/v1/epochs/latest".into(), 200),
        ("/v1/epochs/{epoch}", "/v1/epochs/99".into(), 404),
        ("/v1/validators", "/v1/validators".into(), 200),
        ("/v1/genesis", "/v1/genesis".into(), 200),
        ("/v1/evidence", "/v1/evidence".into(), 200),
        ("/v1/evidence", "/v1/evidence?limit=1".into(), 200),
        ("/v1/evidence", "/v1/evidence?limit=101".into(), 400),
        ("/v1/evidence", "/v1/evidence?after=7".into(), 400),
        ("/v1/status", "/v1/status".into(), 200),
        ("/v1/status", "/v1/status?verbose=1".into(), 400),
        ("/v1/limits", "/v1/limits".into(), 200),
        ("/livez", "/livez".into(), 200),
        ("/readyz", "/readyz".into(), 200),
        ("/version", "/version".into(), 200),
        ("/openapi.json", "/openapi.json".into(), 200),
        ("/docs", "/docs".into(), 200),
    ];
    for (path, address, status) in requests {
        let answer = node.get(&address).await;
        assert_eq!(
            answer.0,
            status,
            "{address}: {}",
            String::from_utf8_lossy(&answer.2)
        );
        document.check_answer(path, "get", &answer);
    }
    let mut batch = Vec::new();
    push_record(&mut batch, 7, b"one");
    push_record(&mut batch, 0, b"two");
    let (json, raw) = ("application/json", "application/octet-stream");
    let item = json!({ "namespace": "0x7", "payload": "aGk=" });
    for (path, query, form, body, status) in [
        ("/v1/transactions", "", raw, b"a transaction".to_vec(), 202),
        (
            "/v1/transactions",
            "",
            json,
            item.to_string().into_bytes(),
            202,
        ),
        ("/v1/transactions", "?wait=finalized", raw, vec![9, 1], 200),
        (
            "/v1/transactions",
            "?wait=finalized&timeout_ms=1",
            raw,
            vec![1],
            202,
        ),
        ("/v1/transactions", "", json, b"{}".to_vec(), 400),
        ("/v1/transactions", "", raw, vec![0; (1 << 20) + 1], 413),
        ("/v1/transactions", "", "text/plain", b"x".to_vec(), 415),
        ("/v1/transactions/batch", "", raw, batch.clone(), 200),
        (
            "/v1/transactions/batch",
            "",
            json,
            json!({ "transactions": [item] }).to_string().into_bytes(),
            200,
        ),
        ("/v1/transactions/batch", "", raw, batch[1..].to_vec(), 400),
        ("/v1/transactions/batch", "", raw, vec![0; 12 * 16_385], 413),
        (
            "/v1/transactions/batch",
            "",
            "text/plain",
            b"x".to_vec(),
            415,
        ),
    ] {
        let answer = post(&node, &format!("{path}{query}"), form, body).await;
        assert_eq!(
            answer.0,
            status,
            "{path}: {}",
            String::from_utf8_lossy(&answer.2)
        );
        document.check_answer(path, "post", &answer);
    }
    for (path, address, events) in [
        (
            "/v1/stream/blocks",
            "/v1/stream/blocks?from=5",
            vec![("block", "BlockWithPayload")],
        ),
        (
            "/v1/stream/headers",
            "/v1/stream/headers?from=5",
            vec![("block", "Block")],
        ),
        (
            "/v1/stream/namespaces/{namespace}",
            "/v1/stream/namespaces/7?from=9&proof=true",
            vec![("block", "NamespaceBlock"), ("head", "NamespaceHead")],
        ),
    ] {
        let answer = node.get(&format!("{address}&nonsense=1")).await;
        document.check_answer(path, "get", &answer);
        for (event, schema) in events {
            let data = first_event(&node, address, event).await;
            document.check_named(schema, &data);
        }
    }
    assert_all_seen(&document);
}

/// The data of the first event with this name.
async fn first_event(node: &Node, address: &str, name: &str) -> Value {
    let mut response = reqwest::get(format!("{}{address}", node.url()))
        .await
        .unwrap();
    let mut text = String::new();
    loop {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
        let events: Vec<_> = text.split("\n\n").collect();
        let whole = &events[..events.len() - 1];
        let wanted = whole
            .iter()
            .find(|event| event.starts_with(&format!("event: {name}\n")));
        if let Some(event) = wanted {
            let data = event.split_once("data: ").unwrap().1;
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[tokio::test]
async fn documented_routes_take_no_other_methods() {
    let node = sample().await;
    let document = Document::of(&node).await;
    let http = reqwest::Client::new();
    for (path, operations) in document.whole["paths"].as_object().unwrap() {
        let address = path
            .replace("{hash}", &"00".repeat(32))
            .replace("{block}", "latest")
            .replace("{namespace}", "7")
            .replace("{epoch}", "1")
            .replace("{validator}", "0");
        for method in ["PUT", "DELETE", "PATCH"] {
            assert!(operations.get(method.to_lowercase()).is_none());
            let method = method.parse().unwrap();
            let url = format!("{}{address}", node.url());
            let response = http.request(method, url).send().await.unwrap();
            assert!(response.headers().contains_key("allow"), "{path}");
            let (status, form, body) = read(response).await;
            let problem = crate::node::problem_of(status, &form, &body);
            assert_eq!(problem.status, 405, "{path}");
        }
    }
}

#[tokio::test]
async fn the_page_of_the_document_loads_nothing_from_elsewhere() {
    let node = sample().await;
    let response = reqwest::get(format!("{}/docs", node.url())).await.unwrap();
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = response.text().await.unwrap();
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src=\""));
    assert!(page.contains("fetch(\"/openapi.json\")"));
}
