//! `cargo xtask netns`: joining by network file, as a stranger would, from another network namespace.
//!
//! Three of four validators run here. A node without stake and the fourth validator, for which the committee waits,
//! run behind a link of their own that delays and loses packets. All they get is the network file.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::GenesisDocument;
use sequencer_client::client::{BlockId, NamespaceEvent};
use serde::Serialize;
use tempfile::TempDir;
use tokio::time::sleep;

pub(crate) mod link;

use self::link::{Link, Weather};
use crate::{
    chain,
    network::{Network, Node, Program, call},
    report::millis,
};

/// The measurements ask without a pause, which is more than a stranger may.
const SETTINGS: [&str; 2] = ["--api.public", "--api.source-rate=1000000"];
/// The last validator seldom leads, so that the chain grows without it.
const WEIGHTS: [u64; VALIDATORS] = [10, 10, 10, 1];
const VALIDATORS: usize = 4;
/// Those that run here; the last one joins.
const HERE: usize = 3;
/// The first port of each node; they are on addresses that nobody else uses.
const FIRST_PORT: u16 = 25_900;
const LIMIT: Duration = Duration::from_secs(120);
const NAMESPACE: u64 = 7;
/// Transactions that are timed.
const SENT: u64 = 20;

/// Arguments of `netns`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long a packet takes, in each direction
    #[arg(long, value_name = "MS", default_value_t = 50)]
    delay_ms: u32,
    /// How many of a hundred packets are lost, in each direction
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0)]
    loss_percent: f64,
    /// Blocks that the chain has before anybody joins
    #[arg(long, default_value_t = 120)]
    blocks: u64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    program: Program,
}

#[derive(Debug, Serialize)]
struct Outcome {
    delay_ms: u32,
    loss_percent: f64,
    /// Without it the link was fast and reliable.
    netem: bool,
    /// From `run` of an empty node without stake until it was ready at the head.
    joined_ms: f64,
    /// How long after a validator here the node without stake serves a new final block.
    lag_p50_ms: f64,
    lag_max_ms: f64,
    /// From submitting to the node without stake until it serves the transaction as final.
    submit_to_final_p50_ms: f64,
    submit_to_final_max_ms: f64,
    proofs_verified: u64,
    /// From `run` of the empty fourth validator until its signature was in a certificate.
    voted_ms: f64,
}

/// Joins a network from elsewhere, or says why that can't be tried.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    if let Some(obstacle) = link::obstacle() {
        eprintln!("skipped: {obstacle}");
        return Ok(None);
    }
    let program = args.program.path()?;
    let outcome = Scene::prepare(&program)?.play(&args).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
        return Ok(None);
    }
    println!();
    println!("a node without stake, by network file over the link");
    println!(
        "  ready at the head after        {:.1} s",
        outcome.joined_ms / 1e3
    );
    println!(
        "  serves a final block after     {:.0} ms (at most {:.0} ms)",
        outcome.lag_p50_ms, outcome.lag_max_ms
    );
    println!(
        "  submit to final, through it    {:.0} ms (at most {:.0} ms)",
        outcome.submit_to_final_p50_ms, outcome.submit_to_final_max_ms
    );
    println!(
        "  proofs verified                {}",
        outcome.proofs_verified
    );
    println!("the fourth validator, the same way");
    println!(
        "  its vote is in a certificate   {:.1} s",
        outcome.voted_ms / 1e3
    );
    Ok(None)
}

/// Everything that is removed in the end: the processes first, then the link and the directory.
struct Scene {
    here: Vec<Node>,
    follower: Node,
    fourth: Node,
    genesis: GenesisDocument,
    file: PathBuf,
    link: Link,
    directory: TempDir,
}

impl Scene {
    fn prepare(program: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("sequencer-").tempdir()?;
        let link = Link::new()?;
        let node = |index: usize| {
            let ip = if index < HERE { link.here } else { link.there };
            let first = FIRST_PORT + 3 * u16::try_from(index).unwrap_or(0);
            let addresses = [0, 1, 2].map(|port| SocketAddr::from((ip, first + port)));
            let node = Node::at(program, directory.path(), index, addresses);
            match index < HERE {
                true => node,
                false => node.inside(&link.namespace),
            }
        };
        let mut validators: Vec<Node> = (0..VALIDATORS).map(&node).collect();
        let genesis_file = directory.path().join("genesis.toml");
        let mut entries = Vec::new();
        for node in &validators {
            let entry = directory
                .path()
                .join(format!("validator{}.toml", node.index));
            node.make_keys("netns", WEIGHTS[node.index], &[], &entry)?;
            entries.push(entry);
        }
        let mut new = Command::new(program);
        new.args(["genesis", "new", "--out"]).arg(&genesis_file);
        call(new.arg("--validator").args(&entries))?;
        let settings = SETTINGS.map(str::to_owned);
        for node in &validators[..HERE] {
            node.initialize(&genesis_file, &settings)?;
        }
        let file = directory.path().join("network.toml");
        let bootnode = validators[0].bootnode()?;
        let mut export = Command::new(program);
        export.args(["network", "export", "--bootnode", &bootnode]);
        export
            .arg("--genesis")
            .arg(&genesis_file)
            .arg("--out")
            .arg(&file);
        call(&mut export)?;
        let text = std::fs::read_to_string(&genesis_file)?;
        let fourth = validators.pop().context("four validators")?;
        Ok(Self {
            here: validators,
            follower: node(VALIDATORS),
            fourth,
            genesis: toml::from_str(&text)?,
            file,
            link,
            directory,
        })
    }

