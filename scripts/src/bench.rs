//! `cargo xtask bench`: first figures of a network on this machine, as a table.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use hotshot_types::Height;
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    chain,
    network::{Network, Plan, Program},
    report::{Percentiles, bytes, whole},
    traffic::{
        Rollup,
        load::{Load, Pace},
        rollup,
    },
    usage::Usage,
};

/// Before each measurement, so that connections and caches are warm.
const WARM_UP: Duration = Duration::from_secs(3);

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "All nodes and the load run on this machine and share its processors. Use \
--release for figures worth quoting."
)]
pub(crate) struct Args {
    /// How many validators
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=40))]
    nodes: u8,
    /// How long each measurement takes
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=600))]
    seconds: u64,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    program: Program,
}

/// Rollups and how fast they send.
type Traffic = Vec<(Rollup, Pace)>;

/// One measurement: a load and the parameters it runs with.
struct Case {
    name: &'static str,
    genesis: &'static [&'static str],
    load: fn(usize) -> Result<Traffic>,
}

const UNPACED: &[&str] = &["--empty-block-delay-ms", "0"];

const CASES: [Case; 4] = [
    Case {
        name: "empty blocks, unpaced",
        genesis: UNPACED,
        load: |_| Ok(Vec::new()),
    },
    Case {
        name: "light load, 10 tx/s",
        genesis: &[],
        load: |_| light(),
    },
    Case {
        name: "512-byte transactions",
        genesis: &[],
        load: |nodes| full(nodes, 512, 512),
    },
    Case {
        name: "128-KiB transactions",
        genesis: &[],
        load: |nodes| full(nodes, 128 * 1024, 24),
    },
];

/// What one measurement found.
#[derive(Debug, Serialize)]
struct Figures {
    case: &'static str,
    seconds: f64,
    blocks_per_second: f64,
    committed_mb_per_second: f64,
    transactions_per_second: f64,
    final_ms: Percentiles,
    views_lost: u64,
    cpu_ms_per_node_and_view: Option<f64>,
    written_bytes_per_node_and_view: Option<f64>,
}

/// Runs all measurements, each on a network of its own.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    let program = args.program.path()?;
    let mut all = Vec::new();
    for case in &CASES {
        eprintln!("measuring: {}", case.name);
        all.push(
            measure(&program, &args, case)
                .await
                .with_context(|| case.name)?,
        );
    }
    print(&all);
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&all)?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(None)
}

/// Ten transactions a second, from all rollups together.
fn light() -> Result<Traffic> {
    let pace = Pace {
        interval: Duration::from_millis(200),
        in_flight: 64,
    };
    Ok(vec![(rollup::users(10)?, pace), (rollup::users(20)?, pace)])
}

/// As much as the network takes: to each node one stream with a bound on what is under way.
fn full(nodes: usize, size: usize, in_flight: usize) -> Result<Traffic> {
    let pace = Pace {
        interval: Duration::ZERO,
        in_flight,
    };
    (1_u64..)
        .take(nodes)
        .map(|id| Ok((rollup::filler(id, size)?, pace)))
        .collect()
}

async fn measure(program: &Path, args: &Args, case: &Case) -> Result<Figures> {
    let plan = Plan::equal(args.nodes.into())
        .with_genesis(case.genesis)
        .with_settings(&["--retention.archive"]);
    let mut network = Network::prepare(program, &plan)?;
    network.start().await?;
    let outcome = observe(&mut network, Duration::from_secs(args.seconds), case).await;
    let figures = network.explained(outcome)?;
    network.stop().await?;
    Ok(figures)
}

/// The state of the network at one moment.
struct Moment {
    at: Instant,
    height: Height,
    usage: Option<Usage>,
}

