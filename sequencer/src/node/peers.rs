//! Whom to connect to, and where.
//!
//! A validator keeps a connection to every other one; a node without stake to a few of them, drawn at random, so that
//! the places which each validator has for strangers are shared. Addresses come from the settings, from what each
//! validator says of itself ([`super::addresses`]) and from the genesis document, and all of them are tried. While no
//! validator answers, the bootnodes are asked: they pass on the chain, and the addresses of validators that moved.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use hotshot_types::codec;
use libp2p::{Multiaddr, PeerId, identity::Keypair, multiaddr::Protocol};
use rand::seq::{IndexedRandom, SliceRandom};
use tokio::sync::mpsc;

use super::{
    addresses::{AddressRecord, Book, Outcome},
    directory::Directory,
    heard::Heard,
    start,
    wire::Bulk,
};
use crate::{
    config::{NodeConfig, PeerAddress, socket},
    network::{Lane, Network, Peer, PeerEvent},
};

/// Validators that a node without stake connects to.
const WANTED: usize = 8;
/// How often connections are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long no validator may answer before the bootnodes are asked.
const ALONE: Duration = Duration::from_secs(2);
/// How long validators have to answer before the bootnodes are left alone.
const SETTLED: Duration = Duration::from_secs(30);
/// How long a validator has to answer before a node without stake tries another in its place.
const TRIAL: u32 = 5;
/// Looks between two exchanges of all records with one random peer.
const EXCHANGE: u32 = 30;
/// Points for a record that no honest node passes on.
const FALSE_RECORD: u32 = 50;
/// Where the records are kept, in the data directory.
const FILE: &str = "addresses";

/// Records that a peer passed on.
pub(super) type Passed = (PeerId, Vec<AddressRecord>);

/// What the task works with.
pub(super) struct Peers {
    network: Network,
    directory: Arc<Directory>,
    heard: Arc<Heard>,
    key: Keypair,
    listen: Vec<Multiaddr>,
    announce: Option<Vec<Multiaddr>>,
    /// Peers of the settings.
    chosen: Vec<PeerAddress>,
    bootnodes: Vec<PeerAddress>,
    file: PathBuf,
    book: Book,
    domain: hotshot_types::Hash,
    is_validator: bool,
    /// Of the directory, when the peers were drawn.
    edition: u64,
    /// Validators to connect to; all of them for a validator.
    wanted: BTreeSet<PeerId>,
    uses_bootnodes: bool,
    /// Since when a validator is connected, or none is.
    reached: (bool, Instant),
    looks: u32,
}

/// The peers to start with.
pub(super) fn first(directory: &Directory, config: &NodeConfig) -> Vec<Peer> {
    let mut peers = Vec::new();
    if start::may_vote(config) {
        peers = directory.peers();
    }
    add_chosen(&mut peers, &config.p2p.peers);
    peers
}

/// Adds peers, the addresses chosen for them first.
fn add_chosen(peers: &mut Vec<Peer>, chosen: &[PeerAddress]) {
    for PeerAddress { id, address } in chosen {
        match peers.iter_mut().find(|known| known.id == *id) {
            Some(known) if known.addresses.contains(address) => {}
            Some(known) => known.addresses.insert(0, address.clone()),
            None => peers.push(Peer {
                id: *id,
                addresses: vec![address.clone()],
            }),
        }
    }
}

impl Peers {
    pub(super) fn new(
        config: &NodeConfig,
        network: Network,
        directory: Arc<Directory>,
        heard: Arc<Heard>,
    ) -> Self {
        let domain = config.genesis.chain_domain();
        let book = Book::new(domain, network.local_peer_id(), Arc::clone(&directory));
        Self {
            network,
            directory,
            heard,
            key: config.network_key.clone(),
            listen: config.p2p.listen.clone(),
            announce: config.p2p.announce.clone(),
            chosen: config.p2p.peers.clone(),
            bootnodes: config
                .p2p
                .bootnodes
                .iter()
                .map(|node| node.0.clone())
                .collect(),
            file: config.data_dir.join(FILE),
            book,
            domain,
            is_validator: start::may_vote(config),
            edition: 0,
            wanted: BTreeSet::new(),
            uses_bootnodes: false,
            reached: (false, Instant::now()),
            looks: 0,
        }
    }

