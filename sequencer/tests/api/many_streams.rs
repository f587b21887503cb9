//! Many readers at once, over both transports: no gap, no repeat, and none waits for a slow one.

use std::{net::SocketAddr, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use hotshot_types::Height;
use sequencer_client::types::Interrupted;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::{
    chain::Chain,
    node::{Node, bounds, sample},
};
use sequencer::api::Bounds;

const READERS: usize = 200;
const SLOW: usize = 10;
const BLOCKS: u64 = 60;

async fn web_socket(address: SocketAddr, path: &str) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let url = format!("ws://{address}{path}");
    client_async(url, stream).await.unwrap().0
}

/// The next event over a WebSocket; none at its end.
async fn event(socket: &mut WebSocketStream<TcpStream>) -> Option<Value> {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(60), socket.next()).await;
        match next.expect("an event in time")?.unwrap() {
            Message::Text(text) => return Some(serde_json::from_str(text.as_str()).unwrap()),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

/// Opens a stream of server-sent events and reads its head.
async fn server_sent(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b": heartbeat\n\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
}

/// Reads ids until one is reached or the stream ends; gives the text, too.
async fn ids_until(stream: &mut TcpStream, last: u64) -> (Vec<u64>, String) {
    let mut text = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    let mut ids = Vec::new();
    let mut seen = 0;
    while ids.last() != Some(&last) {
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut chunk));
        let read = read.await.expect("bytes in time").unwrap_or(0);
        if read == 0 {
            break;
        }
        text.extend_from_slice(&chunk[..read]);
        while let Some(end) = text[seen..].iter().position(|byte| *byte == b'\n') {
            let line = &text[seen..seen + end];
            if let Some(id) = line.strip_prefix(b"id: ") {
                ids.push(std::str::from_utf8(id).unwrap().parse().unwrap());
            }
            seen += end + 1;
        }
    }
    (ids, String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn healthy_readers_have_no_gap_and_wait_for_no_slow_one() {
    let patient = Bounds {
        // A healthy reader may be held up by a busy machine, and the slow ones are not cut off
        // before they are told.
        stream_stall: Duration::from_secs(15),
        stall_timeout: Duration::from_secs(600),
        // Ends the connection after its stream: the slow ones read until then.
        head_timeout: Duration::from_secs(10),
        ..bounds()
    };
    let mut node = Node::with(Chain::new(), patient, None).await;
    let address = node.address;
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        server_sent(&mut stream, "/v1/stream/blocks").await;
        slow.push(stream);
    }
    let mut healthy = JoinSet::new();
    let ready = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    for reader in 0..READERS {
        let ready = std::sync::Arc::clone(&ready);
        healthy.spawn(async move {
            if reader % 2 == 0 {
                let mut stream = TcpStream::connect(address).await.unwrap();
                server_sent(&mut stream, "/v1/stream/blocks").await;
                ready.add_permits(1);
                return ids_until(&mut stream, BLOCKS).await.0;
            }
            let mut socket = web_socket(address, "/v1/stream/blocks").await;
            ready.add_permits(1);
            let mut ids = Vec::new();
            while ids.last() != Some(&BLOCKS) {
                let event = event(&mut socket).await.unwrap();
                assert_eq!(event["data"]["block"]["header"]["height"], event["id"]);
                ids.push(event["id"].as_u64().unwrap());
            }
            ids
        });
    }
    let all = ready
        .acquire_many(u32::try_from(READERS).unwrap())
        .await
        .unwrap();
    for height in 0..BLOCKS {
        let payload = vec![u8::try_from(height).unwrap(); 20 << 10];
        node.push(&[(7, &[payload])]);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(all);
    // All of them end while the slow ones have not taken a byte.
    let expected: Vec<_> = (1..=BLOCKS).collect();
    while let Some(ids) = healthy.join_next().await {
        assert_eq!(ids.unwrap(), expected);
    }
    let metrics = || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &node.registry).unwrap();
        text.contains(&format!("api_streams {SLOW}\n"))
    };
    let left = async {
        while !metrics() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), left)
        .await
        .expect("those that ended gave their places back");
    // Their streams have been full since long before the healthy readers had the last block.
    tokio::time::sleep(patient.stream_stall).await;
    for mut stream in slow {
        let (ids, text) = ids_until(&mut stream, u64::MAX).await;
        let why = text.split("event: interrupted\n").nth(1);
        let why = why.expect("it is told why its stream ends");
        let data = why.lines().find_map(|line| line.strip_prefix("data: "));
        let why: Interrupted = serde_json::from_str(data.unwrap()).unwrap();
        assert_eq!(why.reason, "slow_reader");
        let blocks = &ids[..ids.len() - 1];
        assert_eq!(
            blocks,
            (1..=u64::try_from(blocks.len()).unwrap()).collect::<Vec<_>>()
        );
        assert_eq!(
            why.resume_from,
            Height(u64::try_from(blocks.len()).unwrap() + 1)
        );
        assert!(blocks.len() < expected.len());
    }
}

