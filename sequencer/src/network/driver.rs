//! The task that owns the swarm: dials, admits, picks the connection in use to each peer, and ends connections.
//!
//! It moves no frames itself: each connection has a [`Link`] with tasks of its own. It never waits for the host.

mod links;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Swarm,
    core::ConnectedPoint,
    swarm::{
        ConnectionId, ListenError, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{sleep_until, timeout},
};

use self::links::{Choice, Ending, LinkState, Links};
use super::{
    behaviour::Behaviour,
    budget::Budgets,
    config::NetworkConfig,
    dialer::Dialer,
    directory::{Directory, LinkHandle, PulseRecord},
    inbound::{HostChannels, PeerEvent},
    link::{Fault, Link, LinkContext, Report, Role},
    listen::{Event, Listening},
    metrics::{Metrics, Rejection},
    reputation::Verdict,
    resolve,
};

/// Reports of links that may wait for the driver; links wait when it is full.
const REPORT_BACKLOG: usize = 1024;

/// How long a connection that was replaced may still deliver what is under way on it.
const RETIREMENT: Duration = Duration::from_secs(1);

/// A connection that lived this long was a working one: its peer is dialed again without a pause.
const STABLE: Duration = Duration::from_secs(5);

/// Points for a stream that was cut within a frame: rarely an accident, but possible.
const TRUNCATION_POINTS: u32 = 50;

/// Orders from the handle.
#[derive(Debug)]
pub(crate) enum Command {
    Blame {
        peer: PeerId,
        points: u32,
        reason: &'static str,
    },
    Shutdown {
        done: oneshot::Sender<()>,
    },
}

/// A peer and where its names lead now; nowhere if none of them does.
type Resolved = (PeerId, Vec<Multiaddr>);

pub(crate) struct Driver {
    swarm: Swarm<Behaviour>,
    early: Vec<Event>,
    config: Arc<NetworkConfig>,
    metrics: Arc<Metrics>,
    directory: Arc<Directory>,
    configured: watch::Receiver<BTreeMap<PeerId, Vec<Multiaddr>>>,
    budgets: Arc<Budgets>,
    host: HostChannels,
    dialer: Dialer,
    links: Links,
    commands: mpsc::Receiver<Command>,
    report: mpsc::Sender<(ConnectionId, Report)>,
    reports: mpsc::Receiver<(ConnectionId, Report)>,
    resolver: mpsc::Sender<Resolved>,
    resolved: mpsc::Receiver<Resolved>,
}

impl Driver {
    pub(crate) fn new(
        listening: Listening,
        config: Arc<NetworkConfig>,
        metrics: Arc<Metrics>,
        directory: Arc<Directory>,
        host: HostChannels,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let local = *listening.swarm.local_peer_id();
        let (report, reports) = mpsc::channel(REPORT_BACKLOG);
        let (resolver, resolved) = mpsc::channel(REPORT_BACKLOG);
        Self {
            budgets: Arc::new(Budgets::new(&config)),
            dialer: Dialer::new(local, config.redial_min, config.redial_max),
            links: Links::new(local),
            configured: directory.subscribe(),
            swarm: listening.swarm,
            early: listening.early,
            config,
            metrics,
            directory,
            host,
            commands,
            report,
            reports,
            resolver,
            resolved,
        }
    }

