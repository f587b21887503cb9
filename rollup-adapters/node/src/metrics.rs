//! What the node counts, in the text format of Prometheus.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use rollup_types::Vm;

use crate::{Node, board::Board};

/// The metrics. Gauges are set when they are read.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) blocks: Counter<u64, AtomicU64>,
    pub(crate) applied: Counter<u64, AtomicU64>,
    pub(crate) skipped: Counter<u64, AtomicU64>,
    pub(crate) undone: Counter<u64, AtomicU64>,
    pub(crate) execution_seconds: Histogram,
    latest: Gauge,
    safe: Gauge,
    finalized: Gauge,
    height: Gauge,
    target: Gauge,
    l1_block: Gauge,
    light_client: Gauge,
    inbox: Gauge,
    messages: Gauge,
    endpoints: Gauge,
    pending: Gauge,
    disk: Gauge,
    ready: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("rollup");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let blocks = counter("blocks", "Blocks executed since the start");
        let applied = counter("inputs_applied", "Inputs executed since the start");
        let skipped = counter("inputs_skipped", "Inputs skipped since the start");
        let undone = counter(
            "blocks_undone",
            "Blocks that pins on the L1 undid since the start",
        );
        // 0.1 ms to 26 s.
        let execution_seconds = Histogram::new(exponential_buckets(1e-4, 2.0, 19));
        registry.register(
            "execution_seconds",
            "Time to execute a block and put it on the disk",
            execution_seconds.clone(),
        );
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            latest: gauge("latest_block", "Newest block"),
            safe: gauge(
                "safe_block",
                "Newest block that the light client on the L1 covers",
            ),
            finalized: gauge(
                "finalized_block",
                "Newest block that the inbox on the L1 covers",
            ),
            height: gauge("sequencer_height", "The sequencer's block that is executed"),
            target: gauge(
                "sequencer_target",
                "The sequencer's newest block that is known to be final",
            ),
            l1_block: gauge("l1_block", "L1 block that was read last"),
            light_client: gauge(
                "light_client_height",
                "Height of the light client in that block",
            ),
            inbox: gauge("inbox_height", "Height of the inbox in that block"),
            messages: gauge("l1_messages", "Messages in the queue in that block"),
            endpoints: gauge(
                "l1_endpoints",
                "L1 endpoints that are asked: the others were caught with a lie",
            ),
            pending: gauge("pending_transactions", "Transactions that wait for a block"),
            disk: gauge("disk_bytes", "Bytes on the disk"),
            ready: gauge("ready", "1 while the node does its job"),
            registry,
            blocks,
            applied,
            skipped,
            undone,
            execution_seconds,
        }
    }

    /// The text that Prometheus reads.
    pub(crate) fn text<V: Vm>(
        &self,
        node: &Node<V>,
        board: &Board,
    ) -> Result<String, std::fmt::Error> {
        let levels = node.levels();
        let progress = board.progress();
        let l1 = board.l1_standing().unwrap_or_default();
        let set = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.latest, levels.latest);
        set(&self.safe, levels.safe);
        set(&self.finalized, levels.finalized);
        set(&self.height, progress.height);
        set(&self.target, progress.target);
        set(&self.l1_block, l1.block);
        set(&self.light_client, l1.light_client);
        set(&self.inbox, l1.inbox);
        set(&self.messages, l1.messages);
        set(&self.endpoints, l1.endpoints);
        set(&self.pending, node.submissions().count() as u64);
        // Not worth failing for: what is wrong with the disk shows elsewhere.
        set(&self.disk, node.storage().disk_bytes().unwrap_or(0));
        set(&self.ready, u64::from(board.reasons().is_empty()));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
