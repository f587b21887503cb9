//! Streams have no gaps and no repeats, survive restarts, and notice what is hidden.

use std::time::Duration;

use hotshot_types::Height;
use sequencer_client::{
    ClientError, FollowError,
    client::{NamespaceEvent, NamespaceStream},
    types::{Interrupted, ProblemCode},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    chain::{Chain, id},
    node::{Node, bounds, sample},
};
use sequencer::api::Bounds;

/// Reads until the node says that this is all, and returns the heights.
async fn until_complete(stream: &mut NamespaceStream) -> (Vec<u64>, Height) {
    let mut heights = Vec::new();
    loop {
        match stream.next().await.unwrap() {
            NamespaceEvent::Block(block, _) => heights.push(block.header.height.0),
            NamespaceEvent::Complete(block) => return (heights, block.header.height),
        }
    }
}

/// Reads the raw events of a stream until `enough` says so of their ids and text, or the stream ends.
async fn raw(
    node: &Node,
    path: &str,
    last_id: Option<u64>,
    enough: impl Fn(&[u64], &str) -> bool,
) -> String {
    let mut request = reqwest::Client::new().get(format!("{}{path}", node.url()));
    if let Some(id) = last_id {
        request = request.header("last-event-id", id.to_string());
    }
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut text, mut found, mut seen) = (String::new(), Vec::new(), 0);
    let read = async {
        while !enough(&found, &text) {
            let Ok(Some(chunk)) = response.chunk().await else {
                return;
            };
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            // Blocks are long: each line is looked at once.
            let whole = text.rfind('\n').map_or(0, |end| end + 1).max(seen);
            found.extend(ids(&text[seen..whole]));
            seen = whole;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), read)
        .await
        .expect("events in time");
    text
}

fn ids(text: &str) -> Vec<u64> {
    text.lines()
        .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
        .collect()
}

fn interrupted(text: &str) -> Interrupted {
    let event = text
        .split("event: interrupted\n")
        .nth(1)
        .expect("the stream says why it ended");
    let data = event
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .unwrap();
    serde_json::from_str(data).unwrap()
}

#[tokio::test]
async fn a_namespace_is_followed_from_the_start_and_live() {
    let mut node = sample().await;
    let client = node.client();
    let mut stream = client.follow(id(7), Height(1)).await.unwrap();
    assert_eq!(
        until_complete(&mut stream).await,
        (vec![1, 3, 5, 7, 9], Height(10))
    );
    node.push(&[(8, &[vec![1]])]);
    node.push(&[(7, &[vec![12, 1], vec![12, 2]]), (8, &[vec![2]])]);
    let NamespaceEvent::Block(block, body) = next_block(&mut stream).await else {
        panic!()
    };
    assert_eq!((block.header.height, body.len()), (Height(12), 2));
    assert_eq!(until_complete(&mut stream).await, (vec![], Height(12)));
}

#[tokio::test]
async fn a_reader_may_wait_for_the_first_block_of_a_network() {
    let mut node = Node::start(Chain::new()).await;
    let client = node.client();
    let mut stream = client.follow(id(7), Height(1)).await.unwrap();
    {
        let first = stream.next();
        tokio::pin!(first);
        let early = tokio::time::timeout(Duration::from_millis(200), first.as_mut()).await;
        assert!(early.is_err(), "there is nothing to tell yet");
        node.push(&[(7, &[vec![1]])]);
        assert!(matches!(first.await.unwrap(), NamespaceEvent::Block(..)));
    }
    assert_eq!(until_complete(&mut stream).await, (vec![], Height(1)));
}

async fn next_block(stream: &mut NamespaceStream) -> NamespaceEvent {
    loop {
        let event = stream.next().await.unwrap();
        if matches!(event, NamespaceEvent::Block(..)) {
            return event;
        }
    }
}

#[tokio::test]
async fn a_reader_may_start_anywhere() {
    let node = sample().await;
    let client = node.client();
    for from in 1..=11 {
        let mut stream = client.follow(id(7), Height(from)).await.unwrap();
        let expected: Vec<u64> = [1, 3, 5, 7, 9]
            .into_iter()
            .filter(|height| *height >= from)
            .collect();
        assert_eq!(
            until_complete(&mut stream).await,
            (expected, Height(10)),
            "from {from}"
        );
    }
}

#[tokio::test]
async fn a_restart_of_the_node_loses_and_repeats_nothing() {
    let mut node = sample().await;
    let client = node.client();
    let mut stream = client.follow(id(7), Height(1)).await.unwrap();
    let mut heights = Vec::new();
    for round in 0..3 {
        heights.extend(until_complete(&mut stream).await.0);
        node.stop().await;
        node.push(&[(7, &[vec![round; 5]])]);
        node.restart().await;
    }
    while heights.len() < 8 {
        let NamespaceEvent::Block(block, _) = next_block(&mut stream).await else {
            panic!()
        };
        heights.push(block.header.height.0);
    }
    assert_eq!(heights, [1, 3, 5, 7, 9, 11, 12, 13]);
}

#[tokio::test]
async fn a_hidden_block_is_noticed() {
    let node = Node::with(Chain::sample(), bounds(), Some(5)).await;
    let client = node.client();
    let mut stream = client.follow(id(7), Height(1)).await.unwrap();
    let error = loop {
        match stream.next().await {
            Ok(NamespaceEvent::Block(block, _)) => assert_ne!(block.header.height, Height(5)),
            Ok(NamespaceEvent::Complete(_)) => panic!("block 5 is missing"),
            Err(error) => break error,
        }
    };
    assert!(error.is_false_answer());
    let ClientError::Follow(FollowError::Hidden {
        expected, received, ..
    }) = error
    else {
        panic!("{error}")
    };
    assert_eq!((expected, received), (4, 3), "before block 7 is returned");
}

