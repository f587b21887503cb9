//! Moves opaque frames between authenticated peers over libp2p (TCP, noise, yamux).
//!
//! Guarantees
//! * One connection to every configured peer, dialed, re-dialed and de-duplicated without the host's help; peers of
//!   other chains, banned peers and crowds of unknown peers are kept out.
//! * Control frames never wait behind bulk frames, neither on the way out nor in the channels to the host.
//! * Sending never blocks: each peer and lane has a bounded queue that drops its oldest frames.
//! * Whatever a peer sends is bounded before it is stored: frame sizes, streams, requests, bytes a second.
//! * A frame arrives at most once, and in order within its lane as long as the connection lives; what is under way when
//!   it breaks is lost.
//!
//! Not responsible for what the bytes mean: consensus, codecs and who is a validator are the host's matter.

mod behaviour;
mod budget;
mod config;
mod dialer;
mod directory;
mod driver;
mod error;
mod frame;
mod gate;
mod handler;
mod inbound;
mod link;
mod listen;
mod metrics;
mod protocol;
mod pulse;
mod queue;
mod quota;
mod reputation;
mod request;
mod resolve;

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use bytes::Bytes;
pub use libp2p::{Multiaddr, PeerId, identity::Keypair};
use tokio::sync::{mpsc, oneshot};

pub use self::{
    config::{BlameLimits, Lane, LaneLimits, NetworkConfig, Peer, Quota, Rate},
    error::{NetworkError, RequestError, RespondError, SendError},
    inbound::{Inbound, InboundMessage, InboundRequest, PeerEvent, Responder},
    metrics::{LaneMetrics, NetworkMetrics, Rejection},
};
use self::{
    directory::{Directory, PeerEntry},
    driver::{Command, Driver},
    metrics::Metrics,
};

/// Orders that may wait for the driver; further blame is dropped and counted.
const COMMAND_BACKLOG: usize = 1024;

/// A peer as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// The peer.
    pub id: PeerId,
    /// The remote end of the connection, else where the peer is dialed.
    pub address: Option<Multiaddr>,
    /// Whether it is one of the configured peers.
    pub is_configured: bool,
    /// Whether frames can be exchanged now.
    pub is_connected: bool,
    /// The last measured round trip.
    pub rtt: Option<Duration>,
}

/// The handle to the network; clones are cheap and stand for the same network, which ends with the last of them.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    local: PeerId,
    listen: Vec<Multiaddr>,
    config: Arc<NetworkConfig>,
    metrics: Arc<Metrics>,
    directory: Arc<Directory>,
    commands: mpsc::Sender<Command>,
}

impl Network {
    /// Binds the listening addresses and starts to connect to the configured peers.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Listen`] if an address cannot be bound, for example because its port is taken.
    pub async fn spawn(config: NetworkConfig) -> Result<(Self, Inbound), NetworkError> {
        let config = Arc::new(config);
        let metrics = Arc::new(Metrics::default());
        let listening = listen::listen(&config, &metrics).await?;
        let local = *listening.swarm.local_peer_id();
        let listen = listening.addresses.clone();
        let directory = Arc::new(Directory::new(local, Arc::clone(&config)));
        directory.configure(config.peers.clone());
        let (host, inbound) = inbound::channels(&config);
        let (commands, orders) = mpsc::channel(COMMAND_BACKLOG);
        let driver = Driver::new(
            listening,
            Arc::clone(&config),
            Arc::clone(&metrics),
            Arc::clone(&directory),
            host,
            orders,
        );
        tokio::spawn(driver.run());
        let shared = Shared {
            local,
            listen,
            config,
            metrics,
            directory,
            commands,
        };
        Ok((
            Self {
                shared: Arc::new(shared),
            },
            inbound,
        ))
    }

    /// Our own id.
    #[must_use]
    pub fn local_peer_id(&self) -> PeerId {
        self.shared.local
    }

    /// The addresses we listen on, with the ports the system chose.
    #[must_use]
    pub fn listen_addresses(&self) -> &[Multiaddr] {
        &self.shared.listen
    }

    /// Replaces the configured peers. New ones can be sent to at once; removed ones are disconnected.
    pub fn set_peers(&self, peers: Vec<Peer>) {
        self.shared.directory.configure(peers);
    }

