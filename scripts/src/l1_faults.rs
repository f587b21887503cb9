//! `cargo xtask l1-faults`: a network whose view of the L1 is disturbed, under load.
//!
//! The nodes read the L1 over three endpoints, of which one in turn is dead, limits the rate, lags
//! and lies; meanwhile a validator adds stake, which must count, and in each epoch the committee must
//! be that of the stake table.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use hotshot_types::{Epoch, Height};
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    chain,
    l1::{self, L1, committee},
    network::{Network, Plan, Program, metrics},
    report::millis,
    traffic::{
        load::{Load, Pace},
        rollup,
    },
};

mod proxy;

use proxy::{Manner, Proxy};

/// Endpoints of the one L1.
const ENDPOINTS: usize = 3;
/// How long anything may take that must happen.
const LIMIT: Duration = Duration::from_secs(120);
/// Ordering has stopped if nothing becomes final for this long.
const STALL: Duration = Duration::from_secs(20);

/// Arguments of `l1-faults`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long the endpoints fail in all
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    minutes: u64,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    program: Program,
}

/// What was seen while one endpoint failed.
#[derive(Debug, Serialize)]
struct Phase {
    fault: &'static str,
    seconds: f64,
    #[serde(skip)]
    heights: (Height, Height),
    blocks: u64,
    views_lost: u64,
    /// Longest time without a new final block.
    longest_pause_ms: f64,
    /// Errors, contradictions and lags of the endpoint that all nodes counted.
    alarms: u64,
    /// Epochs in which the committee had the stakes of the table, the new one included.
    committees: u64,
    /// From the transaction on the L1 until the new stake counted.
    stake_counted_ms: f64,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Figures {
    phases: Vec<Phase>,
    views_lost: u64,
    transactions: u64,
}

/// Runs the scenario.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    crate::contracts::build()?;
    let program = args.program.path()?;
    println!("starting an L1 with {ENDPOINTS} endpoints, and 4 nodes");
    let plan = Plan::equal(4)
        .with_genesis(&["--epoch-length", "100"])
        .with_settings(&["--retention.archive"]);
    let mut l1 = L1::start(1, &plan).await?;
    let mut proxies = Vec::new();
    for _ in 0..ENDPOINTS {
        proxies.push(Proxy::before(&l1.home().url).await?);
    }
    l1.endpoints = proxies.iter().map(Proxy::url).collect();
    let step = |what: &str| println!("{what}");
    let mut network = l1::network_on(l1, &program, plan, step).await?;
    let each = Duration::from_secs(args.minutes * 60) / 4;
    let outcome = disturb(&mut network, &proxies, each).await;
    let figures = network.explained(outcome)?;
    print(&figures);
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&figures)?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    network.stop().await?;
    Ok(None)
}

async fn disturb(network: &mut Network, proxies: &[Proxy], each: Duration) -> Result<Figures> {
    let pace = Pace {
        interval: Duration::from_millis(200),
        in_flight: 64,
    };
    let mut load = Load::start(network, vec![(rollup::users(10)?, pace)])?;
    let mut delivered = Vec::new();
    let mut phases = Vec::new();
    for (fault, proxy) in Manner::FAULTS.into_iter().zip(proxies.iter().cycle()) {
        println!(
            "endpoint {} is {} for {} s",
            proxy.name,
            fault.name(),
            each.as_secs()
        );
        phases.push(phase(network, fault, proxy, each).await?);
        delivered.extend(load.check()?);
    }
    delivered.extend(load.finish().await?);
    let blocks = chain::agreed(network).await?;
    let lost_up_to = |height: Height| {
        let until = blocks
            .iter()
            .take_while(|block| block.header.height <= height);
        chain::views_lost(until.map(|block| &block.header))
    };
    for phase in &mut phases {
        let (first, last) = phase.heights;
        phase.views_lost = lost_up_to(last) - lost_up_to(first);
    }
    Ok(Figures {
        phases,
        views_lost: lost_up_to(Height::MAX),
        transactions: delivered.len() as u64,
    })
}

/// One endpoint fails for a while; a validator adds stake in it.
async fn phase(
    network: &mut Network,
    fault: Manner,
    proxy: &Proxy,
    length: Duration,
) -> Result<Phase> {
    let (before, start) = (alarms(network, proxy).await?, Instant::now());
    proxy.behave(fault);
    let l1 = network.l1.as_ref().context("there is no L1")?;
    l1.delegate(network, 0, 1).await?;
    let added = Instant::now();
    let mut pulse = Pulse::start(network).await?;
    let (mut counted, mut seen) = (None, 0);
    let mut epochs: BTreeSet<Epoch> = BTreeSet::new();
    while start.elapsed() < length || counted.is_none() || seen == 0 {
        network.check()?;
        pulse.beat(network).await?;
        let l1 = network.l1.as_ref().context("there is no L1")?;
        let in_force = committee::in_force(l1, &network.nodes[0]).await;
        counted = match (counted, in_force) {
            (None, Ok(epoch)) => {
                epochs.insert(epoch);
                Some(added.elapsed())
            }
            (None, Err(error)) => {
                ensure!(
                    added.elapsed() < LIMIT,
                    "new stake does not count: {error:#}"
                );
                None
            }
            // Once it counts, it must go on to: nothing else changes.
            (counted, in_force) => {
                epochs.insert(in_force?);
                counted
            }
        };
        seen = alarms(network, proxy).await?.saturating_sub(before);
        ensure!(
            seen > 0 || start.elapsed() < length + LIMIT,
            "no node noticed that an endpoint is {}",
            fault.name()
        );
    }
    proxy.behave(Manner::Honest);
    Ok(Phase {
        fault: fault.name(),
        seconds: start.elapsed().as_secs_f64(),
        heights: (pulse.first, pulse.newest),
        blocks: pulse.blocks(),
        views_lost: 0,
        longest_pause_ms: millis(pulse.longest),
        alarms: seen,
        committees: epochs.len() as u64,
        stake_counted_ms: millis(counted.unwrap_or_default()),
    })
}

