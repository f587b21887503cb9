//! `cargo xtask catch-up`: empty nodes join a chain that is already long.
//!
//! Three heavy validators make the chain. A light one starts empty while they still have every
//! payload; another one after they have dropped the old ones. Both must catch up, verify, vote and
//! serve what they hold. So must one that starts from a snapshot, and sooner.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hotshot_types::Height;
use sequencer_client::{ClientError, client::BlockId, types::ProblemCode};
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    chain,
    network::{Network, Plan, Program, eventually},
    report::{counted, grouped, millis},
    traffic::{
        load::{Delivered, Load, Pace},
        rollup,
    },
};

const HEAVY: usize = 3;
/// How long the chain may take to grow by a thousand blocks.
const GROWTH_LIMIT: Duration = Duration::from_secs(300);
const JOIN_LIMIT: Duration = Duration::from_secs(300);
/// Keeps everything that the chain has while it grows.
const KEEP: [&str; 2] = [
    "--retention.payload-epochs=1000000",
    "--retention.slot-epochs=1000000",
];
const DROP: [&str; 2] = ["--retention.payload-epochs=2", "--retention.slot-epochs=10"];

/// Arguments of `catch-up`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long the chain is
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(600..))]
    blocks: u64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    program: Program,
}

#[derive(Debug, Serialize)]
struct Outcome {
    blocks: u64,
    growth_ms: f64,
    joined_ms: f64,
    snapshot_ms: f64,
    snapshot_bytes: u64,
    restore_ms: f64,
    joined_with_snapshot_ms: f64,
    joined_after_pruning_ms: f64,
    proofs_verified: u64,
}

/// Grows a chain and lets nodes join it.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    let program = args.program.path()?;
    let mut plan = Plan::equal(0).with_genesis(&["--empty-block-delay-ms", "0"]);
    plan.weights = vec![10, 10, 10, 1, 1, 1];
    let mut network = Network::prepare(&program, &plan)?;
    let outcome = catch_up(&mut network, args.blocks).await;
    let outcome = network.explained(outcome)?;
    network.stop().await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
        return Ok(None);
    }
    println!();
    println!(
        "{} grew in {:.0} s",
        counted(outcome.blocks, "block"),
        outcome.growth_ms / 1e3
    );
    println!(
        "  an empty node caught up and voted after {:.1} s",
        outcome.joined_ms / 1e3
    );
    println!(
        "  one with a snapshot after {:.1} s, of which {:.1} s restored and checked {:.1} MiB",
        outcome.joined_with_snapshot_ms / 1e3,
        outcome.restore_ms / 1e3,
        mib(outcome.snapshot_bytes),
    );
    println!(
        "  another one, old payloads being gone, after {:.1} s",
        outcome.joined_after_pruning_ms / 1e3
    );
    println!("  proofs verified   {}", grouped(outcome.proofs_verified));
    Ok(None)
}

async fn catch_up(network: &mut Network, blocks: u64) -> Result<Outcome> {
    let start = Instant::now();
    println!("growing a chain of {}", counted(blocks, "block"));
    for node in &mut network.nodes[..HEAVY] {
        node.start_with(&KEEP)?;
    }
    network.ready().await?;
    let pace = Pace {
        interval: Duration::from_millis(200),
        in_flight: 64,
    };
    let load = Load::start(network, vec![(rollup::users(10)?, pace)])?;
    grow(network, Height(blocks)).await?;
    let growth = start.elapsed();
    println!("an empty node joins");
    let joined = join(network, HEAVY).await?;
    println!("another one joins with a snapshot");
    let snapshot = join_with_snapshot(network, HEAVY, HEAVY + 1).await?;
    let delivered = load.finish().await?;
    let mut proofs = serves(network, HEAVY, &delivered).await?;
    proofs += serves(network, HEAVY + 1, &[]).await?;

    println!("restarting the others so that they drop old payloads");
    for index in 0..=HEAVY + 1 {
        network.nodes[index].ask_to_stop()?;
        network.nodes[index].stopped().await?;
        network.nodes[index].start_with(&DROP)?;
        network.nodes[index]
            .ready(Instant::now() + JOIN_LIMIT)
            .await?;
    }
    for index in 0..=HEAVY {
        pruned(network, index, &delivered).await?;
    }
    println!("another empty node joins");
    let joined_after_pruning = join(network, HEAVY + 2).await?;
    proofs += serves(network, HEAVY + 2, &[]).await?;
    chain::agreed(network).await?;
    network.check()?;
    Ok(Outcome {
        blocks,
        growth_ms: millis(growth),
        joined_ms: millis(joined),
        snapshot_ms: millis(snapshot.taken),
        snapshot_bytes: snapshot.bytes,
        restore_ms: millis(snapshot.restored),
        joined_with_snapshot_ms: millis(snapshot.joined),
        joined_after_pruning_ms: millis(joined_after_pruning),
        proofs_verified: proofs,
    })
}

