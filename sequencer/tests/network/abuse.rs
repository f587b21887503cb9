//! Peers that authenticate themselves and then do what they can to hurt: floods, garbage, and streams that never end.

use std::time::Duration;

use bytes::Bytes;
use futures::AsyncWriteExt;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sequencer::network::{Keypair, Lane, PeerEvent, Rejection};

use crate::{
    MIB,
    attacker::{self, Attacker},
    node::{DOMAIN, Node, config, connected, connected_with, within},
    still_talk,
};

/// A frame with its length.
fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [&length.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_on_any_stream_hurt_nobody_else() {
    let [a, mut b] = connected().await;
    let mut random = StdRng::seed_from_u64(1);
    for kind in ["control", "bulk", "request", "pulse"] {
        for _ in 0..4 {
            let mut attacker = Attacker::connect(&a, &DOMAIN).await;
            let mut stream = attacker.open(kind).await;
            let mut garbage = vec![0; random.random_range(1..100_000)];
            random.fill(&mut garbage[..]);
            // The node may hang up while this is being written.
            attacker::try_write(&mut stream, &garbage).await.ok();
        }
    }
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_has_a_lower_frame_cap_than_a_configured_peer() {
    let [mut a, b] = connected().await;
    let large = Bytes::from(vec![1; 3 * MIB]);
    b.network.send(a.id(), Lane::Bulk, large.clone()).unwrap();
    assert_eq!(within(a.bulk.recv()).await.unwrap().bytes.len(), 3 * MIB);
    let mut attacker = Attacker::connect(&a, &DOMAIN).await;
    let mut stream = attacker.open("bulk").await;
    attacker::try_write(&mut stream, &framed(&large)).await.ok();
    attacker.until_disconnected().await;
    a.until(|a| a.network.metrics().rejected(Rejection::OversizedFrame) == 1)
        .await;
    assert!(a.bulk.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_flood_is_bounded_in_bytes_and_delays_no_configured_peer() {
    let [mut a, b] = connected_with(|config| config.bulk.unknown_inbound_bytes = MIB).await;
    let frame = framed(&vec![9; 100_000]);
    let mut floods = Vec::new();
    for _ in 0..4 {
        let mut attacker = Attacker::connect(&a, &DOMAIN).await;
        let mut stream = attacker.open("bulk").await;
        let frame = frame.clone();
        let flood = tokio::spawn(async move { while stream.write_all(&frame).await.is_ok() {} });
        floods.push((attacker, flood));
    }
    // Nobody reads: ten frames of 100 kB and a little more fill the mebibyte.
    a.until(|a| a.bulk.len() == 10).await;
    b.network
        .send(a.id(), Lane::Bulk, Bytes::from_static(b"honest"))
        .unwrap();
    a.until(|a| a.bulk.len() == 11).await;
    let mut of_strangers = 0;
    loop {
        let message = within(a.bulk.recv()).await.unwrap();
        if message.peer == b.id() {
            break;
        }
        of_strangers += 1;
    }
    assert!(of_strangers <= 10, "{of_strangers} frames came before");
    for (_, flood) in floods {
        flood.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_strangers_shares_one_quota() {
    let [mut a, mut b] = connected_with(|config| {
        config.crowd_quota.bulk.bytes_per_second = 400_000;
        config.crowd_quota.bulk.burst = 100_000;
    })
    .await;
    let frame = framed(&vec![9; 50_000]);
    let start = std::time::Instant::now();
    let mut floods = Vec::new();
    for _ in 0..4 {
        let mut attacker = Attacker::connect(&a, &DOMAIN).await;
        let mut stream = attacker.open("bulk").await;
        let frame = frame.clone();
        let flood = tokio::spawn(async move { while stream.write_all(&frame).await.is_ok() {} });
        floods.push((attacker, flood));
    }
    for _ in 0..16 {
        within(a.bulk.recv()).await.unwrap();
    }
    // 800 kB at 400 kB/s after a burst of 100 kB, and one frame ahead for each of four; a bound from below holds on
    // any machine.
    assert!(start.elapsed() > Duration::from_millis(900));
    still_talk(&a, &mut b).await;
    for (_, flood) in floods {
        flood.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_strangers_than_an_address_may_have_are_turned_away() {
    let [a, mut b] = connected_with(|config| config.max_unknown_per_ip = 3).await;
    let mut inside = Vec::new();
    for _ in 0..3 {
        inside.push(Attacker::connect(&a, &DOMAIN).await);
    }
    for turned in 1..=5 {
        let mut outside = Node::spawn(config(Keypair::generate_ed25519())).await;
        outside.network.set_peers(vec![a.peer()]);
        a.until(|a| a.network.metrics().rejected(Rejection::Crowded) >= turned)
            .await;
        assert!(outside.events.try_recv().is_err());
        outside.network.shutdown().await;
    }
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_opens_hundreds_of_streams_is_served_within_its_limit() {
    let [mut a, mut b] = connected().await;
    let mut attacker = Attacker::connect(&a, &DOMAIN).await;
    let mut streams = Vec::new();
    for n in 0..300 {
        let Ok(mut stream) = attacker.try_open("request").await else {
            break;
        };
        if n % 2 == 0 {
            attacker::try_write(&mut stream, &framed(&[1])).await.ok();
        }
        streams.push(stream);
    }
    a.until(|a| a.network.metrics().rejected(Rejection::Overload) > 0)
        .await;
    let mut asked = 0;
    while a.requests.try_recv().is_ok() {
        asked += 1;
    }
    assert!(asked <= 16, "{asked} requests of one peer at once");
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_never_ends_costs_the_connection_and_no_ban() {
    let [a, mut b] = connected_with(|config| config.frame_timeout = Duration::from_secs(3)).await;
    for lane in ["control", "bulk"] {
        let mut attacker = Attacker::connect(&a, &DOMAIN).await;
        let mut stream = attacker.open(lane).await;
        attacker::write(&mut stream, &[0, 0, 4, 0, 1, 2, 3]).await;
        attacker.until_disconnected().await;
    }
    assert_eq!(a.network.metrics().bans, 0);
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_that_strangers_do_not_read_are_bounded() {
    let [mut a, b] = connected_with(|config| {
        config.unknown_response_bytes = 20 * MIB;
    })
    .await;
    let mut attacker = Attacker::connect(&a, &DOMAIN).await;
    let mut unread = Vec::new();
    for _ in 0..5 {
        let mut stream = attacker.open("request").await;
        attacker::write(&mut stream, &framed(&[1])).await;
        unread.push(stream);
    }
    let answer = |request: sequencer::network::InboundRequest| {
        request
            .responder
            .respond(Bytes::from(vec![7; 8 * MIB]))
            .unwrap();
    };
    for _ in 0..5 {
        answer(within(a.requests.recv()).await.unwrap());
    }
    // Two of 8 MiB fit into 20 MiB, three don't.
    a.until(|a| a.network.metrics().rejected(Rejection::Overload) == 3)
        .await;
    let asking = {
        let (network, id) = (b.network.clone(), a.id());
        tokio::spawn(async move {
            let limit = Duration::from_secs(120);
            network.request(id, Bytes::from_static(b"?"), limit).await
        })
    };
    answer(within(a.requests.recv()).await.unwrap());
    assert_eq!(asking.await.unwrap().unwrap().len(), 8 * MIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_with_a_validators_address_is_no_validator() {
    let mut a = Node::spawn(config(Keypair::generate_ed25519())).await;
    let honest = Keypair::generate_ed25519().public().to_peer_id();
    let mut liar = Node::spawn(config(Keypair::generate_ed25519())).await;
    let mut claimed = liar.peer();
    claimed.id = honest;
    // Where the validator is expected somebody else listens, and he also calls.
    a.network.set_peers(vec![claimed]);
    liar.network.set_peers(vec![a.peer()]);
    liar.until_event(PeerEvent::Connected(a.id())).await;
    a.until_event(PeerEvent::Connected(liar.id())).await;
    for peer in a.network.peers() {
        assert_eq!(peer.is_configured, peer.id == honest);
        assert_eq!(peer.is_connected, peer.id == liar.id());
    }
    liar.network
        .send(a.id(), Lane::Control, Bytes::from_static(b"my vote"))
        .unwrap();
    assert_eq!(within(a.control.recv()).await.unwrap().peer, liar.id());
}
