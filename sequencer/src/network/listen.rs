//! Builds the swarm and opens its listening sockets.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, Swarm, SwarmBuilder, TransportError, core::transport::ListenerId,
    multiaddr::Protocol, noise, swarm::SwarmEvent, tcp, yamux,
};
use tokio::time::timeout;

use super::{
    behaviour::Behaviour,
    config::{Lane, NetworkConfig},
    error::NetworkError,
    metrics::Metrics,
};

/// How long a listening socket may take to report its address.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Streams of one connection besides lanes and requests: the pulses, and streams that are about to close.
const SPARE_STREAMS: usize = 32;

/// The most streams for which yamux can promise the window of each.
const MAX_STREAMS: usize = 4096;

pub(crate) type Event = SwarmEvent<std::convert::Infallible>;

/// A swarm that listens, with what happened on it meanwhile.
pub(crate) struct Listening {
    pub(crate) swarm: Swarm<Behaviour>,
    pub(crate) addresses: Vec<Multiaddr>,
    pub(crate) early: Vec<Event>,
}

/// Builds the swarm and returns once every configured address is bound.
pub(crate) async fn listen(
    config: &Arc<NetworkConfig>,
    metrics: &Arc<Metrics>,
) -> Result<Listening, NetworkError> {
    let mut swarm = build(config, metrics)?;
    for address in &config.listen {
        probe(address).map_err(|source| NetworkError::Listen {
            address: address.clone(),
            source,
        })?;
    }
    let mut pending = Vec::new();
    for address in &config.listen {
        let id = swarm
            .listen_on(address.clone())
            .map_err(|error| NetworkError::Listen {
                address: address.clone(),
                source: match error {
                    TransportError::Other(source) => source,
                    TransportError::MultiaddrNotSupported(_) => io::Error::new(
                        io::ErrorKind::InvalidInput,
                        "only /ip4|ip6/../tcp/.. is supported",
                    ),
                },
            })?;
        pending.push((id, address.clone()));
    }
    let mut early = Vec::new();
    while let Some((_, address)) = pending.first() {
        let failed = |source| NetworkError::Listen {
            address: address.clone(),
            source,
        };
        let event = timeout(LISTEN_TIMEOUT, swarm.select_next_some())
            .await
            .map_err(|_| failed(io::Error::from(io::ErrorKind::TimedOut)))?;
        match event {
            SwarmEvent::NewListenAddr { listener_id, .. } => {
                pending.retain(|(id, _)| *id != listener_id)
            }
            SwarmEvent::ListenerError { listener_id, error } => {
                return Err(listener_failed(&pending, listener_id, error));
            }
            SwarmEvent::ListenerClosed {
                listener_id,
                reason,
                ..
            } => {
                let source = reason
                    .err()
                    .unwrap_or_else(|| io::ErrorKind::NotConnected.into());
                return Err(listener_failed(&pending, listener_id, source));
            }
            other => early.push(other),
        }
    }
    let addresses = swarm.listeners().cloned().collect();
    Ok(Listening {
        swarm,
        addresses,
        early,
    })
}

fn listener_failed(
    pending: &[(ListenerId, Multiaddr)],
    failed: ListenerId,
    source: io::Error,
) -> NetworkError {
    let address = pending
        .iter()
        .find(|(id, _)| *id == failed)
        .map(|(_, address)| address.clone());
    NetworkError::Listen {
        address: address.unwrap_or_else(Multiaddr::empty),
        source,
    }
}

fn build(
    config: &Arc<NetworkConfig>,
    metrics: &Arc<Metrics>,
) -> Result<Swarm<Behaviour>, NetworkError> {
    let streams =
        (2 * (Lane::ALL.len() + config.max_requests_per_peer) + SPARE_STREAMS).min(MAX_STREAMS);
    let multiplexer = move || {
        let mut multiplexer = yamux::Config::default();
        multiplexer.set_max_num_streams(streams);
        multiplexer
    };
    let behaviour = Behaviour::new(Arc::clone(config), Arc::clone(metrics));
    let builder = SwarmBuilder::with_existing_identity(config.keypair.clone())
        .with_tokio()
        .with_tcp(
            tcp::Config::new().nodelay(true),
            noise::Config::new,
            multiplexer,
        )
        .map_err(|error| NetworkError::Transport(error.to_string()))?
        .with_behaviour(|_| behaviour)
        .map_err(|error| NetworkError::Transport(error.to_string()))?
        .with_swarm_config(|swarm| swarm.with_max_negotiating_inbound_streams(streams));
    Ok(builder
        .with_connection_timeout(config.handshake_timeout)
        .build())
}

/// Fails if another process listens on the address.
///
/// The transport binds with `SO_REUSEPORT`, under which two nodes of one user would share a port unnoticed and each
/// get half of the connections.
fn probe(address: &Multiaddr) -> io::Result<()> {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
        Some(Protocol::Ip6(ip)) => IpAddr::V6(ip),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => {
            TcpListener::bind(SocketAddr::new(ip, port)).map(drop)
        }
        _ => Ok(()),
    }
}
