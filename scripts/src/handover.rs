//! `cargo xtask handover`: a stranger becomes a validator, one of the first leaves, under load.
//!
//! Four validators run here with committees from the stake table. The fifth is in another network
//! namespace and gets a network file, an account with tokens and the URL of the L1, nothing else.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use hotshot_types::{Committee, Epoch, Height, ValidatorIndex};
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    chain, contracts, l1,
    netns::link::{Link, obstacle},
    network::{Network, Node, Plan, Program, answer},
    report::millis,
    traffic::{
        load::{Load, Pace},
        rollup,
    },
};

/// The load and the measurements ask more often than a stranger may.
const SETTINGS: [&str; 3] = [
    "--api.public",
    "--api.source-rate=1000000",
    "--retention.archive",
];
const EPOCH_LENGTH: &str = "60";
/// Who leaves; the relayer and the load's readers stay with the others.
const LEAVES: usize = 3;
const FIFTH: usize = 4;
/// The fifth validator's ports, on an address that nobody else uses.
const FIRST_PORT: u16 = 25_900;
/// How long the load goes on after each change.
const AFTER: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(180);

/// Arguments of `handover`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    program: Program,
}

#[derive(Debug, Serialize)]
struct Figures {
    /// From the newcomer's registration until a committee with it was in force.
    joined_ms: f64,
    /// Until its signature was in a certificate.
    voted_ms: f64,
    /// Epochs from the one of the registration to that of its committee.
    epochs_to_join: u64,
    /// From the announcement until a committee without the one that leaves was in force.
    left_ms: f64,
    epochs_to_leave: u64,
    blocks: u64,
    /// From the start of the load to the newcomer's first vote.
    views_lost_joining: u64,
    views_lost_after: u64,
    transactions: u64,
}

/// Runs the scenario, or says why that can't be tried.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    if let Some(obstacle) = obstacle() {
        eprintln!("skipped: {obstacle}");
        return Ok(None);
    }
    contracts::build()?;
    let program = args.program.path()?;
    let link = Link::new()?;
    let mut plan = Plan::equal(4)
        .with_genesis(&["--epoch-length", EPOCH_LENGTH])
        .with_settings(&SETTINGS);
    plan.ip = link.here;
    let step = |what: &str| eprintln!("{what}");
    let mut network = l1::network(&program, plan, 1, step).await?;
    let outcome = play(&mut network, &program, &link).await;
    let figures = network.explained(outcome)?;
    network.stop().await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
        return Ok(None);
    }
    println!();
    println!(
        "a fifth validator, from another network namespace\n  in the committee  after {:.1} s, {} epochs later\n  \
         its vote          in a certificate after {:.1} s",
        figures.joined_ms / 1e3,
        figures.epochs_to_join,
        figures.voted_ms / 1e3
    );
    println!(
        "one of the first four leaves\n  out               after {:.1} s, {} epochs later; then its process ended",
        figures.left_ms / 1e3,
        figures.epochs_to_leave
    );
    println!(
        "under load\n  {} transactions final in {} blocks; {} views lost until the newcomer voted, {} after",
        figures.transactions, figures.blocks, figures.views_lost_joining, figures.views_lost_after
    );
    Ok(None)
}

