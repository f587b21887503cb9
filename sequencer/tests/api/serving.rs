//! The server itself: metrics, and connections that misbehave.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
};

use crate::{
    chain::Chain,
    node::{Node, bounds, sample},
};
use sequencer::api::{Bounds, MetricsServer, Server};

#[tokio::test]
async fn metrics_are_served_apart() {
    let mut node = sample().await;
    node.get("/v1/blocks/5").await;
    node.get("/v1/blocks/99").await;
    node.get("/nowhere").await;
    let server = MetricsServer::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let url = format!("http://{}/metrics", server.local_addr());
    let registry = Arc::new(std::mem::take(&mut node.registry));
    let shutdown = watch::Sender::new(false);
    let running = tokio::spawn(server.run(registry, shutdown.subscribe()));
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    for line in [
        "api_requests_total{route=\"/v1/blocks/{block}\",status=\"200\"} 1",
        "api_requests_total{route=\"/v1/blocks/{block}\",status=\"404\"} 1",
        "api_requests_total{route=\"none\",status=\"404\"} 1",
        "api_streams 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert_eq!(
        node.get("/metrics").await.0,
        404,
        "not on the port of the API"
    );
    shutdown.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let bounds = Bounds {
        head_timeout: Duration::from_millis(100),
        ..bounds()
    };
    let node = Node::with(Chain::new(), bounds, None).await;
    let mut connection = TcpStream::connect(node.address).await.unwrap();
    connection
        .write_all(b"GET /v1/status HTTP/1.1\r\nx: ")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let closed = connection.read_to_end(&mut rest);
    tokio::time::timeout(Duration::from_secs(60), closed)
        .await
        .expect("closed in time")
        .unwrap();
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_cut_off() {
    let bounds = Bounds {
        // The one that speaks has as long to do so.
        head_timeout: Duration::from_secs(5),
        connections: 1,
        ..bounds()
    };
    let node = Node::with(Chain::new(), bounds, None).await;
    let _silent = TcpStream::connect(node.address).await.unwrap();
    // There is one place, and the silent one has it until its time is over.
    let waited = tokio::time::timeout(Duration::from_secs(60), node.get("/livez")).await;
    assert_eq!(waited.expect("a place becomes free").0, 200);
}

#[tokio::test]
async fn nonsense_on_the_port_is_refused() {
    let node = sample().await;
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00".to_vec(),
        vec![b'A'; 1 << 20],
        vec![0; 100],
    ] {
        let mut connection = TcpStream::connect(node.address).await.unwrap();
        // The node may close before it took everything.
        if connection.write_all(&bytes).await.is_ok() {
            connection.shutdown().await.ok();
        }
        let mut answer = Vec::new();
        let closed = connection.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(60), closed)
            .await
            .expect("closed in time")
            .ok();
    }
    assert_eq!(node.get("/livez").await.0, 200);
}

#[tokio::test]
async fn an_occupied_port_is_an_error() {
    let node = sample().await;
    let error = Server::bind(node.address).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn browsers_may_read_from_anywhere() {
    let node = sample().await;
    let request = reqwest::Client::new()
        .get(format!("{}/v1/status", node.url()))
        .header("origin", "https://explorer.example");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
}