#[tokio::test]
async fn blocks_and_headers_are_streamed_without_gap() {
    let mut node = sample().await;
    let text = raw(&node, "/v1/stream/headers?from=0", None, |ids, _| {
        ids.len() >= 11
    })
    .await;
    assert_eq!(ids(&text), (0..=10).collect::<Vec<_>>());
    let text = raw(&node, "/v1/stream/blocks?from=4", Some(7), |ids, _| {
        ids.len() >= 3
    })
    .await;
    assert_eq!(ids(&text), [8, 9, 10], "Last-Event-ID wins over from");
    let new = raw(&node, "/v1/stream/headers", None, |_, text| {
        text.contains(": heartbeat\n\n: heartbeat")
    });
    assert!(
        ids(&new.await).is_empty(),
        "without from a stream starts with the next block"
    );
    let url = format!("{}/v1/stream/blocks", node.url());
    // With the head of the answer it is settled where the stream begins.
    let mut response = reqwest::get(url).await.unwrap();
    node.push(&[]);
    let mut text = String::new();
    while ids(&text).is_empty() {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert_eq!(ids(&text), [11]);
}

#[tokio::test]
async fn the_number_of_streams_is_bounded() {
    let node = Node::with(
        Chain::sample(),
        Bounds {
            streams: 2,
            ..bounds()
        },
        None,
    )
    .await;
    let url = format!("{}/v1/stream/blocks", node.url());
    let first = reqwest::get(&url).await.unwrap();
    let second = reqwest::get(&url).await.unwrap();
    assert_eq!(
        (first.status().as_u16(), second.status().as_u16()),
        (200, 200)
    );
    assert_eq!(
        node.problem("/v1/stream/blocks").await.code,
        ProblemCode::TooBusy
    );
    drop(first);
    let again = async {
        while reqwest::get(&url).await.unwrap().status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again)
        .await
        .expect("a place becomes free");
}

#[tokio::test]
async fn a_slow_reader_is_told_where_to_resume_and_slows_nobody() {
    let bounds = Bounds {
        // The quick reader may be held up by a busy machine for as long.
        stream_stall: Duration::from_secs(15),
        ..bounds()
    };
    let mut chain = Chain::new();
    let big = vec![vec![7; 1 << 20]; 4];
    for _ in 0..6 {
        chain.push(&[(7, &big)]);
    }
    let node = Node::with(chain, bounds, None).await;
    let mut slow = TcpStream::connect(node.address).await.unwrap();
    let request = "GET /v1/stream/blocks?from=1 HTTP/1.1\r\nhost: x\r\n\r\n";
    slow.write_all(request.as_bytes()).await.unwrap();
    // Its stream has begun, and nothing of it is taken.
    tokio::time::timeout(Duration::from_secs(60), slow.readable())
        .await
        .expect("an answer")
        .unwrap();
    let quick = raw(&node, "/v1/stream/blocks?from=1", None, |ids, _| {
        ids.len() >= 6
    })
    .await;
    assert_eq!(ids(&quick), [1, 2, 3, 4, 5, 6]);
    tokio::time::sleep(bounds.stream_stall).await;
    // Now it reads what was on the way: whole events, then the reason and the height.
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 1 << 20];
    while !String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2_000)..])
        .contains("resume_from")
    {
        let read = tokio::time::timeout(Duration::from_secs(60), slow.read(&mut chunk)).await;
        let read = read.expect("the stream ends").unwrap();
        assert_ne!(read, 0, "the stream ended without a reason");
        bytes.extend_from_slice(&chunk[..read]);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let why = interrupted(&text);
    assert_eq!(why.reason, "slow_reader");
    let blocks = ids(&text).len() - 1;
    assert_eq!(why.resume_from, Height(blocks as u64 + 1));
    assert!(blocks < 6);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_disconnected() {
    let bounds = Bounds {
        stream_stall: Duration::from_millis(100),
        stall_timeout: Duration::from_millis(300),
        connections: 1,
        ..bounds()
    };
    let mut chain = Chain::new();
    let big = vec![vec![7; 1 << 20]; 4];
    for _ in 0..6 {
        chain.push(&[(7, &big)]);
    }
    let node = Node::with(chain, bounds, None).await;
    let mut stuck = TcpStream::connect(node.address).await.unwrap();
    let request = "GET /v1/stream/blocks?from=1 HTTP/1.1\r\nhost: x\r\n\r\n";
    stuck.write_all(request.as_bytes()).await.unwrap();
    // There is one place for connections, so the next one is served once the stuck one is closed.
    let next = tokio::time::timeout(Duration::from_secs(120), node.get("/livez")).await;
    assert_eq!(next.expect("the connection was closed").0, 200);
    drop(stuck);
}

#[tokio::test]
async fn a_stream_says_that_the_node_stops() {
    let mut node = sample().await;
    let url = format!("{}/v1/stream/headers?from=1", node.url());
    let mut response = reqwest::get(url).await.unwrap();
    let mut text = String::new();
    while ids(&text).len() < 10 {
        text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    let rest = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::join!(node.stop(), rest);
    let why = interrupted(&text);
    assert_eq!(
        (why.reason.as_str(), why.resume_from),
        ("shutting_down", Height(11))
    );
}