async fn grow(network: &mut Network, height: Height) -> Result<()> {
    let mut deadline = Instant::now() + GROWTH_LIMIT;
    let mut shown = 0;
    loop {
        network.check()?;
        let now = chain::common_height(network).await?;
        if now >= height {
            return Ok(());
        }
        if now.0 / 1_000 > shown {
            shown = now.0 / 1_000;
            println!("  {} blocks", grouped(shown * 1_000));
            deadline = Instant::now() + GROWTH_LIMIT;
        }
        ensure!(
            Instant::now() < deadline,
            "the chain grows too slowly: {now} of {height}"
        );
        sleep(Duration::from_millis(100)).await;
    }
}

/// Starts an empty node; returns how long it took until it had caught up and voted.
async fn join(network: &mut Network, index: usize) -> Result<Duration> {
    let target = chain::common_height(network).await?;
    let start = Instant::now();
    let node = &mut network.nodes[index];
    node.start()?;
    node.reach(target, start + JOIN_LIMIT).await?;
    chain::voted_above(node, target, JOIN_LIMIT).await?;
    Ok(start.elapsed())
}

struct WithSnapshot {
    taken: Duration,
    bytes: u64,
    restored: Duration,
    /// Restoring included.
    joined: Duration,
}

/// Takes a snapshot of one node and starts another one from it.
async fn join_with_snapshot(
    network: &mut Network,
    from: usize,
    index: usize,
) -> Result<WithSnapshot> {
    let path = network.directory().join("snapshot");
    let file = path.to_str().context("a directory that is no text")?;
    network.nodes[from].ask_to_stop()?;
    network.nodes[from].stopped().await?;
    let start = Instant::now();
    network.nodes[from].tool_output(&["db", "snapshot", "--out", file])?;
    let taken = start.elapsed();
    network.nodes[from].start()?;
    network.nodes[from].ready(start + JOIN_LIMIT).await?;

    let target = chain::common_height(network).await?;
    let start = Instant::now();
    let node = &mut network.nodes[index];
    node.tool_output(&["db", "restore", file])?;
    let restored = start.elapsed();
    node.start()?;
    node.reach(target, start + JOIN_LIMIT).await?;
    chain::voted_above(node, target, JOIN_LIMIT).await?;
    Ok(WithSnapshot {
        taken,
        bytes: std::fs::metadata(&path)?.len(),
        restored,
        joined: start.elapsed(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Reads headers from all over the chain from a node, and what it holds of some transactions;
/// returns how many proofs were verified.
async fn serves(network: &Network, index: usize, delivered: &[Delivered]) -> Result<u64> {
    let node = &network.nodes[index];
    let client = node.client(&network.genesis)?;
    let top = node.api()?.status().await?.final_height;
    let mut proofs = 0;
    for part in 0..=20 {
        let height = Height((top.0 * part / 20).max(1));
        let block = client.block(BlockId::Height(height)).await;
        block.with_context(|| format!("block {height} of {node}"))?;
        proofs += 1;
    }
    let namespace = crate::traffic::namespace(10)?;
    let (block, entry) = client.accumulator(BlockId::Latest, namespace).await?;
    ensure!(
        entry.block_count > 0,
        "{node} proves no block of namespace {namespace} up to {}",
        block.hash
    );
    proofs += 1;
    // What was sent last is within everybody's window.
    for sent in delivered.iter().rev().take(5) {
        let found = client.transaction(sent.hash, Some(sent.namespace)).await?;
        ensure!(
            found.block.header.height == sent.position.height,
            "{node} proves another place"
        );
        proofs += 1;
    }
    Ok(proofs)
}

/// Waits until a node has dropped its oldest payload, and says so in place of an answer.
async fn pruned(network: &Network, index: usize, delivered: &[Delivered]) -> Result<()> {
    let node = &network.nodes[index];
    let api = node.api()?;
    let oldest = delivered
        .iter()
        .min_by_key(|sent| sent.position.height)
        .context("nothing was sent")?;
    let attempt = async || match api.payload(BlockId::Height(oldest.position.height)).await {
        Err(ClientError::Refused(problem)) if problem.code == ProblemCode::Pruned => Ok(()),
        Err(error) => Err(error).context("another answer"),
        Ok(_) => bail!("{node} still has it"),
    };
    eventually(
        Duration::from_secs(60),
        &format!("dropping old payloads in {node}"),
        attempt,
    )
    .await
}
