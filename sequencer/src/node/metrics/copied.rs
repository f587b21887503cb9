//! Figures that other parts of the node keep, copied into the registry when the status is renewed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use crate::{
    mempool::{MempoolMetrics, Rejection as Refusal},
    network::{LaneMetrics, NetworkMetrics, Rejection},
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Way {
    lane: &'static str,
    direction: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfLane {
    lane: &'static str,
}

/// Gauges and counters that are looked at, not counted here.
#[derive(Clone, Debug, Default)]
pub(in crate::node) struct CopiedMetrics {
    pub(in crate::node) peers: Gauge<i64, AtomicI64>,
    pub(in crate::node) lag: Gauge<i64, AtomicI64>,
    transactions: Gauge<i64, AtomicI64>,
    bytes: Gauge<i64, AtomicI64>,
    accepted: Counter<u64, AtomicU64>,
    refused: Family<Reason, Counter<u64, AtomicU64>>,
    traffic: Family<Way, Counter<u64, AtomicU64>>,
    dropped: Family<OfLane, Counter<u64, AtomicU64>>,
    rejected: Family<Reason, Counter<u64, AtomicU64>>,
    bans: Counter<u64, AtomicU64>,
}

impl CopiedMetrics {
    pub(in crate::node) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let build = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The program", Info::new(build));
        registry.register("p2p_peers", "Connected peers", metrics.peers.clone());
        registry.register(
            "p2p_bytes",
            "Payload bytes exchanged with peers",
            metrics.traffic.clone(),
        );
        registry.register(
            "p2p_dropped_frames",
            "Outbound frames that were too old or too many, and requests without an answer",
            metrics.dropped.clone(),
        );
        registry.register(
            "p2p_rejected_messages",
            "Connections, streams and frames of peers that were refused",
            metrics.rejected.clone(),
        );
        registry.register("p2p_bans", "Bans pronounced", metrics.bans.clone());
        registry.register(
            "sync_lag_blocks",
            "Final blocks whose payload is not processed",
            metrics.lag.clone(),
        );
        registry.register(
            "mempool_txs",
            "Transactions that wait",
            metrics.transactions.clone(),
        );
        registry.register("mempool_bytes", "Their bytes", metrics.bytes.clone());
        registry.register(
            "mempool_accepted",
            "Transactions taken, from clients and from peers",
            metrics.accepted.clone(),
        );
        registry.register(
            "mempool_rejected",
            "Transactions refused",
            metrics.refused.clone(),
        );
        metrics
    }

    /// Copies what the pool and the network count.
    pub(in crate::node) fn copy(&self, pool: &MempoolMetrics, network: &NetworkMetrics) {
        self.transactions.set(count(pool.transactions));
        self.bytes.set(count(pool.bytes));
        set(&self.accepted, pool.accepted);
        for (reason, refused) in Refusal::CODES.into_iter().zip(pool.rejected) {
            set(&self.refused.get_or_create(&Reason { reason }), refused);
        }
        for rejection in Rejection::ALL {
            let reason = rejection.label();
            let rejected = network.rejected(rejection);
            set(&self.rejected.get_or_create(&Reason { reason }), rejected);
        }
        self.copy_lane("control", &network.control);
        self.copy_lane("bulk", &network.bulk);
        self.copy_lane("requests", &network.requests);
        set(&self.bans, network.bans);
    }

    fn copy_lane(&self, lane: &'static str, metrics: &LaneMetrics) {
        for (direction, bytes) in [("in", metrics.bytes_in), ("out", metrics.bytes_out)] {
            set(&self.traffic.get_or_create(&Way { lane, direction }), bytes);
        }
        let dropped = self.dropped.get_or_create(&OfLane { lane });
        set(&dropped, metrics.frames_dropped);
    }
}

fn set(counter: &Counter<u64, AtomicU64>, value: u64) {
    counter.inner().store(value, Relaxed);
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
