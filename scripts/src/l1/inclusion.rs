//! How long a final block takes into the light client, as seen from here.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use hotshot_types::{Address, Height};
use light_client::{abi::light_client::ILightClient, rpc::Tag};
use sequencer_client::client::Api;
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use super::L1;
use crate::network::Node;

/// Pause between two looks: what a figure may be off by.
const LOOK: Duration = Duration::from_millis(100);
/// Heights whose moment is remembered; older ones are relayed or never will be.
const REMEMBERED: usize = 10_000;

/// Watches a node and a light client until it is asked for the figures.
pub(crate) struct Inclusion {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Vec<Duration>>>,
}

impl Inclusion {
    /// Watches the light client of the home L1.
    pub(crate) fn watch(l1: &L1, node: &Node) -> Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let watcher = Watcher {
            api: node.api()?,
            endpoint: l1.home().endpoint.clone(),
            light_client: l1.contracts.light_client,
        };
        let task = tokio::spawn(watcher.run(stopping));
        Ok(Self { stop, task })
    }

    /// The time from final to relayed of each block that was relayed.
    pub(crate) async fn figures(self) -> Result<Vec<Duration>> {
        self.stop.send_replace(true);
        self.task
            .await
            .context("the watch of the light client panicked")?
    }
}

struct Watcher {
    api: Api,
    endpoint: light_client::rpc::Endpoint,
    light_client: Address,
}

impl Watcher {
    async fn run(self, stopping: watch::Receiver<bool>) -> Result<Vec<Duration>> {
        let mut final_since: BTreeMap<Height, Instant> = BTreeMap::new();
        let mut relayed = Height(0);
        let mut waits = Vec::new();
        while !*stopping.borrow() {
            let status = self.api.status().await?;
            final_since
                .entry(status.final_height)
                .or_insert_with(Instant::now);
            if final_since.len() > REMEMBERED {
                final_since.pop_first();
            }
            let newest = self.newest().await?;
            if newest > relayed {
                relayed = newest;
                // The first look at which it was final, or a block above it.
                if let Some((_, since)) = final_since.range(newest..).next() {
                    waits.push(since.elapsed());
                }
            }
            sleep(LOOK).await;
        }
        Ok(waits)
    }

    async fn newest(&self) -> Result<Height> {
        let call = ILightClient::finalizedCall {};
        let found = self
            .endpoint
            .view(self.light_client, &call, Tag::Latest)
            .await?;
        Ok(Height(found.height))
    }
}
