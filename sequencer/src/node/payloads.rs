//! Payloads: shards in and out, decoding, the namespace map, blocks of our own, and what becomes
//! of final blocks.
//!
//! One task owns the state of every block above the last settled one; encoding, decoding and
//! writing run on the pool of blocking threads. A payload and the own slots are written, unsynced,
//! before the state machine hears of them, so the fsync of its next record covers them (W2).

mod builder;
mod entry;
mod mend;
mod overlay;
mod retrieve;
mod settle;
mod snapshot;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use da::{Coder, Limits, MapUpdate};
use hotshot::{Input, Verdict};
use hotshot_types::{Epoch, Hash, Kind, L1Block, Parameters, Round, SealedHeader, ValidatorIndex};
use libp2p::PeerId;
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
    time::{Instant, sleep_until},
};

pub(super) use self::mend::Mender;
use self::{
    builder::Builder,
    entry::{Decoded, Entry},
    overlay::Base,
};
use super::{
    clock::Clock,
    consensus::Fact,
    fetch::Fetcher,
    roster::{Roster, Seats},
    wire::{Bulk, Shards},
};
use crate::{
    mempool::Mempool,
    network::{Lane, Network},
    storage::{Storage, StorageError},
};

/// Orders that may wait; the consensus loop keeps what does not fit and goes on.
const MAX_ORDERS: usize = 1_024;
/// Frames of shards that may wait; the network stops reading then.
const MAX_SHARDS: usize = 64;
/// Points for shards that don't belong to the block.
const FALSE_SHARDS: u32 = 25;
/// How often overdue payloads are looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What the consensus loop asks of the task.
#[derive(Debug)]
pub(super) enum Order {
    /// A leader's proposal is authentic.
    Proposed {
        round: Round,
        kind: Kind,
        header: Arc<SealedHeader>,
        inline: Option<Bytes>,
    },
    /// A certified block: get its payload by all means.
    Retrieve(Arc<SealedHeader>),
    /// These blocks are final, ascending.
    Decided(Vec<Arc<SealedHeader>>),
    /// A block of our own has its header.
    Own(Arc<SealedHeader>),
    /// Send everybody its slots.
    Disperse { round: Round, hash: Hash },
    /// Send everybody our slots.
    Echo { round: Round, hash: Hash },
    /// Build a block.
    Build {
        round: Round,
        parent: Arc<SealedHeader>,
        l1_finalized: L1Block,
    },
    /// A block will probably have to be built on this one.
    Prepare(Round, Arc<SealedHeader>),
}

/// Slots from a peer.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) peer: PeerId,
    /// From a leader that disperses, not an echo.
    pub(super) disperse: bool,
    pub(super) shards: Shards,
}

/// What came of work on the blocking threads.
enum Done {
    Decoded(Hash, Decoded),
    /// The same, of a copy from peers.
    Fetched(Hash, Decoded),
    Encoded(builder::Encoded),
    Settled(Vec<Arc<SealedHeader>>),
    Snapshot(Arc<SealedHeader>, Box<MapUpdate>),
    /// No peer had this payload when asked.
    Gone(Hash),
    /// No peer had the map at that height.
    NoSnapshot,
    Failed(StorageError),
}

/// Gives orders. Cheap to clone.
#[derive(Clone)]
pub(super) struct Handle {
    orders: mpsc::Sender<Order>,
    shards: mpsc::Sender<Received>,
    workers: tokio::runtime::Handle,
}

impl Handle {
    /// Gives as many orders as fit, oldest first. Never waits: the task may itself be waiting for
    /// the loop that gives them.
    pub(super) fn give(&self, orders: &mut VecDeque<Order>) {
        while let Some(order) = orders.pop_front() {
            if let Err(TrySendError::Full(order)) = self.orders.try_send(order) {
                orders.push_front(order);
                return;
            }
        }
    }

    /// Waits until an order fits.
    pub(super) async fn has_room(&self) {
        drop(self.orders.reserve().await);
    }

    /// Hands over slots from a peer.
    pub(super) async fn receive(&self, received: Received) {
        if self.shards.send(received).await.is_err() {
            tracing::debug!("the payload task has stopped");
        }
    }

    /// Where work that blocks is done.
    pub(super) fn workers(&self) -> &tokio::runtime::Handle {
        &self.workers
    }
}

