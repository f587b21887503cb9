//! Asking the peers of a network how they are, without being one of its nodes (`sequencer doctor`).
//!
//! The connection is that of an unknown peer with a key of its own, so a running node of this
//! machine keeps its connections. Answers are not proven: they are for people to judge.

use std::{
    collections::BTreeMap,
    io,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use hotshot_types::{GenesisDocument, Hash, Height, TimestampMs, codec};
use libp2p::{Multiaddr, PeerId, identity::Keypair};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use super::{
    NodeError,
    directory::Directory,
    wire::{self, Greeting, Request},
};
use crate::{
    config::{PeerAddress, socket},
    network::{Inbound, Network, NetworkConfig, Peer, PeerEvent},
};

/// How long a plain TCP connection may take when the handshake failed.
const TCP_LIMIT: Duration = Duration::from_secs(2);
/// Longest version that is shown.
const MAX_VERSION: usize = 32;

/// A peer to ask.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Its place in the genesis document.
    pub(crate) validator: Option<usize>,
    /// The hash of its network key.
    pub(crate) id: PeerId,
    /// Where it should be.
    pub(crate) address: Multiaddr,
}

/// What a peer says about itself.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Time to ask and to be answered.
    pub(crate) round_trip: Duration,
    /// By how much its clock is ahead of ours, give or take half of the round trip.
    pub(crate) clock_ahead_ms: i64,
    /// Its version; empty if that is no text to be shown.
    pub(crate) version: String,
    /// Its last final block.
    pub(crate) height: Height,
    /// When that was proposed.
    pub(crate) timestamp_ms: TimestampMs,
}

/// How a peer was found.
#[derive(Debug)]
pub(crate) enum Reached {
    /// It has the right key and is of the network.
    Peer(Answer),
    /// The same, but it did not answer the question.
    Silent,
    /// Something listens there, but no handshake came about.
    Stranger,
    /// Nothing listens there that we could reach.
    Nobody(io::Error),
}

/// Everybody of the genesis document and the settings, this node included.
pub(crate) fn targets(
    genesis: &GenesisDocument,
    further: &[PeerAddress],
) -> Result<Vec<Target>, NodeError> {
    let nobody = PeerId::random();
    let validators = Directory::new(genesis, nobody)?.peers();
    let mut targets: Vec<Target> = validators
        .into_iter()
        .enumerate()
        .filter_map(|(index, peer)| {
            Some(Target {
                validator: Some(index),
                id: peer.id,
                address: peer.addresses.into_iter().next()?,
            })
        })
        .collect();
    for peer in further {
        match targets.iter_mut().find(|known| known.id == peer.id) {
            Some(known) => known.address.clone_from(&peer.address),
            None => targets.push(Target {
                validator: None,
                id: peer.id,
                address: peer.address.clone(),
            }),
        }
    }
    Ok(targets)
}

/// Asks all of them at once, within `patience` and a little more; answers in the order given.
pub(crate) async fn probe(
    domain: Hash,
    targets: &[Target],
    patience: Duration,
) -> Result<Vec<Reached>, NodeError> {
    let mut config = NetworkConfig::new(passing_key()?, domain.0);
    config.handshake_timeout = patience;
    config.peers = targets
        .iter()
        .map(|target| Peer {
            id: target.id,
            addresses: vec![target.address.clone()],
        })
        .collect();
    let (network, inbound) = Network::spawn(config).await?;
    let mut found = ask_all(&network, inbound, targets.len(), patience).await;
    network.shutdown().await;
    let mut reached = Vec::with_capacity(targets.len());
    let mut failed = JoinSet::new();
    for (position, target) in targets.iter().enumerate() {
        reached.push(match found.remove(&target.id) {
            Some(Some(answer)) => Reached::Peer(answer),
            Some(None) => Reached::Silent,
            None => {
                let address = target.address.clone();
                failed.spawn(async move { (position, without_handshake(&address).await) });
                Reached::Stranger
            }
        });
    }
    while let Some(Ok((position, outcome))) = failed.join_next().await {
        reached[position] = outcome;
    }
    Ok(reached)
}

fn passing_key() -> Result<Keypair, NodeError> {
    let mut seed = crate::keys::entropy()?;
    Ok(Keypair::ed25519_from_bytes(seed.as_mut_slice()).expect("any 32 bytes are a secret key"))
}

/// Who connected, and what it answered.
async fn ask_all(
    network: &Network,
    mut inbound: Inbound,
    count: usize,
    patience: Duration,
) -> BTreeMap<PeerId, Option<Answer>> {
    let mut found = BTreeMap::new();
    let mut asked = JoinSet::new();
    let over = tokio::time::sleep(patience);
    tokio::pin!(over);
    let mut answered = 0;
    while answered < count {
        tokio::select! {
            () = &mut over => break,
            event = inbound.events.recv() => match event {
                Some(PeerEvent::Connected(peer)) if !found.contains_key(&peer) => {
                    found.insert(peer, None);
                    asked.spawn(ask(network.clone(), peer, patience));
                }
                Some(_) => {}
                None => break,
            },
            Some(Ok((peer, answer))) = asked.join_next() => {
                answered += 1;
                found.insert(peer, answer);
            }
        }
    }
    found
}

async fn ask(network: Network, peer: PeerId, patience: Duration) -> (PeerId, Option<Answer>) {
    let request = Bytes::from(codec::encode(&Request::Greet));
    let (wall_ms, start) = (wall_ms(), Instant::now());
    let reply = network.request(peer, request, patience).await;
    let round_trip = start.elapsed();
    let greeting = reply
        .ok()
        .and_then(|reply| wire::body_of(&reply).ok().flatten())
        .and_then(|body| codec::decode::<Greeting>(&body).ok());
    let answer = greeting.map(|greeting| {
        let half = u64::try_from(round_trip.as_millis() / 2).unwrap_or(u64::MAX);
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let version = greeting.version;
        let is_shown =
            version.len() <= MAX_VERSION && version.bytes().all(|b| b.is_ascii_graphic());
        Answer {
            round_trip,
            clock_ahead_ms: signed(greeting.now_ms.0)
                .saturating_sub(signed(wall_ms.saturating_add(half))),
            version: if is_shown { version } else { String::new() },
            height: greeting.tip.height,
            timestamp_ms: greeting.tip.timestamp_ms,
        }
    });
    (peer, answer)
}

/// Milliseconds since 1970 by this machine's clock.
pub(crate) fn wall_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

async fn without_handshake(address: &Multiaddr) -> Reached {
    let Some(socket) = socket(address) else {
        return Reached::Nobody(io::Error::new(
            io::ErrorKind::InvalidInput,
            "only /ip4|ip6/../tcp/.. can be dialed",
        ));
    };
    match timeout(TCP_LIMIT, TcpStream::connect(socket)).await {
        Ok(Ok(_)) => Reached::Stranger,
        Ok(Err(error)) => Reached::Nobody(error),
        Err(_) => Reached::Nobody(io::ErrorKind::TimedOut.into()),
    }
}
