//! One load on one network, observed for a while.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use hotshot_types::Height;
use sequencer_client::client::Api;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    cost::Cost,
    finals::Finals,
    offered::{Offered, Sample},
};
use crate::{
    chain,
    network::{Network, eventually},
    report::{Percentiles, whole},
};

/// Before each measurement, so that connections and caches are warm.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long what is left may take after the load has ended.
const DRAIN: Duration = Duration::from_secs(60);
/// Samples looked up; of more, an even choice.
const MAX_SAMPLES: usize = 2_000;
/// Look-ups at a time.
const LOOK_UPS: usize = 8;

/// What one measurement found.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) seconds: f64,
    pub(super) blocks: u64,
    pub(super) nodes: usize,
    pub(super) committed_mb_per_s: f64,
    /// From the scheduled time until the node that took it told a client that it is final.
    pub(super) client: Percentiles,
    /// Until the first node knew.
    pub(super) first: Percentiles,
    /// Until a quorum of nodes knew.
    pub(super) quorum: Percentiles,
    pub(super) views_lost: u64,
    pub(super) cpu_seconds: f64,
    pub(super) written_bytes: u64,
    pub(super) synced_commits: u64,
    pub(super) resident_bytes: u64,
}

impl Outcome {
    /// Nodes times views.
    pub(super) fn node_views(&self) -> f64 {
        whole(self.blocks + self.views_lost) * whole(self.nodes as u64)
    }
}

/// Applies a load, if any, and observes for `length`.
pub(super) async fn observe(
    network: &mut Network,
    load: Option<Offered>,
    length: Duration,
) -> Result<Outcome> {
    let (finals, followers) = Finals::watch(network).await?;
    let (stop, stopped) = watch::channel(false);
    let senders = match load {
        Some(load) => load.start(network, &stopped)?,
        None => JoinSet::new(),
    };
    sleep(WARM_UP).await;
    let (from, first) = (
        Cost::of(network).await?,
        chain::common_height(network).await?,
    );
    let end = Instant::now() + length;
    while Instant::now() < end {
        network.check()?;
        sleep(Duration::from_millis(100)).await;
    }
    let (to, last) = (
        Cost::of(network).await?,
        chain::common_height(network).await?,
    );
    stop.send_replace(true);
    let samples = joined(senders).await?;
    let latencies = latencies(network, &finals, &samples, first, last).await?;
    drop(followers);
    let blocks = chain::blocks(&network.nodes[0].api()?, first, last).await?;
    let headers = blocks.iter().map(|block| &block.header);
    let bytes: u64 = headers
        .clone()
        .skip(1)
        .map(|header| u64::from(header.payload_len))
        .sum();
    let seconds = (to.at - from.at).as_secs_f64();
    Ok(Outcome {
        seconds,
        blocks: last.above(first),
        nodes: network.nodes.len(),
        committed_mb_per_s: whole(bytes) / seconds / 1e6,
        client: latencies.client,
        first: latencies.first,
        quorum: latencies.quorum,
        views_lost: chain::views_lost(headers)
            - chain::views_lost(blocks.first().map(|block| &block.header)),
        cpu_seconds: to.cpu_seconds - from.cpu_seconds,
        written_bytes: to.written_bytes.saturating_sub(from.written_bytes),
        synced_commits: to.synced_commits.saturating_sub(from.synced_commits),
        resident_bytes: to.resident_bytes,
    })
}

async fn joined(mut senders: JoinSet<Result<Vec<Sample>>>) -> Result<Vec<Sample>> {
    let mut all = Vec::new();
    while let Some(ended) = senders.join_next().await {
        all.extend(ended.context("a sender panicked")??);
    }
    Ok(all)
}

#[derive(Default)]
struct Latencies {
    client: Percentiles,
    first: Percentiles,
    quorum: Percentiles,
}

/// Looks up where the samples were ordered, once all is final. What became final outside the
/// observed blocks does not count.
async fn latencies(
    network: &Network,
    finals: &Finals,
    samples: &[Sample],
    first: Height,
    last: Height,
) -> Result<Latencies> {
    let Some(newest) = samples.iter().max_by_key(|sample| sample.scheduled) else {
        return Ok(Latencies::default());
    };
    let nodes: Vec<Arc<Api>> = network
        .nodes
        .iter()
        .map(|node| node.api().map(Arc::new))
        .collect::<Result<_>>()?;
    let attempt = async || {
        height_of(&nodes[newest.node], newest)
            .await?
            .context("pending")
    };
    // Where the pool refuses, the newest may never become final; older ones tell enough.
    if eventually(DRAIN, "the end of the load", attempt)
        .await
        .is_err()
    {
        eprintln!("  the load was not worked off within {} s", DRAIN.as_secs());
    }
    let step = samples.len().div_ceil(MAX_SAMPLES).max(1);
    let mut chosen = samples.iter().step_by(step).copied();
    let mut look_ups = JoinSet::new();
    let quorum = 2 * nodes.len() / 3 + 1;
    let (mut client, mut earliest, mut most) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        while look_ups.len() < LOOK_UPS
            && let Some(sample) = chosen.next()
        {
            let api = Arc::clone(&nodes[sample.node]);
            look_ups.spawn(async move { (sample, height_of(&api, &sample).await) });
        }
        let Ok(Some(ended)) = timeout(DRAIN, look_ups.join_next()).await else {
            break;
        };
        let (sample, height) = ended?;
        let Some(height) = height?.filter(|height| *height > first && *height <= last) else {
            continue;
        };
        let since =
            |at: Option<Instant>| at.map(|at| at.saturating_duration_since(sample.scheduled));
        client.extend(since(finals.at(sample.node, height)));
        earliest.extend(since(finals.nth(1, height)));
        most.extend(since(finals.nth(quorum, height)));
    }
    Ok(Latencies {
        client: Percentiles::of(client),
        first: Percentiles::of(earliest),
        quorum: Percentiles::of(most),
    })
}

async fn height_of(api: &Api, sample: &Sample) -> Result<Option<Height>> {
    match api.transaction(sample.hash, Some(sample.namespace)).await {
        Ok(answer) => Ok(answer.position.map(|position| position.height)),
        Err(error) if error.is_transient() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
