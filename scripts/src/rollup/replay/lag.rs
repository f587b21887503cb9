//! How long a final block takes to be the rollup's, as seen by somebody who asks both.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use light_client::rpc::Endpoint;
use sequencer_client::client::Api;
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, watch},
    time::sleep,
    try_join,
};

use super::Measuring;
use crate::{network::Network, rollup::node::RollupNode};

/// Pause between two looks: with the time of an answer, what a figure may be off by.
const LOOK: Duration = Duration::from_millis(5);
/// Heights whose moment is remembered.
const REMEMBERED: usize = 10_000;

/// Since when heights are known to be final.
type Finals = Mutex<BTreeMap<u64, Instant>>;

/// Watches the sequencer's first node and one of the rollup: the lag of each block of the rollup.
pub(crate) fn watch(network: &Network, rollup: &RollupNode) -> Result<Measuring> {
    let node = network.nodes.first().context("there is no node")?;
    let (api, rollup) = (node.api()?, rollup.endpoint.clone());
    Ok(Measuring::start(|stopping| async move {
        let finals = Finals::default();
        // Neither waits for the other's answers.
        let watching = finals_of(&api, &finals, stopping.clone());
        let ((), lags) = try_join!(watching, lags_of(&rollup, &finals, stopping))?;
        Ok(lags)
    }))
}

async fn finals_of(api: &Api, finals: &Finals, stopping: watch::Receiver<bool>) -> Result<()> {
    while !*stopping.borrow() {
        let height = api.status().await?.final_height.0;
        let mut known = finals.lock().await;
        known.entry(height).or_insert_with(Instant::now);
        if known.len() > REMEMBERED {
            known.pop_first();
        }
        drop(known);
        sleep(LOOK).await;
    }
    Ok(())
}

async fn lags_of(
    rollup: &Endpoint,
    finals: &Finals,
    stopping: watch::Receiver<bool>,
) -> Result<Vec<Duration>> {
    let block = async |id: Value| -> Result<(u64, u64)> {
        let block: Value = rollup.ask("rollup_getBlock", json!([id])).await?;
        let number = |key: &str| block[key].as_u64().context("a block without its place");
        Ok((number("number")?, number("height")?))
    };
    let (mut counted, _) = block(json!("latest")).await?;
    let mut lags = Vec::new();
    while !*stopping.borrow() {
        let (latest, _) = block(json!("latest")).await?;
        let seen = Instant::now();
        for number in counted + 1..=latest {
            let (_, height) = block(json!(number)).await?;
            let finals = finals.lock().await;
            // The first look at which the sequencer's block was final; without one it was executed at once.
            let since = finals.range(height..).next().map(|(_, since)| *since);
            lags.push(since.map_or(Duration::ZERO, |since| {
                seen.saturating_duration_since(since)
            }));
        }
        counted = counted.max(latest);
        sleep(LOOK).await;
    }
    Ok(lags)
}