/// Whether blocks become final, and the longest time in which none did.
struct Pulse {
    first: Height,
    newest: Height,
    since: Instant,
    longest: Duration,
}

impl Pulse {
    async fn start(network: &Network) -> Result<Self> {
        let first = chain::common_height(network).await?;
        Ok(Self {
            first,
            newest: first,
            since: Instant::now(),
            longest: Duration::ZERO,
        })
    }

    async fn beat(&mut self, network: &Network) -> Result<()> {
        sleep(Duration::from_millis(50)).await;
        let newest = chain::common_height(network).await?;
        self.longest = self.longest.max(self.since.elapsed());
        if newest > self.newest {
            self.newest = newest;
            self.since = Instant::now();
        }
        ensure!(
            self.since.elapsed() < STALL,
            "nothing became final after block {newest} for {} s",
            STALL.as_secs()
        );
        Ok(())
    }

    fn blocks(&self) -> u64 {
        self.newest.0.saturating_sub(self.first.0)
    }
}

/// What all nodes have counted against an endpoint.
async fn alarms(network: &Network, proxy: &Proxy) -> Result<u64> {
    let mut sum = 0;
    for node in &network.nodes {
        let text = metrics::scrape(node).await?;
        sum += counted(&text, &proxy.name);
    }
    Ok(sum)
}

/// Errors and contradictions of an endpoint in a node's metrics, and one if it lags.
fn counted(text: &str, endpoint: &str) -> u64 {
    let label = format!("endpoint=\"{endpoint}\"");
    let value = |line: &str| line.rsplit_once(' ')?.1.parse::<u64>().ok();
    let of = |name: &str| -> u64 {
        text.lines()
            .filter(|line| line.starts_with(name) && line.contains(&label))
            .filter_map(value)
            .sum()
    };
    let agreed: u64 = text
        .lines()
        .filter(|line| line.starts_with("sequencer_l1_finalized_height "))
        .filter_map(value)
        .sum();
    let shown = of("sequencer_l1_endpoint_finalized_height{");
    // Twice what a slow poll may cost.
    let lags = shown > 0 && shown + 10 < agreed;
    of("sequencer_l1_rpc_errors_total{") + of("sequencer_l1_disagreements_total{") + u64::from(lags)
}

fn print(figures: &Figures) {
    println!();
    println!(
        "  {:14}{:>6}{:>8}{:>12}{:>10}{:>8}{:>12}{:>15}",
        "an endpoint is",
        "s",
        "blocks",
        "views lost",
        "pause ms",
        "alarms",
        "committees",
        "stake counts s"
    );
    for phase in &figures.phases {
        println!(
            "  {:14}{:>6.0}{:>8}{:>12}{:>10.0}{:>8}{:>12}{:>15.0}",
            phase.fault,
            phase.seconds,
            phase.blocks,
            phase.views_lost,
            phase.longest_pause_ms,
            phase.alarms,
            phase.committees,
            phase.stake_counted_ms / 1e3
        );
    }
    let committees: u64 = figures.phases.iter().map(|phase| phase.committees).sum();
    println!();
    println!(
        "  ordering        went on: {} transactions final, {} views lost in all",
        figures.transactions, figures.views_lost
    );
    println!(
        "  committees      {committees} epochs looked at, each as the stake table says, new stake included"
    );
    println!("  alarms          every fault was noticed by the nodes");
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn alarms_of_one_endpoint_are_counted() {
        let text = "sequencer_l1_finalized_height 40\n\
                    sequencer_l1_endpoint_finalized_height{endpoint=\"a:1\"} 1\n\
                    sequencer_l1_endpoint_finalized_height{endpoint=\"b:2\"} 39\n\
                    sequencer_l1_rpc_errors_total{endpoint=\"a:1\",kind=\"timeout\"} 3\n\
                    sequencer_l1_disagreements_total{endpoint=\"b:2\"} 5\n";
        assert_eq!(counted(text, "a:1"), 4);
        assert_eq!(counted(text, "b:2"), 5);
        assert_eq!(counted(text, "c:3"), 0);
    }
}
