//! The network between real nodes over real sockets: what arrives, what is refused, and what comes back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "network/abuse.rs"]
mod abuse;
#[path = "network/attacker.rs"]
mod attacker;
#[path = "network/node.rs"]
mod node;
#[path = "ports/mod.rs"]
mod ports;

use std::time::{Duration, Instant};

use bytes::Bytes;
use sequencer::network::{
    Keypair, Lane, Network, NetworkError, Peer, PeerEvent, Rejection, RequestError, RespondError,
    SendError,
};
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpListener};

use self::{
    attacker::Attacker,
    node::{DOMAIN, Node, config, connected, connected_with, socket, within},
};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_exchange_frames_on_both_lanes_in_order() {
    let [mut a, mut b] = connected().await;
    for n in 0..100_u32 {
        a.network
            .send(b.id(), Lane::Control, Bytes::from(n.to_be_bytes().to_vec()))
            .unwrap();
        b.network
            .send(
                a.id(),
                Lane::Bulk,
                Bytes::from(vec![n.to_be_bytes()[3]; 10_000]),
            )
            .unwrap();
    }
    for n in 0..100_u32 {
        let message = within(b.control.recv()).await.unwrap();
        assert_eq!((message.peer, message.lane), (a.id(), Lane::Control));
        assert_eq!(message.bytes, n.to_be_bytes().to_vec());
        let message = within(a.bulk.recv()).await.unwrap();
        assert_eq!((message.peer, message.lane), (b.id(), Lane::Bulk));
        assert_eq!(message.bytes, vec![n.to_be_bytes()[3]; 10_000]);
    }
    // A frame is counted after it was written.
    a.until(|a| a.network.metrics().control.frames_out == 100)
        .await;
    assert_eq!(b.network.metrics().control.bytes_in, 400);
    assert_eq!(a.network.metrics().bulk.bytes_in, 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_nodes_hear_each_others_broadcasts_once() {
    let mut nodes: [Node; 4] = connected().await;
    for node in &nodes {
        let own = Bytes::from(node.id().to_bytes());
        node.network.broadcast(Lane::Control, own.clone()).unwrap();
        node.network.broadcast(Lane::Bulk, own).unwrap();
    }
    let everybody: Vec<_> = nodes.iter().map(Node::id).collect();
    for node in &mut nodes {
        for receiver in [&mut node.control, &mut node.bulk] {
            let mut heard = Vec::new();
            for _ in 0..3 {
                let message = within(receiver.recv()).await.unwrap();
                assert_eq!(message.bytes, message.peer.to_bytes());
                heard.push(message.peer);
            }
            heard.push(node.network.local_peer_id());
            heard.sort();
            let mut expected = everybody.clone();
            expected.sort();
            assert_eq!(heard, expected);
            assert!(receiver.try_recv().is_err());
        }
        assert_eq!(node.network.metrics().peers_connected, 3);
        assert!(
            node.network
                .peers()
                .iter()
                .all(|peer| peer.is_connected && peer.is_configured)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_flood_that_nobody_reads_does_not_delay_control() {
    let [a, mut b] = connected_with(|config| config.bulk.inbound_frames = 2).await;
    for _ in 0..200 {
        a.network
            .send(b.id(), Lane::Bulk, Bytes::from(vec![7; 2 * MIB]))
            .unwrap();
    }
    // The flood fills the channel to a host that does not read it, and backs up to the sender.
    b.until(|node| node.bulk.len() == 2).await;
    for n in 0..100_u8 {
        a.network
            .send(b.id(), Lane::Control, Bytes::from(vec![n]))
            .unwrap();
        assert_eq!(within(b.control.recv()).await.unwrap().bytes, vec![n]);
    }
    assert!(a.network.metrics().bulk.frames_dropped > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_keeps_the_newest_frames() {
    let (key_a, key_b) = (Keypair::generate_ed25519(), Keypair::generate_ed25519());
    let b = Node::spawn(config(key_b.clone())).await;
    let peer_b = b.peer();
    b.network.shutdown().await;

    let mut config_a = config(key_a);
    config_a.peers = vec![peer_b.clone()];
    config_a.control.queue_frames = 10;
    let a = Node::spawn(config_a).await;
    for n in 0..25_u8 {
        a.network
            .send(peer_b.id, Lane::Control, Bytes::from(vec![n]))
            .unwrap();
    }
    assert_eq!(a.network.metrics().control.frames_dropped, 15);

    let mut config_b = config(key_b);
    config_b.listen = peer_b.addresses;
    config_b.peers = vec![a.peer()];
    let mut b = Node::spawn(config_b).await;
    for n in 15..25_u8 {
        assert_eq!(within(b.control.recv()).await.unwrap().bytes, vec![n]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_over_the_cap_is_refused_before_it_is_sent() {
    let [a, b] = connected().await;
    let large = Bytes::from(vec![0; 256 * 1024 + 1]);
    let refused = SendError::TooLarge {
        size: large.len(),
        cap: large.len() - 1,
    };
    assert_eq!(
        a.network.send(b.id(), Lane::Control, large.clone()),
        Err(refused.clone())
    );
    assert_eq!(a.network.broadcast(Lane::Control, large), Err(refused));
    assert_eq!(
        a.network.send(a.id(), Lane::Control, Bytes::new()),
        Err(SendError::UnknownPeer(a.id()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_brings_the_hosts_response() {
    let [a, mut b] = connected().await;
    let (asking, id_a, id_b) = (a.network.clone(), a.id(), b.id());
    let host = tokio::spawn(async move {
        while let Some(request) = b.requests.recv().await {
            assert_eq!(request.peer, id_a);
            request
                .responder
                .respond(Bytes::from(vec![request.body[0]; 8 * MIB]))
                .unwrap();
        }
    });
    let ask = |n: u8| asking.request(id_b, Bytes::from(vec![n]), Duration::from_secs(300));
    // More at once than the peer serves at a time: the others wait for their turn.
    let answers = futures::future::join_all((0..40).map(ask)).await;
    for (n, answer) in (0..40).zip(answers) {
        let answer = answer.unwrap();
        assert_eq!((answer.len(), answer[0]), (8 * MIB, n));
    }
    host.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_response_says_why() {
    let [a, mut b] = connected().await;
    let id = b.id();
    let ask = |limit| {
        let network = a.network.clone();
        tokio::spawn(async move { network.request(id, Bytes::from_static(b"?"), limit).await })
    };
    // Long enough to arrive there.
    let slow = ask(Duration::from_secs(10));
    let kept = within(b.requests.recv()).await.unwrap();
    assert_eq!(slow.await.unwrap(), Err(RequestError::Timeout));
    assert_eq!(kept.body, "?");

    let refused = ask(Duration::from_secs(120));
    drop(within(b.requests.recv()).await.unwrap());
    assert_eq!(refused.await.unwrap(), Err(RequestError::Refused));

    let too_large = ask(Duration::from_secs(120));
    let request = within(b.requests.recv()).await.unwrap();
    let size = 8 * MIB + 1;
    let error = request
        .responder
        .respond(Bytes::from(vec![0; size]))
        .unwrap_err();
    assert_eq!(error, RespondError::TooLarge { size, cap: 8 * MIB });
    assert_eq!(too_large.await.unwrap(), Err(RequestError::Refused));

    let body = Bytes::from(vec![0; 256 * 1024 + 1]);
    let refused = RequestError::TooLarge {
        size: body.len(),
        cap: body.len() - 1,
    };
    assert_eq!(
        a.network
            .request(b.id(), body, Duration::from_secs(1))
            .await,
        Err(refused)
    );
    let nobody = Keypair::generate_ed25519().public().to_peer_id();
    let asked = a
        .network
        .request(nobody, Bytes::new(), Duration::from_secs(1))
        .await;
    assert_eq!(asked, Err(RequestError::NotConnected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_an_error() {
    let first = Node::spawn(config(Keypair::generate_ed25519())).await;
    let foreign = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let foreign_port = format!(
        "/ip4/127.0.0.1/tcp/{}",
        foreign.local_addr().unwrap().port()
    );
    for taken in [first.address(), foreign_port.parse().unwrap()] {
        let mut second = config(Keypair::generate_ed25519());
        second.listen = vec![taken.clone()];
        match Network::spawn(second).await {
            Err(NetworkError::Listen { address, source }) => {
                assert_eq!(address, taken);
                assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
            }
            other => panic!("expected an occupied port, got {:?}", other.map(|_| ())),
        }
    }
}

#[test]
fn a_killed_peer_is_found_again_on_its_old_port_and_key() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let doomed = tokio::runtime::Runtime::new().unwrap();
    let key = Keypair::generate_ed25519();
    let mut a = runtime.block_on(Node::spawn(config(Keypair::generate_ed25519())));
    let mut config_b = config(key);
    config_b.peers = vec![a.peer()];
    let mut b = doomed.block_on(Node::spawn(config_b.clone()));
    config_b.listen = vec![b.address()];
    a.network.set_peers(vec![b.peer()]);
    runtime.block_on(a.until_event(PeerEvent::Connected(b.id())));
    doomed.block_on(b.until_event(PeerEvent::Connected(a.id())));

    // All sockets of the peer close without a word, as when its process is killed.
    doomed.shutdown_timeout(Duration::from_secs(10));
    runtime.block_on(async {
        a.until_event(PeerEvent::Disconnected(b.id())).await;
        let mut b = Node::spawn(config_b).await;
        a.until_event(PeerEvent::Connected(b.id())).await;
        a.network
            .send(b.id(), Lane::Control, Bytes::from_static(b"welcome back"))
            .unwrap();
        assert_eq!(
            within(b.control.recv()).await.unwrap().bytes,
            "welcome back"
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_vanishes_without_closing_is_noticed() {
    let impatient = |key| {
        let mut config = config(key);
        config.pulse_interval = Duration::from_millis(50);
        config.silence_limit = Duration::from_millis(300);
        config
    };
    let mut a = Node::spawn(impatient(Keypair::generate_ed25519())).await;
    let mut b = Node::spawn(impatient(Keypair::generate_ed25519())).await;
    let cable = node::Cable::to(&b.address()).await;
    a.network.set_peers(vec![Peer {
        id: b.id(),
        addresses: vec![cable.address.clone()],
    }]);
    a.until_event(PeerEvent::Connected(b.id())).await;
    b.until_event(PeerEvent::Connected(a.id())).await;
    assert!(a.until(|a| a.network.peers()[0].rtt.is_some()).await);

    cable.cut();
    a.until_event(PeerEvent::Disconnected(b.id())).await;
    b.until_event(PeerEvent::Disconnected(a.id())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_is_found_by_name_and_at_whichever_address_answers() {
    let mut a = Node::spawn(config(Keypair::generate_ed25519())).await;
    let mut b = Node::spawn(config(Keypair::generate_ed25519())).await;
    let port = socket(&b.address()).port();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let addresses = [
        "/dns/nobody.invalid/tcp/1".to_owned(),
        format!("/ip4/127.0.0.1/tcp/{silent_port}"),
        // Another peer than the one that is looked for.
        a.address().to_string(),
        format!("/dns/localhost/tcp/{port}"),
    ];
    a.network.set_peers(vec![Peer {
        id: b.id(),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
    }]);
    a.until_event(PeerEvent::Connected(b.id())).await;
    b.until_event(PeerEvent::Connected(a.id())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_of_different_chains_do_not_mix() {
    let a = Node::spawn(config(Keypair::generate_ed25519())).await;
    let mut other_chain = config(Keypair::generate_ed25519());
    other_chain.chain_domain = [9; 32];
    let b = Node::spawn(other_chain).await;
    a.network.set_peers(vec![b.peer()]);
    b.network.set_peers(vec![a.peer()]);
    a.network
        .broadcast(Lane::Control, Bytes::from_static(b"hello"))
        .unwrap();
    for node in [&a, &b] {
        node.until(|node| node.network.metrics().rejected(Rejection::WrongNetwork) >= 2)
            .await;
        let metrics = node.network.metrics();
        assert_eq!(
            (
                metrics.peers_connected,
                metrics.control.frames_in,
                metrics.bans
            ),
            (0, 0, 0)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blame_disconnects_and_refuses_for_the_time_of_the_ban() {
    let mut config_a = config(Keypair::generate_ed25519());
    // The peer calls at least every two seconds.
    config_a.blame.ban = Duration::from_secs(15);
    let mut a = Node::spawn(config_a).await;
    let mut b = Node::spawn(config(Keypair::generate_ed25519())).await;
    a.network.set_peers(vec![b.peer()]);
    b.network.set_peers(vec![a.peer()]);
    a.until_event(PeerEvent::Connected(b.id())).await;
    b.until_event(PeerEvent::Connected(a.id())).await;

    a.network.blame(b.id(), 60, "test");
    a.network.blame(b.id(), 60, "test");
    a.until_event(PeerEvent::Disconnected(b.id())).await;
    b.until_event(PeerEvent::Disconnected(a.id())).await;
    a.until(|a| a.network.metrics().rejected(Rejection::Banned) > 0)
        .await;
    assert_eq!(a.network.metrics().bans, 1);
    assert_eq!(a.network.metrics().peers_connected, 0);
    a.until_event(PeerEvent::Connected(b.id())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_can_be_changed_while_running() {
    let [mut a, mut b] = connected().await;
    let mut c = Node::spawn(config(Keypair::generate_ed25519())).await;
    c.network.set_peers(vec![a.peer(), b.peer()]);
    a.network.set_peers(vec![b.peer(), c.peer()]);
    a.network
        .send(c.id(), Lane::Control, Bytes::from_static(b"to the new one"))
        .unwrap();
    assert_eq!(
        within(c.control.recv()).await.unwrap().bytes,
        "to the new one"
    );

    a.network.set_peers(vec![c.peer()]);
    b.network.set_peers(vec![c.peer()]);
    a.until_event(PeerEvent::Disconnected(b.id())).await;
    b.until_event(PeerEvent::Disconnected(a.id())).await;
    a.until(|a| {
        a.network.send(b.id(), Lane::Control, Bytes::new()) == Err(SendError::UnknownPeer(b.id()))
    })
    .await;
    a.network
        .broadcast(Lane::Control, Bytes::from_static(b"to who is left"))
        .unwrap();
    assert_eq!(
        within(c.control.recv()).await.unwrap().bytes,
        "to who is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_may_ask_up_to_their_number() {
    let mut config_a = config(Keypair::generate_ed25519());
    config_a.max_unknown_peers = 1;
    let mut a = Node::spawn(config_a).await;
    let mut stranger = Node::spawn(config(Keypair::generate_ed25519())).await;
    stranger.network.set_peers(vec![a.peer()]);
    stranger.until_event(PeerEvent::Connected(a.id())).await;
    let asking = {
        let (network, id) = (stranger.network.clone(), a.id());
        tokio::spawn(async move {
            network
                .request(id, Bytes::from_static(b"sync"), Duration::from_secs(120))
                .await
        })
    };
    let request = within(a.requests.recv()).await.unwrap();
    assert_eq!(request.peer, stranger.id());
    request
        .responder
        .respond(Bytes::from_static(b"block"))
        .unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), "block");
    stranger
        .network
        .broadcast(Lane::Control, Bytes::from_static(b"psst"))
        .unwrap();
    assert_eq!(within(a.control.recv()).await.unwrap().peer, stranger.id());

    let second = Node::spawn(config(Keypair::generate_ed25519())).await;
    second.network.set_peers(vec![a.peer()]);
    a.until(|a| a.network.metrics().rejected(Rejection::Crowded) > 0)
        .await;
    assert_eq!(a.network.metrics().peers_connected, 1);
    // A configured peer gets in all the same.
    a.network.set_peers(vec![second.peer()]);
    a.until_event(PeerEvent::Connected(second.id())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_frame_costs_its_sender_the_connection_and_nobody_else() {
    let [a, mut b] = connected().await;
    for lane in ["control", "bulk"] {
        let mut attacker = Attacker::connect(&a, &DOMAIN).await;
        let mut stream = attacker.open(lane).await;
        attacker::write(&mut stream, &u32::MAX.to_be_bytes()).await;
        attacker.until_disconnected().await;
    }
    a.until(|a| a.network.metrics().bans == 2).await;
    assert_eq!(a.network.metrics().rejected(Rejection::OversizedFrame), 2);
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_frame_is_held_against_its_sender() {
    let [a, mut b] = connected().await;
    let mut attacker = Attacker::connect(&a, &DOMAIN).await;
    let mut stream = attacker.open("control").await;
    attacker::write(&mut stream, &[0, 0, 0, 100, 1, 2, 3]).await;
    attacker::close(&mut stream).await;
    attacker.until_disconnected().await;
    a.until(|a| a.network.metrics().rejected(Rejection::TruncatedFrame) == 1)
        .await;
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stream_for_a_lane_breaks_the_protocol() {
    let [a, mut b] = connected().await;
    let mut attacker = Attacker::connect(&a, &DOMAIN).await;
    let _first = attacker.open("control").await;
    // The node may hang up before the attacker learns that the stream was accepted.
    let _second = attacker.try_open("control").await;
    attacker.until_disconnected().await;
    a.until(|a| a.network.metrics().rejected(Rejection::ExtraStream) == 1)
        .await;
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_over_the_limit_are_refused_and_the_rest_served() {
    let [mut a, mut b] = connected().await;
    let mut attacker = Attacker::connect(&a, &DOMAIN).await;
    let mut streams = Vec::new();
    for _ in 0..17 {
        let mut stream = attacker.open("request").await;
        // The one too many may be reset before it is written to.
        attacker::try_write(&mut stream, &[0, 0, 0, 1, 42])
            .await
            .ok();
        streams.push(stream);
    }
    a.until(|a| a.network.metrics().rejected(Rejection::Overload) == 1)
        .await;
    for _ in 0..16 {
        assert_eq!(within(a.requests.recv()).await.unwrap().body, vec![42]);
    }
    assert!(a.requests.try_recv().is_err());
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_sends_what_waits_and_frees_the_port() {
    let [a, mut b] = connected().await;
    for n in 0..100_u8 {
        a.network
            .send(b.id(), Lane::Control, Bytes::from(vec![n; 50_000]))
            .unwrap();
    }
    let freed = socket(&a.address());
    a.network.shutdown().await;
    TcpListener::bind(freed).await.unwrap();
    for n in 0..100_u8 {
        assert_eq!(
            within(b.control.recv()).await.unwrap().bytes,
            vec![n; 50_000]
        );
    }
    b.until_event(PeerEvent::Disconnected(a.id())).await;
    a.network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_over_its_quota_is_slowed_down_and_not_cut_off() {
    let [a, mut b] = connected_with(|config| {
        config.quota.control.bytes_per_second = 100_000;
        config.quota.control.burst = 10_000;
    })
    .await;
    let start = Instant::now();
    for n in 0..40_u8 {
        a.network
            .send(b.id(), Lane::Control, Bytes::from(vec![n; 1000]))
            .unwrap();
    }
    for n in 0..40_u8 {
        assert_eq!(within(b.control.recv()).await.unwrap().bytes, vec![n; 1000]);
    }
    // 40 kB and more at 100 kB/s after a burst of 10 kB; a bound from below holds on any machine.
    assert!(start.elapsed() > Duration::from_millis(250));
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_port_is_a_closed_connection() {
    let [a, mut b] =
        connected_with(|config| config.handshake_timeout = Duration::from_secs(5)).await;
    // On a busy machine the two may have failed at first.
    let before = a.network.metrics().rejected(Rejection::Handshake);
    for garbage in [
        &[0_u8; 4096][..],
        &[0xff; 4096],
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x13/multistream/1.0.0\n\x00",
    ] {
        let mut connection = tokio::net::TcpStream::connect(socket(&a.address()))
            .await
            .unwrap();
        connection.write_all(garbage).await.unwrap();
        let mut rest = Vec::new();
        // Either end of a connection will do: a reset, or a close after the node's own greeting.
        within(connection.read_to_end(&mut rest)).await.ok();
    }
    a.until(|a| a.network.metrics().rejected(Rejection::Handshake) >= before + 4)
        .await;
    still_talk(&a, &mut b).await;
}

pub(crate) async fn still_talk(a: &Node, b: &mut Node) {
    a.network
        .send(b.id(), Lane::Control, Bytes::from_static(b"still there?"))
        .unwrap();
    assert_eq!(
        within(b.control.recv()).await.unwrap().bytes,
        "still there?"
    );
    assert!(
        b.events.try_recv().is_err(),
        "the honest peers were disturbed"
    );
}
