//! `sequencer network`: the file that people join a network with.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use hotshot_types::{GenesisDocument, Hash};
use serde::Serialize;

use super::{exit::Failure, init::write_new, output};
use crate::{
    config::{Bootnode, Settings},
    genesis_file,
    network_file::NetworkFile,
};

/// Arguments of `network`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write the network file that others join with: `sequencer init --network FILE`
    ///
    /// It holds the genesis document and its hash, and nodes to ask where no validator answers.
    Export(Export),
    /// Check a network file and show what it holds
    Verify(File),
}

#[derive(Debug, clap::Args)]
struct Export {
    /// Data directory of a node of the network: its genesis document and bootnodes
    #[arg(
        long,
        env = "SEQUENCER_DATA_DIR",
        value_name = "DIR",
        required_unless_present = "genesis"
    )]
    data_dir: Option<PathBuf>,
    /// The genesis document [default: that of the data directory]
    #[arg(long, env = "SEQUENCER_GENESIS", value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// A node to ask where no validator answers, instead of those in the settings; repeat it for more
    #[arg(long = "bootnode", value_name = "MULTIADDR/p2p/PEERID")]
    bootnodes: Vec<Bootnode>,
    /// The new file
    #[arg(long, value_name = "FILE", default_value = "network.toml")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct File {
    /// The network file
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    file: &'a Path,
    genesis_hash: Hash,
    chain_domain: Hash,
    validators: usize,
    bootnodes: &'a [Bootnode],
}

/// Runs one of the verbs.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::Export(args) => export(args),
        Verb::Verify(args) => show(&args.file, &NetworkFile::load(&args.file)?, args.json),
    }
}

fn export(args: Export) -> Result<(), Failure> {
    let settings = Settings {
        data_dir: args.data_dir,
        genesis: args.genesis,
        ..Settings::default()
    };
    let settings = settings.with_file(None)?;
    let genesis: GenesisDocument = genesis_file::load(&settings.genesis_path()?)?;
    let bootnodes = match args.bootnodes.is_empty() {
        true => settings.p2p.bootnodes.unwrap_or_default(),
        false => args.bootnodes,
    };
    let network = NetworkFile::new(genesis, bootnodes);
    write_new(&args.out, &network.text())?;
    if !args.json {
        output::line(format_args!("wrote {}", args.out.display()))?;
    }
    show(&args.out, &network, args.json)
}

fn show(file: &Path, network: &NetworkFile, json: bool) -> Result<(), Failure> {
    let shown = Shown {
        file,
        genesis_hash: network.genesis_hash,
        chain_domain: network.genesis.chain_domain(),
        validators: network.genesis.validators.len(),
        bootnodes: &network.bootnodes,
    };
    if json {
        return output::json(&shown);
    }
    output::line(format_args!("genesis hash  {}", shown.genesis_hash))?;
    output::line(format_args!("chain domain  {}", shown.chain_domain))?;
    output::line(format_args!("validators    {}", shown.validators))?;
    for bootnode in shown.bootnodes {
        output::line(format_args!("bootnode      {bootnode}"))?;
    }
    Ok(())
}
