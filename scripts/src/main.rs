//! The project's tasks: `cargo xtask demo`, `test`, `ci` and more.
//!
//! Tasks that need a network start real `sequencer` processes and talk to them over HTTP, as
//! anybody else would. None of them leaves a process behind.

#![expect(clippy::print_stdout, reason = "tasks talk to whoever runs them")]

mod bench;
mod catch_up;
mod chain;
mod ci;
mod contracts;
mod corrupt;
mod demo;
mod gas;
mod handover;
mod l1;
mod l1_faults;
mod localnet;
mod netns;
mod network;
mod report;
mod rollup;
mod signals;
mod sim;
mod streams;
mod test;
mod torture;
mod traffic;
mod usage;
mod vectors;
mod workspace;

use std::{future::Future, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// The project's tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Show a network at work: traffic, a crash, a restart, and every namespace verified
    Demo(demo::Args),
    /// Run a local network until Ctrl-C
    Localnet(localnet::Args),
    /// Install the contracts' tools with npm and build the contracts
    Contracts(contracts::Args),
    /// Measure what calls of the contracts cost and print a table
    Gas(gas::Args),
    /// Run every test there is
    Test(test::Args),
    /// Run every check: format, lints, layers, licenses, docs, vectors, tests
    Ci(ci::Args),
    /// Attack the consensus state machine in simulated worlds
    Sim(sim::Args),
    /// Write the golden vectors, or check that they are up to date
    Vectors(vectors::Args),
    /// Measure a local network and print a table
    Bench(bench::Args),
    /// Kill nodes at random under load and check that nothing is lost
    Torture(torture::Args),
    /// Read from one node over many streams, some of them slow, and print what that costs the others
    Streams(streams::Args),
    /// Let empty nodes catch up with a long chain
    CatchUp(catch_up::Args),
    /// Join a network by its network file over a slow and lossy link, from another network namespace
    Netns(netns::Args),
    /// A fifth validator joins from another network namespace with a network file and an L1 URL, then
    /// one of the first leaves, under load
    Handover(handover::Args),
    /// Disturb a network's view of the L1: endpoints dead, rate-limited, lagging and lying in turns
    L1Faults(l1_faults::Args),
    /// Play what a rollup's users do when nobody serves them: a forced transaction, a pin while the sequencer
    /// stands still, a second L1 that takes no money
    Rollup(rollup::scenarios::Args),
    /// Kill a rollup node again and again under mixed traffic, rebuild one from nothing, compare all blocks, and
    /// execute them once more in plain revm
    Replay(rollup::replay::Args),
    /// Flip bytes in every file of a node's database: each is named and repaired, or refused
    Corrupt(corrupt::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Demo(args) => with_network(demo::run(args)),
        Task::Localnet(args) => with_network(localnet::run(args)),
        Task::Bench(args) => with_network(bench::run(args)),
        Task::Torture(args) => with_network(torture::run(args)),
        Task::Streams(args) => with_network(streams::run(args)),
        Task::CatchUp(args) => with_network(catch_up::run(args)),
        Task::Netns(args) => with_network(netns::run(args)),
        Task::Handover(args) => with_network(handover::run(args)),
        Task::L1Faults(args) => with_network(l1_faults::run(args)),
        Task::Rollup(args) => with_network(rollup::scenarios::run(args)),
        Task::Replay(args) => with_network(rollup::replay::run(args)),
        Task::Corrupt(args) => with_network(corrupt::run(args)),
        Task::Contracts(args) => contracts::run(&args),
        Task::Gas(args) => gas::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Ci(args) => ci::run(&args),
        Task::Sim(args) => sim::run(&args),
        Task::Vectors(args) => vectors::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a task that owns processes. A signal ends it early, and whatever it owns ends with it. A
/// network that the task leaves up runs until a signal, which is then no failure.
fn with_network(
    task: impl Future<Output = anyhow::Result<Option<network::Network>>>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let left_up = tokio::select! {
            outcome = task => outcome?,
            name = signals::received() => anyhow::bail!("interrupted by {}", name?),
        };
        match left_up {
            Some(network) => localnet::hold(network).await,
            None => Ok(()),
        }
    })
}