async fn play(network: &mut Network, program: &Path, link: &Link) -> Result<Figures> {
    let pace = Pace {
        interval: Duration::from_millis(50),
        in_flight: 64,
    };
    let mut load = Load::start(network, vec![(rollup::users(10)?, pace)])?;
    let mut delivered = Vec::new();
    let from = chain::common_height(network).await?;

    let file = network_file(network)?;
    let l1 = network.l1.as_ref().context("there is no L1")?;
    let account = l1.newcomer().await?;
    let url = l1.home().url.clone();
    let fifth = stranger(program, network.directory(), link);
    fifth.tool_output(&["keys", "new", "--development"])?;
    fifth.join(&file, &[&SETTINGS[..], &["--l1.endpoints", &url]].concat())?;
    eprintln!("the newcomer registers");
    let before = newest(network).await?;
    let start = Instant::now();
    let fifth = tokio::task::spawn_blocking(move || register(fifth, &url, &account)).await??;
    network.nodes.push(fifth);
    network.nodes[FIFTH].start()?;
    let joined = committee_of(network, 5).await?;
    let joined_after = start.elapsed();
    eprintln!("it is in the committee of epoch {}", joined.epoch());
    let stranger = joined
        .members()
        .iter()
        .position(|member| before.members().iter().all(|known| known.key != member.key));
    let stranger = ValidatorIndex::at(stranger.context("the fifth has no new key")?);
    let voted = signed(network, stranger).await?;
    let voted_after = start.elapsed();
    ensure!(voted > from, "it voted before it came");
    sleep(AFTER).await;
    delivered.extend(load.check()?);

    eprintln!("one of the first four announces that it leaves");
    let announced = newest(network).await?.epoch();
    let start = Instant::now();
    let l1 = network.l1.as_ref().context("there is no L1")?;
    l1.exit(network, LEAVES).await?;
    let left = committee_of(network, 4).await?;
    let left_after = start.elapsed();
    eprintln!("it is not in the committee of epoch {}", left.epoch());
    sleep(AFTER).await;
    delivered.extend(load.finish().await?);
    network.check()?;
    network.nodes[LEAVES].ask_to_stop()?;
    network.nodes[LEAVES].stopped().await?;
    sleep(AFTER).await;
    let blocks = chain::agreed(network).await?;
    let lost_up_to = |height: Height| {
        let headers = blocks.iter().map(|block| &block.header);
        chain::views_lost(headers.take_while(|header| header.height <= height))
    };
    let (earlier, joining) = (lost_up_to(from), lost_up_to(voted));
    Ok(Figures {
        joined_ms: millis(joined_after),
        voted_ms: millis(voted_after),
        epochs_to_join: joined.epoch().0 - before.epoch().0,
        left_ms: millis(left_after),
        epochs_to_leave: left.epoch().0 - announced.0,
        blocks: blocks.len() as u64 - from.0,
        views_lost_joining: joining - earlier,
        views_lost_after: lost_up_to(Height::MAX) - joining,
        transactions: delivered.len() as u64,
    })
}

/// What a stranger is given.
fn network_file(network: &Network) -> Result<PathBuf> {
    let file = network.directory().join("network.toml");
    let mut export = network.nodes[0].program();
    export.args([
        "network",
        "export",
        "--bootnode",
        &network.nodes[0].bootnode()?,
    ]);
    export.arg("--genesis").arg(network.genesis_file());
    answer(export.arg("--out").arg(&file))?;
    Ok(file)
}

fn stranger(program: &Path, directory: &Path, link: &Link) -> Node {
    let addresses = [0, 1, 2].map(|port| SocketAddr::from((link.there, FIRST_PORT + port)));
    Node::at(program, directory, FIFTH, addresses).inside(&link.namespace)
}

/// Stakes, as its operator would.
fn register(node: Node, l1: &str, account: &Path) -> Result<Node> {
    let genesis = node.home().join("genesis.toml");
    node.tool_output(&[
        "stake",
        "register",
        "--amount",
        "10",
        "--address",
        &node.p2p_multiaddr(),
        "--l1",
        l1,
        "--genesis",
        path(&genesis)?,
        "--account",
        path(account)?,
    ])?;
    Ok(node)
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

/// The committee in force.
async fn newest(network: &Network) -> Result<Committee> {
    let api = network.nodes[0].api()?;
    let epoch = api.status().await?.epoch;
    Ok(api.epoch(epoch.max(Epoch::FIRST)).await?.committee)
}

/// The committee in force, once it has so many members.
async fn committee_of(network: &mut Network, members: usize) -> Result<Committee> {
    let deadline = Instant::now() + LIMIT;
    loop {
        network.check()?;
        let committee = newest(network).await?;
        if committee.len() == members {
            return Ok(committee);
        }
        ensure!(
            Instant::now() < deadline,
            "epoch {} still has {} members",
            committee.epoch(),
            committee.len()
        );
        sleep(Duration::from_millis(50)).await;
    }
}

/// The first block with a certificate that a validator signed.
async fn signed(network: &mut Network, validator: ValidatorIndex) -> Result<Height> {
    let deadline = Instant::now() + LIMIT;
    let api = network.nodes[0].api()?;
    let epoch = newest(network).await?.epoch();
    loop {
        network.check()?;
        let top = api.status().await?.final_height;
        let page = api.blocks(Height(top.0.saturating_sub(20)), 20).await?;
        let found = page.blocks.into_iter().find(|block| {
            let signed = |signers: &hotshot_types::Signers| signers.contains(validator);
            let certificate = block.certificate.as_ref();
            block.header.epoch >= epoch && certificate.is_some_and(|fc| signed(&fc.signers))
        });
        if let Some(block) = found {
            return Ok(block.header.height);
        }
        ensure!(
            Instant::now() < deadline,
            "no certificate has its signature"
        );
        sleep(Duration::from_millis(50)).await;
    }
}
