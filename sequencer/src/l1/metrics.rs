//! What the watcher counts.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// An L1, by the name of the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct L1Label {
    /// Host and port.
    pub(crate) l1: String,
}

/// An endpoint, by host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EndpointLabel {
    /// Host and port.
    pub(crate) endpoint: String,
}

/// An endpoint and what went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ErrorLabel {
    /// Host and port.
    pub(crate) endpoint: String,
    /// A word for it.
    pub(crate) kind: &'static str,
}

/// What the watcher counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct L1Metrics {
    /// The newest final block that enough endpoints agree on.
    pub(crate) finalized: Gauge,
    /// The newest final block of each endpoint.
    pub(crate) endpoint_finalized: Family<EndpointLabel, Gauge>,
    /// Requests without an answer.
    pub(crate) errors: Family<ErrorLabel, Counter>,
    /// Answers that contradict those of the others, or themselves.
    pub(crate) disagreements: Family<EndpointLabel, Counter>,
    /// Events of the stake table.
    pub(crate) events: Gauge,
    /// 1 while the L1 contradicts what it called final.
    pub(crate) taken_back: Gauge,
}

impl L1Metrics {
    /// Registers all of them.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let mut add = |name: &str, help: &str, metric: &Gauge| {
            registry.register(name, help, metric.clone());
        };
        add(
            "l1_finalized_height",
            "Newest L1 block that enough endpoints say is final",
            &metrics.finalized,
        );
        add(
            "l1_stake_events",
            "Events of the stake table that were replayed",
            &metrics.events,
        );
        add(
            "l1_final_block_taken_back",
            "1 while the L1 endpoints contradict a block that was final, and are not followed",
            &metrics.taken_back,
        );
        registry.register(
            "l1_endpoint_finalized_height",
            "Newest L1 block that each endpoint says is final",
            metrics.endpoint_finalized.clone(),
        );
        registry.register(
            "l1_rpc_errors",
            "Requests to L1 endpoints without an answer",
            metrics.errors.clone(),
        );
        registry.register(
            "l1_disagreements",
            "Answers of L1 endpoints that contradict the others",
            metrics.disagreements.clone(),
        );
        metrics
    }
}