async fn moment(network: &Network) -> Result<Moment> {
    let mut sum = Some(Usage::default());
    for node in &network.nodes {
        let usage = node.process_id().and_then(Usage::of);
        sum = sum.zip(usage).map(|(sum, usage)| Usage {
            cpu_seconds: sum.cpu_seconds + usage.cpu_seconds,
            written_bytes: sum.written_bytes + usage.written_bytes,
        });
    }
    let height = chain::common_height(network).await?;
    Ok(Moment {
        at: Instant::now(),
        height,
        usage: sum,
    })
}

async fn observe(network: &mut Network, length: Duration, case: &Case) -> Result<Figures> {
    let mut load = Load::start(network, (case.load)(network.nodes.len())?)?;
    sleep(WARM_UP).await;
    let from = moment(network).await?;
    let end = from.at + length;
    while Instant::now() < end {
        network.check()?;
        let ended = load.check()?;
        ensure!(ended.is_empty(), "the load ended too early");
        sleep(Duration::from_millis(100)).await;
    }
    let to = moment(network).await?;
    let delivered = load.finish().await?;
    network.check()?;
    let blocks = chain::blocks(&network.nodes[0].api()?, from.height, to.height).await?;
    let headers = blocks.iter().map(|block| &block.header);
    let payload_bytes: u64 = headers
        .clone()
        .skip(1)
        .map(|header| u64::from(header.payload_len))
        .sum();
    let count = to.height.above(from.height);
    ensure!(count > 0, "no block became final");
    let seconds = (to.at - from.at).as_secs_f64();
    let inside = |height: Height| height > from.height && height <= to.height;
    let transactions = delivered
        .iter()
        .filter(|sent| inside(sent.position.height))
        .count();
    let views_lost = views_lost_inside(&blocks);
    let per_node_and_view = whole(count + views_lost) * whole(network.nodes.len() as u64);
    let usage = from.usage.zip(to.usage).map(|(from, to)| to.since(from));
    Ok(Figures {
        case: case.name,
        seconds,
        blocks_per_second: whole(count) / seconds,
        committed_mb_per_second: whole(payload_bytes) / seconds / 1e6,
        transactions_per_second: whole(transactions as u64) / seconds,
        final_ms: Percentiles::of(delivered.iter().map(|sent| sent.latency).collect()),
        views_lost,
        cpu_ms_per_node_and_view: usage.map(|usage| usage.cpu_seconds * 1e3 / per_node_and_view),
        written_bytes_per_node_and_view: usage
            .map(|usage| whole(usage.written_bytes) / per_node_and_view),
    })
}

/// Views lost between the first and the last of some blocks.
fn views_lost_inside(blocks: &[sequencer_client::types::Block]) -> u64 {
    let all = chain::views_lost(blocks.iter().map(|block| &block.header));
    // What lies before the first block belongs to another time.
    let before = chain::views_lost(blocks.first().map(|block| &block.header));
    all - before
}

fn print(all: &[Figures]) {
    println!(
        "| load | blocks/s | committed MB/s | tx/s | submit to final p50 / p99 ms | views lost | CPU ms a node and view | written to disk a node and view |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for figures in all {
        let latency = if figures.final_ms.p50 > 0.0 {
            format!("{:.0} / {:.0}", figures.final_ms.p50, figures.final_ms.p99)
        } else {
            "-".to_owned()
        };
        let cpu = figures
            .cpu_ms_per_node_and_view
            .map_or("-".into(), |ms| format!("{ms:.2}"));
        let written = figures
            .written_bytes_per_node_and_view
            .map_or("-".into(), rounded);
        println!(
            "| {} | {:.1} | {:.2} | {:.0} | {latency} | {} | {cpu} | {written} |",
            figures.case,
            figures.blocks_per_second,
            figures.committed_mb_per_second,
            figures.transactions_per_second,
            figures.views_lost,
        );
    }
}

/// Bytes as a person reads them, without fractions of a byte.
fn rounded(count: f64) -> String {
    // Counts here are far below 2^53 and not negative.
    let text = format!("{count:.0}");
    text.parse().map_or(text, bytes)
}
