//! What a network's processes have used so far.

use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::{
    network::{Network, Node, metrics},
    usage::Usage,
};

/// Sums over all nodes at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) at: Instant,
    pub(super) cpu_seconds: f64,
    pub(super) written_bytes: u64,
    pub(super) synced_commits: u64,
    /// The largest process.
    pub(super) resident_bytes: u64,
}

impl Cost {
    pub(super) async fn of(network: &Network) -> Result<Self> {
        let mut cost = Self {
            at: Instant::now(),
            cpu_seconds: 0.0,
            written_bytes: 0,
            synced_commits: 0,
            resident_bytes: 0,
        };
        for node in &network.nodes {
            let id = node.process_id().context("a node does not run")?;
            let usage = Usage::of(id).context("no /proc on this system")?;
            cost.cpu_seconds += usage.cpu_seconds;
            cost.written_bytes += usage.written_bytes;
            cost.resident_bytes = cost.resident_bytes.max(usage.resident_bytes);
            cost.synced_commits += counter(node, "sequencer_storage_synced_commits_total").await?;
        }
        Ok(cost)
    }
}

/// One counter of a node's metrics.
async fn counter(node: &Node, name: &str) -> Result<u64> {
    let text = metrics::scrape(node).await?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .with_context(|| format!("{node} has no metric {name}"))?;
    Ok(value.trim().parse()?)
}
