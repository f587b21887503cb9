//! The OpenAPI document against the running API: each route of it answers, and as it says.

use std::collections::BTreeSet;

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

use crate::node::{Node, read, sample};

/// The document, and what of it was seen in answers.
struct Document {
    whole: Value,
    operations: BTreeSet<String>,
    fields: BTreeSet<String>,
}

impl Document {
    async fn of(node: &Node) -> Self {
        let (status, form, body) = node.get("/openapi.json").await;
        assert_eq!((status, form.as_str()), (200, "application/json"));
        Self {
            whole: serde_json::from_slice(&body).unwrap(),
            operations: BTreeSet::new(),
            fields: BTreeSet::new(),
        }
    }

    fn schema(&self, name: &str) -> Value {
        self.whole["components"]["schemas"][name].clone()
    }

    /// Asserts that an answer is one that the document has for the operation.
    fn check_answer(&mut self, path: &str, method: &str, answer: &(u16, String, Bytes)) {
        let (status, form, body) = answer;
        let operation = format!("{method} {path}");
        let documented = &self.whole["paths"][path][method]["responses"][status.to_string()];
        let shown = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        assert!(
            !documented.is_null(),
            "{operation}: {status} is not documented: {shown}"
        );
        let content = documented["content"][form]["schema"].clone();
        assert!(
            !content.is_null(),
            "{operation}: {status} in {form} is not documented: {shown}"
        );
        if form.ends_with("json") {
            let value: Value = serde_json::from_slice(body).unwrap();
            if let Err(why) = self.check(&content, &value, "answer") {
                panic!("{operation}: {status}: {why}: {shown}");
            }
        }
        self.operations.insert(operation);
    }

    fn check_named(&mut self, name: &str, value: &Value) {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        if let Err(why) = self.check(&schema, value, name) {
            panic!("{why}: {value}");
        }
    }

    /// What of JSON Schema the document uses; objects may have no other fields than those described.
    fn check(&mut self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap().to_owned();
            return self.check(&self.schema(&name), value, &name);
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(forms) = schema[key].as_array() {
                let fits = |form: &&Value| self.clone_check(form, value, at).is_ok();
                let count = forms.iter().filter(fits).count();
                if count == 0 || (key == "oneOf" && count > 1) {
                    return Err(format!("{at}: {count} of the forms fit"));
                }
                let form = forms.iter().find(fits).unwrap().clone();
                return self.check(&form, value, at);
            }
        }
        if let Some(allowed) = schema["enum"].as_array() {
            return if allowed.contains(value) {
                Ok(())
            } else {
                Err(format!("{at}: {value} is none of the words"))
            };
        }
        let is_right = match schema["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.as_u64() >= schema["minimum"].as_u64() && value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("null") => value.is_null(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            other => return Err(format!("{at}: the document has the type {other:?}")),
        };
        if !is_right {
            return Err(format!("{at}: {value} is no {}", schema["type"]));
        }
        if let Some(digits) = schema["pattern"].as_str().and_then(digits) {
            let text = value.as_str().unwrap_or("");
            if text.len() != digits + 2 || !text.starts_with("0x") {
                return Err(format!("{at}: {text} has not {digits} digits"));
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            let items = match schema["prefixItems"].as_array() {
                Some(items) => items.get(index).cloned().unwrap_or_default(),
                None => schema["items"].clone(),
            };
            self.check(&items, item, at)?;
        }
        self.check_fields(schema, value, at)
    }

    /// The same without noting what was seen.
    fn clone_check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let mut copy = Self {
            whole: self.whole.clone(),
            operations: BTreeSet::new(),
            fields: BTreeSet::new(),
        };
        copy.check(schema, value, at)
    }

    fn check_fields(&mut self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let (Some(fields), Some(properties)) =
            (value.as_object(), schema["properties"].as_object())
        else {
            return Ok(());
        };
        for required in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(required.as_str().unwrap()) {
                return Err(format!("{at}: {required} is missing"));
            }
        }
        for (name, field) in fields {
            let at = format!("{at}.{name}");
            let Some(schema) = properties.get(name) else {
                return Err(format!("{at} is not described"));
            };
            self.check(schema, field, &at)?;
            self.fields.insert(at);
        }
        Ok(())
    }
}

/// The digits in a pattern such as `^0x[0-9a-f]{64}$`.
fn digits(pattern: &str) -> Option<usize> {
    let rest = pattern.strip_prefix("^0x[0-9a-f]{")?;
    rest.strip_suffix("}$")?.parse().ok()
}

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
    batch.put_evidence(&Evidence::Proposals(proposal(1), proposal(2)));
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
        ("/v1/evidence", "/v1/evidence?limit=101".into(), 400),
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
            504,
        ),
        ("/v1/transactions", "", json, b"{}".to_vec(), 400),
        ("/v1/transactions", "", raw, vec![0; 2 << 20], 413),
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
        ("/v1/transactions/batch", "", raw, vec![0; 9 << 20], 413),
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

/// Every operation was asked for, and every field of every answer was seen, apart from those that take a network to
/// come about.
fn assert_all_seen(document: &Document) {
    for (path, operations) in document.whole["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let operation = format!("{method} {path}");
            assert!(
                document.operations.contains(&operation),
                "{operation} was not asked for"
            );
        }
    }
    let rare = [
        "BatchSubmitted.retry_after_ms",
        "Problem.retry_after_ms",
        "NodeState.validator",
        "NodeState.sync",
        "NodeState.reasons",
        "ApiLimits.source_requests_per_s",
    ];
    let only_in = |schema: &str| {
        [
            "SubmitRequest",
            "BatchRequest",
            "Sync",
            "Interrupted",
            "Vote",
            "SignedTimeout",
            "QuorumCertificate",
            "TimeoutCertificate",
            "TimeoutGroup",
        ]
        .contains(&schema)
    };
    for (name, schema) in document.whole["components"]["schemas"].as_object().unwrap() {
        for field in schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys())
        {
            let field = format!("{name}.{field}");
            let is_excused = rare.contains(&field.as_str()) || only_in(name);
            assert!(
                document.fields.contains(&field) || is_excused,
                "{field} is described, but no answer has it"
            );
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