/// What the task works with.
pub(super) struct Parts {
    pub(super) storage: Storage,
    pub(super) network: Network,
    pub(super) fetcher: Fetcher,
    pub(super) mempool: Mempool,
    pub(super) clock: Clock,
    pub(super) parameters: Parameters,
    pub(super) roster: Arc<Roster>,
    pub(super) facts: mpsc::Sender<Fact>,
    /// The height up to which everything is stored.
    pub(super) served: watch::Sender<hotshot_types::Height>,
    pub(super) failure: mpsc::Sender<StorageError>,
}

struct Payloads {
    parts: Parts,
    limits: Limits,
    entries: HashMap<Hash, Entry>,
    base: Base,
    /// Final blocks that are not settled, ascending.
    finals: VecDeque<Arc<SealedHeader>>,
    settling: bool,
    snapshotting: bool,
    /// Slots that came before their header: at most two of each peer and kind.
    early: BTreeMap<(PeerId, bool), VecDeque<Shards>>,
    /// Payloads that no peer had when asked.
    gone: BTreeSet<Hash>,
    builder: Builder,
    done: mpsc::Sender<Done>,
}

/// Starts the task.
pub(super) fn spawn(
    parts: Parts,
) -> Result<(Handle, impl Future<Output = ()> + Send + 'static), StorageError> {
    let (orders, inbox) = mpsc::channel(MAX_ORDERS);
    let (shards, frames) = mpsc::channel(MAX_SHARDS);
    let (done, results) = mpsc::channel(MAX_ORDERS);
    let handle = Handle {
        orders,
        shards,
        workers: tokio::runtime::Handle::current(),
    };
    let payloads = Payloads::open(parts, done)?;
    Ok((handle, payloads.run(inbox, frames, results)))
}

/// Coders that wait for work. A coder keeps the buffers of its last blocks, so there are few.
static IDLE_CODERS: Mutex<Vec<Coder>> = Mutex::new(Vec::new());
const MAX_IDLE_CODERS: usize = 2;

fn with_coder<T>(work: impl FnOnce(&mut Coder) -> T) -> T {
    let idle = || IDLE_CODERS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut coder = idle().pop().unwrap_or_default();
    let done = work(&mut coder);
    let mut idle = idle();
    if idle.len() < MAX_IDLE_CODERS {
        idle.push(coder);
    }
    done
}

impl Payloads {
    fn open(parts: Parts, done: mpsc::Sender<Done>) -> Result<Self, StorageError> {
        let limits = super::start::limits(&parts.parameters);
        let base = Base::stored(&parts.storage)?;
        let tip = parts.storage.tip()?.height;
        let mut finals = VecDeque::new();
        let mut from = base.height().next();
        while from <= tip {
            let run = parts.storage.headers(from, crate::storage::MAX_HEADERS)?;
            let Some(last) = run.last() else {
                break;
            };
            from = last.height.next();
            finals.extend(run.into_iter().map(Arc::new));
        }
        parts.served.send_replace(base.height());
        Ok(Self {
            builder: Builder::new(&parts),
            parts,
            limits,
            entries: HashMap::new(),
            base,
            finals,
            settling: false,
            snapshotting: false,
            early: BTreeMap::new(),
            gone: BTreeSet::new(),
            done,
        })
    }

