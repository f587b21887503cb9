//! What the node counts about consensus; names as in the README.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64},
};

use hotshot_types::{Round, SealedHeader};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Phase {
    kind: &'static str,
}

/// Counters of the consensus loop.
#[derive(Clone, Debug, Default)]
pub(super) struct ConsensusMetrics {
    view: Gauge<i64, AtomicI64>,
    epoch: Gauge<i64, AtomicI64>,
    height: Gauge<i64, AtomicI64>,
    pub(super) timeouts: Counter<u64, AtomicU64>,
    pub(super) timeouts_sent: Counter<u64, AtomicU64>,
    pub(super) equivocations: Counter<u64, AtomicU64>,
    pub(super) pairing_checks: Counter<u64, AtomicU64>,
    votes: Family<Phase, Counter>,
    payload_bytes: Counter<u64, AtomicU64>,
}

impl ConsensusMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("sequencer_consensus");
        registry.register("view", "Current view", metrics.view.clone());
        registry.register("epoch", "Current epoch", metrics.epoch.clone());
        registry.register(
            "height",
            "Height of the highest final block",
            metrics.height.clone(),
        );
        registry.register(
            "timeouts",
            "Views left by timeout",
            metrics.timeouts.clone(),
        );
        registry.register(
            "timeouts_sent",
            "Timeouts signed",
            metrics.timeouts_sent.clone(),
        );
        registry.register(
            "equivocations",
            "Proofs of misbehaviour found",
            metrics.equivocations.clone(),
        );
        registry.register(
            "pairing_checks",
            "Products of pairings computed, each for everything that waited",
            metrics.pairing_checks.clone(),
        );
        registry.register("votes", "Votes signed, by phase", metrics.votes.clone());
        registry.register(
            "final_payload_bytes",
            "Payload bytes of final blocks",
            metrics.payload_bytes.clone(),
        );
        metrics
    }

    pub(super) fn round(&self, round: Round) {
        self.view.set(signed(round.view.0));
        self.epoch.set(signed(round.epoch.0));
    }

    pub(super) fn vote(&self, kind: &'static str) {
        self.votes.get_or_create(&Phase { kind }).inc();
    }

    pub(super) fn decided(&self, blocks: &[Arc<SealedHeader>]) {
        if let Some(last) = blocks.last() {
            self.height.set(signed(last.height.0));
        }
        let bytes = blocks
            .iter()
            .map(|block| u64::from(block.payload_len))
            .sum();
        self.payload_bytes.inc_by(bytes);
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
