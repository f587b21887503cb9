//! The figures, as JSON and as a person reads them.

use std::fmt;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::{
    primitives::{Encoding, Primitives},
    run::Outcome,
};
use crate::report::{Percentiles, whole};

/// What the rising load of one size found.
pub(super) struct Maximum {
    /// Bytes of a transaction.
    pub(super) size: usize,
    pub(super) best: Outcome,
    pub(super) half: Outcome,
    pub(super) soaked: Outcome,
    pub(super) disk_kept_ratio: f64,
}

/// One load's latencies by clock, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Latency {
    /// At a client of the node that took the transaction.
    #[serde(flatten)]
    client: Percentiles,
    first_node: Percentiles,
    quorum: Percentiles,
}

/// What a size of transactions reaches.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Throughput {
    committed_mb_per_s: f64,
    committed_tx_per_s: f64,
    /// At half of the maximum.
    load_ms: Latency,
    /// Views lost at nine tenths of the maximum, and for how long that was held.
    timeouts: u64,
    soak_seconds: f64,
    /// Processor nanoseconds a byte and node at half of the maximum.
    cpu_ns_per_byte_and_node: f64,
    /// Bytes written to disk a payload byte and node, at half of the maximum.
    disk_bytes_per_byte_and_node: f64,
    /// Bytes on disk for each that has to be kept, after all these loads.
    disk_kept_ratio: f64,
    /// The largest process.
    rss_mib: f64,
    encode_commit_mb_per_s: Encoding,
}

impl Throughput {
    fn of(found: &Maximum, encoding: Encoding) -> Self {
        let bytes = found.half.committed_mb_per_s * 1e6 * found.half.seconds;
        let node_bytes = bytes * whole(found.half.nodes as u64);
        let resident = found.soaked.resident_bytes.max(found.half.resident_bytes);
        Self {
            committed_mb_per_s: found.best.committed_mb_per_s,
            committed_tx_per_s: found.best.committed_mb_per_s * 1e6 / whole(found.size as u64),
            load_ms: Latency::of(&found.half),
            timeouts: found.soaked.views_lost,
            soak_seconds: found.soaked.seconds,
            cpu_ns_per_byte_and_node: found.half.cpu_seconds * 1e9 / node_bytes,
            disk_bytes_per_byte_and_node: whole(found.half.written_bytes) / node_bytes,
            disk_kept_ratio: found.disk_kept_ratio,
            rss_mib: whole(resident) / 1_048_576.0,
            encode_commit_mb_per_s: encoding,
        }
    }
}

impl Latency {
    fn of(outcome: &Outcome) -> Self {
        Self {
            client: outcome.client,
            first_node: outcome.first,
            quorum: outcome.quorum,
        }
    }
}

/// All figures. Those at the top level are of 512-byte transactions.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    nodes: usize,
    #[serde(flatten)]
    small: Throughput,
    transactions_of_128_kib: Throughput,
    light_ms: Latency,
    empty_blocks_per_s: f64,
    cpu_ms_per_node_view: f64,
    disk_bytes_per_node_view: f64,
    fsyncs_per_node_view: f64,
    idle_cores: f64,
    certificate_check_ratio: f64,
}

impl Figures {
    pub(super) fn of(
        empty: &Outcome,
        idle: &Outcome,
        light: &Outcome,
        small: Maximum,
        large: Maximum,
        primitives: Primitives,
    ) -> Result<Self> {
        ensure!(empty.blocks > 0, "no empty block became final");
        Ok(Self {
            nodes: empty.nodes,
            small: Throughput::of(&small, primitives.small),
            transactions_of_128_kib: Throughput::of(&large, primitives.large),
            light_ms: Latency::of(light),
            empty_blocks_per_s: whole(empty.blocks) / empty.seconds,
            cpu_ms_per_node_view: empty.cpu_seconds * 1e3 / empty.node_views(),
            disk_bytes_per_node_view: whole(empty.written_bytes) / empty.node_views(),
            fsyncs_per_node_view: whole(empty.synced_commits) / empty.node_views(),
            idle_cores: idle.cpu_seconds / idle.seconds,
            certificate_check_ratio: primitives.certificate_check_ratio,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| | 512-byte transactions | 128-KiB transactions |")?;
        writeln!(f, "|---|---|---|")?;
        let (small, large) = (&self.small, &self.transactions_of_128_kib);
        let mut row = |name: &str, show: &dyn Fn(&Throughput) -> String| {
            writeln!(f, "| {name} | {} | {} |", show(small), show(large))
        };
        row("committed MB/s at most", &|t| {
            format!("{:.1}", t.committed_mb_per_s)
        })?;
        row("transactions/s", &|t| {
            format!("{:.0}", t.committed_tx_per_s)
        })?;
        row("at half of it, p50 / p99 ms: client", &|t| {
            spoken(t.load_ms.client)
        })?;
        row("... first node", &|t| spoken(t.load_ms.first_node))?;
        row("... quorum", &|t| spoken(t.load_ms.quorum))?;
        row("... processor ns a byte and node", &|t| {
            format!("{:.1}", t.cpu_ns_per_byte_and_node)
        })?;
        row("... written to disk a byte and node", &|t| {
            format!("{:.2}", t.disk_bytes_per_byte_and_node)
        })?;
        row("on disk for a byte that is kept", &|t| {
            format!("{:.2}", t.disk_kept_ratio)
        })?;
        row("views lost at 90% of it", &|t| {
            format!("{} in {:.0} s", t.timeouts, t.soak_seconds)
        })?;
        row("largest process, MiB", &|t| format!("{:.0}", t.rss_mib))?;
        row("encode, commit, prove, MB/s: n = 10 / 100 / 1000", &|t| {
            let all = t.encode_commit_mb_per_s;
            format!("{:.0} / {:.0} / {:.0}", all.n10, all.n100, all.n1000)
        })?;
        writeln!(f)?;
        writeln!(f, "| | |")?;
        writeln!(f, "|---|---|")?;
        let light = spoken(self.light_ms.client);
        writeln!(f, "| light load, p50 / p99 ms | {light} |")?;
        for (name, figure) in [
            ("empty blocks/s, unpaced", self.empty_blocks_per_s),
            ("processor ms a node and view", self.cpu_ms_per_node_view),
            (
                "KiB written a node and view",
                self.disk_bytes_per_node_view / 1024.0,
            ),
            ("fsyncs a node and view", self.fsyncs_per_node_view),
            ("cores of all nodes when idle", self.idle_cores),
            (
                "certificate of 100 over one signature",
                self.certificate_check_ratio,
            ),
        ] {
            writeln!(f, "| {name} | {figure:.2} |")?;
        }
        Ok(())
    }
}

fn spoken(latency: Percentiles) -> String {
    format!("{:.0} / {:.0}", latency.p50, latency.p99)
}
