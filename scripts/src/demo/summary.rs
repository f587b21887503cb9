//! The figures of a demo.

use std::fmt;

use serde::Serialize;

use super::rollups::Rollups;
use crate::report::{Percentiles, bytes, counted, grouped};

/// Everything that was shown.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) sequencer: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rollups: Option<Rollups>,
}

/// What happened on the L1, in figures.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OnL1 {
    /// Whose committee was compared with the stake table after stake was added.
    pub(super) epoch: u64,
    /// Updates of the light client.
    pub(super) updates: usize,
    pub(super) final_to_light_client_ms: Percentiles,
    /// L1s whose light client verified the last transaction.
    pub(super) l1s: usize,
    /// The block whose namespace and transaction the contract verified, and the one it stores.
    pub(super) verified_height: u64,
    pub(super) stored_height: u64,
}

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) l1: Option<OnL1>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sequencer) = &self.sequencer {
            write!(f, "{sequencer}")?;
        }
        self.rollups
            .as_ref()
            .map_or(Ok(()), |rollups| write!(f, "{rollups}"))
    }
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
        )?;
        self.l1.as_ref().map_or(Ok(()), |l1| write!(f, "{l1}"))
    }
}

impl fmt::Display for OnL1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            epoch,
            updates,
            final_to_light_client_ms: wait,
            l1s,
            verified_height,
            stored_height,
        } = self;
        writeln!(f)?;
        writeln!(
            f,
            "  committee         of epoch {epoch}: what the stake table on the L1 says, added stake included"
        )?;
        writeln!(
            f,
            "  final to L1       p50 {:.1} s, p99 {:.1} s, {} of the light client",
            wait.p50 / 1e3,
            wait.p99 / 1e3,
            counted(u64::try_from(*updates).unwrap_or(u64::MAX), "update")
        )?;
        write!(
            f,
            "  verified on L1    a transaction of block {verified_height} under the stored block {stored_height}"
        )?;
        if *l1s > 1 {
            write!(f, ", on each of {l1s} L1s")?;
        }
        Ok(())
    }
}

impl fmt::Display for Rollups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { evm, counter } = self;
        writeln!(f)?;
        writeln!(
            f,
            "  EVM rollup        {} blocks, the same on both of its nodes; the counter beside it says {counter}",
            grouped(evm.blocks)
        )?;
        writeln!(
            f,
            "  deposit           {:.1} s from the L1's block to the balance",
            evm.deposit_ms / 1e3
        )?;
        writeln!(
            f,
            "  contract          deployed in {:.0} ms, called in {:.0} ms",
            evm.deploy_ms, evm.call_ms
        )?;
        writeln!(
            f,
            "  proofs            logs, storage and inclusion checked in {:.0} ms; the light client on the L1 checked the call of block {} and refused {} changed proofs",
            evm.proofs_ms, evm.included.height, evm.included.refused
        )?;
        writeln!(
            f,
            "  withdrawal        recorded with its proof in {:.0} ms",
            evm.withdraw_ms
        )?;
        write!(
            f,
            "  rollup node       killed: back in {:.0} ms; from an empty disk: {:.0} ms; all safe on the L1 after {:.1} s more",
            evm.restart_ms,
            evm.rebuild_ms,
            evm.safe_ms / 1e3
        )
    }
}