    /// Runs until the handle orders a shutdown or is dropped.
    pub(crate) async fn run(mut self) {
        for event in std::mem::take(&mut self.early) {
            self.on_swarm_event(event);
        }
        self.configure();
        let done = loop {
            let deadline = [self.dialer.deadline(), self.links.deadline()]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some((connection, report)) = self.reports.recv() => self.on_report(connection, report),
                Some((peer, addresses)) = self.resolved.recv() => self.dial(peer, addresses),
                command = self.commands.recv() => match command {
                    Some(Command::Blame { peer, points, reason }) => self.blame(peer, points, reason),
                    Some(Command::Shutdown { done }) => break Some(done),
                    None => break None,
                },
                Ok(()) = self.configured.changed() => self.configure(),
                () = wait_until(deadline) => self.on_deadline(),
            }
        };
        if done.is_some() {
            self.drain().await;
        }
        self.close_all().await;
        drop(self.swarm);
        if let Some(done) = done {
            // Whoever ordered the shutdown may not wait for it.
            done.send(()).ok();
        }
    }

    fn configure(&mut self) {
        let peers = self.configured.borrow_and_update().clone();
        self.swarm.behaviour_mut().gate.configure(
            peers
                .iter()
                .map(|(id, addresses)| (id, addresses.as_slice())),
        );
        let removed = self
            .dialer
            .configure(Instant::now(), &peers, |peer| self.links.is_connected(peer));
        for peer in removed {
            self.disconnect(&peer);
            self.directory.detach(&peer);
        }
    }

    fn on_deadline(&mut self) {
        let now = Instant::now();
        for connection in self.links.take_due(now) {
            self.end(connection, Ending::Cut);
        }
        for (peer, addresses) in self.dialer.take_due(now) {
            if self.swarm.behaviour().gate.is_banned(now, &peer) {
                self.dialer.on_failure(now, &peer, jitter());
            } else if resolve::has_names(&addresses) {
                self.resolve(peer, addresses);
            } else {
                self.dial(peer, addresses);
            }
        }
    }

    /// Looks the names up elsewhere; the result comes back to this task. One look-up a dial, so they are as many as
    /// there are configured peers at most.
    fn resolve(&self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let resolver = self.resolver.clone();
        tokio::spawn(async move {
            let resolved = resolve::resolve(&addresses).await;
            // The driver is gone only when the node shuts down.
            drop(resolver.send((peer, resolved)).await);
        });
    }

    fn dial(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        if self.directory.address(&peer).is_none() {
            // No longer configured since its name was looked up.
            return;
        }
        let opts = DialOpts::peer_id(peer)
            .addresses(addresses)
            .condition(PeerCondition::NotDialing)
            // Dialing from the listening port makes two peers that dial each other collide.
            .allocate_new_port()
            .build();
        if let Err(error) = self.swarm.dial(opts) {
            tracing::debug!(%peer, %error, "not dialed");
            self.dialer.on_failure(Instant::now(), &peer, jitter());
        }
    }

    fn on_swarm_event(&mut self, event: Event) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                self.on_established(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => {
                self.end(connection_id, Ending::Closed)
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                error,
                ..
            } => {
                tracing::debug!(%peer, %error, "dial failed");
                self.dialer.on_failure(Instant::now(), &peer, jitter());
            }
            SwarmEvent::IncomingConnectionError {
                error,
                send_back_addr,
                ..
            } => {
                // What the gate denied is already counted.
                if !matches!(error, ListenError::Denied { .. }) {
                    self.metrics.reject(Rejection::Handshake);
                }
                tracing::debug!(from = %send_back_addr, %error, "inbound connection failed");
            }
            _ => {}
        }
    }

    fn on_established(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        endpoint: &ConnectedPoint,
    ) {
        let Some(ends) = self.swarm.behaviour_mut().take_ends(connection) else {
            return;
        };
        let entry = self.directory.attach(peer);
        let pulse = Arc::new(PulseRecord::new());
        let handle = LinkHandle {
            opener: ends.opener.clone(),
            address: endpoint.get_remote_address().clone(),
            pulse: Arc::clone(&pulse),
        };
        let (role, role_of_link) = watch::channel(Role::Pending);
        let context = LinkContext {
            entry: Arc::clone(&entry),
            config: Arc::clone(&self.config),
            metrics: Arc::clone(&self.metrics),
            host: self.host.clone(),
            budgets: Arc::clone(&self.budgets),
            pulse,
        };
        let link = Link {
            connection,
            context: Arc::new(context),
            ends,
            role: role_of_link,
            reports: self.report.clone(),
        };
        let task = tokio::spawn(link.run()).abort_handle();
        self.links.insert(
            connection,
            LinkState::new(entry, handle, endpoint.is_dialer(), role, task),
        );
        self.dialer.on_connected(&peer);
    }

    fn on_report(&mut self, connection: ConnectionId, report: Report) {
        match report {
            Report::Ready => self.on_ready(connection),
            Report::Over(fault) => self.on_over(connection, fault),
        }
    }

    fn on_ready(&mut self, connection: ConnectionId) {
        let now = Instant::now();
        let Some(choice) = self.links.on_ready(now, connection, RETIREMENT) else {
            return;
        };
        match choice {
            Choice::First(peer) => {
                self.metrics.peers_connected.fetch_add(1, Relaxed);
                self.emit(PeerEvent::Connected(peer));
            }
            Choice::Returned(peer) => {
                self.emit(PeerEvent::Disconnected(peer));
                self.emit(PeerEvent::Connected(peer));
            }
            Choice::Double => {}
        }
    }

    fn on_over(&mut self, connection: ConnectionId, fault: Fault) {
        let Some(peer) = self.links.peer(connection) else {
            return;
        };
        tracing::debug!(%peer, %fault, "connection is over");
        match fault {
            Fault::Violation(rejection) => {
                self.metrics.reject(rejection);
                let points = match rejection {
                    Rejection::TruncatedFrame => TRUNCATION_POINTS,
                    _ => self.config.blame.threshold,
                };
                self.blame(peer, points, rejection.label());
            }
            Fault::ForeignEcho => self.blame(peer, self.config.blame.threshold, "foreign_echo"),
            Fault::WrongNetwork => self.metrics.reject(Rejection::WrongNetwork),
            Fault::Closed
            | Fault::Drained
            | Fault::NotOpened
            | Fault::Broken(_)
            | Fault::Stalled
            | Fault::Silent => {}
        }
        self.end(connection, Ending::Cut);
    }

    fn blame(&mut self, peer: PeerId, points: u32, reason: &'static str) {
        match self
            .swarm
            .behaviour_mut()
            .gate
            .blame(Instant::now(), peer, points)
        {
            Verdict::Tolerated => tracing::debug!(%peer, points, reason, "peer blamed"),
            Verdict::AlreadyBanned => {}
            Verdict::Banned => {
                let ban_seconds = self.config.blame.ban.as_secs();
                tracing::warn!(%peer, reason, ban_seconds, "peer misbehaved: disconnected and refused for a while");
                self.metrics.bans.fetch_add(1, Relaxed);
                self.disconnect(&peer);
            }
        }
    }

    fn disconnect(&mut self, peer: &PeerId) {
        for connection in self.links.of_peer(peer) {
            self.end(connection, Ending::Cut);
        }
    }

    /// Forgets a connection and closes it if it is still open. Does nothing the second time.
    fn end(&mut self, connection: ConnectionId, ending: Ending) {
        let Some(ended) = self.links.remove(connection, ending) else {
            return;
        };
        let now = Instant::now();
        let peer = ended.entry.id;
        if ended.was_in_use {
            self.metrics.peers_connected.fetch_sub(1, Relaxed);
            self.emit(PeerEvent::Disconnected(peer));
        }
        if ended.was_last_hope {
            let was_stable = ended.ready_for(now).is_some_and(|lived| lived >= STABLE);
            self.dialer
                .on_disconnected(now, &peer, was_stable, jitter());
        }
        if self.links.of_peer(&peer).is_empty() {
            self.directory.detach(&peer);
        }
        // Nothing to close when the connection closed by itself.
        self.swarm.close_connection(connection);
    }

    fn emit(&self, event: PeerEvent) {
        let (PeerEvent::Connected(peer) | PeerEvent::Disconnected(peer)) = event;
        match event {
            PeerEvent::Connected(_) => tracing::debug!(%peer, "peer connected"),
            PeerEvent::Disconnected(_) => tracing::debug!(%peer, "peer disconnected"),
        }
        let events = &self.host.events;
        // The second half of the channel is reserved for configured peers.
        let is_crowded = events.capacity() <= events.max_capacity() / 2;
        let may_send = !is_crowded || self.directory.address(&peer).is_some();
        if !may_send || events.try_send(event).is_err() {
            self.metrics.events_dropped.fetch_add(1, Relaxed);
        }
    }

    /// Sends what waits for connected peers, for a bounded time.
    async fn drain(&mut self) {
        let limit = self.config.drain_timeout;
        for connection in self.links.drain() {
            self.end(connection, Ending::Cut);
        }
        let drained = async {
            while !self.links.is_empty() {
                tokio::select! {
                    event = self.swarm.select_next_some() => {
                        if let SwarmEvent::ConnectionClosed { connection_id, .. } = event {
                            self.end(connection_id, Ending::Closed);
                        }
                    }
                    Some((connection, report)) = self.reports.recv() => {
                        if let Report::Over(_) = report {
                            self.end(connection, Ending::Cut);
                        }
                    }
                }
            }
        };
        if timeout(limit, drained).await.is_err() {
            tracing::debug!("shut down before all frames were sent");
        }
    }

    async fn close_all(&mut self) {
        let limit = self.config.drain_timeout;
        let peers: BTreeSet<_> = self.links.peers();
        for peer in peers {
            self.disconnect(&peer);
        }
        let closed = async {
            while self
                .swarm
                .network_info()
                .connection_counters()
                .num_established()
                > 0
            {
                self.swarm.select_next_some().await;
            }
        };
        if timeout(limit, closed).await.is_err() {
            tracing::debug!("shut down before all connections were closed");
        }
    }
}

fn jitter() -> u32 {
    rand::random_range(0..=100)
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}
