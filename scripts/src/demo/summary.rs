//! The figures of a demo.

use std::fmt;

use serde::Serialize;

use crate::report::{Percentiles, bytes, counted, grouped};

/// What happened, in figures.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub(super) nodes: usize,
    #[serde(skip)]
    pub(super) namespaces: usize,
    pub(super) transactions: u64,
    pub(super) bytes: u64,
    pub(super) blocks: u64,
    pub(super) final_ms: Percentiles,
    pub(super) views_lost: u64,
    pub(super) restart_catch_up_ms: f64,
    pub(super) proofs_verified: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            nodes,
            namespaces,
            blocks,
            final_ms,
            ..
        } = self;
        writeln!(f)?;
        writeln!(
            f,
            "{nodes} nodes ordered the transactions of {}; each is final exactly once.",
            counted(*namespaces as u64, "rollup")
        )?;
        writeln!(f)?;
        writeln!(
            f,
            "  transactions      {}, {} in {}",
            grouped(self.transactions),
            bytes(self.bytes),
            counted(*blocks, "block")
        )?;
        writeln!(
            f,
            "  submit to final   p50 {:.0} ms, p99 {:.0} ms",
            final_ms.p50, final_ms.p99
        )?;
        writeln!(
            f,
            "  views lost        {} (one node was down for a while)",
            self.views_lost
        )?;
        writeln!(
            f,
            "  restarted node    caught up in {:.0} ms",
            self.restart_catch_up_ms
        )?;
        write!(
            f,
            "  proofs verified   {}, from other nodes than took the transactions",
            grouped(self.proofs_verified)
        )
    }
}
