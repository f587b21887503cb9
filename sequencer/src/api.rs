//! The HTTP API: what anybody may ask of a node.
//!
//! Only final blocks are served, and only once their payload is indexed and the namespace map is at their height
//! ([`Parts::served`]), so that two answers never contradict each other. Every refusal is a problem of RFC 9457 with
//! a stable code; the types of all answers are those of the crate `sequencer-client`.
//!
//! Bounds: connections, streams, requests of a source, time for a request's head and body, memory for bodies, time
//! without progress while a client reads, blocks and bytes of an answer. A slow reader is disconnected and slows nobody else.
//!
//! Not responsible for what is final or stored; this module only reads, and submits transactions to the mempool.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hotshot_types::{GenesisDocument, Height, Round, ValidatorIndex};
use sequencer_client::types::Sync;
use tokio::sync::{Semaphore, watch};

use crate::{mempool::Mempool, storage::Storage};

mod blocks;
mod body;
mod chain;
mod conditional;
mod crowd;
mod docs;
mod evidence;
mod extract;
mod metrics;
mod namespaces;
mod node;
mod openapi;
mod opened;
mod rate;
mod refusal;
mod router;
mod routes;
mod server;
mod shares;
mod streams;
mod transactions;

pub use metrics::{ApiMetrics, MetricsServer};
pub use server::Server;

use body::BodyMemory;
use opened::OpenedBlocks;
use rate::Rates;
use refusal::Refusal;

/// What the rest of the node tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStatus {
    /// The current round of consensus.
    pub round: Round,
    /// The highest final block that this node has heard of.
    pub tip_height: Height,
    /// Peers with a live connection.
    pub peers_connected: u32,
    /// Peers configured.
    pub peers_total: u32,
    /// This node's index in the committee, if it is in it.
    pub validator: Option<ValidatorIndex>,
    /// Why the node can't do its job, in words; empty if it can.
    pub not_ready: Vec<String>,
}

/// Limits of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at one time; more wait to be accepted.
    pub connections: u32,
    /// Streams at one time; more are refused.
    pub streams: u32,
    /// Reads of the database at one time; more wait.
    pub reads: u32,
    /// Blocks in one answer.
    pub page_blocks: u32,
    /// Payload bytes after which an answer over several blocks ends.
    pub page_bytes: u32,
    /// Bytes of a batch of transactions.
    pub batch_bytes: u32,
    /// Transactions of a batch.
    pub batch_transactions: u32,
    /// Requests a second of one source that is not this machine; none if they are not limited.
    pub source_rate: Option<u32>,
    /// Memory for the bodies of all requests that are under way; more are refused.
    pub body_bytes: u32,
    /// For the head of a request, and between two requests of a connection.
    pub head_timeout: Duration,
    /// For the body of a request.
    pub body_timeout: Duration,
    /// A client that takes no byte of its answer for this long is disconnected.
    pub stall_timeout: Duration,
    /// A stream's reader that is not ready for the next event for this long is told to resume later.
    pub stream_stall: Duration,
    /// Between two heartbeats of a stream.
    pub heartbeat: Duration,
    /// Least time between two proofs of how far a namespace stream is.
    pub head_interval: Duration,
    /// Longest wait for a transaction to become final.
    pub wait: Duration,
    /// For requests that are under way when the node stops.
    pub drain: Duration,
}

/// Streams at one time where nothing else is set.
pub const DEFAULT_STREAMS: u32 = 2_048;
/// Connections beyond those of the streams.
const OTHER_CONNECTIONS: u32 = 1_024;

impl Bounds {
    /// The bounds of a node that allows this many streams, and further connections.
    #[must_use]
    pub fn with_streams(streams: u32, other_connections: u32) -> Self {
        Self {
            connections: streams.saturating_add(other_connections),
            streams,
            ..Self::default()
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: DEFAULT_STREAMS + OTHER_CONNECTIONS,
            streams: DEFAULT_STREAMS,
            reads: 32,
            page_blocks: 100,
            page_bytes: 8 << 20,
            batch_bytes: 8 << 20,
            batch_transactions: 16_384,
            source_rate: None,
            body_bytes: 128 << 20,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(30),
            stream_stall: Duration::from_secs(10),
            heartbeat: Duration::from_secs(5),
            head_interval: Duration::from_secs(1),
            wait: Duration::from_secs(60),
            drain: Duration::from_secs(5),
        }
    }
}

