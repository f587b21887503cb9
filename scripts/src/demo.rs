//! `cargo xtask demo`: the whole system at work in a minute.
//!
//! Four real nodes order the traffic of four rollups; one node is killed and comes back; at the
//! end every namespace is read from other nodes than those that took its transactions, and
//! believed only as far as the genesis document proves it. The validators are those of a stake
//! table on an L1 of its own, one of them adds stake on the way, and a contract there verifies a
//! transaction at the end. Then an EVM rollup shows its whole round, beside a counter rollup.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use hotshot_types::Height;
use tokio::time::sleep_until;

use crate::{
    chain, contracts, l1,
    network::{Network, Plan, Program},
    report::{Percentiles, counted},
    traffic::{
        Rollup, files,
        load::{Delivered, Load, Pace},
        rollup,
    },
};

mod on_l1;
mod progress;
mod rollups;
mod summary;
pub(crate) mod verification;

use progress::Progress;
use summary::{Report, Summary};

/// How long traffic flows.
const TRAFFIC: Duration = Duration::from_secs(24);
/// When a validator adds stake.
const STAKE_AFTER: Duration = Duration::from_secs(2);
/// When a node is killed, and when it is started again.
const KILL_AFTER: Duration = Duration::from_secs(6);
const RESTART_AFTER: Duration = Duration::from_secs(12);
/// How long the restarted node may take to catch up.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(30);

/// Blocks of an epoch: a few seconds, in which an L1 makes some blocks.
const EPOCH_LENGTH: &str = "150";

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many validators; with fewer than 4 the network would stop when one is killed
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(4..=40))]
    nodes: u8,
    /// Send what is recorded in this folder instead of signing transactions
    #[arg(long, value_name = "DIR")]
    input: Option<PathBuf>,
    /// Without an L1: committees from the genesis document, no contracts, no Node.js needed
    #[arg(long, conflicts_with = "l1")]
    no_l1: bool,
    /// Show this rollup alone, without the traffic and the crash of a sequencer node
    #[arg(long, value_enum, conflicts_with_all = ["no_l1", "input"])]
    rollup: Option<Shown>,
    /// L1s: the stake table is on the first one, and each has a light client that must follow and
    /// verify
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    l1: u8,
    /// Leave the network up until Ctrl-C and print its URLs
    #[arg(long)]
    keep: bool,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    program: Program,
}

/// A rollup to show alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shown {
    /// The EVM rollup, and the counter beside it
    Evm,
}

/// Runs the demo.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    let rollups = traffic(args.input.as_deref())?;
    let mut progress = Progress::start();
    if !args.no_l1 {
        progress.step("building the contracts");
        contracts::build().context("`--no-l1` shows the rest without an L1")?;
    }
    let program = args.program.path()?;
    // The demo outlasts the default retention of two short epochs.
    let plan = Plan::equal(args.nodes.into()).with_settings(&["--retention.archive"]);
    let mut network = if args.no_l1 {
        progress.step("making keys and a genesis document");
        let mut network = Network::prepare(&program, &plan)?;
        progress.step(&format!("starting {} nodes", network.nodes.len()));
        network.start().await?;
        network
    } else {
        let plan = plan.with_genesis(&["--epoch-length", EPOCH_LENGTH]);
        l1::network(&program, plan, args.l1, |what| progress.step(what)).await?
    };
    let outcome = show(&mut network, &args, &program, rollups, &mut progress).await;
    let shown = network.explained(outcome)?;
    progress.done();
    println!("{shown}");
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&shown)?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if args.keep {
        return Ok(Some(network));
    }
    network.stop().await?;
    Ok(None)
}

async fn show(
    network: &mut Network,
    args: &Args,
    program: &Path,
    traffic: Vec<(Rollup, Pace)>,
    progress: &mut Progress,
) -> Result<Report> {
    let sequencer = match args.rollup {
        Some(Shown::Evm) => None,
        None => Some(order(network, traffic, progress).await?),
    };
    let rollups = match network.l1 {
        Some(_) => Some(rollups::run(network, program, progress).await?),
        None => None,
    };
    Ok(Report { sequencer, rollups })
}

