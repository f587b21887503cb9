//! The connections that are up, and which of them is in use to each peer.
//!
//! Two peers that dial each other at the same time get two connections; both sides keep the one that the lower id
//! dialed. A connection that comes long after the one in use replaces it: the peer would not have opened it if it
//! still had the old one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use libp2p::{PeerId, swarm::ConnectionId};
use tokio::{sync::watch, task::AbortHandle};

use crate::network::{
    directory::{LinkHandle, PeerEntry},
    link::Role,
};

/// Two connections that open within this time are taken for a double dial.
const DOUBLE_DIAL: Duration = Duration::from_secs(3);

/// A connection that is up.
pub(super) struct LinkState {
    entry: Arc<PeerEntry>,
    handle: LinkHandle,
    is_outbound: bool,
    role: watch::Sender<Role>,
    task: AbortHandle,
    ready_at: Option<Instant>,
    /// When to close a retired connection.
    close_at: Option<Instant>,
}

impl LinkState {
    pub(super) fn new(
        entry: Arc<PeerEntry>,
        handle: LinkHandle,
        is_outbound: bool,
        role: watch::Sender<Role>,
        task: AbortHandle,
    ) -> Self {
        Self {
            entry,
            handle,
            is_outbound,
            role,
            task,
            ready_at: None,
            close_at: None,
        }
    }
}

/// What a connection that became ready means for its peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The peer was not connected.
    First(PeerId),
    /// The peer lost its earlier connection before we noticed.
    Returned(PeerId),
    /// Both sides dialed; one connection stays.
    Double,
}

/// How a connection comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It closed or broke.
    Closed,
    /// We are done with it.
    Cut,
}

/// A connection that was removed.
pub(super) struct Ended {
    pub(super) entry: Arc<PeerEntry>,
    /// It was the connection in use.
    pub(super) was_in_use: bool,
    /// The peer has no other connection that could be or come into use.
    pub(super) was_last_hope: bool,
    ready_at: Option<Instant>,
}

impl Ended {
    pub(super) fn ready_for(&self, now: Instant) -> Option<Duration> {
        self.ready_at.map(|at| now.saturating_duration_since(at))
    }
}

pub(super) struct Links {
    local: PeerId,
    table: HashMap<ConnectionId, LinkState>,
    in_use: BTreeMap<PeerId, ConnectionId>,
}

impl Links {
    pub(super) fn new(local: PeerId) -> Self {
        Self {
            local,
            table: HashMap::new(),
            in_use: BTreeMap::new(),
        }
    }

    pub(super) fn insert(&mut self, connection: ConnectionId, link: LinkState) {
        self.table.insert(connection, link);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn peer(&self, connection: ConnectionId) -> Option<PeerId> {
        self.table.get(&connection).map(|link| link.entry.id)
    }

    pub(super) fn peers(&self) -> BTreeSet<PeerId> {
        self.table.values().map(|link| link.entry.id).collect()
    }

    pub(super) fn of_peer(&self, peer: &PeerId) -> Vec<ConnectionId> {
        self.table
            .iter()
            .filter(|(_, link)| link.entry.id == *peer)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Whether the peer has a connection that is or may come into use.
    pub(super) fn is_connected(&self, peer: &PeerId) -> bool {
        self.table
            .values()
            .any(|link| link.entry.id == *peer && link.close_at.is_none())
    }

    /// When the next retired connection is to be closed.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.table.values().filter_map(|link| link.close_at).min()
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Vec<ConnectionId> {
        let is_due = |link: &LinkState| link.close_at.is_some_and(|at| at <= now);
        self.table
            .iter()
            .filter(|(_, link)| is_due(link))
            .map(|(id, _)| *id)
            .collect()
    }

    /// The streams of a connection are open: decides which connection is in use from now on.
    pub(super) fn on_ready(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        retirement: Duration,
    ) -> Option<Choice> {
        let link = self.table.get_mut(&connection)?;
        link.ready_at = Some(now);
        let (peer, is_outbound) = (link.entry.id, link.is_outbound);
        let Some(current) = self.in_use.get(&peer).copied() else {
            self.activate(connection, peer);
            return Some(Choice::First(peer));
        };
        let used = self.table.get(&current)?;
        let age = used
            .ready_at
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let is_double = age < DOUBLE_DIAL;
        if is_double && used.is_outbound != is_outbound && !self.is_preferred(&peer, is_outbound) {
            self.retire(connection, now + retirement);
            return Some(Choice::Double);
        }
        let has_returned = !is_double || used.is_outbound == is_outbound;
        self.retire(current, now + retirement);
        self.activate(connection, peer);
        Some(if has_returned {
            Choice::Returned(peer)
        } else {
            Choice::Double
        })
    }

    /// Of two connections at the same time, the one dialed by the lower id stays.
    fn is_preferred(&self, peer: &PeerId, is_outbound: bool) -> bool {
        is_outbound == (self.local < *peer)
    }

    fn activate(&mut self, connection: ConnectionId, peer: PeerId) {
        if let Some(link) = self.table.get(&connection) {
            self.in_use.insert(peer, connection);
            link.entry.link.send_replace(Some(link.handle.clone()));
            link.role.send_replace(Role::Active);
        }
    }

    fn retire(&mut self, connection: ConnectionId, close_at: Instant) {
        if let Some(link) = self.table.get_mut(&connection) {
            link.role.send_replace(Role::Retired);
            link.close_at = Some(close_at);
        }
    }

    /// Lets the connections in use send what waits, and returns the others.
    pub(super) fn drain(&mut self) -> Vec<ConnectionId> {
        for connection in self.in_use.values() {
            if let Some(link) = self.table.get(connection) {
                link.role.send_replace(Role::Draining);
            }
        }
        let is_used = |id: &ConnectionId| self.in_use.values().any(|used| used == id);
        self.table
            .keys()
            .filter(|id| !is_used(id))
            .copied()
            .collect()
    }

    /// Removes a connection. Unless it closed by itself, its tasks stop where they are; else they first hand over what
    /// had come in.
    pub(super) fn remove(&mut self, connection: ConnectionId, ending: Ending) -> Option<Ended> {
        let link = self.table.remove(&connection)?;
        if ending == Ending::Cut {
            link.task.abort();
        }
        let peer = link.entry.id;
        let was_in_use = self.in_use.get(&peer) == Some(&connection);
        if was_in_use {
            self.in_use.remove(&peer);
            link.entry.link.send_replace(None);
        }
        let was_last_hope = link.close_at.is_none() && !self.is_connected(&peer);
        Some(Ended {
            entry: link.entry,
            was_in_use,
            was_last_hope,
            ready_at: link.ready_at,
        })
    }
}

#[cfg(test)]
mod tests;
