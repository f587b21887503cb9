use std::{path::Path, sync::Arc};

use bytes::Bytes;
use jsonrpsee::RpcModule;
use rollup_types::{Hash, Input, Vm as _};
use sequencer_client::{
    ClientConfig, Servers,
    client::{Api, ServersConfig},
    trust,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;
use crate::{
    Node,
    board::Board,
    metrics::Metrics,
    server::rpc::RpcServer,
    settings::RpcLimits,
    testing::{self, definition, tally::Tally},
};

mod bounds;

fn node(directory: &Path) -> Node<Tally> {
    testing::node(
        Tally(10),
        definition("tally", 7, toml::Table::new()),
        directory,
    )
    .unwrap()
}

async fn served(node: &Node<Tally>, limits: RpcLimits) -> RpcServer {
    let root = trust::from_genesis(&node.definition().sequencer).unwrap();
    // Nobody listens there.
    let api = Api::new("http://127.0.0.1:9", ClientConfig::default()).unwrap();
    let context = Context {
        node: node.clone(),
        board: Arc::new(Board::new(1, 0)),
        servers: Arc::new(Servers::new(vec![api], root, ServersConfig::default()).unwrap()),
        name: "tally",
    };
    let module: RpcModule<()> = methods(context).unwrap().remove_context();
    serve("127.0.0.1:0".parse().unwrap(), limits, module)
        .await
        .unwrap()
}

/// The status and the body of an answer to a POST.
async fn post(server: &RpcServer, body: &[u8]) -> (u16, String) {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    exchange(server.address, &[head.as_bytes(), body].concat()).await
}

/// The lower-case head of an answer.
async fn head(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    head.to_ascii_lowercase()
}

#[tokio::test]
async fn a_website_of_any_origin_may_ask() {
    let directory = tempfile::tempdir().unwrap();
    let server = served(&node(directory.path()), RpcLimits::default()).await;
    let asked = "OPTIONS / HTTP/1.1\r\nhost: x\r\norigin: https://wallet.example\r\nconnection: close\r\naccess-control-request-method: POST\r\naccess-control-request-headers: content-type\r\n\r\n";
    let allowed = head(server.address, asked).await;
    for line in [
        "http/1.1 200",
        "access-control-allow-origin: *",
        "access-control-allow-methods: post",
        "access-control-allow-headers: content-type",
    ] {
        assert!(allowed.contains(line), "{line}: {allowed}");
    }
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"rollup_status","params":[]}"#;
    let asked = format!(
        "POST / HTTP/1.1\r\nhost: x\r\norigin: https://wallet.example\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answered = head(server.address, &asked).await;
    assert!(
        answered.contains("access-control-allow-origin: *"),
        "{answered}"
    );
    server.stop().await;
}

async fn exchange(address: std::net::SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses a large request may close before all of it is written.
    stream.write_all(request).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.get(9..12).map_or(0, |status| status.parse().unwrap());
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

async fn ask(server: &RpcServer, method: &str, params: Value) -> Value {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let (status, body) = post(server, request.to_string().as_bytes()).await;
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    if answer["error"].is_null() {
        answer["result"].clone()
    } else {
        answer["error"].clone()
    }
}

fn transaction(text: &str) -> Input {
    Input::Transaction(Bytes::copy_from_slice(text.as_bytes()))
}

#[tokio::test]
async fn the_methods_answer_from_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    let inputs = ["a", "!x", "w"].map(transaction);
    let block = testing::execute(&node, 4, &inputs).unwrap().remove(0);
    testing::execute(&node, 5, &[transaction("b")]).unwrap();
    testing::raise(&node, 1, 0).unwrap();
    let server = served(&node, RpcLimits::default()).await;
    let id = |text: &str| Tally(1).id(text.as_bytes());

    let status = ask(&server, "rollup_status", json!([])).await;
    assert_eq!(status["chainId"], json!(7));
    assert_eq!(status["latest"]["number"], json!(2));
    assert_eq!(status["safe"]["number"], json!(1));
    assert_eq!(status["definition"], json!(node.definition().digest()));
    assert!(!status["warnings"].as_array().unwrap().is_empty());

    let told = ask(&server, "rollup_getBlock", json!([1])).await;
    assert_eq!(told["hash"], json!(block.hash));
    assert_eq!(told["inputs"][1]["skipped"], json!("it is bad"));
    assert_eq!(told["level"], json!("safe"));
    let latest = ask(&server, "rollup_getBlock", json!(["latest"])).await;
    assert_eq!(latest["number"], json!(2));
    assert_eq!(
        ask(&server, "rollup_getBlock", json!([3])).await,
        Value::Null
    );

    let finality = ask(&server, "rollup_finality", json!([id("b")])).await;
    assert_eq!(
        (&finality["level"], &finality["block"]),
        (&json!("latest"), &json!(2))
    );
    let unknown = ask(&server, "rollup_finality", json!([Hash([1; 32])])).await;
    assert_eq!(unknown["level"], json!("unknown"));
    let skipped = ask(&server, "rollup_getSkipped", json!([id("!x")])).await;
    assert_eq!(skipped["reason"], json!("it is bad"));
    assert_eq!(
        ask(&server, "rollup_getSkipped", json!([id("a")])).await,
        Value::Null
    );

    let proof = ask(&server, "rollup_getWithdrawalProof", json!([0])).await;
    assert_eq!(proof["withdrawal"]["chainId"], json!(31_337));
    let again = ask(
        &server,
        "rollup_getWithdrawalProof",
        json!([0, proof["root"]]),
    )
    .await;
    assert_eq!(again, proof);
    let missing = ask(&server, "rollup_getWithdrawalProof", json!([1])).await;
    assert_eq!(missing["code"], json!(-32_001));

    let sent = ask(&server, "rollup_send", json!(["0x63"])).await;
    assert_eq!(sent, json!(id("c")));
    let pending = ask(&server, "rollup_finality", json!([sent])).await;
    assert_eq!(pending["level"], json!("pending"));
    for (refused, words) in [
        ("0x21", "it is bad"),
        ("zz", "hex"),
        ("0x61", "already executed"),
    ] {
        let error = ask(&server, "rollup_send", json!([refused])).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
    let proof = ask(&server, "rollup_getInclusionProof", json!([id("a")])).await;
    assert_eq!(
        proof["code"],
        json!(-32_002),
        "there is no sequencer: {proof}"
    );
    server.stop().await;
}

#[tokio::test]
async fn malformed_requests_get_errors_and_the_server_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let server = served(&node(directory.path()), RpcLimits::default()).await;
    for body in [
        "",
        "{",
        "[]",
        "null",
        "[1,2]",
        "{\"jsonrpc\":\"2.0\"}",
        "\u{0}\u{1}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"rollup_status\"}",
    ] {
        let (status, answer) = post(&server, body.as_bytes()).await;
        assert!(
            status == 200 || (400..500).contains(&status),
            "{body}: {status} {answer}"
        );
    }
    let deep = "[".repeat(100_000);
    assert!(post(&server, deep.as_bytes()).await.1.contains("error"));
    for (method, params) in [
        ("rollup_nothing", json!([])),
        ("rollup_getBlock", json!([])),
        ("rollup_getBlock", json!([-1])),
        ("rollup_getBlock", json!(["earliest"])),
        ("rollup_getBlock", json!([1e300])),
        ("rollup_finality", json!(["0x12"])),
        ("rollup_send", json!([7])),
        ("rollup_deposits", json!([0, 1_000_000])),
        ("rollup_getWithdrawalProof", json!([u64::MAX])),
    ] {
        let answer = ask(&server, method, params.clone()).await;
        assert!(answer["code"].is_i64(), "{method} {params}: {answer}");
    }
    let status = ask(&server, "rollup_status", json!([])).await;
    assert_eq!(status["application"], json!("tally"));
}

#[tokio::test]
async fn requests_batches_and_connections_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let limits = RpcLimits {
        connections: 2,
        request_bytes: 10_000,
        answer_bytes: 2_000,
        batch: 3,
        ..RpcLimits::default()
    };
    let node = node(directory.path());
    let inputs: Vec<Input> = (0..10).map(|n| transaction(&format!("a{n}"))).collect();
    testing::execute(&node, 1, &inputs).unwrap();
    let server = served(&node, limits).await;
    let (status, _) = post(&server, &vec![b' '; 20_000]).await;
    assert_eq!(status, 413);
    let one =
        json!({"jsonrpc": "2.0", "id": 1, "method": "rollup_finality", "params": [Hash([1; 32])]});
    let batch = |count: usize| Value::from(vec![one.clone(); count]).to_string();
    let (_, three) = post(&server, batch(3).as_bytes()).await;
    assert!(
        three.contains("unknown") && !three.contains("error"),
        "{three}"
    );
    let (_, four) = post(&server, batch(4).as_bytes()).await;
    assert!(
        four.contains("error") && !four.contains("unknown"),
        "{four}"
    );
    let large = ask(&server, "rollup_getBlock", json!([1])).await;
    assert!(large["code"].is_i64(), "the answer is too large: {large}");
    let held = [
        TcpStream::connect(server.address).await.unwrap(),
        TcpStream::connect(server.address).await.unwrap(),
    ];
    let body = one.to_string();
    let mut third = Box::pin(post(&server, body.as_bytes()));
    // Both are accepted before the third; it is answered as soon as one of them is gone.
    assert!(futures::poll!(third.as_mut()).is_pending());
    drop(held);
    assert_eq!(third.as_mut().await.0, 200);
    drop(third);
    server.stop().await;
}

#[tokio::test]
async fn health_readiness_and_metrics_are_served() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    testing::execute(&node, 4, &[transaction("a")]).unwrap();
    let board = Arc::new(Board::new(1, 0));
    let health = Arc::new(Health {
        node,
        board: Arc::clone(&board),
        metrics: Arc::new(Metrics::new()),
    });
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(health.run(listener));
    let get = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        async move { exchange(address, request.as_bytes()).await }
    };
    assert_eq!(get("/healthz").await, (200, "ok\n".into()));
    let (status, body) = get("/readyz").await;
    assert_eq!(status, 503, "it has just started: {body}");
    board.trouble("start", None);
    assert_eq!(get("/readyz").await.0, 200);
    let (status, metrics) = get("/metrics").await;
    assert_eq!(status, 200);
    assert!(metrics.contains("rollup_latest_block 1"), "{metrics}");
    assert_eq!(get("/other").await.0, 404);
    assert_eq!(
        exchange(address, b"POST /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .0,
        405
    );
    assert_eq!(exchange(address, b"nonsense\r\n\r\n").await.0, 400);
    serving.abort();
}