    async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut shards: mpsc::Receiver<Received>,
        mut results: mpsc::Receiver<Done>,
    ) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.pursue_finals().await;
        loop {
            let deadline = self.builder.deadline();
            tokio::select! {
                Some(done) = results.recv() => self.on_done(done).await,
                order = orders.recv() => match order {
                    Some(order) => self.on_order(order).await,
                    None => return,
                },
                Some(Received { peer, disperse, shards }) = shards.recv() => {
                    self.on_shards(peer, disperse, shards).await;
                }
                () = self.builder.arrival() => self.continue_building().await,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    self.build_empty();
                }
                _ = look.tick() => self.look_after().await,
            }
        }
    }

    async fn on_order(&mut self, order: Order) {
        match order {
            Order::Proposed {
                round,
                kind,
                header,
                inline,
            } => {
                self.on_proposed(round, kind, header, inline).await;
            }
            Order::Retrieve(header) => {
                self.retrieve(header).await;
                self.fetch_at_once().await;
            }
            Order::Decided(blocks) => {
                self.finals.extend(blocks);
                self.pursue_finals().await;
                self.fetch_at_once().await;
            }
            Order::Own(header) => self.on_own(header).await,
            Order::Disperse { round, hash } => self.disperse(round, hash),
            Order::Echo { round, hash } => self.echo(round, hash),
            Order::Build {
                round,
                parent,
                l1_finalized,
            } => {
                self.builder.order(round, parent, l1_finalized, &self.parts);
                self.continue_building().await;
            }
            Order::Prepare(round, parent) => self.prepare(round, &parent),
        }
    }

    /// A node without stake has nothing to wait for.
    async fn fetch_at_once(&mut self) {
        if !self.parts.roster.is_seated() {
            self.look_after().await;
        }
    }

    async fn on_done(&mut self, done: Done) {
        match done {
            Done::Decoded(hash, decoded) => self.on_decoded(hash, decoded).await,
            Done::Encoded(encoded) => self.on_encoded(encoded).await,
            Done::Settled(blocks) => self.on_settled(&blocks).await,
            Done::Snapshot(header, update) => self.on_snapshot(header, *update).await,
            Done::Fetched(hash, decoded) => self.on_fetched(hash, decoded).await,
            Done::Gone(hash) => self.on_gone(hash).await,
            Done::NoSnapshot => {
                self.snapshotting = false;
                self.pursue_finals().await;
            }
            Done::Failed(error) => {
                if self.parts.failure.send(error).await.is_err() {
                    tracing::debug!("the node is stopping already");
                }
            }
        }
    }

    /// Runs work on a blocking thread; what it returns comes back to this task.
    fn work(&self, job: impl FnOnce() -> Done + Send + 'static) {
        let done = self.done.clone();
        tokio::task::spawn_blocking(move || {
            // The database engine answers some kinds of damage with a panic; whoever waits for
            // this work would wait for ever.
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            let outcome = outcome.unwrap_or(Done::Failed(StorageError::Panicked));
            if done.blocking_send(outcome).is_err() {
                tracing::debug!("the payload task has stopped");
            }
        });
    }

    /// Runs work on a blocking thread of which only a failure is of interest.
    fn work_unheard(&self, job: impl FnOnce() -> Result<(), StorageError> + Send + 'static) {
        let done = self.done.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = job()
                && done.blocking_send(Done::Failed(error)).is_err()
            {
                tracing::debug!("the payload task has stopped");
            }
        });
    }

    async fn tell(&self, input: Input) {
        if self
            .parts
            .facts
            .send(Fact::Input(Box::new(input)))
            .await
            .is_err()
        {
            tracing::debug!("consensus has stopped");
        }
    }

    async fn verdict(&self, hash: Hash, verdict: Verdict) {
        if verdict == Verdict::Bad {
            tracing::warn!(%hash, "a proposed payload does not match its header");
        }
        self.tell(Input::Payload(hash, verdict)).await;
    }

    /// The committee of a block's epoch, which is known for every header that passed.
    fn seats(&self, epoch: Epoch) -> Arc<Seats> {
        self.parts.roster.at_or_before(epoch)
    }

    /// Sends every validator but us and the proposer our slots; for the leader that is everybody.
    fn echo(&self, round: Round, hash: Hash) {
        let Some(entry) = self.entries.get(&hash) else {
            return;
        };
        if entry.is_inline {
            return;
        }
        let range = entry.own_range.clone().or_else(|| {
            let own = entry.seats.own_slots()?;
            entry.committed.as_ref()?.encoded().range(own)
        });
        let Some(range) = range else {
            return;
        };
        let frame = match Bulk::Echo(Shards { round, hash, range }).encode() {
            Ok(frame) => frame,
            Err(error) => return tracing::error!(%error, "slots can't be encoded"),
        };
        for index in 0..entry.seats.committee.len() {
            if index != entry.header.proposer.position()
                && let Some(peer) = entry.seats.peer(ValidatorIndex::at(index))
            {
                self.send(peer, frame.clone());
            }
        }
    }

    fn disperse(&self, round: Round, hash: Hash) {
        let Some(entry) = self.entries.get(&hash) else {
            return;
        };
        let (Some(committed), seats) = (&entry.committed, &entry.seats) else {
            return;
        };
        for index in 0..seats.committee.len() {
            let Some(peer) = seats.peer(ValidatorIndex::at(index)) else {
                continue;
            };
            if seats.me == Some(ValidatorIndex::at(index)) {
                continue;
            }
            let range = seats
                .slots
                .range(index)
                .and_then(|slots| committed.encoded().range(slots));
            let Some(range) = range else {
                continue;
            };
            match (Bulk::Disperse(Shards { round, hash, range })).encode() {
                Ok(frame) => self.send(peer, frame),
                Err(error) => tracing::error!(%error, "slots can't be encoded"),
            }
        }
    }

    fn send(&self, peer: PeerId, frame: Bytes) {
        if peer == self.parts.network.local_peer_id() {
            return;
        }
        if let Err(error) = self.parts.network.send(peer, Lane::Bulk, frame) {
            tracing::debug!(%peer, %error, "slots not sent");
        }
    }
}
