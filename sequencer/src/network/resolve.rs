//! Names in addresses, looked up at each dial, so that a peer may move without anybody changing a setting.

use std::{net::SocketAddr, time::Duration};

use libp2p::{Multiaddr, multiaddr::Protocol};
use tokio::{net::lookup_host, time::timeout};

/// How long all names of one peer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Addresses tried for one peer in one dial.
const MAX_ADDRESSES: usize = 8;

/// Whether something has to be looked up.
pub(crate) fn has_names(addresses: &[Multiaddr]) -> bool {
    addresses.iter().any(|address| name_of(address).is_some())
}

/// The addresses with their names replaced by what they stand for now; a name that stands for nothing is left out.
pub(crate) async fn resolve(addresses: &[Multiaddr]) -> Vec<Multiaddr> {
    let resolved = futures::future::join_all(addresses.iter().map(resolve_one));
    let mut found: Vec<Multiaddr> = Vec::new();
    for address in resolved.await.into_iter().flatten() {
        if found.len() < MAX_ADDRESSES && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

async fn resolve_one(address: &Multiaddr) -> Vec<Multiaddr> {
    let Some(name) = name_of(address) else {
        return vec![address.clone()];
    };
    match timeout(PATIENCE, lookup_host((name.host.as_str(), name.port))).await {
        Ok(Ok(sockets)) => sockets
            .filter(|socket| name.family.fits(socket))
            .map(dialable)
            .collect(),
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "the name can't be looked up");
            Vec::new()
        }
        Err(_) => {
            tracing::debug!(%address, "looking the name up took too long");
            Vec::new()
        }
    }
}

fn dialable(socket: SocketAddr) -> Multiaddr {
    Multiaddr::empty()
        .with(socket.ip().into())
        .with(Protocol::Tcp(socket.port()))
}

#[derive(Debug, Clone, Copy)]
enum Family {
    Any,
    V4,
    V6,
}

impl Family {
    fn fits(self, socket: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => socket.is_ipv4(),
            Self::V6 => socket.is_ipv6(),
        }
    }
}

struct Name {
    host: String,
    port: u16,
    family: Family,
}

fn name_of(address: &Multiaddr) -> Option<Name> {
    let mut parts = address.iter();
    let (host, family) = match parts.next()? {
        Protocol::Dns(host) => (host, Family::Any),
        Protocol::Dns4(host) => (host, Family::V4),
        Protocol::Dns6(host) => (host, Family::V6),
        _ => return None,
    };
    let Some(Protocol::Tcp(port)) = parts.next() else {
        return None;
    };
    Some(Name {
        host: host.into_owned(),
        port,
        family,
    })
}

#[cfg(test)]
mod tests;