#[tokio::test]
async fn a_web_socket_has_the_events_of_its_route() {
    let mut node = sample().await;
    let mut headers = web_socket(node.address, "/v1/stream/headers?from=3").await;
    for height in 3..=10 {
        let event = event(&mut headers).await.unwrap();
        assert_eq!(
            (&event["event"], &event["id"]),
            (&"block".into(), &height.into())
        );
        assert_eq!(event["data"]["header"]["height"], height);
    }
    let path = "/v1/stream/namespaces/7?from=1&proof=true";
    let mut namespace = web_socket(node.address, path).await;
    for height in [1, 3, 5, 7, 9, 10] {
        let event = event(&mut namespace).await.unwrap();
        assert_eq!(event["data"]["height"], height);
        assert!(event["data"]["finality"].is_object());
    }
    node.push(&[(7, &[vec![1]])]);
    assert_eq!(event(&mut namespace).await.unwrap()["id"], 11);
}

#[tokio::test]
async fn a_web_socket_answers_pings_and_ends_as_asked() {
    let node = sample().await;
    let mut socket = web_socket(node.address, "/v1/stream/blocks").await;
    socket
        .send(Message::Ping(vec![1, 2, 3].into()))
        .await
        .unwrap();
    let (mut pong, mut heartbeat) = (false, false);
    while !(pong && heartbeat) {
        match socket.next().await.unwrap().unwrap() {
            Message::Pong(payload) => pong = payload[..] == [1, 2, 3],
            Message::Ping(_) => heartbeat = true,
            other => panic!("{other:?}"),
        }
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        assert!(!message.is_text());
    }
    let mut talker = web_socket(node.address, "/v1/stream/blocks").await;
    talker.send(Message::text("hello")).await.unwrap();
    let end = loop {
        if let Message::Close(end) = talker.next().await.unwrap().unwrap() {
            break end.unwrap();
        }
    };
    assert_eq!(u16::from(end.code), 1003);
}

#[tokio::test]
async fn a_web_socket_says_that_the_node_stops() {
    let mut node = sample().await;
    let mut socket = web_socket(node.address, "/v1/stream/headers?from=10").await;
    assert_eq!(event(&mut socket).await.unwrap()["id"], 10);
    // The socket closes with its reader: the node waits for that.
    let read = async move {
        let why = event(&mut socket).await.unwrap();
        assert_eq!(why["event"], "interrupted");
        assert_eq!(why["data"]["reason"], "shutting_down");
        assert_eq!(why["data"]["resume_from"], 11);
        let Some(Ok(Message::Close(Some(end)))) = socket.next().await else {
            panic!("no close frame")
        };
        assert_eq!(u16::from(end.code), 1001);
        assert_eq!(end.reason.as_str(), "shutting_down: resume from 11");
    };
    tokio::join!(read, node.stop());
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused_with_the_reason() {
    let node = sample().await;
    let good = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for (name, value, about) in [
        ("connection", "close", "connection must name upgrade"),
        ("sec-websocket-version", "8", "must be 13"),
        ("sec-websocket-key", "c2hvcnQ=", "16 bytes"),
        ("", "", ""),
    ] {
        let mut request = reqwest::Client::new().get(format!("{}/v1/stream/blocks", node.url()));
        for (key, usual) in good {
            request = request.header(key, if key == name { value } else { usual });
        }
        let response = request.send().await.unwrap();
        if name.is_empty() {
            assert_eq!(response.status(), 101);
            // The example of RFC 6455 section 1.3.
            let accept = &response.headers()["sec-websocket-accept"];
            assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            continue;
        }
        assert_eq!(response.headers()["sec-websocket-version"], "13");
        let (status, form, body) = crate::node::read(response).await;
        let problem = crate::node::problem_of(status, &form, &body);
        assert!(problem.detail.contains(about), "{}", problem.detail);
    }
}
