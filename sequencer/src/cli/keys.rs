//! `sequencer keys`: making, listing and inspecting keys, and a validator's entry for genesis.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use hotshot_types::{Address, Hash, SecretKey, genesis::GenesisValidator};
use libp2p::identity::Keypair;
use serde::Serialize;

use super::{exit::Failure, init::write_new, output};
use crate::{
    config::{ListenAddress, Settings},
    genesis_file::{self, ValidatorEntry},
    keys::{self, KeyPaths},
};

/// Arguments of `keys`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a consensus key and a network key
    ///
    /// Each goes into a file of its own that only its owner may read. The secrets in them are not
    /// encrypted. Existing keys are never overwritten.
    New(Place),
    /// List the public halves of a node's keys
    List(Place),
    /// Show what a key file holds, without its secret
    Inspect(Inspect),
    /// Make a validator's entry for a genesis document
    ///
    /// The entry proves that this node holds its consensus key; the proof holds for the named
    /// network alone. Nothing in the entry is secret.
    GenesisEntry(Entry),
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The node's data directory; its sequencer.toml may name other key files
    #[arg(long, env = "SEQUENCER_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Inspect {
    /// The key file
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Entry {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    network: Network,
    /// Where other validators reach this one, for example /ip4/203.0.113.7/tcp/9000
    #[arg(long, value_name = "MULTIADDR")]
    address: ListenAddress,
    /// Voting weight
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    weight: u64,
    /// Account that answers for the validator; zero where there is no L1
    #[arg(long, default_value_t = Address::ZERO, value_name = "ADDRESS")]
    operator: Address,
    /// Write the entry to a new file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Names a network without L1: all its validators must name it alike.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Network {
    /// Name of the network: any text that no other network uses; its salt is the name's hash
    #[arg(long = "network", value_name = "NAME")]
    name: Option<String>,
    /// Salt of the network, instead of its name
    #[arg(long, value_name = "HEX")]
    salt: Option<Hash>,
}

#[derive(Serialize)]
struct ConsensusKey<'a> {
    file: &'a Path,
    public: String,
    never_used: bool,
}

#[derive(Serialize)]
struct NetworkKey<'a> {
    file: &'a Path,
    public: String,
    peer_id: String,
}

#[derive(Serialize)]
struct Both<'a> {
    consensus: ConsensusKey<'a>,
    network: NetworkKey<'a>,
}

/// Runs one of the verbs.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::New(place) => {
            let paths = paths(&place)?;
            let (consensus, network) = keys::create(&paths)?;
            print_both(&paths, &consensus, &network, place.json)
        }
        Verb::List(place) => {
            let paths = paths(&place)?;
            let consensus = keys::load_consensus(&paths.consensus)?;
            let network = keys::load_network(&paths.network)?;
            print_both(&paths, &consensus, &network, place.json)
        }
        Verb::Inspect(args) => inspect(&args),
        Verb::GenesisEntry(args) => genesis_entry(&args),
    }
}

fn paths(place: &Place) -> Result<KeyPaths, Failure> {
    let settings = Settings {
        data_dir: Some(place.data_dir.clone()),
        ..Settings::default()
    };
    let settings = settings.with_file(None)?;
    Ok(KeyPaths {
        consensus: settings.consensus_key_path()?,
        network: settings.network_key_path()?,
    })
}

fn describe_consensus<'a>(file: &'a Path, key: &SecretKey) -> Result<ConsensusKey<'a>, Failure> {
    let never_used = keys::FreshMark::of(file, key).is_set()?;
    Ok(ConsensusKey {
        file,
        public: key.public_key().to_string(),
        never_used,
    })
}

fn describe_network<'a>(file: &'a Path, key: &Keypair) -> NetworkKey<'a> {
    let public = Hash(keys::network_public(key)).to_string();
    NetworkKey {
        file,
        public,
        peer_id: keys::peer_id(key),
    }
}

fn print_both(
    paths: &KeyPaths,
    consensus: &SecretKey,
    network: &Keypair,
    json: bool,
) -> Result<(), Failure> {
    let both = Both {
        consensus: describe_consensus(&paths.consensus, consensus)?,
        network: describe_network(&paths.network, network),
    };
    if json {
        return output::json(&both);
    }
    print_consensus(&both.consensus)?;
    print_network(&both.network)
}

fn print_consensus(key: &ConsensusKey<'_>) -> Result<(), Failure> {
    output::line(format_args!("consensus key  {}", key.file.display()))?;
    output::line(format_args!("  public       {}", key.public))?;
    output::line(format_args!(
        "  never used   {}",
        if key.never_used { "yes" } else { "no" }
    ))
}

fn print_network(key: &NetworkKey<'_>) -> Result<(), Failure> {
    output::line(format_args!("network key    {}", key.file.display()))?;
    output::line(format_args!("  public       {}", key.public))?;
    output::line(format_args!("  peer id      {}", key.peer_id))
}

fn inspect(args: &Inspect) -> Result<(), Failure> {
    match keys::load(&args.file)? {
        keys::Key::Consensus(key) => {
            let key = describe_consensus(&args.file, &key)?;
            if args.json {
                output::json(&key)
            } else {
                print_consensus(&key)
            }
        }
        keys::Key::Network(key) => {
            let key = describe_network(&args.file, &key);
            if args.json {
                output::json(&key)
            } else {
                print_network(&key)
            }
        }
    }
}

fn genesis_entry(args: &Entry) -> Result<(), Failure> {
    let paths = paths(&args.place)?;
    let consensus = keys::load_consensus(&paths.consensus)?;
    let network = keys::load_network(&paths.network)?;
    let salt = match (&args.network.name, args.network.salt) {
        (Some(name), _) => genesis_file::salt_of_name(name),
        (None, salt) => salt.unwrap_or_default(),
    };
    let entry = ValidatorEntry {
        salt,
        validator: GenesisValidator {
            operator: args.operator,
            key: consensus.public_key(),
            possession: consensus.prove_possession(genesis_file::chain_domain(salt), args.operator),
            weight: args.weight,
            network_key: Hash(keys::network_public(&network)),
            address: args.address.to_string(),
        },
    };
    if let Some(path) = &args.out {
        write_new(path, &genesis_file::entry_text(&entry))?;
    }
    match (&args.out, args.place.json) {
        (_, true) => output::json(&entry),
        (None, false) => output::raw(genesis_file::entry_text(&entry).as_bytes()),
        (Some(path), false) => output::line(format_args!("wrote {}", path.display())),
    }
}
