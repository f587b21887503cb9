//! What a reporter counts.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use crate::l1::L1Label;

/// The metrics of all reporters.
#[derive(Clone, Debug, Default)]
pub struct ReportFamilies {
    seen: Family<L1Label, Counter>,
    reported: Family<L1Label, Counter>,
    refused: Family<L1Label, Counter>,
    overtaken: Family<L1Label, Counter>,
    failures: Family<L1Label, Counter>,
    gas: Family<L1Label, Counter>,
}

/// What one reporter counts.
#[derive(Clone, Debug)]
pub struct ReportMetrics {
    families: ReportFamilies,
    label: L1Label,
}

impl ReportFamilies {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let families = Self::default();
        for (name, help, metric) in [
            (
                "evidence_seen",
                "Pieces of evidence that nodes have shown",
                &families.seen,
            ),
            (
                "evidence_reported",
                "Reports in a block",
                &families.reported,
            ),
            (
                "evidence_refused",
                "Pieces that prove nothing, or that the contract refuses",
                &families.refused,
            ),
            (
                "evidence_overtaken",
                "Reports that another reporter had sent",
                &families.overtaken,
            ),
            (
                "evidence_failures",
                "Looks that went wrong",
                &families.failures,
            ),
            ("evidence_gas", "Gas of the reports", &families.gas),
        ] {
            registry.register(name, help, metric.clone());
        }
        families
    }

    /// Those of one L1.
    #[must_use]
    pub fn of(&self, l1: &str) -> ReportMetrics {
        let label = L1Label { l1: l1.into() };
        // Shown from the start, so that an alarm on a rise has something to rise from.
        for family in [&self.seen, &self.reported, &self.refused] {
            drop(family.get_or_create(&label));
        }
        ReportMetrics {
            families: self.clone(),
            label,
        }
    }
}

impl ReportMetrics {
    pub(super) fn seen(&self) {
        self.families.seen.get_or_create(&self.label).inc();
    }

    pub(super) fn reported(&self, gas: u64) {
        self.families.reported.get_or_create(&self.label).inc();
        self.families.gas.get_or_create(&self.label).inc_by(gas);
    }

    pub(super) fn refused(&self) {
        self.families.refused.get_or_create(&self.label).inc();
    }

    pub(super) fn overtaken(&self) {
        self.families.overtaken.get_or_create(&self.label).inc();
    }

    pub(super) fn failed(&self) {
        self.families.failures.get_or_create(&self.label).inc();
    }
}
