//! The command line: one binary, one file for each verb.
//!
//! Results go to stdout, progress and logs to stderr. Each verb ends in one of the codes of `exit`.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

mod block;
mod completions;
mod config;
mod db;
mod doctor;
mod exit;
mod genesis;
mod init;
mod keys;
mod l1;
mod man;
mod namespace;
mod network;
mod proof;
mod protection;
mod relay;
mod remote;
mod run;
mod stake;
mod status;
mod tx;
mod version;
mod watchtower;

use exit::Failure;
use program::output;

/// A node of a decentralized sequencer network, and the tools to use one.
#[derive(Debug, Parser)]
#[command(
    name = "sequencer",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(
    after_help = program::EXIT_CODES
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Prepare a data directory
    Init(init::Args),
    /// Make, move and inspect keys
    Keys(keys::Args),
    /// Make and check genesis documents
    Genesis(genesis::Args),
    /// Look for what would keep a node from running well
    Doctor(doctor::Args),
    /// Show and check settings
    Config(config::Args),
    /// Write and check the file that others join a network with
    Network(network::Args),
    /// Run a node
    Run(run::Args),
    /// Look at, check, copy and repair a node's database
    Db(db::Args),
    /// Submit and look up transactions
    Tx(tx::Args),
    /// Look at final blocks
    Block(block::Args),
    /// Read the transactions of a namespace, verified
    Namespace(namespace::Args),
    /// Verify proof files offline
    Proof(proof::Args),
    /// Show and move the safety record of a consensus key
    Protection(protection::Args),
    /// Keep the network's light clients on L1s up to date; anybody may
    Relay(relay::Args),
    /// Report misbehaviour of validators to the contracts on L1s; anybody may
    Watchtower(watchtower::Args),
    /// Register a validator, and move stake in and out
    Stake(stake::Args),
    /// Show how a node is doing
    Status(status::Args),
    /// Print a script that lets a shell complete arguments
    Completions(completions::Args),
    /// Print or write the manual pages
    Man(man::Args),
    /// Show the version
    Version(version::Args),
}

impl Verb {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Init(args) => init::run(args).await,
            Self::Keys(args) => keys::run(args).await,
            Self::Genesis(args) => genesis::run(args).await,
            Self::Doctor(args) => doctor::run(args).await,
            Self::Config(args) => config::run(args),
            Self::Network(args) => network::run(args).await,
            Self::Run(args) => run::run(args).await,
            Self::Db(args) => db::run(args).await,
            Self::Tx(args) => tx::run(args).await,
            Self::Block(args) => block::run(args).await,
            Self::Namespace(args) => namespace::run(args).await,
            Self::Proof(args) => proof::run(args).await,
            Self::Protection(args) => protection::run(args).await,
            Self::Relay(args) => relay::run(args).await,
            Self::Watchtower(args) => watchtower::run(args).await,
            Self::Stake(args) => stake::run(args).await,
            Self::Status(args) => status::run(args).await,
            Self::Completions(args) => completions::run(&args, Cli::command()),
            Self::Man(args) => man::run(&args, Cli::command()),
            Self::Version(args) => version::run(args).await,
        }
    }
}

/// Runs the program with the arguments and environment of the process.
#[must_use]
pub fn main() -> ExitCode {
    program::run(Cli::parse().verb.run())
}

#[cfg(test)]
mod tests;