    async fn play(mut self, args: &Args) -> Result<Outcome> {
        let outcome = self.join(args).await;
        if outcome.is_err() {
            for node in self.here.iter().chain([&self.follower, &self.fourth]) {
                eprintln!("last lines of {node}:\n{}", node.last_lines());
            }
            let kept = self.directory.keep();
            eprintln!("logs and data are in {}", kept.display());
        }
        outcome
    }

    async fn join(&mut self, args: &Args) -> Result<Outcome> {
        let weather = Weather {
            delay_ms: args.delay_ms,
            loss_percent: args.loss_percent,
        };
        let spoiled = self.link.spoil(weather);
        if let Err(error) = &spoiled {
            eprintln!("the link stays fast and reliable: {error:#}");
        }
        println!(
            "three of four validators run, a chain of {} blocks grows",
            args.blocks
        );
        for node in &mut self.here {
            node.start()?;
        }
        for node in &mut self.here {
            node.reach(hotshot_types::Height(args.blocks), Instant::now() + LIMIT)
                .await?;
        }
        println!("a node without stake joins by network file");
        let joined = self.follow().await?;
        let mut lags = self.lags().await?;
        let (mut waits, proofs) = self.orders().await?;
        println!("the fourth validator joins by network file");
        let voted = self.complete().await?;
        Ok(Outcome {
            delay_ms: args.delay_ms,
            loss_percent: args.loss_percent,
            netem: spoiled.is_ok(),
            joined_ms: millis(joined),
            lag_p50_ms: millis(median(&mut lags)?),
            lag_max_ms: millis(lags.last().copied().unwrap_or_default()),
            submit_to_final_p50_ms: millis(median(&mut waits)?),
            submit_to_final_max_ms: millis(waits.last().copied().unwrap_or_default()),
            proofs_verified: proofs,
            voted_ms: millis(voted),
        })
    }

    async fn follow(&mut self) -> Result<Duration> {
        let head = self.here[0].api()?.status().await?.final_height;
        self.follower.join(&self.file, &SETTINGS)?;
        let start = Instant::now();
        self.follower.start()?;
        self.follower.reach(head, start + LIMIT).await?;
        Ok(start.elapsed())
    }

    /// How long after the first validator the follower has each of some blocks, as seen from here: the way of the
    /// answer from the follower is part of it.
    async fn lags(&self) -> Result<Vec<Duration>> {
        let (source, copy) = (self.here[0].api()?, self.follower.api()?);
        let mut lags = Vec::new();
        for _ in 0..30 {
            let before = source.status().await?.final_height;
            let mut now = before;
            while now == before {
                now = source.status().await?.final_height;
            }
            let seen = Instant::now();
            while copy.status().await?.final_height < now {
                ensure!(
                    seen.elapsed() < LIMIT,
                    "the node without stake does not follow"
                );
            }
            lags.push(seen.elapsed());
        }
        Ok(lags)
    }

    /// Submits to the follower and reads everything back from it, proven.
    async fn orders(&self) -> Result<(Vec<Duration>, u64)> {
        let namespace = NamespaceId::new(NAMESPACE).context("a namespace")?;
        let client = self.follower.client(&self.genesis)?;
        let (mut waits, mut proofs) = (Vec::new(), 0);
        let mut first = None;
        for number in 0..SENT {
            let text = Bytes::from(format!("transaction {number} from afar"));
            let start = Instant::now();
            let sent = client
                .api()
                .submit(namespace, text.clone(), Some(LIMIT / 2))
                .await?;
            waits.push(start.elapsed());
            let found = client.transaction(sent.hash, Some(namespace)).await?;
            ensure!(found.bytes == text, "another transaction");
            first.get_or_insert(found.block.header.height);
            proofs += 1;
        }
        let (_, entry) = client.accumulator(BlockId::Latest, namespace).await?;
        ensure!(entry.block_count > 0, "no block of the namespace is proven");
        let first = first.context("nothing was sent")?;
        let mut stream = client.follow(namespace, first).await?;
        let mut streamed = 0;
        while streamed < SENT {
            match stream.next().await? {
                NamespaceEvent::Block(_, body) => {
                    streamed += u64::try_from(body.transactions().count())?;
                    proofs += 1;
                }
                NamespaceEvent::Complete(_) => sleep(Duration::from_millis(1)).await,
            }
        }
        Ok((waits, proofs + 1))
    }

    async fn complete(&mut self) -> Result<Duration> {
        let head = self.here[0].api()?.status().await?.final_height;
        self.fourth.join(&self.file, &SETTINGS)?;
        let start = Instant::now();
        self.fourth.start()?;
        self.fourth.reach(head, start + LIMIT).await?;
        chain::voted_above(&self.fourth, head, LIMIT).await?;
        Ok(start.elapsed())
    }
}

fn median(durations: &mut [Duration]) -> Result<Duration> {
    durations.sort_unstable();
    let middle = durations.get(durations.len() / 2);
    middle.copied().context("nothing was measured")
}
