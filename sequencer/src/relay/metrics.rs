//! What a relayer counts.

use std::time::{SystemTime, UNIX_EPOCH};

use hotshot_types::{Header, Height};
use light_client::abi::light_client::Finalized;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::l1::L1Label;

#[derive(Clone, Debug, Default)]
struct Families {
    updates: Family<L1Label, Counter>,
    gas: Family<L1Label, Counter>,
    failures: Family<L1Label, Counter>,
    overtaken: Family<L1Label, Counter>,
    height: Family<L1Label, Gauge>,
    behind: Family<L1Label, Gauge>,
    delay: Family<L1Label, Gauge>,
}

/// What one relayer counts.
#[derive(Clone, Debug)]
pub struct RelayMetrics {
    families: Families,
    label: L1Label,
}

impl RelayMetrics {
    /// Registers the metrics for these L1s, and gives each its own.
    pub fn register(registry: &mut Registry, l1s: &[String]) -> Vec<Self> {
        let families = Families::default();
        let counters = [
            ("relay_updates", "Updates in a block", &families.updates),
            ("relay_gas", "Gas of those", &families.gas),
            (
                "relay_failures",
                "Looks that went wrong",
                &families.failures,
            ),
            (
                "relay_overtaken",
                "Updates that another relayer had sent",
                &families.overtaken,
            ),
        ];
        for (name, help, metric) in counters {
            registry.register(name, help, metric.clone());
        }
        let gauges = [
            (
                "relay_height",
                "Newest block of the light client",
                &families.height,
            ),
            (
                "relay_behind_blocks",
                "Final blocks above that",
                &families.behind,
            ),
            (
                "relay_delay_ms",
                "From the last relayed block's time to its update in a block",
                &families.delay,
            ),
        ];
        for (name, help, metric) in gauges {
            registry.register(name, help, metric.clone());
        }
        let labels = l1s.iter().map(|l1| L1Label { l1: l1.clone() });
        labels
            .map(|label| Self {
                families: families.clone(),
                label,
            })
            .collect()
    }

    pub(super) fn seen(&self, state: &Finalized, newest: Height) {
        let gauge = |family: &Family<L1Label, Gauge>, value: u64| {
            let gauge = family.get_or_create(&self.label);
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        gauge(&self.families.height, state.height);
        gauge(&self.families.behind, newest.0.saturating_sub(state.height));
    }

    pub(super) fn relayed(&self, header: &Header, gas: u64) {
        self.families.updates.get_or_create(&self.label).inc();
        self.families.gas.get_or_create(&self.label).inc_by(gas);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_millis();
        let delay = now.saturating_sub(header.timestamp_ms.0.into());
        let delay = i64::try_from(delay).unwrap_or(i64::MAX);
        self.families.delay.get_or_create(&self.label).set(delay);
    }

    pub(super) fn failed(&self) {
        self.families.failures.get_or_create(&self.label).inc();
    }

    pub(super) fn overtaken(&self) {
        self.families.overtaken.get_or_create(&self.label).inc();
    }
}
