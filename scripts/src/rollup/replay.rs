//! `cargo xtask replay`: nodes that die and nodes that start from nothing make the same blocks, and plain revm makes the
//! same states of the same transactions.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hotshot_types::Address;
use light_client::Account;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::Serialize;
use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    inclusion::{self, Included},
    node::RollupNode,
    round::Evm,
    setup,
};
use crate::{
    contracts, l1,
    network::{Network, Plan, Program, eventually},
    report::{Percentiles, grouped, millis, whole},
};

mod lag;
mod oracle;
mod reads;
mod traffic;

use oracle::{Checked, Oracle};
use traffic::Traffic;

const EPOCH_LENGTH: &str = "150";
/// Accounts that send.
const USERS: u8 = 8;
/// How long everything may take for each block, on a slow machine, and at least.
const BLOCK_LIMIT: Duration = Duration::from_millis(600);
const LEAST_LIMIT: Duration = Duration::from_secs(120);
/// Lines that tell how far it is.
const PROGRESS: u64 = 10;
/// Blocks in which a transaction is looked for.
const TRIES: u32 = 1_000;
/// Deposits of the run, and what each is, in wei.
const DEPOSITS: u64 = 12;
const DEPOSIT: u128 = 500_000_000_000_000_000;

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Blocks of the rollup to make
    #[arg(long, default_value_t = 500)]
    blocks: u64,
    /// How often a node is killed meanwhile
    #[arg(long, default_value_t = 5)]
    kills: u32,
    /// Seed of the traffic, and of the moments of the kills
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    program: Program,
}

#[derive(Debug, Serialize)]
struct Figures {
    blocks: u64,
    /// What the traffic handed in, good or bad.
    sent: u64,
    checked: Checked,
    kills: u32,
    /// From a final block of the sequencer to the rollup's block, as somebody sees it who asks both.
    lag_ms: Percentiles,
    /// An answer of that node to a reader, meanwhile.
    read_ms: Percentiles,
    rebuild_ms: f64,
    rebuild_blocks_per_s: f64,
    /// The sequencer's block of a random transaction whose proof the light client on the L1 believed, and how many
    /// changed ones it refused.
    proven_in: u64,
    refused: u64,
}

/// What measures until it is asked for the figures.
struct Measuring {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Vec<Duration>>>,
}

impl Measuring {
    fn start<F>(measure: impl FnOnce(watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = Result<Vec<Duration>>> + Send + 'static,
    {
        let (stop, stopping) = watch::channel(false);
        Self {
            stop,
            task: tokio::spawn(measure(stopping)),
        }
    }

    async fn figures(self) -> Result<Vec<Duration>> {
        self.stop.send_replace(true);
        self.task.await.context("a measurement panicked")?
    }
}

/// Runs the task.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    contracts::build()?;
    let program = args.program.path()?;
    let start = Instant::now();
    let step = |what: &str| eprintln!("{:6.1} s  {what}", start.elapsed().as_secs_f64());
    let plan = Plan::equal(4)
        .with_settings(&["--retention.archive", "--api.source-rate=1000000"])
        .with_genesis(&["--epoch-length", EPOCH_LENGTH]);
    let mut network = l1::network(&program, plan, 1, step).await?;
    let users: Vec<Account> = (0..USERS)
        .map(|user| Account::of(&[user]))
        .collect::<Result<_, _>>()?;
    let rich: Vec<Address> = users.iter().map(Account::address).collect();
    step("starting two nodes of an EVM rollup");
    let mut evm = Evm::start(&network, &setup::beside(&program, "rollup")?, None, &rich).await?;
    let outcome = play(&args, &mut network, &mut evm, users, &rich, step).await;
    let figures = network.explained(outcome)?;
    evm.stop().await?;
    network.stop().await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        println!("{figures}");
    }
    Ok(None)
}

async fn play(
    args: &Args,
    network: &mut Network,
    evm: &mut Evm,
    users: Vec<Account>,
    rich: &[Address],
    step: impl Fn(&str) + Copy,
) -> Result<Figures> {
    step(&format!(
        "mixed traffic until the rollup has {} blocks; {} kills on the way",
        grouped(args.blocks),
        args.kills
    ));
    let mut traffic = Traffic::start(network, &evm.nodes[0], users, args.seed).await?;
    let lag = lag::watch(network, &evm.nodes[0])?;
    let reads = reads::start(&evm.nodes[0].endpoint, rich.to_vec());
    disturb(args, network, evm, &mut traffic, step).await?;
    let reads = reads.figures().await?;
    let sent = traffic.stop().await?;
    let lags = lag.figures().await?;
    let target = evm.nodes[0].level("latest").await?;
    let limit = LEAST_LIMIT + BLOCK_LIMIT * u32::try_from(target)?;
    step("waiting for the node that was killed, then one from an empty disk");
    evm.nodes[1].reach(target, limit).await?;
    let mut third = evm.rollup.node("third", &[])?;
    let begun = Instant::now();
    third.start().await?;
    third.reach(target, limit).await?;
    let rebuild = begun.elapsed();
    step("comparing all blocks, and replaying them in plain revm");
    let nodes: Vec<&RollupNode> = evm.nodes.iter().chain([&third]).collect();
    let blocks = super::node::same(&nodes, 0, target).await?;
    let mut oracle = Oracle::new(&third.endpoint, rich).await?;
    for number in 1..=target {
        oracle.replay(&third.endpoint, number).await?;
    }
    let Checked {
        transactions,
        deposits,
        ..
    } = oracle.checked;
    ensure!(
        transactions > 0 && deposits == DEPOSITS,
        "the blocks hold {transactions} transactions and {deposits} deposits of {DEPOSITS}"
    );
    step("proving a random transaction here and in the light client on the L1");
    let included = prove(args.seed, network, evm, &third, target).await?;
    evm.check()?;
    third.stop().await?;
    Ok(Figures {
        proven_in: included.height,
        refused: included.refused,
        blocks,
        sent,
        checked: oracle.checked,
        kills: args.kills,
        lag_ms: Percentiles::of(lags),
        read_ms: Percentiles::of(reads),
        rebuild_ms: millis(rebuild),
        rebuild_blocks_per_s: whole(target) / rebuild.as_secs_f64(),
    })
}

