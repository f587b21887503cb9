//! `cargo xtask localnet`: a network to work with, until Ctrl-C.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::{
    contracts, l1,
    network::{Network, Plan, Program},
    signals,
};

/// Arguments of `localnet`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many validators
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=100))]
    nodes: u8,
    /// Setting for every node, as for `sequencer init`, for example --set=--log.filter=debug
    #[arg(long = "set", value_name = "OPTION", allow_hyphen_values = true)]
    settings: Vec<String>,
    /// Option for `sequencer genesis new`, for example --genesis=--epoch-length=10
    #[arg(long = "genesis", value_name = "OPTION", allow_hyphen_values = true)]
    genesis: Vec<String>,
    /// L1s to run with it: committees come from a stake table on the first one, and a relayer keeps
    /// a light client on each up to date
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=4))]
    l1: u8,
    /// Leave the data directories behind
    #[arg(long)]
    keep_directory: bool,
    #[command(flatten)]
    program: Program,
}

/// Starts the network and leaves it up.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    if args.l1 > 0 {
        contracts::build()?;
    }
    let program = args.program.path()?;
    let mut plan = Plan::equal(args.nodes.into());
    plan.genesis.extend(args.genesis);
    plan.settings.extend(args.settings);
    plan.keep_directory = args.keep_directory;
    if args.l1 > 0 {
        let step = |what: &str| println!("{what}");
        return Ok(Some(l1::network(&program, plan, args.l1, step).await?));
    }
    let mut network = Network::prepare(&program, &plan)?;
    network.start().await?;
    Ok(Some(network))
}

/// Says where everything is, waits for a signal and stops the nodes in order. Fails if a node
/// ends before.
pub(crate) async fn hold(mut network: Network) -> Result<()> {
    describe(&network);
    let watch = async {
        loop {
            network.check()?;
            sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        ended = watch => return ended,
        name = signals::received() => println!("{}: stopping", name?),
    }
    network.stop().await
}

fn describe(network: &Network) {
    println!("{} nodes are up", network.nodes.len());
    for node in &network.nodes {
        println!("  {node}  {}  {}", node.url(), node.metrics_url());
    }
    if let Some(l1) = &network.l1 {
        println!("{}", l1.describe());
    }
    println!("  genesis and logs in {}", network.directory().display());
    if let Some(node) = network.nodes.first() {
        println!("try: curl {}/v1/status", node.url());
    }
    println!("Ctrl-C stops them");
}
