use std::{net::Ipv4Addr, sync::Arc};

use light_client::rpc::Tag;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const CHAIN: u64 = 7;

/// An endpoint that answers with what `answer` says to a method: a status line and a body.
async fn endpoint(
    answer: impl Fn(&str) -> (&'static str, String) + Send + Sync + 'static,
) -> Endpoint {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    let mut part = [0; 4_096];
                    match stream.read(&mut part).await {
                        Ok(count) if count > 0 => request.extend(&part[..count]),
                        _ => return,
                    }
                }
                let (status, body) = answer(&String::from_utf8_lossy(&request));
                let text = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\nRetry-After: 55\r\n\r\n{body}",
                    body.len()
                );
                drop(stream.write_all(text.as_bytes()).await);
            });
        }
    });
    Endpoint::new(&url).unwrap()
}

fn result(value: &str) -> (&'static str, String) {
    (
        "200 OK",
        format!(r#"{{"jsonrpc":"2.0","id":0,"result":{value}}}"#),
    )
}

fn block(number: u64, hash: u8) -> String {
    let hash = hex::encode([hash; 32]);
    format!(
        r#"{{"number":"{number:#x}","hash":"0x{hash}","parentHash":"0x{hash}","timestamp":"0x1"}}"#
    )
}

/// An endpoint that shows a block.
async fn showing(number: u64, hash: u8) -> Endpoint {
    endpoint(move |request| {
        if request.contains("eth_chainId") {
            result(&format!("\"{CHAIN:#x}\""))
        } else {
            result(&block(number, hash))
        }
    })
    .await
}

async fn agreed(sources: &mut Sources) -> Option<u64> {
    let block = sources
        .agree("a block", |endpoint| async move {
            endpoint.block(Tag::Finalized).await
        })
        .await;
    block.flatten().map(|block| block.number)
}

fn sources(endpoints: Vec<Endpoint>) -> (Sources, L1Metrics) {
    let metrics = L1Metrics::default();
    (Sources::new(endpoints, CHAIN, metrics.clone()), metrics)
}

#[tokio::test]
async fn more_than_half_must_say_the_same_and_who_contradicts_is_counted() {
    let (good, liar) = (showing(5, 1).await, showing(5, 2).await);
    let (mut three, metrics) = sources(vec![good.clone(), good.clone(), liar.clone()]);
    assert_eq!(agreed(&mut three).await, Some(5));
    let label = EndpointLabel {
        endpoint: liar.name().to_owned(),
    };
    assert_eq!(metrics.disagreements.get_or_create(&label).get(), 1);
    assert!(three.take_alarm().unwrap().contains("contradict"));

    let (mut two, _) = sources(vec![good, liar]);
    assert_eq!(
        agreed(&mut two).await,
        None,
        "one against one decides nothing"
    );
    assert!(two.take_alarm().unwrap().contains("contradict"));
}

#[tokio::test]
async fn a_dead_one_of_three_is_an_alarm_and_stops_nothing() {
    let good = showing(5, 1).await;
    let dead = Endpoint::new("http://127.0.0.1:1").unwrap();
    let (mut three, _) = sources(vec![dead.clone(), good.clone(), good.clone()]);
    assert_eq!(agreed(&mut three).await, Some(5));
    assert!(three.take_alarm().unwrap().contains("can't be reached"));
    let (mut three, _) = sources(vec![dead.clone(), dead, good]);
    assert_eq!(agreed(&mut three).await, None, "half of them are too few");
}

#[tokio::test]
async fn an_endpoint_that_limits_the_rate_rests_as_long_as_it_asks_for() {
    let busy = endpoint(|_| ("429 Too Many Requests", String::new())).await;
    let (mut one, metrics) = sources(vec![busy.clone()]);
    let start = Instant::now();
    assert_eq!(agreed(&mut one).await, None);
    assert_eq!(agreed(&mut one).await, None);
    let label = ErrorLabel {
        endpoint: busy.name().to_owned(),
        kind: "rate_limited",
    };
    let asked = metrics.errors.get_or_create(&label).get();
    assert_eq!(asked, 1, "it is not asked again while it rests");
    assert!(one.sources[0].rests_until >= start + Duration::from_secs(55));
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_never_asked_for_blocks() {
    let other = endpoint(|request| {
        assert!(request.contains("eth_chainId"));
        result("\"0x1\"")
    })
    .await;
    let (mut one, _) = sources(vec![other]);
    assert_eq!(agreed(&mut one).await, None);
    assert!(one.take_alarm().unwrap().contains("of chain 1"));
}

#[tokio::test]
async fn the_number_that_enough_have_reached_is_not_the_highest() {
    let good = showing(5, 1).await;
    let (sources, _) = sources(vec![good.clone(), good.clone(), good]);
    assert_eq!(sources.reached(&[(0, 9), (1, 5), (2, 7)]), Some(7));
    assert_eq!(sources.reached(&[(0, 9), (2, 7)]), Some(7));
    assert_eq!(sources.reached(&[(0, 9)]), None);
}
