//! Open load: transactions of one size, sent at fixed times whatever the network does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::Hash;
use sequencer_client::client::Api;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::sleep_until,
};

use crate::network::Network;

/// Between two batches to one node, unless one transaction takes longer.
const TICK: Duration = Duration::from_millis(10);
/// Most bytes in one batch; after a stall several follow each other.
const BATCH_BYTES: usize = 1 << 20;
/// Batches under way to one node.
const UNDER_WAY: usize = 32;
/// Namespace of the first node's load.
const FIRST_NAMESPACE: u64 = 1_000;

/// How much is offered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered {
    /// 10^6 bytes a second, to all nodes together.
    pub(super) mb_per_s: f64,
    /// Bytes of a transaction.
    pub(super) size: usize,
}

/// The last transaction of a batch that a node took, for latency.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// When it should have been sent.
    pub(super) scheduled: Instant,
    /// To which node.
    pub(super) node: usize,
    pub(super) namespace: NamespaceId,
    pub(super) hash: Hash,
}

impl Offered {
    pub(super) fn new(mb_per_s: f64, size: usize) -> Self {
        Self { mb_per_s, size }
    }

    /// Ten transactions of 512 bytes a second.
    pub(super) fn light() -> Self {
        Self::new(10.0 * 512.0 / 1e6, 512)
    }

    /// Time between two transactions to one of `nodes` nodes.
    fn interval(self, nodes: usize) -> Duration {
        let size = f64::from(u32::try_from(self.size).unwrap_or(u32::MAX));
        let nodes = f64::from(u32::try_from(nodes).unwrap_or(u32::MAX));
        Duration::from_secs_f64(size * nodes / (self.mb_per_s * 1e6))
    }

    /// Starts to send to all nodes, an equal part to each, until told to stop.
    pub(super) fn start(
        self,
        network: &Network,
        stop: &watch::Receiver<bool>,
    ) -> Result<JoinSet<Result<Vec<Sample>>>> {
        let mut senders = JoinSet::new();
        let interval = self.interval(network.nodes.len());
        for node in &network.nodes {
            let share = u32::try_from(node.index).unwrap_or(0);
            let sender = Sender {
                api: Arc::new(node.api()?),
                node: node.index,
                namespace: NamespaceId::new(FIRST_NAMESPACE + u64::from(share)).context("not 0")?,
                size: self.size,
                interval,
                // The nodes' batches are spread over the interval.
                start: Instant::now() + interval.max(TICK) * share / 4,
            };
            senders.spawn(sender.send(stop.clone()));
        }
        Ok(senders)
    }
}

struct Sender {
    api: Arc<Api>,
    node: usize,
    namespace: NamespaceId,
    size: usize,
    interval: Duration,
    start: Instant,
}

impl Sender {
    async fn send(self, mut stop: watch::Receiver<bool>) -> Result<Vec<Sample>> {
        let mut random = self.random();
        let permits = Arc::new(Semaphore::new(UNDER_WAY));
        let mut under_way = JoinSet::new();
        let mut samples = Vec::new();
        let most = (BATCH_BYTES / self.size).max(1);
        let mut next = self.start;
        while !*stop.borrow() {
            tokio::select! {
                () = sleep_until(next.into()) => {}
                _ = stop.changed() => break,
            }
            // Everything due, in batches that a node takes.
            let due = self.due(next, most);
            let scheduled = next;
            next = scheduled + (self.interval * due).max(Duration::from_micros(1));
            let mut bytes = vec![0; self.size * usize::try_from(due)?];
            random.fill(&mut bytes);
            let mut bytes = Bytes::from(bytes);
            let batch: Vec<(NamespaceId, Bytes)> = (0..due)
                .map(|_| (self.namespace, bytes.split_to(self.size)))
                .collect();
            let sample = batch.last().map(|(namespace, last)| Sample {
                scheduled,
                node: self.node,
                namespace: *namespace,
                hash: Hash(da::tx_hash(last)),
            });
            let permit = Arc::clone(&permits).acquire_owned().await?;
            let api = Arc::clone(&self.api);
            under_way.spawn(async move {
                let taken = match api.submit_batch(&batch).await {
                    Ok(answer) => answer.refused.is_empty(),
                    // A pool that is full; what it refused is missing from what is committed.
                    Err(error) if error.is_transient() => false,
                    Err(error) => return Err(error),
                };
                drop(permit);
                Ok(sample.filter(|_| taken))
            });
            while let Some(ended) = under_way.try_join_next() {
                samples.extend(ended??);
            }
        }
        while let Some(ended) = under_way.join_next().await {
            samples.extend(ended??);
        }
        Ok(samples)
    }

    /// Bytes that nobody has sent before: a node would take them for known. From BLAKE3, because
    /// what this program computes the nodes can't.
    fn random(&self) -> blake3::OutputReader {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = since.map_or(0, |since| since.as_nanos());
        let mut seed = blake3::Hasher::new();
        seed.update(&now.to_be_bytes());
        seed.update(&self.namespace.get().to_be_bytes());
        seed.finalize_xof()
    }

    /// How many transactions are due from `next` on, at least one: a tick's worth, more after a stall.
    fn due(&self, next: Instant, most: usize) -> u32 {
        let late = Instant::now().saturating_duration_since(next).max(TICK);
        let nanos = self.interval.as_nanos().max(1);
        let due = usize::try_from(late.as_nanos() / nanos).unwrap_or(most);
        u32::try_from(due.clamp(1, most)).unwrap_or(1)
    }
}
