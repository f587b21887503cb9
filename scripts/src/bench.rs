//! `cargo xtask bench`: how fast a network on this machine is, what it costs, and where it ends.
//!
//! Four networks, one after the other: empty blocks without a pause, idle, light load, and the load
//! that rises until the network no longer keeps up (for two sizes of transactions). Load is open:
//! when something is sent is fixed beforehand and latency counts from there, so that a network that
//! stalls is charged for all that had to wait.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::network::{Network, Plan, Program};

mod cost;
mod finals;
mod kept;
mod offered;
mod primitives;
mod report;
mod run;

use self::{
    offered::Offered,
    report::{Figures, Maximum},
    run::Outcome,
};

/// Committed over offered below which the network no longer keeps up.
const KEEPS_UP: f64 = 0.95;
/// By how much the load rises from step to step.
const RISE: f64 = 1.4;
/// How long a step of the rising load is observed.
const STEP: Duration = Duration::from_secs(5);
/// Megabytes a second to start with.
const START: f64 = 3.0;
/// No step goes beyond this.
const MOST: f64 = 400.0;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "All nodes and the load share this machine's processors. Figures worth quoting \
come from --release on a machine that does nothing else."
)]
pub(crate) struct Args {
    /// How many validators
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=40))]
    nodes: u8,
    /// How long each measurement takes, steps of the rising load aside
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=600))]
    seconds: u64,
    /// How long 90% of the maximum is held, to count timeouts
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..=3600))]
    soak_seconds: u64,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    program: Program,
}

/// Runs all measurements.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    let program = args.program.path()?;
    let length = Duration::from_secs(args.seconds);
    let bench = Bench {
        program: &program,
        nodes: args.nodes.into(),
    };
    eprintln!("measuring coding and certificates, one thread");
    let primitives = primitives::measure();
    eprintln!("measuring empty blocks without a pause");
    let unpaced: &[&str] = &["--empty-block-delay-ms", "0"];
    let empty = bench.alone(unpaced, None, length).await?;
    eprintln!("measuring an idle network, 500 ms between blocks");
    let paced: &[&str] = &["--empty-block-delay-ms", "500"];
    let idle = bench.alone(paced, None, length).await?;
    eprintln!("measuring light load, 10 transactions a second");
    let light = bench.alone(&[], Some(Offered::light()), length).await?;
    let small = bench
        .maximum(512, length, Duration::from_secs(args.soak_seconds))
        .await?;
    let large = bench
        .maximum(128 * 1024, length, Duration::from_secs(args.soak_seconds))
        .await?;
    let figures = Figures::of(&empty, &idle, &light, small, large, primitives)?;
    print!("{figures}");
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&figures)?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(None)
}

/// As long as those of networks that are no development: what was measured is looked up afterwards,
/// and nodes forget by epochs.
const EPOCHS: [&str; 2] = ["--epoch-length", "3000"];

struct Bench<'a> {
    program: &'a Path,
    nodes: usize,
}

impl Bench<'_> {
    async fn network(&self, genesis: &[&str]) -> Result<Network> {
        let genesis = [&EPOCHS, genesis].concat();
        let plan = Plan::equal(self.nodes).with_genesis(&genesis);
        let mut network = Network::prepare(self.program, &plan)?;
        network.start().await?;
        Ok(network)
    }

    /// One measurement on a network of its own.
    async fn alone(
        &self,
        genesis: &[&str],
        load: Option<Offered>,
        length: Duration,
    ) -> Result<Outcome> {
        let mut network = self.network(genesis).await?;
        let outcome = run::observe(&mut network, load, length).await;
        let outcome = network.explained(outcome)?;
        network.stop().await?;
        Ok(outcome)
    }

    /// Raises the load until the network no longer keeps up; then half of what it took, and nine
    /// tenths for longer.
    async fn maximum(&self, size: usize, length: Duration, soak: Duration) -> Result<Maximum> {
        eprintln!("raising a load of {size}-byte transactions");
        let mut network = self.network(&[]).await?;
        let outcome = self.raise(&mut network, size, length, soak).await;
        let found = network.explained(outcome)?;
        network.stop().await?;
        Ok(found)
    }

    async fn raise(
        &self,
        network: &mut Network,
        size: usize,
        length: Duration,
        soak: Duration,
    ) -> Result<Maximum> {
        let mut best: Option<Outcome> = None;
        let mut rate = START;
        let mut is_again = false;
        while rate < MOST {
            let mut step = run::observe(network, Some(Offered::new(rate, size)), STEP).await?;
            // More than was offered is what had piled up before.
            step.committed_mb_per_s = step.committed_mb_per_s.min(rate);
            let share = step.committed_mb_per_s / rate;
            eprintln!(
                "  offered {rate:.1} MB/s, committed {:.1} ({:.0}%), final p50/p99 {:.0}/{:.0} ms",
                step.committed_mb_per_s,
                100.0 * share,
                step.client.p50,
                step.client.p99
            );
            let keeps_up = share >= KEEPS_UP;
            if best
                .as_ref()
                .is_none_or(|best| step.committed_mb_per_s > best.committed_mb_per_s)
            {
                best = Some(step);
            }
            if keeps_up {
                rate *= RISE;
            } else if is_again {
                break;
            }
            // Anything else on this machine can spoil one step; two in a row are the network's.
            is_again = !keeps_up;
        }
        let best = best.context("nothing was measured")?;
        ensure!(best.committed_mb_per_s > 0.0, "nothing became final");
        let most = best.committed_mb_per_s;
        eprintln!("  half of the maximum");
        let half = run::observe(network, Some(Offered::new(most / 2.0, size)), length).await?;
        eprintln!("  nine tenths of the maximum, for {} s", soak.as_secs());
        let soaked = run::observe(network, Some(Offered::new(most * 0.9, size)), soak).await?;
        Ok(Maximum {
            size,
            best,
            half,
            soaked,
            disk_kept_ratio: kept::ratio(network).await?,
        })
    }
}