    /// Runs until the network stops.
    pub(super) async fn run(
        mut self,
        mut events: mpsc::Receiver<PeerEvent>,
        mut passed: mpsc::Receiver<Passed>,
    ) {
        self.recall().await;
        self.announce(0);
        self.draw();
        self.configure();
        self.remember().await;
        let mut every = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.on_event(event),
                    None => return,
                },
                Some((peer, records)) = passed.recv() => self.on_records(peer, records).await,
                _ = every.tick() => self.look_after(),
            }
        }
    }

    fn on_event(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::Connected(peer) => {
                tracing::info!(%peer, "connected");
                self.tell(peer, self.book.all());
            }
            PeerEvent::Disconnected(peer) => {
                tracing::info!(%peer, "disconnected");
                self.heard.forget(&peer);
            }
        }
    }

    async fn on_records(&mut self, from: PeerId, records: Vec<AddressRecord>) {
        let mut news = Vec::new();
        for record in records {
            match self.book.accept(Instant::now(), record.clone()) {
                Outcome::News => news.push(record),
                Outcome::Nothing => {}
                Outcome::Ours { number } => self.announce(number.saturating_add(1)),
                Outcome::Fault(what) => {
                    tracing::debug!(peer = %from, what, "blamed");
                    return self.network.blame(from, FALSE_RECORD, what);
                }
            }
        }
        if news.is_empty() {
            return;
        }
        for record in &news {
            let addresses = super::listed(record.addresses());
            tracing::info!(%addresses, "a validator says where it is reached");
        }
        self.configure();
        for peer in self.network.peers() {
            if peer.is_connected && peer.id != from {
                self.tell(peer.id, news.clone());
            }
        }
        self.remember().await;
    }

    fn tell(&self, peer: PeerId, records: Vec<AddressRecord>) {
        if records.is_empty() {
            return;
        }
        match Bulk::Addresses(records).encode() {
            Ok(frame) => {
                if let Err(error) = self.network.send(peer, Lane::Bulk, frame) {
                    tracing::debug!(%peer, %error, "addresses not sent");
                }
            }
            Err(error) => tracing::error!(%error, "addresses can't be encoded"),
        }
    }

    fn look_after(&mut self) {
        self.looks = self.looks.wrapping_add(1);
        let connected: BTreeSet<PeerId> = self
            .network
            .peers()
            .into_iter()
            .filter(|peer| peer.is_connected)
            .map(|peer| peer.id)
            .collect();
        let mut changed = self.judge_bootnodes(&connected);
        let edition = self.directory.edition();
        if edition != self.edition {
            self.edition = edition;
            if self.is_validator {
                self.draw();
            }
            changed = true;
        }
        if !self.is_validator && self.looks.is_multiple_of(TRIAL) {
            changed |= self.redraw(&connected);
        }
        if changed {
            self.configure();
        }
        if self.looks.is_multiple_of(EXCHANGE) {
            // The address of an interface may have changed.
            self.announce(0);
            let connected: Vec<PeerId> = connected.into_iter().collect();
            if let Some(peer) = connected.choose(&mut rand::rng()) {
                self.tell(*peer, self.book.all());
            }
        }
    }

    /// Whether bootnodes come into use or go out of use.
    fn judge_bootnodes(&mut self, connected: &BTreeSet<PeerId>) -> bool {
        let now = Instant::now();
        let is_reached = connected
            .iter()
            .any(|peer| self.directory.is_validator(peer));
        if is_reached != self.reached.0 {
            self.reached = (is_reached, now);
        }
        let since = now.saturating_duration_since(self.reached.1);
        let uses = if is_reached {
            self.uses_bootnodes && since < SETTLED
        } else {
            self.uses_bootnodes || since >= ALONE
        };
        let changed = uses != self.uses_bootnodes && !self.bootnodes.is_empty();
        if changed && uses {
            tracing::info!(
                count = self.bootnodes.len(),
                "no validator answers: asking the bootnodes"
            );
        }
        self.uses_bootnodes = uses;
        changed
    }

    /// All validators for a validator, else a few at random.
    fn draw(&mut self) {
        let mut validators = self.directory.everybody();
        validators.shuffle(&mut rand::rng());
        if !self.is_validator {
            validators.truncate(WANTED);
        }
        self.wanted = validators.into_iter().collect();
    }

    /// Tries other validators in the place of those that don't answer.
    fn redraw(&mut self, connected: &BTreeSet<PeerId>) -> bool {
        let mut others: Vec<PeerId> = self.directory.everybody();
        others.retain(|peer| !self.wanted.contains(peer));
        if others.is_empty() || self.wanted.is_subset(connected) {
            return false;
        }
        others.shuffle(&mut rand::rng());
        self.wanted.retain(|peer| connected.contains(peer));
        let free = WANTED.saturating_sub(self.wanted.len());
        self.wanted.extend(others.into_iter().take(free));
        true
    }

    /// Tells the network whom to connect to.
    fn configure(&self) {
        let mut peers = self.directory.peers();
        peers.retain(|peer| self.wanted.contains(&peer.id));
        for peer in &mut peers {
            if let Some(record) = self.book.get(&peer.id) {
                for address in record.addresses().into_iter().rev() {
                    if !peer.addresses.contains(&address) {
                        peer.addresses.insert(0, address);
                    }
                }
            }
        }
        add_chosen(&mut peers, &self.chosen);
        if self.uses_bootnodes {
            add_chosen(&mut peers, &self.bootnodes);
        }
        self.network.set_peers(peers);
    }

    /// Makes a new record of a validator's own, unless the one there is says the same.
    fn announce(&mut self, at_least: u64) {
        if !self.is_validator {
            return;
        }
        let addresses = self.own_addresses();
        let own = self.network.local_peer_id();
        let known = self.book.get(&own);
        if addresses.is_empty()
            || known
                .is_some_and(|known| known.addresses() == addresses && known.number() >= at_least)
        {
            return;
        }
        let next = known.map_or(0, |known| known.number().saturating_add(1));
        let number = unix_ms().max(next).max(at_least);
        let Some(record) = AddressRecord::sign(self.domain, &self.key, number, &addresses) else {
            return tracing::error!("the network key can't sign");
        };
        let addresses = super::listed(&addresses);
        tracing::info!(%addresses, "telling others where this validator is reached");
        self.book.keep_own(Instant::now(), record.clone());
        for peer in self.network.peers() {
            if peer.is_connected {
                self.tell(peer.id, vec![record.clone()]);
            }
        }
    }

    fn own_addresses(&self) -> Vec<Multiaddr> {
        if let Some(announce) = &self.announce {
            return announce.clone();
        }
        let bound = self.network.listen_addresses().iter().find_map(socket);
        let others: Vec<SocketAddr> = self
            .directory
            .peers()
            .iter()
            .filter_map(|peer| peer.addresses.first().and_then(socket))
            .collect();
        reachable(&self.listen, bound.map(|bound| bound.port()), || {
            ip_towards(&others)
        })
    }

    /// Reads the records of an earlier run.
    async fn recall(&mut self) {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
        let Ok(Ok(bytes)) = read else {
            return;
        };
        match codec::decode::<Vec<AddressRecord>>(&bytes) {
            Ok(records) => self.admit_kept(records),
            Err(error) => {
                tracing::warn!(%error, file = %self.file.display(), "the addresses of validators can't be read; they are asked for again")
            }
        }
    }

    fn admit_kept(&mut self, records: Vec<AddressRecord>) {
        for record in records {
            if let Outcome::Ours { .. } = self.book.accept(Instant::now(), record.clone()) {
                self.book.keep_own(Instant::now(), record);
            }
        }
    }

    /// Writes the records for the next run. What is lost is heard again.
    async fn remember(&self) {
        let bytes = codec::encode(&self.book.all());
        let file = self.file.clone();
        let write = move || {
            let new = file.with_extension("new");
            std::fs::write(&new, bytes)?;
            std::fs::rename(new, file)
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the addresses of validators can't be kept"),
            Err(error) => tracing::warn!(%error, "the addresses of validators can't be kept"),
        }
    }
}

/// Where a node that listens there is reached. An address on all interfaces says only the port; the interface is the
/// one that leads to the others.
fn reachable(
    listen: &[Multiaddr],
    bound_port: Option<u16>,
    towards: impl Fn() -> Option<IpAddr>,
) -> Vec<Multiaddr> {
    let mut addresses = Vec::new();
    for socket in listen.iter().filter_map(socket) {
        let ip = match socket.ip() {
            ip if ip.is_unspecified() => towards(),
            ip => Some(ip),
        };
        let port = match socket.port() {
            0 => bound_port,
            port => Some(port),
        };
        if let (Some(ip), Some(port)) = (ip, port) {
            let address = Multiaddr::empty().with(ip.into()).with(Protocol::Tcp(port));
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    addresses
}

/// The address of the interface that leads to one of these, else of the default route. Nothing is sent.
fn ip_towards(others: &[SocketAddr]) -> Option<IpAddr> {
    let nowhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9));
    others.iter().chain([&nowhere]).find_map(|target| {
        let any: SocketAddr = match target {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(target).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
