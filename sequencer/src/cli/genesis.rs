//! `sequencer genesis`: making and checking genesis documents.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use hotshot_types::{Hash, Parameters};
use serde::Serialize;

use super::{exit::Failure, init::write_new, output};
use crate::{config::L1Url, genesis_file};

mod compose;
mod inspection;

use inspection::Inspection;

/// Arguments of `genesis`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a genesis document from validator entries
    ///
    /// The entries come from `sequencer keys genesis-entry`, all for the same network. The seeds
    /// that choose the first leaders are drawn now, after the keys were fixed.
    New(New),
    /// Check a genesis document and show what it defines
    Verify(File),
    /// Print the hash of a genesis document
    Hash(File),
}

#[derive(Debug, clap::Args)]
struct New {
    /// Entry of a validator; repeat it, or list several files
    #[arg(long = "validator", value_name = "FILE", num_args = 1.., required = true)]
    validators: Vec<PathBuf>,
    /// The new file
    #[arg(long, value_name = "FILE", default_value = "genesis.toml")]
    out: PathBuf,
    /// Parameters to start from
    #[arg(long, value_enum, default_value_t = Preset::Development)]
    preset: Preset,
    /// URL of a node of the L1 that the entries name: its newest final block is where the network starts
    #[arg(long, value_name = "URL")]
    l1: Option<L1Url>,
    #[command(flatten)]
    changes: Changes,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A named set of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// Short epochs and short timeouts, for one machine; unencrypted keys are accepted
    Development,
    /// For validators in several places
    Testnet,
}

/// Parameters that differ from the preset.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(next_help_heading = "Parameters that differ from the preset")]
struct Changes {
    /// Blocks in an epoch
    #[arg(long, value_name = "BLOCKS")]
    epoch_length: Option<u64>,
    /// Time of a view before its first back-off
    #[arg(long, value_name = "MS")]
    view_timeout_ms: Option<u64>,
    /// How long a leader without transactions waits; 0 makes empty blocks as fast as they become final
    #[arg(long, value_name = "MS")]
    empty_block_delay_ms: Option<u64>,
    /// Largest payload of a block
    #[arg(long, value_name = "BYTES")]
    max_payload_bytes: Option<u32>,
    /// Most namespaces in a block
    #[arg(long, value_name = "N")]
    max_namespaces: Option<u32>,
    /// Largest transaction
    #[arg(long, value_name = "BYTES")]
    max_transaction_bytes: Option<u32>,
}

#[derive(Debug, clap::Args)]
struct File {
    /// The genesis document
    #[arg(env = "SEQUENCER_GENESIS")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs one of the verbs.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::New(args) => new(&args).await,
        Verb::Verify(args) => {
            let document = genesis_file::load(&args.file)?;
            report(&inspection::inspect(&document)?, args.json)
        }
        Verb::Hash(args) => {
            let hash = genesis_file::load_unchecked(&args.file)?.hash();
            if args.json {
                output::json(&Hashed { hash })
            } else {
                output::line(hash)
            }
        }
    }
}

#[derive(Serialize)]
struct Hashed {
    hash: Hash,
}

async fn new(args: &New) -> Result<(), Failure> {
    let parameters = args.changes.apply(args.preset);
    let document = compose::compose(&args.validators, parameters, args.l1.as_ref()).await?;
    let inspection = inspection::inspect(&document)?;
    write_new(&args.out, &genesis_file::document_text(&document))?;
    if !args.json {
        output::line(format_args!("wrote {}", args.out.display()))?;
    }
    report(&inspection, args.json)
}

fn report(inspection: &Inspection, json: bool) -> Result<(), Failure> {
    if json {
        output::json(inspection)
    } else {
        output::line(inspection)
    }
}

impl Changes {
    fn apply(&self, preset: Preset) -> Parameters {
        let base = match preset {
            Preset::Development => Parameters::development(),
            Preset::Testnet => Parameters {
                epoch_length: 3_000,
                view_timeout_ms: 1_500,
                empty_block_delay_ms: 500,
                development: false,
                ..Parameters::development()
            },
        };
        Parameters {
            epoch_length: self.epoch_length.unwrap_or(base.epoch_length),
            view_timeout_ms: self.view_timeout_ms.unwrap_or(base.view_timeout_ms),
            empty_block_delay_ms: self
                .empty_block_delay_ms
                .unwrap_or(base.empty_block_delay_ms),
            max_payload_bytes: self.max_payload_bytes.unwrap_or(base.max_payload_bytes),
            max_namespaces: self.max_namespaces.unwrap_or(base.max_namespaces),
            max_transaction_bytes: self
                .max_transaction_bytes
                .unwrap_or(base.max_transaction_bytes),
            development: base.development,
        }
    }
}

#[cfg(test)]
mod tests;
