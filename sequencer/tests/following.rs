//! Nodes without stake, bootnodes, and validators that move: whole nodes over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "following/net.rs"]
mod net;

use std::time::Duration;

use bytes::Bytes;
use da::NamespaceId;
use sequencer::{
    network::{Keypair, Lane, Network, NetworkConfig, Peer, PeerEvent},
    network_file::NetworkFile,
};
use sequencer_client::{
    client::{BlockId, NamespaceEvent},
    types::TransactionState,
};

use tokio::time::timeout;

use self::net::{Net, Place, Running, address, eventually};

const NAMESPACE: u64 = 7;

/// Submits through a node and reads it back from there, proven.
async fn orders(node: &Running, text: &str) -> sequencer_client::client::VerifiedTransaction {
    let namespace = NamespaceId::new(NAMESPACE).unwrap();
    let api = node.api();
    let submitted = api
        .submit(
            namespace,
            Bytes::copy_from_slice(text.as_bytes()),
            Some(Duration::from_secs(60)),
        )
        .await
        .unwrap();
    assert_eq!(submitted.state, TransactionState::Final);
    let found = node
        .client()
        .transaction(submitted.hash, Some(namespace))
        .await
        .unwrap();
    assert_eq!(found.bytes, text.as_bytes());
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_stake_catches_up_follows_serves_and_forwards() {
    let net = Net::new(1, |port| format!("/dns/localhost/tcp/{port}"));
    let validator = net.validator(0, &Place::default());
    // Epochs of ten blocks: the follower starts behind several of them.
    validator.reaches(25).await;
    let follower = net.follower("follower", &Place::default());
    follower.reaches(25).await;

    let found = orders(&follower, "through a node without stake").await;
    let namespace = NamespaceId::new(NAMESPACE).unwrap();
    let client = follower.client();
    let block = BlockId::Height(found.block.header.height);
    assert!(
        client
            .namespace(block, namespace)
            .await
            .unwrap()
            .body
            .is_some()
    );
    let (_, entry) = client
        .accumulator(BlockId::Latest, namespace)
        .await
        .unwrap();
    assert_eq!(entry.block_count, 1);
    let mut stream = client
        .follow(namespace, found.block.header.height)
        .await
        .unwrap();
    let first = stream.next().await.unwrap();
    assert!(matches!(first, NamespaceEvent::Block(..)));

    // What is final at the validator is soon final here.
    for _ in 0..5 {
        let height = validator.api().status().await.unwrap().final_height;
        follower.reaches(height.0 + 1).await;
    }
    let state = follower.ready().await;
    assert_eq!(state.validator, None);
    follower.stop();
    validator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_follows_another_follower() {
    // Nobody answers where genesis says, nor where the validator says it is.
    let net = Net::new(1, address);
    let hidden = ports::free();
    let place = Place {
        listen: Some(address(hidden)),
        announce: Some(address(ports::free())),
        ..Place::default()
    };
    let validator = net.validator(0, &place);
    let first_port = ports::free();
    let first = Place {
        listen: Some(address(first_port)),
        peers: vec![format!("{}@{}", net.peer_id(0), address(hidden))],
        ..Place::default()
    };
    let first = net.follower("first", &first);
    let second = Place {
        bootnodes: vec![format!("{}/p2p/{}", address(first_port), first.peer_id)],
        ..Place::default()
    };
    // One with a consensus key that is in no committee.
    let second = net.follower_with_keys("second", &second);
    validator.reaches(12).await;
    second.reaches(12).await;
    orders(&second, "through two nodes without stake").await;
    second.ready().await;
    second.stop();
    first.stop();
    validator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootnode_leads_to_a_validator_that_moved() {
    let net = Net::new(1, address);
    let moved = ports::free();
    let place = Place {
        listen: Some(address(moved)),
        ..Place::default()
    };
    let validator = net.validator(0, &place);
    let boot_port = ports::free();
    let boot = Place {
        listen: Some(address(boot_port)),
        peers: vec![format!("{}@{}", net.peer_id(0), address(moved))],
        ..Place::default()
    };
    let boot = net.follower("boot", &boot);
    boot.reaches(3).await;
    let place = Place {
        bootnodes: vec![format!("{}/p2p/{}", address(boot_port), boot.peer_id)],
        ..Place::default()
    };
    let follower = net.follower("follower", &place);
    follower.reaches(3).await;
    // The bootnode and the validator: what the one said was enough to find the other.
    eventually("two connections", async || {
        (follower.api().status().await.unwrap().peers.connected == 2).then_some(())
    })
    .await;
    boot.stop();
    let height = validator.api().status().await.unwrap().final_height;
    follower.reaches(height.0 + 5).await;
    follower.stop();
    validator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn validators_that_move_one_after_the_other_find_each_other() {
    let net = Net::new(2, address);
    let first = net.validator(0, &Place::default());
    let second = net.validator(1, &Place::default());
    first.reaches(3).await;
    let port = ports::free();
    let moved = Place {
        listen: Some(address(port)),
        ..Place::default()
    };
    first.stop();
    let first = net.validator(0, &moved);
    let height = second.api().status().await.unwrap().final_height;
    second.reaches(height.0 + 3).await;
    eventually("the new address is known", async || {
        net.knows(1, &address(port)).then_some(())
    })
    .await;
    // It dials, and the other one is no longer where genesis says.
    second.stop();
    let second = net.validator(
        1,
        &Place {
            listen: Some(address(ports::free())),
            ..Place::default()
        },
    );
    let height = first.api().status().await.unwrap().final_height;
    first.reaches(height.0 + 3).await;
    second.reaches(height.0 + 3).await;
    second.stop();
    first.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_address_record_is_nothing_and_a_forged_one_a_fault() {
    let net = Net::new(1, address);
    let validator = net.validator(0, &Place::default());
    let target = net.peer_id(0);
    let domain = net.genesis.chain_domain();
    let mut config = NetworkConfig::new(Keypair::generate_ed25519(), domain.0);
    config.listen = vec![address(0).parse().unwrap()];
    config.silence_limit = Duration::from_secs(600);
    config.peers = vec![Peer {
        id: target,
        addresses: vec![net.genesis.validators[0].address.parse().unwrap()],
    }];
    let (attacker, mut inbound) = Network::spawn(config).await.unwrap();
    // The frame with addresses; others push final blocks.
    const ADDRESSES: u8 = 4;
    let genuine = loop {
        let frame = timeout(Duration::from_secs(240), inbound.bulk.recv()).await;
        let bytes = frame.unwrap().unwrap().bytes;
        if bytes[0] == ADDRESSES {
            break bytes;
        }
    };
    for _ in 0..10 {
        attacker.send(target, Lane::Bulk, genuine.clone()).unwrap();
    }
    let height = validator.api().status().await.unwrap().final_height;
    validator.reaches(height.0 + 3).await;
    let connected = inbound.events.try_recv();
    assert_eq!(connected, Ok(PeerEvent::Connected(target)));
    // A busy machine may cost a connection; a fault costs the next ones, too, for minutes.
    eventually("a replay is no fault", async || {
        let peers = attacker.peers();
        let is_connected = peers.iter().any(|peer| peer.is_connected);
        is_connected.then_some(())
    })
    .await;
    while inbound.events.try_recv().is_ok() {}

    // One bit of the signature, which stands last.
    let mut forged = genuine.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    for _ in 0..3 {
        attacker
            .send(target, Lane::Bulk, forged.clone().into())
            .unwrap();
    }
    let gone = timeout(Duration::from_secs(240), inbound.events.recv()).await;
    assert_eq!(gone.unwrap(), Some(PeerEvent::Disconnected(target)));
    let height = validator.api().status().await.unwrap().final_height;
    validator.reaches(height.0 + 3).await;
    validator.stop();
    attacker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_file_is_all_that_is_needed_to_join() {
    let net = Net::new(1, address);
    let validator = net.validator(0, &Place::default());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("network.toml");
    let exported = net::sequencer(&[
        "network",
        "export",
        "--data-dir",
        &net.home(0),
        "--bootnode",
        &format!("/ip4/127.0.0.1/tcp/1/p2p/{}", net.peer_id(0)),
        "--out",
        file.to_str().unwrap(),
    ]);
    assert!(
        exported.contains("bootnode      /ip4/127.0.0.1/tcp/1/p2p/"),
        "{exported}"
    );
    assert_eq!(NetworkFile::load(&file).unwrap().genesis, net.genesis);

    let home = directory.path().join("joined");
    let listen = address(ports::free());
    let said = net::sequencer(&[
        "init",
        "--network",
        file.to_str().unwrap(),
        "--data-dir",
        home.to_str().unwrap(),
        "--p2p.listen",
        &listen,
        "--api.listen",
        &format!("127.0.0.1:{}", ports::free()),
        "--metrics.enabled=false",
    ]);
    assert!(said.contains("next: sequencer run --data-dir"), "{said}");
    let joined = net.run(&home);
    validator.reaches(5).await;
    joined.reaches(5).await;
    joined.stop();
    validator.stop();
}
#[path = "ports/mod.rs"]
mod ports;
