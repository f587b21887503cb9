//! Submitting: each transaction goes to one node, and to the next one if that node fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::Hash;
use sequencer_client::{client::Api, types::Position};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::Rollup;
use crate::network::Network;

/// How long one node may take to make a transaction final before the next one is asked.
const WAIT: Duration = Duration::from_secs(5);
/// How long all nodes together may take.
const LIMIT: Duration = Duration::from_secs(90);
/// Pause before a transaction is sent again.
const PAUSE: Duration = Duration::from_millis(50);

/// A transaction that became final.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    /// Its namespace.
    pub(crate) namespace: NamespaceId,
    /// Its identity in the namespace.
    pub(crate) hash: Hash,
    /// Its length in bytes.
    pub(crate) len: usize,
    /// The node that took it and said that it is final.
    pub(crate) taken_by: usize,
    /// From the first attempt to submit it until it was known to be final.
    pub(crate) latency: Duration,
    /// Where it stands, as that node says.
    pub(crate) position: Position,
    /// How often it was sent again.
    pub(crate) repeats: u64,
}

/// How fast a rollup sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Between two transactions.
    pub(crate) interval: Duration,
    /// Transactions under way at one time.
    pub(crate) in_flight: usize,
}

/// Counters that whoever waits can watch.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Transactions that became final.
    pub(crate) delivered: AtomicU64,
    /// Their bytes.
    pub(crate) bytes: AtomicU64,
}

/// Traffic of several rollups under way. Dropping it stops it.
pub(crate) struct Load {
    tasks: JoinSet<Result<Vec<Delivered>>>,
    stop: watch::Sender<bool>,
    /// How far it is.
    pub(crate) counters: Arc<Counters>,
}

impl Load {
    /// Starts to send. The rollup at position i has its home at node i, round robin.
    pub(crate) fn start(network: &Network, rollups: Vec<(Rollup, Pace)>) -> Result<Self> {
        let nodes: Arc<[Api]> = network
            .nodes
            .iter()
            .map(|node| node.api())
            .collect::<Result<Vec<_>>>()?
            .into();
        let (stop, stopped) = watch::channel(false);
        let counters = Arc::new(Counters::default());
        let mut tasks = JoinSet::new();
        for (position, (rollup, pace)) in rollups.into_iter().enumerate() {
            let sender = Sender {
                namespace: rollup.namespace,
                home: position % nodes.len(),
                nodes: Arc::clone(&nodes),
                counters: Arc::clone(&counters),
            };
            tasks.spawn(sender.send(rollup, pace, stopped.clone()));
        }
        Ok(Self {
            tasks,
            stop,
            counters,
        })
    }

    /// Fails if a rollup has failed.
    pub(crate) fn check(&mut self) -> Result<Vec<Delivered>> {
        let mut delivered = Vec::new();
        while let Some(ended) = self.tasks.try_join_next() {
            delivered.extend(ended.context("a rollup panicked")??);
        }
        Ok(delivered)
    }

    /// Sends nothing new, waits until everything sent is final.
    pub(crate) async fn finish(mut self) -> Result<Vec<Delivered>> {
        self.stop.send_replace(true);
        let mut delivered = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            delivered.extend(ended.context("a rollup panicked")??);
        }
        Ok(delivered)
    }
}

#[derive(Clone)]
struct Sender {
    namespace: NamespaceId,
    home: usize,
    nodes: Arc<[Api]>,
    counters: Arc<Counters>,
}

impl Sender {
    async fn send(
        self,
        mut rollup: Rollup,
        pace: Pace,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Vec<Delivered>> {
        let mut ticks = interval(pace.interval.max(Duration::from_micros(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let permits = Arc::new(Semaphore::new(pace.in_flight));
        let mut under_way = JoinSet::new();
        let mut delivered = Vec::new();
        while !*stop.borrow() {
            while let Some(ended) = under_way.try_join_next() {
                delivered.push(ended.context("a submission panicked")??);
            }
            let permit = tokio::select! {
                permit = Arc::clone(&permits).acquire_owned() => permit?,
                _ = stop.changed() => break,
            };
            if pace.interval > Duration::ZERO {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = stop.changed() => break,
                }
            }
            let Some(transaction) = rollup.transactions.next() else {
                break;
            };
            let sender = self.clone();
            under_way.spawn(async move {
                let outcome = sender.deliver(transaction).await;
                drop(permit);
                outcome
            });
        }
        while let Some(ended) = under_way.join_next().await {
            delivered.push(ended.context("a submission panicked")??);
        }
        Ok(delivered)
    }

    /// Sends one transaction until a node says that it is final. Sending it again is safe: a
    /// transaction is ordered once.
    async fn deliver(&self, transaction: Bytes) -> Result<Delivered> {
        let start = Instant::now();
        for repeats in 0_u64.. {
            let turn = usize::try_from(repeats).context("too many repeats")?;
            let taken_by = (self.home + turn) % self.nodes.len();
            let answer =
                self.nodes[taken_by].submit(self.namespace, transaction.clone(), Some(WAIT));
            let reason = match answer.await {
                Ok(submitted) => match submitted.position {
                    Some(position) => {
                        self.counters.delivered.fetch_add(1, Relaxed);
                        self.counters
                            .bytes
                            .fetch_add(transaction.len() as u64, Relaxed);
                        return Ok(Delivered {
                            namespace: self.namespace,
                            hash: submitted.hash,
                            len: transaction.len(),
                            taken_by,
                            latency: start.elapsed(),
                            position,
                            repeats,
                        });
                    }
                    None => "still pending".to_owned(),
                },
                Err(error) if error.is_transient() => error.to_string(),
                Err(error) => return Err(error).context("a transaction was refused"),
            };
            if start.elapsed() > LIMIT {
                bail!(
                    "a transaction is not final after {} s: {reason}",
                    LIMIT.as_secs()
                );
            }
            sleep(PAUSE).await;
        }
        unreachable!("the loop has no end but those above")
    }
}
