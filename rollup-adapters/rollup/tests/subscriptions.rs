//! Subscriptions over a real WebSocket. RR5
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;
mod shapes;

use alloy_primitives::TxKind;
use futures::{SinkExt, StreamExt};
use rig::{NOBODY, Rig, three_large_logs};
use rollup_node::testing;
use serde_json::{Value, json};
use shapes::OpenRpc;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

struct Listener(WebSocketStream<TcpStream>);

impl Listener {
    async fn new(rig: &Rig) -> Self {
        let stream = TcpStream::connect(rig.address).await.unwrap();
        let (socket, _) = client_async(rig.websocket(), stream).await.unwrap();
        Self(socket)
    }

    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(text.as_str()).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.0
            .send(Message::Text(request.to_string().into()))
            .await
            .unwrap();
        let response = self.next().await;
        OpenRpc::new().check_answer(method, &response).unwrap();
        response
    }

    /// What the next notification tells, and of which subscription.
    async fn told(&mut self, kind: &str) -> (Value, Value) {
        let mut notification = self.next().await;
        assert_eq!(notification["method"], "eth_subscription", "{notification}");
        let params = &mut notification["params"];
        OpenRpc::new()
            .check_notification(kind, &params["result"])
            .unwrap();
        (params["subscription"].take(), params["result"].take())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_told_in_order_and_again_after_a_rollback() {
    let rig = Rig::start().await;
    rig.deposit(0, NOBODY, 1);
    let mut listener = Listener::new(&rig).await;
    let id = listener.ask("eth_subscribe", json!(["newHeads"])).await["result"].take();
    for index in 1..4 {
        rig.deposit(index, NOBODY, 1);
    }
    let mut parent = rig.result("eth_getBlockByNumber", json!(["0x1"])).await["hash"].take();
    for number in ["0x2", "0x3", "0x4"] {
        let (of, head) = listener.told("newHeads").await;
        assert_eq!(of, id);
        assert_eq!(head["number"], number);
        assert_eq!(head["parentHash"], parent);
        parent = head["hash"].clone();
    }
    testing::undo(&rig.node).unwrap();
    testing::undo(&rig.node).unwrap();
    rig.deposit(9, NOBODY, 7);
    let (_, head) = listener.told("newHeads").await;
    assert_eq!(head["number"], "0x3");
    let block = rig.result("eth_getBlockByNumber", json!(["0x3"])).await;
    assert_eq!(head["hash"], block["hash"]);

    let stopped = listener.ask("eth_unsubscribe", json!([id])).await;
    assert_eq!(stopped["result"], true);
    rig.deposit(10, NOBODY, 7);
    let response = listener.ask("eth_blockNumber", json!([])).await;
    assert_eq!(response["result"], "0x4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_below_its_first_block_does_not_silence_a_subscription() {
    let rig = Rig::start().await;
    for index in 0..3 {
        rig.deposit(index, NOBODY, 1);
    }
    let mut listener = Listener::new(&rig).await;
    listener.ask("eth_subscribe", json!(["newHeads"])).await;
    testing::undo(&rig.node).unwrap();
    testing::undo(&rig.node).unwrap();
    // It sees what is there now, and has to be told of what comes.
    listener.ask("eth_blockNumber", json!([])).await;
    for index in 10..13 {
        rig.deposit(index, NOBODY, 7);
    }
    let newest = rig.result("eth_getBlockByNumber", json!(["0x4"])).await;
    loop {
        let (_, head) = listener.told("newHeads").await;
        if head["number"] == "0x4" {
            assert_eq!(head["hash"], newest["hash"]);
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_a_rolled_back_block_are_taken_back() {
    let rig = Rig::start().await;
    let (_, address) = rig.notebook().await;
    let to: alloy_primitives::Address = serde_json::from_value(address.clone()).unwrap();

    let mut listener = Listener::new(&rig).await;
    listener
        .ask("eth_subscribe", json!(["logs", {"address": address}]))
        .await;
    let mut other = Listener::new(&rig).await;
    other
        .ask("eth_subscribe", json!(["logs", {"address": NOBODY}]))
        .await;
    rig.send(TxKind::Call(to), 0, rig::write("one")).await;
    rig.deposit(0, NOBODY, 1);
    rig.send(TxKind::Call(to), 0, rig::write("two")).await;
    let (_, first) = listener.told("logs").await;
    let (_, second) = listener.told("logs").await;
    assert_eq!(first["removed"], false);
    let all = rig
        .result(
            "eth_getLogs",
            json!([{"fromBlock": "0x0", "address": address}]),
        )
        .await;
    assert_eq!(all, json!([first, second]));

    testing::undo(&rig.node).unwrap();
    let (_, removed) = listener.told("logs").await;
    assert_eq!(removed["removed"], true);
    assert_eq!(removed["transactionHash"], second["transactionHash"]);
    let response = other.ask("eth_blockNumber", json!([])).await;
    assert_eq!(response["result"], "0x3", "nothing came in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_remembers_as_many_bytes_of_logs_as_one_answer_holds() {
    let rig = Rig::start().await;
    let mut listener = Listener::new(&rig).await;
    listener.ask("eth_subscribe", json!(["logs"])).await;
    let mut told = Vec::new();
    for nonce in 0..3 {
        let raw = json!([three_large_logs(nonce)]);
        rig.result("eth_sendRawTransaction", raw).await;
        rig.order();
        for _ in 0..3 {
            told.push(listener.told("logs").await.1);
        }
    }
    for block in [&told[6..], &told[3..6]] {
        testing::undo(&rig.node).unwrap();
        for log in block.iter().rev() {
            let (_, removed) = listener.told("logs").await;
            assert_eq!(removed["removed"], true);
            assert_eq!(removed["logIndex"], log["logIndex"]);
            assert_eq!(removed["blockHash"], log["blockHash"]);
        }
    }
    // What the first block logged is forgotten.
    testing::undo(&rig.node).unwrap();
    let (_, address) = rig.notebook().await;
    let to = serde_json::from_value(address).unwrap();
    rig.send(TxKind::Call(to), 0, rig::write("one")).await;
    let (_, next) = listener.told("logs").await;
    assert_eq!(
        (&next["removed"], &next["blockNumber"]),
        (&json!(false), &json!("0x2"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_there_is_not_is_refused() {
    let rig = Rig::start().await;
    let mut listener = Listener::new(&rig).await;
    for (params, code, text) in [
        (
            json!(["newPendingTransactions"]),
            -32601,
            "no \"newPendingTransactions\" subscription",
        ),
        (json!(["syncing"]), -32601, "no \"syncing\" subscription"),
        (json!([]), -32602, "missing value for required argument 0"),
        (json!([1]), -32602, "invalid argument 0"),
        (
            json!(["logs", {"address": 1}]),
            -32602,
            "invalid argument 1 (filter): address",
        ),
        (json!(["newHeads", {}]), -32602, "newHeads takes no"),
        (json!(["logs", {}, 1]), -32602, "too many arguments"),
    ] {
        let error = listener.ask("eth_subscribe", params).await["error"].take();
        assert_eq!(error["code"], code, "{error}");
        assert!(
            error["message"].as_str().unwrap().starts_with(text),
            "{error}"
        );
    }
    let stopped = listener.ask("eth_unsubscribe", json!(["0x123"])).await;
    assert_eq!(stopped["result"], false);
}
