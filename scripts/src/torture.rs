//! `cargo xtask torture`: nodes are killed at random under load, and nothing may be lost.
//!
//! A blow kills one node, two, or all of them at once. Checked throughout: a killed node votes
//! again soon after its restart. Checked at the end: no two nodes contradict each other, and every
//! transaction that was called final stands in the chain exactly once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hotshot_types::Height;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    chain,
    demo::verification,
    network::{Network, Plan, Program},
    report::{Percentiles, counted, grouped},
    traffic::{
        load::{Delivered, Load, Pace},
        rollup,
    },
};

/// How long a restarted node may take until it has voted.
const VOTE_LIMIT: Duration = Duration::from_secs(5);
/// How long it is waited for, so that a slow one is told from a dead one.
const VOTE_PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `torture`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many times a node is killed
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// How many validators
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(4..=40))]
    nodes: u8,
    /// Chooses when and whom to kill [default: a random number]
    #[arg(long)]
    seed: Option<u64>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    program: Program,
}

#[derive(Debug, Serialize)]
struct Outcome {
    seed: u64,
    kills: u32,
    blocks: u64,
    transactions: u64,
    sent_again: u64,
    vote_ms: Percentiles,
    slowest_vote_ms: f64,
    late_votes: u64,
    proofs_verified: u64,
}

/// Kills and checks.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    let seed = args.seed.unwrap_or_else(|| rand::rng().random());
    println!("seed {seed}");
    let program = args.program.path()?;
    let plan = Plan::equal(args.nodes.into()).with_settings(&["--retention.archive"]);
    let mut network = Network::prepare(&program, &plan)?;
    network.start().await?;
    let outcome = torture(&mut network, args.kills, seed).await;
    let outcome = network.explained(outcome)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        print(&outcome);
    }
    network.stop().await?;
    ensure!(
        outcome.late_votes == 0,
        "{} took more than {} s",
        counted(outcome.late_votes, "vote"),
        VOTE_LIMIT.as_secs()
    );
    Ok(None)
}

async fn torture(network: &mut Network, kills: u32, seed: u64) -> Result<Outcome> {
    let mut random = StdRng::seed_from_u64(seed);
    let pace = Pace {
        interval: Duration::from_millis(50),
        in_flight: 256,
    };
    let rollups = [10, 20, 30]
        .into_iter()
        .map(|id| Ok((rollup::users(id)?, pace)))
        .collect::<Result<_>>()?;
    let mut load = Load::start(network, rollups)?;
    let mut delivered = Vec::new();
    let mut votes = Vec::new();
    let mut struck = 0;
    while struck < kills {
        pause(&mut random, 1_500).await;
        delivered.extend(load.check()?);
        network.check()?;
        let victims = choose(&mut random, network.nodes.len(), kills - struck);
        struck += u32::try_from(victims.len())?;
        println!("{struck:>4} of {kills}: killing {victims:?}");
        votes.extend(blow(network, &victims, &mut random).await?);
    }
    delivered.extend(load.finish().await?);
    network.check()?;
    examine(network, &delivered, votes, seed, kills).await
}

/// Mostly one node, sometimes two, rarely all; never more than there are kills left.
fn choose(random: &mut StdRng, nodes: usize, left: u32) -> Vec<usize> {
    let count = match random.random_range(0..10_u32) {
        0..7 => 1,
        7..9 => 2,
        _ => nodes,
    };
    let mut victims: Vec<usize> = (0..nodes).collect();
    victims.shuffle(random);
    victims.truncate(count.min(usize::try_from(left).unwrap_or(usize::MAX)));
    victims
}

async fn pause(random: &mut StdRng, most_ms: u64) {
    sleep(Duration::from_millis(random.random_range(0..most_ms))).await;
}

/// Kills some nodes, starts them again after a moment, and measures how long each takes to vote.
async fn blow(
    network: &mut Network,
    victims: &[usize],
    random: &mut StdRng,
) -> Result<Vec<Duration>> {
    // A vote on anything above this is a new one.
    let mut before = Height(0);
    for node in &network.nodes {
        before = before.max(node.api()?.status().await?.final_height);
    }
    for victim in victims {
        network.nodes[*victim].kill()?;
    }
    pause(random, 2_500).await;
    for node in network.nodes.iter().filter(|node| node.is_started()) {
        before = before.max(node.api()?.status().await?.final_height);
    }
    let start = Instant::now();
    for victim in victims {
        network.nodes[*victim].start()?;
    }
    let mut votes = Vec::new();
    for victim in victims {
        network.nodes[*victim].ready(start + VOTE_PATIENCE).await?;
        chain::voted_above(&network.nodes[*victim], before, VOTE_PATIENCE).await?;
        votes.push(start.elapsed());
    }
    Ok(votes)
}

async fn examine(
    network: &Network,
    delivered: &[Delivered],
    votes: Vec<Duration>,
    seed: u64,
    kills: u32,
) -> Result<Outcome> {
    let blocks = chain::agreed(network).await?;
    let proofs_verified = verification::verify(network, delivered).await?;
    let late = votes.iter().filter(|vote| **vote > VOTE_LIMIT).count();
    Ok(Outcome {
        seed,
        kills,
        blocks: blocks.len().saturating_sub(1) as u64,
        transactions: delivered.len() as u64,
        sent_again: delivered.iter().map(|sent| sent.repeats).sum(),
        slowest_vote_ms: crate::report::millis(votes.iter().copied().max().unwrap_or_default()),
        vote_ms: Percentiles::of(votes),
        late_votes: late as u64,
        proofs_verified,
    })
}

fn print(outcome: &Outcome) {
    println!();
    println!(
        "{} over {}, no contradiction",
        counted(outcome.kills.into(), "kill"),
        counted(outcome.blocks, "block")
    );
    println!(
        "  transactions      {}, each final exactly once; sent again {} times",
        grouped(outcome.transactions),
        grouped(outcome.sent_again)
    );
    println!(
        "  votes again after p50 {:.0} ms, p99 {:.0} ms, slowest {:.0} ms",
        outcome.vote_ms.p50, outcome.vote_ms.p99, outcome.slowest_vote_ms
    );
    println!("  proofs verified   {}", grouped(outcome.proofs_verified));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_kills_the_same_nodes_and_never_too_many() {
        let run = || {
            let mut random = StdRng::seed_from_u64(7);
            (1..200)
                .map(|left| choose(&mut random, 4, left))
                .collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
        assert!(run().iter().all(|victims| (1..=4).contains(&victims.len())));
        assert_eq!(run()[0].len(), 1);
        assert!(run().iter().any(|victims| victims.len() == 4));
    }
}
