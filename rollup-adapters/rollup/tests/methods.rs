//! Every method answers in the shape of Ethereum's OpenRPC description: what there is, what there is not, and errors. RR1
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Bytes, TxKind};
use rig::{ALICE, NOBODY, Rig, sample::sample, signed, transaction};
use serde_json::{Value, json};
use shapes::OpenRpc;

/// `total()` of the notebook.
const TOTAL: &str = "0x2ddbd13a";

/// Asks, checks the shape and remembers what was answered.
struct Recorder<'a> {
    rig: &'a Rig,
    openrpc: &'a OpenRpc,
    seen: BTreeMap<String, BTreeSet<&'static str>>,
    last_error: Value,
}

impl Recorder<'_> {
    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let mut response = self.rig.response(method, params.clone()).await;
        if let Err(error) = self.openrpc.check_answer(method, &response) {
            panic!("{method} {params}: {error}");
        }
        if let Some(error) = response.get("error") {
            self.last_error = error.clone();
        }
        let kind = match response.get("result") {
            None => "error",
            Some(Value::Null) => "nothing",
            Some(_) => "something",
        };
        self.seen.entry(method.to_owned()).or_default().insert(kind);
        response.get_mut("result").map_or(Value::Null, Value::take)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_shape_of_the_openrpc_description() {
    let sample = sample().await;
    let openrpc = OpenRpc::new();
    let mut recorder = Recorder {
        rig: &sample.rig,
        openrpc: &openrpc,
        seen: BTreeMap::new(),
        last_error: Value::Null,
    };
    for method in [
        "web3_clientVersion",
        "net_version",
        "eth_chainId",
        "eth_syncing",
        "eth_accounts",
        "eth_blockNumber",
        "eth_gasPrice",
        "eth_maxPriorityFeePerGas",
    ] {
        recorder.ask(method, json!([])).await;
        recorder.ask(method, json!([1])).await;
    }
    let tags = ["earliest", "finalized", "safe", "latest", "pending", "0x1"];
    for is_full in [false, true] {
        for tag in tags.into_iter().chain(["0xffff", "newest"]) {
            recorder
                .ask("eth_getBlockByNumber", json!([tag, is_full]))
                .await;
        }
    }
    let mut hashes = vec![json!(B256::repeat_byte(7)), json!("0x7")];
    for number in 0..=6 {
        let tag = format!("{number:#x}");
        let block = recorder
            .ask("eth_getBlockByNumber", json!([tag, true]))
            .await;
        hashes.push(block["hash"].clone());
        recorder.ask("eth_getBlockReceipts", json!([tag])).await;
        recorder
            .ask(
                "eth_getBlockReceipts",
                json!([{"blockHash": block["hash"]}]),
            )
            .await;
    }
    for hash in &hashes {
        recorder
            .ask("eth_getBlockByHash", json!([hash, true]))
            .await;
        recorder.ask("eth_getBlockByHash", json!([hash])).await;
        recorder
            .ask("eth_getBlockTransactionCountByHash", json!([hash]))
            .await;
        recorder.ask("eth_getBlockReceipts", json!([hash])).await;
        for index in ["0x0", "0x9", "x"] {
            recorder
                .ask(
                    "eth_getTransactionByBlockHashAndIndex",
                    json!([hash, index]),
                )
                .await;
        }
    }
    for tag in tags.into_iter().chain(["0xffff", "newest"]) {
        recorder
            .ask("eth_getBlockTransactionCountByNumber", json!([tag]))
            .await;
        recorder.ask("eth_getBlockReceipts", json!([tag])).await;
        recorder
            .ask(
                "eth_getTransactionByBlockNumberAndIndex",
                json!([tag, "0x0"]),
            )
            .await;
    }
    let unknown = [json!(B256::ZERO), json!("0x"), sample.pending.clone()];
    for hash in sample.transactions.iter().chain(&unknown) {
        recorder
            .ask("eth_getTransactionByHash", json!([hash]))
            .await;
        recorder
            .ask("eth_getTransactionReceipt", json!([hash]))
            .await;
    }
    for block in [
        json!("latest"),
        json!("earliest"),
        json!("0xffff"),
        json!(null),
        hashes[3].clone(),
    ] {
        for address in [
            json!(ALICE),
            json!(NOBODY),
            sample.notebook.clone(),
            json!("0x1"),
        ] {
            recorder
                .ask("eth_getBalance", json!([address, block]))
                .await;
            recorder
                .ask("eth_getTransactionCount", json!([address, block]))
                .await;
            recorder.ask("eth_getCode", json!([address, block])).await;
            recorder
                .ask("eth_getStorageAt", json!([address, "0x0", block]))
                .await;
            recorder
                .ask(
                    "eth_getProof",
                    json!([address, ["0x0", B256::repeat_byte(1)], block]),
                )
                .await;
            recorder
                .ask("eth_call", json!([{"to": address, "data": TOTAL}, block]))
                .await;
            recorder
                .ask(
                    "eth_estimateGas",
                    json!([{"from": ALICE, "to": address}, block]),
                )
                .await;
        }
    }
    for (count, percentiles) in [
        (json!("0x4"), json!([0, 50, 100])),
        (json!(400), json!(null)),
        (json!("0x0"), json!([])),
    ] {
        recorder
            .ask("eth_feeHistory", json!([count, "latest", percentiles]))
            .await;
    }
    for filter in [
        json!({"fromBlock": "earliest"}),
        json!({"blockHash": hashes[5]}),
        json!({"address": sample.notebook, "fromBlock": "0x0", "topics": [null]}),
        json!({"fromBlock": "0x2", "toBlock": "0x1"}),
    ] {
        recorder.ask("eth_getLogs", json!([filter])).await;
    }
    let raw = signed(transaction(6, TxKind::Call(NOBODY), 1, Bytes::new()));
    recorder.ask("eth_sendRawTransaction", json!([raw])).await;
    recorder.ask("eth_sendRawTransaction", json!([raw])).await;

    for (name, method) in &openrpc.methods {
        if method.websocket {
            continue;
        }
        let seen = recorder.seen.get(name);
        let seen = seen.unwrap_or_else(|| panic!("nobody asked {name}"));
        assert!(
            seen.contains("something"),
            "{name} never answered: {:?}",
            recorder.last_error
        );
        assert!(seen.contains("error"), "{name} never failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_are_none_are_refused_as_invalid() {
    let rig = Rig::start().await;
    let good = |shape: &str| match shape.trim_end_matches('?') {
        "address" => json!(ALICE),
        "hash32" => json!(B256::ZERO),
        "block" => json!("latest"),
        "bool" => json!(false),
        "uint" => json!("0x1"),
        "bytes" => json!("0x00"),
        "filter" | "overrides" => json!({}),
        "transaction" => json!({"to": ALICE}),
        shape if shape.starts_with('[') => json!([]),
        shape => panic!("{shape}"),
    };
    let bad = [
        json!("0xzz"),
        json!("latest "),
        json!(-1),
        json!(1.5),
        json!([[]]),
        json!({"blockHash": 1, "to": 1, "address": 1, "x": 1}),
        json!(["0x1", "0x2"]),
        json!(format!("0x{}", "1".repeat(200))),
    ];
    for (name, method) in OpenRpc::new().methods {
        if method.websocket {
            continue;
        }
        let whole: Vec<Value> = method.params.iter().map(|shape| good(shape)).collect();
        let mut many = whole.clone();
        many.push(json!(null));
        let (code, message, _) = rig.error(&name, json!(many)).await;
        assert_eq!(code, -32602, "{name}");
        assert!(message.starts_with("too many arguments"), "{message}");
        let (code, _, _) = rig.error(&name, json!({"a": 1})).await;
        assert_eq!(code, -32602, "{name}");
        for (at, shape) in method.params.iter().enumerate() {
            if !shape.ends_with('?') {
                let (code, message, _) = rig.error(&name, json!(whole[..at])).await;
                assert_eq!(code, -32602, "{name}");
                let want = format!("missing value for required argument {at} ");
                assert!(message.starts_with(&want), "{name}: {message}");
            }
            let is_refused = |bad: &&Value| match (shape.trim_end_matches('?'), bad) {
                // Any bytes are bytes, and these are slots.
                ("[hash32]", Value::Array(items)) => items.len() != 2,
                ("bytes", Value::String(text)) => text == "0xzz" || text == "latest ",
                // A count and a hash may be large numbers.
                ("uint", Value::String(text)) => text.len() != 202 || name != "eth_getStorageAt",
                _ => true,
            };
            for bad in bad.iter().filter(is_refused) {
                let mut params = whole.clone();
                params[at] = bad.clone();
                let (code, message, _) = rig.error(&name, json!(params)).await;
                assert_eq!(code, -32602, "{name} {params:?}");
                let want = format!("invalid argument {at} ");
                assert!(message.starts_with(&want), "{name} {params:?}: {message}");
            }
        }
    }
}
