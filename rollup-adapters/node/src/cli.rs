//! The command line: one program, one file for each verb.
//!
//! Results go to stdout, progress and logs to stderr. Each verb ends in one of the codes of `exit`.

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::Application;

mod block;
mod deposit;
mod exit;
mod force;
mod init;
mod prove;
mod remote;
mod run;
mod send;
mod status;
mod withdraw;

use exit::Failure;
use program::output;

/// A node of a rollup on a sequencer network, and the tools to use one.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = program::EXIT_CODES
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Deploy the contracts of a new rollup, and write its definition
    Init(Box<init::Args>),
    /// Run a node
    Run(Box<run::Args>),
    /// Show how a node is doing
    Status(status::Args),
    /// Show a block of the rollup
    Block(block::Args),
    /// Hand in a transaction
    Send(send::Args),
    /// Prove that a transaction is in the rollup's chain, and check the proof
    Prove(prove::Args),
    /// Put money from the home L1 into the rollup
    Deposit(deposit::Args),
    /// Put a transaction into the queue on the home L1, from where nobody can leave it out
    Force(force::Args),
    /// Have the queue's messages executed although the sequencer does not take them up
    Pin(force::PinArgs),
    /// Claim on the home L1 what left the rollup
    Withdraw(withdraw::Args),
}

impl Verb {
    async fn run<A: Application>(self) -> Result<(), Failure> {
        match self {
            Self::Init(args) => init::run::<A>(*args).await,
            Self::Run(args) => run::run::<A>(*args).await,
            Self::Status(args) => status::run(args).await,
            Self::Block(args) => block::run(args).await,
            Self::Send(args) => send::run(args).await,
            Self::Prove(args) => prove::run::<A>(args).await,
            Self::Deposit(args) => deposit::run(args).await,
            Self::Force(args) => force::run(args).await,
            Self::Pin(args) => force::pin(args).await,
            Self::Withdraw(args) => withdraw::run(args).await,
        }
    }
}

/// Runs the program with the arguments and environment of the process.
pub(crate) fn main<A: Application>() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    program::run(cli.verb.run::<A>())
}
