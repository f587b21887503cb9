//! The peers we can address: the configured ones, and any other while it is connected.
//!
//! Shared between the handle, the driver and the links. Locks are held for a look-up or an insertion, never across
//! an await.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId};
use tokio::sync::{Semaphore, watch};

use super::{
    config::{Lane, NetworkConfig, Peer, Quota, Rate},
    handler::Opener,
    queue::LaneQueue,
    quota::TokenBucket,
};

/// What a peer sends, for the purpose of quotas.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Traffic {
    Lane(Lane),
    Requests,
}

impl Traffic {
    fn index(self) -> usize {
        match self {
            Self::Lane(lane) => lane.index(),
            Self::Requests => 2,
        }
    }

    fn rate(self, quota: &Quota) -> &Rate {
        match self {
            Self::Lane(Lane::Control) => &quota.control,
            Self::Lane(Lane::Bulk) => &quota.bulk,
            Self::Requests => &quota.requests,
        }
    }
}

/// The connection in use to a peer.
#[derive(Debug, Clone)]
pub(crate) struct LinkHandle {
    pub(crate) opener: Opener,
    pub(crate) address: Multiaddr,
    pub(crate) pulse: Arc<PulseRecord>,
}

/// When something last came in on a connection and how long an echo takes.
#[derive(Debug)]
pub(crate) struct PulseRecord {
    since: Instant,
    heard_ms: AtomicU64,
    /// Round trip in microseconds; zero until measured.
    rtt_us: AtomicU64,
}

impl PulseRecord {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            heard_ms: AtomicU64::new(0),
            rtt_us: AtomicU64::new(0),
        }
    }

    pub(crate) fn hear(&self) {
        self.heard_ms.store(
            u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            Relaxed,
        );
    }

    pub(crate) fn silence(&self) -> Duration {
        self.since
            .elapsed()
            .saturating_sub(Duration::from_millis(self.heard_ms.load(Relaxed)))
    }

    pub(crate) fn record_rtt(&self, rtt: Duration) {
        self.rtt_us.store(
            u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX).max(1),
            Relaxed,
        );
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        let micros = self.rtt_us.load(Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros))
    }
}

/// What was charged for each kind of traffic.
struct Buckets([Mutex<TokenBucket>; 3]);

impl Buckets {
    fn new(now: Instant) -> Self {
        Self(std::array::from_fn(|_| Mutex::new(TokenBucket::new(now))))
    }

    fn charge(&self, now: Instant, traffic: Traffic, bytes: usize, quota: &Quota) -> Duration {
        lock(&self.0[traffic.index()]).charge(now, bytes, traffic.rate(quota))
    }
}

/// All we keep about one peer, across its connections.
pub(crate) struct PeerEntry {
    pub(crate) id: PeerId,
    is_configured: AtomicBool,
    queues: [LaneQueue; Lane::ALL.len()],
    buckets: Buckets,
    /// Those of all peers that are not configured.
    crowd: Arc<Buckets>,
    /// The connection in use, once its streams are open.
    pub(crate) link: watch::Sender<Option<LinkHandle>>,
    pub(crate) outbound_requests: Semaphore,
    pub(crate) inbound_requests: Arc<Semaphore>,
}

impl PeerEntry {
    fn new(id: PeerId, config: &NetworkConfig, crowd: Arc<Buckets>) -> Self {
        let now = Instant::now();
        Self {
            id,
            is_configured: AtomicBool::new(false),
            queues: Lane::ALL.map(|lane| LaneQueue::new(config.lane(lane), config.frame_ttl)),
            buckets: Buckets::new(now),
            crowd,
            link: watch::Sender::new(None),
            outbound_requests: Semaphore::new(config.max_requests_per_peer),
            inbound_requests: Arc::new(Semaphore::new(config.max_requests_per_peer)),
        }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.is_configured.load(Relaxed)
    }

    pub(crate) fn queue(&self, lane: Lane) -> &LaneQueue {
        &self.queues[lane.index()]
    }

    /// Charges what the peer sent and waits until it may send more.
    pub(crate) async fn charge(&self, traffic: Traffic, bytes: usize, config: &NetworkConfig) {
        let now = Instant::now();
        let pause = if self.is_configured() {
            self.buckets.charge(now, traffic, bytes, &config.quota)
        } else {
            let own = &config.unknown_quota;
            let all = self.crowd.charge(now, traffic, bytes, &config.crowd_quota);
            self.buckets.charge(now, traffic, bytes, own).max(all)
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// The peers by id, and the addresses of the configured ones for the driver to dial.
pub(crate) struct Directory {
    local: PeerId,
    config: Arc<NetworkConfig>,
    entries: RwLock<BTreeMap<PeerId, Arc<PeerEntry>>>,
    configured: watch::Sender<BTreeMap<PeerId, Vec<Multiaddr>>>,
    crowd: Arc<Buckets>,
}

impl Directory {
    pub(crate) fn new(local: PeerId, config: Arc<NetworkConfig>) -> Self {
        Self {
            local,
            config,
            entries: RwLock::default(),
            configured: watch::Sender::default(),
            crowd: Arc::new(Buckets::new(Instant::now())),
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<BTreeMap<PeerId, Vec<Multiaddr>>> {
        self.configured.subscribe()
    }

    /// Replaces the configured peers. The driver disconnects and forgets those no longer configured.
    pub(crate) fn configure(&self, peers: Vec<Peer>) {
        let peers: BTreeMap<_, _> = peers
            .into_iter()
            .filter(|peer| peer.id != self.local)
            .map(|peer| (peer.id, peer.addresses))
            .collect();
        let mut entries = self.write();
        for id in peers.keys() {
            entries
                .entry(*id)
                .or_insert_with(|| Arc::new(self.entry(*id)));
        }
        for (id, entry) in entries.iter() {
            entry.is_configured.store(peers.contains_key(id), Relaxed);
        }
        // Still under the lock, so that two calls at once leave one of both in both places.
        self.configured.send_replace(peers);
    }

    /// The peer, if it is configured or connected.
    pub(crate) fn get(&self, peer: &PeerId) -> Option<Arc<PeerEntry>> {
        self.read()
            .get(peer)
            .filter(|entry| entry.is_configured() || entry.link.borrow().is_some())
            .cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<PeerEntry>> {
        self.read().values().cloned().collect()
    }

    pub(crate) fn address(&self, peer: &PeerId) -> Option<Multiaddr> {
        self.configured.borrow().get(peer)?.first().cloned()
    }

    /// The entry of a peer that connected.
    pub(crate) fn attach(&self, peer: PeerId) -> Arc<PeerEntry> {
        let mut entries = self.write();
        Arc::clone(
            entries
                .entry(peer)
                .or_insert_with(|| Arc::new(self.entry(peer))),
        )
    }

    /// Forgets a peer whose last connection is gone, unless it is configured.
    pub(crate) fn detach(&self, peer: &PeerId) {
        let mut entries = self.write();
        if entries
            .get(peer)
            .is_some_and(|entry| !entry.is_configured())
        {
            entries.remove(peer);
        }
    }

    fn entry(&self, peer: PeerId) -> PeerEntry {
        PeerEntry::new(peer, &self.config, Arc::clone(&self.crowd))
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<PeerId, Arc<PeerEntry>>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<PeerId, Arc<PeerEntry>>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
