//! The demo's part on the L1: stake, the light client, and proofs inside the contract.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{progress::Progress, summary::OnL1};
use crate::{
    l1::{
        committee,
        inclusion::Inclusion,
        proof::{self, Claimed},
    },
    network::{Network, eventually},
    report::Percentiles,
    traffic::load::Delivered,
};

/// The validator that adds stake, and how many tokens.
const STAKER: usize = 0;
const TOKENS: u64 = 5;
/// How long the new stake may take to count: finality on the L1 and two epochs.
const COUNTS_LIMIT: Duration = Duration::from_secs(90);

/// Watches how fast final blocks get into the light client, if there is one.
pub(super) fn watch(network: &Network) -> Result<Option<Inclusion>> {
    let Some(l1) = &network.l1 else {
        return Ok(None);
    };
    // The last node is the one that is killed.
    let node = network.nodes.first().context("there is no node")?;
    Inclusion::watch(l1, node).map(Some)
}

/// A validator adds stake.
pub(super) async fn add_stake(network: &Network, progress: &mut Progress) -> Result<()> {
    let l1 = network.l1.as_ref().context("there is no L1")?;
    progress.step(&format!(
        "validator {STAKER} adds {TOKENS} tokens to its stake on the L1"
    ));
    l1.delegate(network, STAKER, TOKENS).await
}

/// Waits until the stake counts, then has the contract verify what was ordered.
pub(super) async fn finish(
    network: &Network,
    watch: Option<Inclusion>,
    delivered: &[Delivered],
    progress: &mut Progress,
) -> Result<Option<OnL1>> {
    let (Some(l1), Some(watch)) = (&network.l1, watch) else {
        return Ok(None);
    };
    let node = network.nodes.first().context("there is no node")?;
    progress.step("waiting until the committee is what the stake table says now");
    let agrees = async || committee::in_force(l1, node).await;
    let epoch = eventually(COUNTS_LIMIT, "a committee with the new stake", agrees).await?;
    let last = delivered
        .iter()
        .max_by_key(|sent| sent.position.height)
        .context("nothing was sent")?;
    let first = delivered
        .iter()
        .min_by_key(|sent| sent.position.height)
        .context("nothing was sent")?;
    progress.step("the light client verifies a namespace and a transaction of two blocks");
    let api = node.api()?;
    let (first, last) = (
        Claimed::by(&api, first).await?,
        Claimed::by(&api, last).await?,
    );
    proof::verify(l1, 0, &api, &first).await?;
    let verified = proof::verify(l1, 0, &api, &last).await?;
    for (away, chain) in l1.chains.iter().enumerate().skip(1) {
        progress.step(&format!(
            "the light client of L1 {} does, too",
            chain.chain_id
        ));
        proof::verify(l1, away, &api, &last).await?;
    }
    let figures = watch.figures().await?;
    Ok(Some(OnL1 {
        epoch: epoch.0,
        updates: figures.len(),
        final_to_light_client_ms: Percentiles::of(figures),
        l1s: l1.chains.len(),
        verified_height: verified.height.0,
        stored_height: verified.stored.0,
    }))
}
