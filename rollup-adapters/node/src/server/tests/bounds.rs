//! Peers that take places and memory. RN7

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{SinkExt as _, StreamExt as _, future::join_all};
use tokio::sync::Semaphore;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::*;

/// Of an answer, and of what a subscription tells.
const LARGE: usize = 64 << 10;

/// What the methods have done.
struct Work {
    begun: AtomicUsize,
    under_way: AtomicUsize,
    most: AtomicUsize,
    gate: Semaphore,
    told: AtomicUsize,
}

impl Work {
    fn count(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }
}

async fn working(limits: RpcLimits) -> (RpcServer, Arc<Work>) {
    let work = Arc::new(Work {
        begun: AtomicUsize::new(0),
        under_way: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        gate: Semaphore::new(0),
        told: AtomicUsize::new(0),
    });
    let mut module = RpcModule::new(Arc::clone(&work));
    module
        .register_method("large", |_, work, _| {
            work.begun.fetch_add(1, Ordering::Relaxed);
            "a".repeat(LARGE)
        })
        .unwrap();
    module
        .register_async_method("gated", |_, work, _| async move {
            let under_way = work.under_way.fetch_add(1, Ordering::Relaxed) + 1;
            work.most.fetch_max(under_way, Ordering::Relaxed);
            work.gate.acquire().await.unwrap().forget();
            work.under_way.fetch_sub(1, Ordering::Relaxed);
            "done"
        })
        .unwrap();
    module.register_method("small", |_, _, _| "small").unwrap();
    module
        .register_subscription(
            "subscribe",
            "news",
            "unsubscribe",
            |params, pending, work, _| async move {
                let count: usize = params.one().unwrap();
                let sink = pending.accept().await.unwrap();
                for number in 0..count {
                    let text = json!([number, "a".repeat(LARGE)]);
                    let text = serde_json::value::to_raw_value(&text).unwrap();
                    if sink.send(text).await.is_err() {
                        return;
                    }
                    work.told.fetch_add(1, Ordering::Relaxed);
                }
            },
        )
        .unwrap();
    let module = module.remove_context();
    let address = "127.0.0.1:0".parse().unwrap();
    let server = serve(address, limits, module).await.unwrap();
    (server, work)
}

fn impatient() -> RpcLimits {
    RpcLimits {
        connections: 1,
        patience: Duration::from_millis(200),
        ..RpcLimits::default()
    }
}

fn request(id: usize, method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

async fn socket(server: &RpcServer) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let url = format!("ws://{}", server.address);
    client_async(url, stream).await.unwrap().0
}

async fn send(socket: &mut WebSocketStream<TcpStream>, text: String) {
    socket.send(Message::Text(text.into())).await.unwrap();
}

/// The next message besides pings.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> Value {
    loop {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            return serde_json::from_str(text.as_str()).unwrap();
        }
    }
}

/// So many requests of others, one after the other: the server has time to do what it does not wait with.
async fn others(server: &RpcServer, count: usize) {
    for _ in 0..count {
        assert_eq!(ask(server, "small", json!([])).await, json!("small"));
    }
}