/// Traffic, a crash, and every proof.
async fn order(
    network: &mut Network,
    rollups: Vec<(Rollup, Pace)>,
    progress: &mut Progress,
) -> Result<Summary> {
    let namespaces = rollups.len();
    let send = if namespaces == 1 { "sends" } else { "send" };
    let rollups_named = counted(namespaces as u64, "rollup");
    progress.step(&format!("{rollups_named} {send} transactions"));
    let start = Instant::now();
    let mut flow = Flow {
        load: Load::start(network, rollups)?,
        delivered: Vec::new(),
    };
    let watch = on_l1::watch(network)?;
    if network.l1.is_some() {
        flow.until(start + STAKE_AFTER, network, progress).await?;
        on_l1::add_stake(network, progress).await?;
    }
    flow.until(start + KILL_AFTER, network, progress).await?;

    let victim = network.nodes.len() - 1;
    progress.step(&format!("killing node {victim} (SIGKILL)"));
    network.nodes[victim].kill()?;
    flow.until(start + RESTART_AFTER, network, progress).await?;
    progress.step(&format!("starting node {victim} again"));
    let catch_up = restart(network, victim).await?;
    progress.step(&format!("node {victim} has caught up and votes again"));
    flow.until(start + TRAFFIC, network, progress).await?;

    progress.step("waiting until everything sent is final");
    let mut delivered = flow.delivered;
    delivered.extend(flow.load.finish().await?);
    network.check()?;
    progress.step("reading every namespace from other nodes, trusting only the genesis document");
    let blocks = chain::agreed(network).await?;
    let proofs_verified = verification::verify(network, &delivered).await?;
    network.check()?;
    let on_l1 = on_l1::finish(network, watch, &delivered, progress).await?;
    network.check()?;
    Ok(Summary {
        nodes: network.nodes.len(),
        namespaces,
        transactions: delivered.len() as u64,
        bytes: delivered
            .iter()
            .map(|transaction| transaction.len as u64)
            .sum(),
        blocks: blocks.len().saturating_sub(1) as u64,
        final_ms: Percentiles::of(delivered.iter().map(|sent| sent.latency).collect()),
        views_lost: chain::views_lost(blocks.iter().map(|block| &block.header)),
        restart_catch_up_ms: crate::report::millis(catch_up),
        proofs_verified,
        l1: on_l1,
    })
}

/// Traffic, and what of it is final.
struct Flow {
    load: Load,
    delivered: Vec<Delivered>,
}

impl Flow {
    /// Lets it flow until a moment, watching the nodes.
    async fn until(
        &mut self,
        end: Instant,
        network: &mut Network,
        progress: &Progress,
    ) -> Result<()> {
        while Instant::now() < end {
            network.check()?;
            self.delivered.extend(self.load.check()?);
            progress.traffic(&self.load.counters);
            let next = Instant::now() + Duration::from_millis(100);
            sleep_until(next.min(end).into()).await;
        }
        Ok(())
    }
}

/// Starts a killed node and waits until it has every final block and votes on new ones. Returns
/// how long it took to have them, from the start of the process.
async fn restart(network: &mut Network, index: usize) -> Result<Duration> {
    let start = Instant::now();
    let target = chain::common_height(network).await?;
    let node = &mut network.nodes[index];
    node.start()?;
    node.reach(target, start + CATCH_UP_LIMIT).await?;
    let caught_up = start.elapsed();
    chain::voted_above(node, target, CATCH_UP_LIMIT).await?;
    Ok(caught_up)
}

/// What is sent, and how fast: recorded traffic once, our own as long as the demo runs.
fn traffic(input: Option<&Path>) -> Result<Vec<(Rollup, Pace)>> {
    let own = |rollup: Result<Rollup>, per_second: u32| -> Result<(Rollup, Pace)> {
        let pace = Pace {
            interval: Duration::from_secs(1) / per_second,
            in_flight: 64,
        };
        Ok((rollup?, pace))
    };
    let Some(folder) = input else {
        return Ok(vec![
            own(rollup::users(10), 25)?,
            own(rollup::users(20), 25)?,
            own(rollup::users(30), 25)?,
            own(rollup::batches(40), 3)?,
        ]);
    };
    let spread = |mut rollup: Rollup| {
        let recorded: Vec<_> = rollup.transactions.by_ref().collect();
        let count = u32::try_from(recorded.len().max(1)).unwrap_or(u32::MAX);
        rollup.transactions = Box::new(recorded.into_iter());
        (
            rollup,
            Pace {
                interval: TRAFFIC.mul_f64(0.9) / count,
                in_flight: 64,
            },
        )
    };
    Ok(files::rollups(folder)?.into_iter().map(spread).collect())
}

/// The highest block that holds something delivered.
pub(crate) fn last_height(delivered: &[Delivered]) -> Height {
    delivered
        .iter()
        .map(|sent| sent.position.height)
        .max()
        .unwrap_or(Height(0))
}
