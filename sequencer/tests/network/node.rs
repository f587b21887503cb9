//! Nodes on loopback ports, and waiting for what they do.

use std::{net::SocketAddr, time::Duration};

use libp2p::multiaddr::Protocol;
use sequencer::network::{
    Inbound, InboundMessage, InboundRequest, Keypair, Multiaddr, Network, NetworkConfig, Peer,
    PeerEvent, PeerId,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

pub(crate) const DOMAIN: [u8; 32] = [7; 32];

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .expect("what is waited for happens")
}

/// The product's settings, at a port that nobody takes while the node is down, and with more
/// patience than any test has: who is slow on a busy machine is not taken for dead or stuck.
pub(crate) fn config(keypair: Keypair) -> NetworkConfig {
    const LONG: Duration = Duration::from_secs(600);
    let mut config = NetworkConfig::new(keypair, DOMAIN);
    let listen = format!("/ip4/127.0.0.1/tcp/{}", crate::ports::free());
    config.listen = vec![listen.parse().unwrap()];
    config.handshake_timeout = Duration::from_secs(60);
    config.answer_timeout = LONG;
    config.frame_timeout = LONG;
    config.frame_ttl = LONG;
    config.silence_limit = LONG;
    config.drain_timeout = Duration::from_secs(60);
    config.last_words = Duration::from_secs(20);
    config
}

pub(crate) struct Node {
    pub(crate) network: Network,
    pub(crate) control: mpsc::Receiver<InboundMessage>,
    pub(crate) bulk: mpsc::Receiver<InboundMessage>,
    pub(crate) requests: mpsc::Receiver<InboundRequest>,
    pub(crate) events: mpsc::Receiver<PeerEvent>,
}

impl Node {
    pub(crate) async fn spawn(config: NetworkConfig) -> Self {
        let (
            network,
            Inbound {
                control,
                bulk,
                requests,
                events,
            },
        ) = Network::spawn(config).await.unwrap();
        Self {
            network,
            control,
            bulk,
            requests,
            events,
        }
    }

    pub(crate) fn id(&self) -> PeerId {
        self.network.local_peer_id()
    }

    pub(crate) fn peer(&self) -> Peer {
        Peer {
            id: self.id(),
            addresses: vec![self.address()],
        }
    }

    pub(crate) fn address(&self) -> Multiaddr {
        self.network.listen_addresses()[0].clone()
    }

    pub(crate) async fn until_event(&mut self, expected: PeerEvent) {
        while within(self.events.recv()).await.unwrap() != expected {}
    }

    /// Waits for a condition that no channel announces.
    pub(crate) async fn until(&self, condition: impl Fn(&Self) -> bool) -> bool {
        within(async {
            while !condition(self) {
                sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        true
    }
}

/// Nodes that are all connected to each other, with no event left to read.
pub(crate) async fn connected<const N: usize>() -> [Node; N] {
    connected_with(|_| {}).await
}

/// The same with a change to every configuration.
pub(crate) async fn connected_with<const N: usize>(
    change: impl Fn(&mut NetworkConfig),
) -> [Node; N] {
    let mut nodes = Vec::new();
    for _ in 0..N {
        let mut config = config(Keypair::generate_ed25519());
        change(&mut config);
        nodes.push(Node::spawn(config).await);
    }
    let peers: Vec<_> = nodes.iter().map(Node::peer).collect();
    // Of each pair the first one dials, once the other expects it: of two connections one would go
    // at a time of its own.
    for (index, node) in nodes.iter().enumerate().rev() {
        let mut known = peers.clone();
        for peer in &mut known[..index] {
            peer.addresses.clear();
        }
        node.network.set_peers(known);
    }
    for node in &mut nodes {
        for _ in 1..N {
            assert!(matches!(
                within(node.events.recv()).await.unwrap(),
                PeerEvent::Connected(_)
            ));
        }
    }
    for node in &nodes {
        node.network.set_peers(peers.clone());
    }
    nodes
        .try_into()
        .unwrap_or_else(|_| panic!("as many nodes as asked for"))
}

pub(crate) fn socket(address: &Multiaddr) -> SocketAddr {
    let mut parts = address.iter();
    match (parts.next(), parts.next()) {
        (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) => SocketAddr::new(ip.into(), port),
        _ => panic!("not an IPv4 TCP address: {address}"),
    }
}

/// A cable to a node that can be cut without either side being told.
pub(crate) struct Cable {
    pub(crate) address: Multiaddr,
    is_cut: watch::Sender<bool>,
}

impl Cable {
    pub(crate) async fn to(node: &Multiaddr) -> Self {
        let target = socket(node);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!(
            "/ip4/127.0.0.1/tcp/{}",
            listener.local_addr().unwrap().port()
        )
        .parse()
        .unwrap();
        let (is_cut, watched) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut watched = watched.clone();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        end = copy_bidirectional(&mut near, &mut far) => drop(end),
                        end = watched.wait_for(|is_cut| *is_cut) => drop(end.map(|_| ())),
                    }
                    // The sockets stay open, and what comes in goes nowhere.
                    std::future::pending::<()>().await;
                    drop((near, far));
                });
            }
        });
        Self { address, is_cut }
    }

    pub(crate) fn cut(&self) {
        self.is_cut.send_replace(true);
    }
}