#[tokio::test]
async fn a_websocket_has_few_calls_under_way_and_all_of_them_are_answered() {
    let (server, work) = working(RpcLimits::default()).await;
    let mut socket = socket(&server).await;
    for id in 0..1_000 {
        send(&mut socket, request(id, "gated", json!([]))).await;
    }
    others(&server, 100).await;
    assert_eq!(work.under_way.load(Ordering::Relaxed), 4);
    work.gate.add_permits(1_000);
    for _ in 0..1_000 {
        assert_eq!(next(&mut socket).await["result"], "done");
    }
    assert_eq!(work.most.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn messages_that_are_no_requests_are_not_kept_either() {
    let (server, work) = working(RpcLimits::default()).await;
    let mut socket = socket(&server).await;
    for id in 0..4 {
        send(&mut socket, request(id, "gated", json!([]))).await;
    }
    let (mut sink, mut answers) = socket.split();
    // All of them are more than the kernel keeps.
    let no_request = format!("{{{}", " ".repeat(LARGE));
    let sending = async {
        for _ in 0..1_000 {
            let message = Message::Text(no_request.as_str().into());
            sink.send(message).await.unwrap();
        }
    };
    let mut sending = std::pin::pin!(sending);
    tokio::select! {
        () = sending.as_mut() => panic!("the server took all of them"),
        () = others(&server, 1_000) => {}
    }
    work.gate.add_permits(4);
    let reading = async {
        for _ in 0..1_004 {
            answers.next().await.unwrap().unwrap();
        }
    };
    tokio::join!(sending, reading);
}

#[tokio::test]
async fn answers_that_nobody_reads_are_not_made() {
    let (server, work) = working(RpcLimits::default()).await;
    let mut socket = socket(&server).await;
    for id in 0..2_000 {
        send(&mut socket, request(id, "large", json!([]))).await;
    }
    others(&server, 200).await;
    assert!(work.count() < 1_000, "{}", work.count());
    for _ in 0..2_000 {
        assert_eq!(
            next(&mut socket).await["result"].as_str().unwrap().len(),
            LARGE
        );
    }
    assert_eq!(work.count(), 2_000);
}

#[tokio::test]
async fn a_slow_subscriber_is_waited_for_and_told_everything() {
    let (server, work) = working(RpcLimits::default()).await;
    let mut socket = socket(&server).await;
    send(&mut socket, request(0, "subscribe", json!([2_000]))).await;
    others(&server, 200).await;
    let told = work.told.load(Ordering::Relaxed);
    assert!(told < 1_000, "{told}");
    let id = next(&mut socket).await["result"].take();
    assert!(id.as_str().unwrap().starts_with("0x"), "{id}");
    for number in 0..2_000 {
        let news = next(&mut socket).await;
        assert_eq!(news["params"]["subscription"], id);
        assert_eq!(news["params"]["result"][0], json!(number));
    }
    send(&mut socket, request(1, "unsubscribe", json!([id]))).await;
    assert_eq!(next(&mut socket).await["id"], json!(1));
}

#[tokio::test]
async fn what_was_told_comes_before_the_answer_that_ends_a_subscription() {
    let (server, _) = working(RpcLimits::default()).await;
    let mut socket = socket(&server).await;
    send(&mut socket, request(0, "subscribe", json!([2_000]))).await;
    let id = next(&mut socket).await["result"].take();
    others(&server, 200).await;
    send(&mut socket, request(1, "unsubscribe", json!([id]))).await;
    others(&server, 200).await;
    while next(&mut socket).await["id"] != json!(1) {}
    send(&mut socket, request(2, "small", json!([]))).await;
    let mut after = 0;
    while next(&mut socket).await["id"] != json!(2) {
        after += 1;
    }
    // One waited for its place in the queue.
    assert!(after <= 1, "{after}");
}

#[tokio::test]
async fn batches_and_subscriptions_of_a_websocket_are_bounded() {
    let limits = RpcLimits {
        request_bytes: 10_000,
        batch: 3,
        ..RpcLimits::default()
    };
    let (server, _) = working(limits).await;
    let mut socket = socket(&server).await;
    let one = json!({"jsonrpc": "2.0", "id": 1, "method": "small"});
    let told = json!({"jsonrpc": "2.0", "method": "small"});
    send(&mut socket, json!([one, told, 7]).to_string()).await;
    let answers = next(&mut socket).await;
    assert_eq!(answers[0]["result"], "small");
    assert_eq!(answers[1]["error"]["code"], json!(-32_600));
    assert_eq!(answers.as_array().unwrap().len(), 2);
    send(&mut socket, json!([told]).to_string()).await;
    send(&mut socket, json!([one, one, one, one]).to_string()).await;
    assert!(next(&mut socket).await["error"]["code"].is_i64());
    for id in 0..64 {
        send(&mut socket, request(id, "subscribe", json!([0]))).await;
        assert!(next(&mut socket).await["result"].is_string());
    }
    send(&mut socket, " ".repeat(20_000)).await;
    assert_eq!(next(&mut socket).await["error"]["code"], json!(-32_007));
    assert!(matches!(
        socket.next().await.unwrap().unwrap(),
        Message::Close(_)
    ));
}

#[tokio::test]
async fn there_is_room_for_so_many_answers_over_all_connections() {
    let limits = RpcLimits {
        request_bytes: 1 << 10,
        ..RpcLimits::default()
    };
    let (server, work) = working(limits).await;
    let mut sockets = Vec::new();
    for _ in 0..30 {
        let mut socket = socket(&server).await;
        for id in 0..4 {
            send(&mut socket, request(id, "gated", json!([]))).await;
        }
        sockets.push(socket);
    }
    let asking = join_all((0..30).map(|_| ask(&server, "gated", json!([]))));
    let opening = async {
        while work.under_way.load(Ordering::Relaxed) < 64 {
            tokio::task::yield_now().await;
        }
        turns().await;
        // Those who asked are gone, and the work is not.
        drop(sockets);
        turns().await;
        assert_eq!(work.under_way.load(Ordering::Relaxed), 64);
        work.gate.add_permits(1_000);
    };
    let (answers, ()) = tokio::join!(asking, opening);
    assert!(answers.iter().all(|answer| answer == "done"));
    assert_eq!(work.most.load(Ordering::Relaxed), 64);
    // What they took is free again.
    others(&server, 1).await;
}

#[tokio::test]
async fn half_a_request_does_not_hold_a_place() {
    let (server, _) = working(impatient()).await;
    let mut held = Vec::new();
    for half in [
        "POST / HTTP/1.1\r\nhost: x\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        held.push(stream);
    }
    others(&server, 1).await;
    let mut late = String::new();
    held[1].read_to_string(&mut late).await.unwrap();
    assert!(late.starts_with("HTTP/1.1 408"), "{late}");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_does_not_hold_a_place() {
    let (server, _) = working(impatient()).await;
    // More than the kernel keeps.
    let body = Value::from(vec![
        json!({"jsonrpc": "2.0", "id": 1, "method": "large"});
        100
    ]);
    let body = body.to_string();
    let one = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut http = TcpStream::connect(server.address).await.unwrap();
    http.write_all(one.repeat(4).as_bytes()).await.unwrap();
    others(&server, 1).await;
    let mut socket = socket(&server).await;
    for _ in 0..4 {
        send(&mut socket, body.clone()).await;
    }
    others(&server, 1).await;
    drop((http, socket));
}

#[tokio::test]
async fn a_websocket_that_answers_no_ping_does_not_hold_a_place() {
    let (server, _) = working(impatient()).await;
    let dead = socket(&server).await;
    others(&server, 1).await;
    drop(dead);
}

#[tokio::test]
async fn a_websocket_that_answers_pings_stays() {
    let (server, _) = working(impatient()).await;
    let mut socket = socket(&server).await;
    for _ in 0..10 {
        assert!(matches!(
            socket.next().await.unwrap().unwrap(),
            Message::Ping(_)
        ));
    }
    send(&mut socket, request(1, "small", json!([]))).await;
    assert_eq!(next(&mut socket).await["result"], "small");
}

#[tokio::test]
async fn a_websocket_holds_a_place_and_gives_it_back() {
    let limits = RpcLimits {
        connections: 1,
        ..RpcLimits::default()
    };
    let (server, _) = working(limits).await;
    let mut only = socket(&server).await;
    send(&mut only, request(1, "small", json!([]))).await;
    assert_eq!(next(&mut only).await["result"], "small");
    let mut other = Box::pin(others(&server, 1));
    for _ in 0..1_000 {
        assert!(futures::poll!(other.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    only.close(None).await.unwrap();
    other.await;
}

#[tokio::test]
async fn calls_of_a_websocket_are_answered_before_the_server_ends() {
    let (server, work) = working(RpcLimits::default()).await;
    let mut socket = socket(&server).await;
    send(&mut socket, request(1, "gated", json!([]))).await;
    while work.under_way.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let stopping = tokio::spawn(server.stop());
    turns().await;
    work.gate.add_permits(1);
    assert_eq!(next(&mut socket).await["result"], "done");
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    stopping.await.unwrap();
}

/// Turns for all tasks of the server.
async fn turns() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}
