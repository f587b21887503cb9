//! `cargo xtask streams`: many readers of one node, some of them slow.
//!
//! Half of them take server-sent events, half WebSocket messages. The healthy ones read alone first
//! and then beside the slow ones. None may miss or repeat an event; what the slow ones cost the
//! others is printed.

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    network::{Network, Plan, Program},
    report::{Percentiles, counted, grouped, millis},
    traffic::{
        load::{Load, Pace},
        rollup,
    },
    usage::Usage,
};

mod events;
mod healthy;
mod slow;

use healthy::{Readers, Sample};
use slow::{End, Slow};

/// Open files that the command and the node need beside those of the streams.
const OTHER_FILES: u32 = 200;
/// Within this time the slow readers, now reading, come to the end of their streams.
const END_LIMIT: Duration = Duration::from_secs(20);
/// What slow readers get before they have to resume: the node waits 10 s for each event.
const LEAST_SECONDS: u64 = 20;

/// Arguments of `streams`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Nodes and readers share this machine's processors, and its limit of open files (ulimit -n)."
)]
pub(crate) struct Args {
    /// Streams in all
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    readers: u32,
    /// How many of them stop reading, or nearly
    #[arg(long, default_value_t = 50)]
    slow: u32,
    /// How long each half takes
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(LEAST_SECONDS..=600))]
    seconds: u64,
    /// How many validators
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=40))]
    nodes: u8,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    program: Program,
}

/// What healthy readers saw in one half.
#[derive(Debug, Serialize)]
struct Half {
    events: u64,
    /// From the proposal of a block until a reader has it.
    since_proposal_ms: Percentiles,
    /// From the first reader that has it until another one has it.
    after_first_ms: Percentiles,
    after_first_max_ms: f64,
    /// Processors that the node used.
    node_cores: Option<f64>,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Figures {
    readers: u32,
    slow: u32,
    without_slow: Half,
    with_slow: Half,
    /// Slow readers that were told to resume, and from where.
    told: u32,
    /// Slow readers that were cut off after they had taken nothing for too long.
    cut_off: u32,
    /// Slow readers that the node still serves.
    served: u32,
}

/// Runs the measurement.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    ensure!(
        args.slow < args.readers,
        "--slow must be below --readers: somebody has to be healthy"
    );
    let program = args.program.path()?;
    let allowed = (args.readers + OTHER_FILES).to_string();
    let plan = Plan::equal(args.nodes.into()).with_settings(&["--api.max-streams", &allowed]);
    let mut network = Network::prepare(&program, &plan)?;
    network.start().await?;
    let outcome = measure(&mut network, &args).await;
    let figures = network.explained(outcome)?;
    println!("{figures}");
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&figures)?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    network.stop().await?;
    Ok(None)
}

async fn measure(network: &mut Network, args: &Args) -> Result<Figures> {
    let pace = Pace {
        interval: Duration::from_millis(50),
        in_flight: 64,
    };
    let load = Load::start(network, vec![(rollup::users(10)?, pace)])?;
    let address = network.nodes[0].api_address();
    let healthy = args.readers - args.slow;
    eprintln!("opening {}", counted(healthy.into(), "stream"));
    let readers = Readers::open(address, healthy).await?;
    eprintln!("{} s without slow readers", args.seconds);
    let without_slow = half(network, &readers, args.seconds).await?;
    eprintln!(
        "{} s with {}",
        args.seconds,
        counted(args.slow.into(), "slow reader")
    );
    let mut slow = Vec::new();
    for number in 0..args.slow {
        slow.push(Slow::open(address, number % 2 == 0, number % 4 < 2).await?);
    }
    let with_slow = half(network, &readers, args.seconds).await?;
    let mut ends = JoinSet::new();
    for slow in slow {
        ends.spawn(timeout(END_LIMIT, slow.end()));
    }
    let (mut told, mut cut_off, mut served) = (0, 0, 0);
    while let Some(end) = ends.join_next().await {
        match end? {
            Ok(End::Told) => told += 1,
            Ok(End::CutOff) => cut_off += 1,
            Err(_) => served += 1,
        }
    }
    readers.close().await?;
    load.finish().await?;
    Ok(Figures {
        readers: args.readers,
        slow: args.slow,
        without_slow,
        with_slow,
        told,
        cut_off,
        served,
    })
}

/// Lets everybody read for a while.
async fn half(network: &mut Network, readers: &Readers, seconds: u64) -> Result<Half> {
    let process = network.nodes[0].process_id();
    let usage = || process.and_then(Usage::of);
    readers.forget();
    let (before, start) = (usage(), Instant::now());
    while start.elapsed() < Duration::from_secs(seconds) {
        network.check()?;
        readers.check()?;
        sleep(Duration::from_millis(100)).await;
    }
    let elapsed = start.elapsed().as_secs_f64();
    let node_cores = usage()
        .zip(before)
        .map(|(after, before)| (after.cpu_seconds - before.cpu_seconds) / elapsed);
    let samples: Arc<[Sample]> = readers.samples();
    let after_first: Vec<_> = samples.iter().map(|sample| sample.after_first).collect();
    let longest = after_first.iter().max().copied().unwrap_or_default();
    Ok(Half {
        events: samples.len() as u64,
        since_proposal_ms: Percentiles::of(
            samples.iter().map(|sample| sample.since_proposal).collect(),
        ),
        after_first_max_ms: millis(longest),
        after_first_ms: Percentiles::of(after_first),
        node_cores,
    })
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        writeln!(
            f,
            "{} of one node, half of them over WebSocket, {} slow; the others have no gap and no repeat.",
            counted(self.readers.into(), "stream"),
            grouped(self.slow.into())
        )?;
        writeln!(f)?;
        writeln!(
            f,
            "                    events     proposal to reader     after the first reader        node"
        )?;
        for (name, half) in [
            ("without slow ones", &self.without_slow),
            ("with slow ones", &self.with_slow),
        ] {
            writeln!(f, "  {name:<17} {half}")?;
        }
        writeln!(f)?;
        write!(
            f,
            "  slow readers      {} told where to resume, {} cut off, {} still served",
            self.told, self.cut_off, self.served
        )
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            since_proposal_ms: proposal,
            after_first_ms: spread,
            ..
        } = self;
        write!(
            f,
            "{:>8}  p50 {:>4.0}  p99 {:>4.0} ms  p50 {:>3.0}  p99 {:>3.0}  max {:>4.0} ms",
            grouped(self.events),
            proposal.p50,
            proposal.p99,
            spread.p50,
            spread.p99,
            self.after_first_max_ms
        )?;
        match self.node_cores {
            Some(cores) => write!(f, "  {cores:.2} cores"),
            None => Ok(()),
        }
    }
}
