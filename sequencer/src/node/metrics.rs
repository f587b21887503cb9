//! What the node counts about consensus; names as in the README.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Instant,
};

use hotshot::Input;
use hotshot_types::{FinalityCertificate, Message, Round, SealedHeader, ValidatorIndex};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

mod copied;

pub(super) use copied::CopiedMetrics;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ballot {
    kind: &'static str,
    result: &'static str,
}

/// Certificates over which the share of own votes is taken.
const WINDOW: u32 = u128::BITS;

/// Counters of the consensus loop.
#[derive(Debug)]
pub(super) struct ConsensusMetrics {
    view: Gauge<i64, AtomicI64>,
    epoch: Gauge<i64, AtomicI64>,
    height: Gauge<i64, AtomicI64>,
    pub(super) timeouts: Counter<u64, AtomicU64>,
    pub(super) timeouts_sent: Counter<u64, AtomicU64>,
    pub(super) equivocations: Counter<u64, AtomicU64>,
    pub(super) pairing_checks: Counter<u64, AtomicU64>,
    /// Votes of phase 1 and 2.
    signed: [Counter; 2],
    received: [Counter; 2],
    payload_bytes: Counter<u64, AtomicU64>,
    view_seconds: Histogram,
    included: IncludedRatio,
    entered: Option<Instant>,
    /// Whether the last certificates hold our vote, the newest in the lowest bit.
    inclusions: u128,
    certificates: u32,
}

/// The share of the last finality certificates that hold this node's vote.
pub(super) type IncludedRatio = Gauge<f64, AtomicU64>;

impl ConsensusMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let votes = Family::<Ballot, Counter>::default();
        let ballots =
            |result| ["1", "2"].map(|kind| votes.get_or_create_owned(&Ballot { kind, result }));
        let metrics = Self {
            view: Gauge::default(),
            epoch: Gauge::default(),
            height: Gauge::default(),
            timeouts: Counter::default(),
            timeouts_sent: Counter::default(),
            equivocations: Counter::default(),
            pairing_checks: Counter::default(),
            signed: ballots("signed"),
            received: ballots("received"),
            payload_bytes: Counter::default(),
            // 5 ms to 80 s.
            view_seconds: Histogram::new(exponential_buckets(5e-3, 2.0, 15)),
            included: IncludedRatio::default(),
            entered: None,
            inclusions: 0,
            certificates: 0,
        };
        let registry = registry.sub_registry_with_prefix("consensus");
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
        registry.register("votes", "Votes signed and received, by phase", votes);
        registry.register(
            "own_votes_included_ratio",
            "Share of the last 128 finality certificates that hold this node's vote",
            metrics.included.clone(),
        );
        registry.register(
            "view_duration_seconds",
            "Time from entering a view to entering the next",
            metrics.view_seconds.clone(),
        );
        registry.register(
            "final_payload_bytes",
            "Payload bytes of final blocks",
            metrics.payload_bytes.clone(),
        );
        metrics
    }

    /// The gauge of the share of own votes.
    pub(super) fn included(&self) -> IncludedRatio {
        self.included.clone()
    }

    pub(super) fn entered(&mut self, round: Round) {
        self.view.set(signed(round.view.0));
        self.epoch.set(signed(round.epoch.0));
        let now = Instant::now();
        if let Some(before) = self.entered.replace(now) {
            self.view_seconds.observe((now - before).as_secs_f64());
        }
    }

    /// Counts a vote of phase 1 or 2 that this node signed.
    pub(super) fn signed(&self, second: bool) {
        self.signed[usize::from(second)].inc();
    }

    /// Counts what comes in.
    pub(super) fn received(&self, input: &Input) {
        match input {
            Input::Message(_, Message::Vote1(_)) => self.received[0].inc(),
            Input::Message(_, Message::Vote2(_)) => self.received[1].inc(),
            _ => 0,
        };
    }

    /// Notes final blocks, and whether their certificate holds the vote of this node.
    pub(super) fn decided(
        &mut self,
        blocks: &[Arc<SealedHeader>],
        certificate: &FinalityCertificate,
        me: Option<ValidatorIndex>,
    ) {
        if let Some(last) = blocks.last() {
            self.height.set(signed(last.height.0));
        }
        let bytes = blocks
            .iter()
            .map(|block| u64::from(block.payload_len))
            .sum();
        self.payload_bytes.inc_by(bytes);
        if let Some(me) = me {
            let is_in = certificate.signers.contains(me);
            self.inclusions = self.inclusions << 1 | u128::from(is_in);
            self.certificates = (self.certificates + 1).min(WINDOW);
            let held = f64::from(self.inclusions.count_ones());
            self.included.set(held / f64::from(self.certificates));
        }
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