/// Proves a transaction of a random block, on the L1 too, and has each value of the proof changed once.
async fn prove(
    seed: u64,
    network: &Network,
    evm: &Evm,
    node: &RollupNode,
    blocks: u64,
) -> Result<Included> {
    let wallet = evm.wallet(0).await?.at(&node.endpoint);
    let mut random = StdRng::seed_from_u64(seed);
    let mut id = None;
    // Most blocks hold a good transaction.
    for _ in 0..TRIES {
        let number = random.random_range(1..=blocks);
        let block = wallet.ask("rollup_getBlock", json!([number])).await?;
        let inputs = block["inputs"].as_array().context("no inputs")?;
        let mut sent = inputs
            .iter()
            .filter(|input| input["origin"]["message"].is_null() && input["skipped"].is_null());
        if let Some(input) = sent.next_back() {
            id = Some(input["id"].as_str().context("no id")?.parse()?);
            break;
        }
    }
    let id = id.context("no block holds a transaction that was executed")?;
    let included = inclusion::offline(network, &wallet, id, &evm.rollup).await?;
    inclusion::on_l1(network, included).await
}

/// Kills the second node at random moments and deposits now and then, until there are enough blocks.
async fn disturb(
    args: &Args,
    network: &mut Network,
    evm: &mut Evm,
    traffic: &mut Traffic,
    step: impl Fn(&str),
) -> Result<()> {
    let mut random = StdRng::seed_from_u64(args.seed);
    let limit = LEAST_LIMIT + BLOCK_LIMIT * u32::try_from(args.blocks)?;
    let deadline = Instant::now() + limit;
    let (mut kills, mut deposits, mut told) = (0, 0, 1);
    loop {
        ensure!(
            Instant::now() < deadline,
            "there are not enough blocks after {} s",
            limit.as_secs()
        );
        let latest = evm.nodes[0].level("latest").await?;
        network.check()?;
        evm.check()?;
        traffic.check()?;
        if latest >= args.blocks * told / PROGRESS {
            step(&format!("{} blocks", grouped(latest)));
            told = latest * PROGRESS / args.blocks + 1;
        }
        if deposits < DEPOSITS && latest >= args.blocks * deposits / DEPOSITS {
            let user = Account::of(&[u8::try_from(deposits)? % USERS])?.address();
            evm.deposit(DEPOSIT, user).await?;
            deposits += 1;
        }
        if kills < args.kills && latest >= args.blocks * u64::from(kills) / u64::from(args.kills) {
            let pause = Duration::from_millis(random.random_range(20..400));
            tokio::time::sleep(pause).await;
            evm.nodes[1].kill()?;
            evm.nodes[1].start().await?;
            kills += 1;
        }
        if latest >= args.blocks && kills == args.kills && deposits == DEPOSITS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The last deposit comes with finality of the L1.
    let arrived = async || -> Result<()> {
        let status = evm.nodes[0].status().await?;
        let messages = status["messages"].as_u64().context("no messages")?;
        ensure!(messages >= DEPOSITS, "{messages} messages are executed");
        Ok(())
    };
    eventually(LEAST_LIMIT, "the last deposit", arrived).await
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Checked {
            transactions,
            failed,
            creations,
            logs,
            deposits,
        } = &self.checked;
        writeln!(
            f,
            "{} blocks are the same on three nodes, one killed {} times, one from an empty disk",
            grouped(self.blocks),
            self.kills
        )?;
        writeln!(
            f,
            "  plain revm        has the same state root after each: {} transactions ({failed} failed, {creations} creations, {logs} logs), {deposits} deposits",
            grouped(*transactions)
        )?;
        writeln!(
            f,
            "  traffic           {} handed in, good and bad",
            grouped(self.sent)
        )?;
        writeln!(
            f,
            "  lag               p50 {:.0} ms, p99 {:.0} ms from final to executed",
            self.lag_ms.p50, self.lag_ms.p99
        )?;
        writeln!(
            f,
            "  reads             p50 {:.1} ms, p99 {:.1} ms, {} a second",
            self.read_ms.p50,
            self.read_ms.p99,
            reads::RATE
        )?;
        writeln!(
            f,
            "  empty disk        {:.1} s, {:.0} blocks/s",
            self.rebuild_ms / 1e3,
            self.rebuild_blocks_per_s
        )?;
        write!(
            f,
            "  proven on L1      a random transaction, of block {}; {} changed proofs refused",
            self.proven_in, self.refused
        )
    }
}
