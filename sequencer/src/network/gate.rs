//! Who may connect: the configured peers, a bounded number of others, and nobody who is banned.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol, swarm::ConnectionId};

use super::{
    config::NetworkConfig,
    metrics::{Metrics, Rejection},
    reputation::{Reputation, Verdict},
};

/// Connections one peer may have at once: the one in use, one that replaces it, and some that take long to close.
const MAX_CONNECTIONS_PER_PEER: usize = 8;

/// Why a connection was refused.
#[derive(Debug, thiserror::Error)]
#[error("refused: {}", .0.label())]
pub(crate) struct Refused(pub(crate) Rejection);

pub(crate) struct Gate {
    config: Arc<NetworkConfig>,
    metrics: Arc<Metrics>,
    reputation: Reputation,
    configured: BTreeSet<PeerId>,
    /// Where the configured peers are said to be.
    expected: BTreeSet<IpAddr>,
    handshakes: HashMap<ConnectionId, Option<IpAddr>>,
    established: HashMap<ConnectionId, (PeerId, Option<IpAddr>)>,
}

impl Gate {
    pub(crate) fn new(config: Arc<NetworkConfig>, metrics: Arc<Metrics>) -> Self {
        Self {
            reputation: Reputation::new(config.blame),
            config,
            metrics,
            configured: BTreeSet::new(),
            expected: BTreeSet::new(),
            handshakes: HashMap::new(),
            established: HashMap::new(),
        }
    }

    pub(crate) fn configure<'a>(
        &mut self,
        peers: impl IntoIterator<Item = (&'a PeerId, &'a [Multiaddr])>,
    ) {
        self.configured.clear();
        self.expected.clear();
        for (peer, addresses) in peers {
            self.configured.insert(*peer);
            self.expected.extend(addresses.iter().filter_map(ip_of));
        }
    }

    pub(crate) fn is_banned(&self, now: Instant, peer: &PeerId) -> bool {
        self.reputation.is_banned(now, peer)
    }

    pub(crate) fn blame(&mut self, now: Instant, peer: PeerId, points: u32) -> Verdict {
        self.reputation.blame(now, peer, points)
    }

    /// A connection came in and wants to shake hands. Strangers who fill all places keep no configured peer out: at
    /// its address there are places of its own.
    pub(crate) fn admit_handshake(
        &mut self,
        connection: ConnectionId,
        from: &Multiaddr,
    ) -> Result<(), Refused> {
        let ip = ip_of(from);
        let from_there = self
            .handshakes
            .values()
            .filter(|other| **other == ip)
            .count();
        let is_expected = ip.is_some_and(|ip| self.expected.contains(&ip));
        let is_full = !is_expected && self.unexpected() >= self.config.max_handshakes;
        if is_full || from_there >= self.config.max_handshakes_per_ip {
            return Err(self.refuse(Rejection::Crowded));
        }
        self.handshakes.insert(connection, ip);
        Ok(())
    }

    /// A peer proved its identity on a connection that it opened.
    pub(crate) fn admit_inbound(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        peer: PeerId,
        from: &Multiaddr,
    ) -> Result<(), Refused> {
        self.handshakes.remove(&connection);
        if self.is_banned(now, &peer) {
            return Err(self.refuse(Rejection::Banned));
        }
        let ip = ip_of(from);
        let of_peer = self
            .established
            .values()
            .filter(|(other, _)| *other == peer)
            .count();
        if of_peer >= MAX_CONNECTIONS_PER_PEER
            || (!self.configured.contains(&peer) && self.is_full_for_unknown(ip))
        {
            return Err(self.refuse(Rejection::Crowded));
        }
        self.established.insert(connection, (peer, ip));
        Ok(())
    }

    /// A peer proved its identity on a connection that we opened.
    pub(crate) fn admit_outbound(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        peer: PeerId,
        to: &Multiaddr,
    ) -> Result<(), Refused> {
        if self.is_banned(now, &peer) {
            return Err(self.refuse(Rejection::Banned));
        }
        self.established.insert(connection, (peer, ip_of(to)));
        Ok(())
    }

    /// The connection is gone, whatever became of it.
    pub(crate) fn forget(&mut self, connection: ConnectionId) {
        self.handshakes.remove(&connection);
        self.established.remove(&connection);
    }

    /// Handshakes of strangers under way.
    fn unexpected(&self) -> usize {
        let is_expected = |ip: &Option<IpAddr>| ip.is_some_and(|ip| self.expected.contains(&ip));
        self.handshakes
            .values()
            .filter(|ip| !is_expected(ip))
            .count()
    }

    fn is_full_for_unknown(&self, ip: Option<IpAddr>) -> bool {
        let unknown = || {
            self.established
                .values()
                .filter(|(peer, _)| !self.configured.contains(peer))
        };
        unknown().count() >= self.config.max_unknown_peers
            || unknown().filter(|(_, other)| *other == ip).count() >= self.config.max_unknown_per_ip
    }

    fn refuse(&self, reason: Rejection) -> Refused {
        self.metrics.reject(reason);
        Refused(reason)
    }
}

/// Whose connection it is, as far as its address tells. Of an IPv6 address the network counts, the first 64 bits: one
/// customer has them all.
fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => match IpAddr::V6(ip).to_canonical() {
            IpAddr::V6(ip) => Some(IpAddr::V6((ip.to_bits() >> 64 << 64).into())),
            mapped => Some(mapped),
        },
        _ => None,
    })
}

#[cfg(test)]
mod tests;
