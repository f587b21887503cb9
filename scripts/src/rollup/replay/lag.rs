//! How long a final block takes to be the rollup's, as seen by somebody who asks both.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use light_client::rpc::Endpoint;
use sequencer_client::client::Api;
use serde_json::{Value, json};
use tokio::{sync::watch, time::sleep};

use super::Measuring;
use crate::{network::Network, rollup::node::RollupNode};

/// Pause between two looks: what a figure may be off by.
const LOOK: Duration = Duration::from_millis(5);
/// Heights whose moment is remembered.
const REMEMBERED: usize = 10_000;

/// Watches the sequencer's first node and one of the rollup: the lag of each block of the rollup that was seen.
pub(crate) fn watch(network: &Network, rollup: &RollupNode) -> Result<Measuring> {
    let node = network.nodes.first().context("there is no node")?;
    let (api, rollup) = (node.api()?, rollup.endpoint.clone());
    Ok(Measuring::start(|stopping| look(api, rollup, stopping)))
}

async fn look(
    api: Api,
    rollup: Endpoint,
    stopping: watch::Receiver<bool>,
) -> Result<Vec<Duration>> {
    let mut final_since: BTreeMap<u64, Instant> = BTreeMap::new();
    let (mut executed, mut lags) = (0, Vec::new());
    while !*stopping.borrow() {
        let height = api.status().await?.final_height.0;
        final_since.entry(height).or_insert_with(Instant::now);
        if final_since.len() > REMEMBERED {
            final_since.pop_first();
        }
        let block: Value = rollup.ask("rollup_getBlock", json!(["latest"])).await?;
        let height = block["height"].as_u64().context("a block without height")?;
        if height > executed {
            executed = height;
            // The first look at which the sequencer's block was final; without one it was executed at once.
            let since = final_since.range(height..).next().map(|(_, since)| *since);
            lags.push(since.map_or(Duration::ZERO, |since| since.elapsed()));
        }
        sleep(LOOK).await;
    }
    Ok(lags)
}