    /// Whether it is one of the configured peers.
    #[must_use]
    pub fn is_configured(&self, peer: &PeerId) -> bool {
        let entry = self.shared.directory.get(peer);
        entry.is_some_and(|entry| entry.is_configured())
    }

    /// Queues a frame for one peer. The frame is dropped later if it is pushed out by newer ones or waits too long.
    ///
    /// # Errors
    ///
    /// [`SendError::UnknownPeer`] if the peer is neither configured nor connected, [`SendError::TooLarge`] over the
    /// lane's frame cap.
    pub fn send(&self, peer: PeerId, lane: Lane, frame: Bytes) -> Result<(), SendError> {
        self.check_size(lane, &frame)?;
        let entry = self
            .shared
            .directory
            .get(&peer)
            .ok_or(SendError::UnknownPeer(peer))?;
        self.push(&entry, lane, frame);
        Ok(())
    }

    /// Queues one frame for every configured peer; they share its bytes.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLarge`] over the lane's frame cap.
    pub fn broadcast(&self, lane: Lane, frame: Bytes) -> Result<(), SendError> {
        self.check_size(lane, &frame)?;
        for entry in self.shared.directory.all() {
            if entry.is_configured() {
                self.push(&entry, lane, frame.clone());
            }
        }
        Ok(())
    }

    /// Asks a connected peer and waits for its response, at most for the time given.
    ///
    /// # Errors
    ///
    /// Any [`RequestError`]. All but [`RequestError::TooLarge`] are worth a try with another peer.
    pub async fn request(
        &self,
        peer: PeerId,
        body: Bytes,
        limit: Duration,
    ) -> Result<Bytes, RequestError> {
        let entry = self
            .shared
            .directory
            .get(&peer)
            .ok_or(RequestError::NotConnected)?;
        request::request(
            &entry,
            body,
            limit,
            &self.shared.config,
            &self.shared.metrics.requests,
        )
        .await
    }

    /// Holds points against a peer. At the threshold it is disconnected and refused for a while, which is logged once.
    pub fn blame(&self, peer: PeerId, points: u32, reason: &'static str) {
        if self
            .shared
            .commands
            .try_send(Command::Blame {
                peer,
                points,
                reason,
            })
            .is_err()
        {
            self.shared.metrics.events_dropped.fetch_add(1, Relaxed);
        }
    }

    /// All configured and connected peers.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerStatus> {
        let directory = &self.shared.directory;
        let status = |entry: Arc<PeerEntry>| {
            let link = entry.link.borrow().clone();
            PeerStatus {
                id: entry.id,
                is_configured: entry.is_configured(),
                is_connected: link.is_some(),
                rtt: link.as_ref().and_then(|link| link.pulse.rtt()),
                address: link
                    .map(|link| link.address)
                    .or_else(|| directory.address(&entry.id)),
            }
        };
        let is_shown = |peer: &PeerStatus| peer.is_configured || peer.is_connected;
        directory
            .all()
            .into_iter()
            .map(status)
            .filter(is_shown)
            .collect()
    }

    /// All counters as they stand.
    #[must_use]
    pub fn metrics(&self) -> NetworkMetrics {
        self.shared.metrics.snapshot()
    }

    /// Sends what waits (for a bounded time), closes all connections and frees the port.
    pub async fn shutdown(&self) {
        let (done, ended) = oneshot::channel();
        let ordered = self.shared.commands.send(Command::Shutdown { done }).await;
        if ordered.is_err() || ended.await.is_err() {
            // Another call came first.
            self.shared.commands.closed().await;
        }
    }

    fn check_size(&self, lane: Lane, frame: &Bytes) -> Result<(), SendError> {
        let (size, cap) = (frame.len(), self.shared.config.lane(lane).max_frame);
        if size > cap {
            Err(SendError::TooLarge { size, cap })
        } else {
            Ok(())
        }
    }

    fn push(&self, entry: &PeerEntry, lane: Lane, frame: Bytes) {
        let dropped = entry.queue(lane).push(Instant::now(), frame);
        self.shared.metrics.lane(lane).count_dropped(dropped);
    }
}