/// What the API is made of.
pub struct Parts {
    /// Where blocks are read.
    pub storage: Storage,
    /// Where transactions go.
    pub mempool: Mempool,
    /// The network.
    pub genesis: GenesisDocument,
    /// What the node tells about itself.
    pub status: watch::Receiver<NodeStatus>,
    /// Who is registered in the stake table; nobody where there is none.
    pub registered: watch::Receiver<Registered>,
    /// The height up to which headers, index and namespace map are stored. Everything served is at or below it.
    pub served: watch::Receiver<Height>,
    /// Limits.
    pub bounds: Bounds,
    /// Counters.
    pub metrics: ApiMetrics,
}

/// Validators of the stake table that have not left.
pub type Registered = Arc<[light_client::stake::Validator]>;

/// The API's view on the node: a handle, cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    parts: Parts,
    limits: da::Limits,
    opened: OpenedBlocks,
    streams: Arc<Semaphore>,
    shared: streams::SharedAnswers,
    reads: Semaphore,
    bodies: BodyMemory,
    rates: Rates,
    /// When the node was at which height, for the pace of catching up.
    pace: Mutex<VecDeque<(Instant, Height)>>,
    stopping: watch::Sender<bool>,
}

/// Samples of the pace that are kept, one a second.
const PACE_SAMPLES: usize = 30;
/// A node this close to the tip is not said to be catching up.
const SYNC_SLACK: u64 = 20;

impl Context {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let parameters = &parts.genesis.parameters;
        Self(Arc::new(Inner {
            limits: da::Limits {
                payload_bytes: parameters.max_payload_bytes,
                namespaces: parameters.max_namespaces,
                transaction_bytes: parameters.max_transaction_bytes,
            },
            opened: OpenedBlocks::default(),
            streams: Arc::new(Semaphore::new(permits(parts.bounds.streams))),
            shared: streams::SharedAnswers::default(),
            reads: Semaphore::new(permits(parts.bounds.reads)),
            bodies: BodyMemory::new(parts.bounds.body_bytes),
            rates: Rates::new(parts.bounds.source_rate),
            pace: Mutex::default(),
            stopping: watch::Sender::new(false),
            parts,
        }))
    }

    fn bounds(&self) -> &Bounds {
        &self.0.parts.bounds
    }

    fn genesis(&self) -> &GenesisDocument {
        &self.0.parts.genesis
    }

    fn registered(&self) -> Registered {
        self.0.parts.registered.borrow().clone()
    }

    fn mempool(&self) -> &Mempool {
        &self.0.parts.mempool
    }

    fn metrics(&self) -> &ApiMetrics {
        &self.0.parts.metrics
    }

    fn status(&self) -> NodeStatus {
        self.0.parts.status.borrow().clone()
    }

    /// The last block that is served.
    fn served(&self) -> Height {
        *self.0.parts.served.borrow()
    }

    fn watch_served(&self) -> watch::Receiver<Height> {
        self.0.parts.served.clone()
    }

    /// Becomes true when the node stops.
    fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Reads the database on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self.0.reads.acquire().await.map_err(Refusal::internal)?;
        let reader = Reader {
            context: self.clone(),
            served: self.served(),
        };
        let outcome = tokio::task::spawn_blocking(move || read(&reader)).await;
        drop(permit);
        outcome.map_err(Refusal::internal)?
    }

    /// Notes the height of this moment; called once a second.
    fn note_pace(&self) {
        let mut pace = self.0.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.push_back((Instant::now(), self.served()));
        if pace.len() > PACE_SAMPLES {
            pace.pop_front();
        }
    }

    /// How far the node is from the tip; none if it is there.
    #[expect(clippy::cast_precision_loss, reason = "a percentage to be read")]
    fn sync(&self, status: &NodeStatus) -> Option<Sync> {
        let (served, target) = (self.served(), status.tip_height);
        let behind = target.above(served);
        if behind <= SYNC_SLACK {
            return None;
        }
        let pace = self.0.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let eta_seconds = pace.front().and_then(|(since, height)| {
            let gained = served.above(*height);
            let millis = u64::try_from(since.elapsed().as_millis()).ok()?;
            (gained > 0).then(|| behind.saturating_mul(millis) / gained / 1_000)
        });
        let percent = served.0 as f64 * 100.0 / target.0 as f64;
        Some(Sync {
            target,
            percent,
            eta_seconds,
        })
    }
}

/// Reads the database; blocks.
struct Reader {
    context: Context,
    /// The last block that was served when the request came.
    served: Height,
}

impl Reader {
    fn storage(&self) -> &Storage {
        &self.context.0.parts.storage
    }

    fn bounds(&self) -> &Bounds {
        self.context.bounds()
    }
}

fn permits(count: u32) -> usize {
    usize::try_from(count).expect("usize has at least 32 bits")
}
