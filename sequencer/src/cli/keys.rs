//! `sequencer keys`: making, moving, listing and inspecting keys, and a validator's entry for
//! genesis.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use hotshot_types::{Address, Hash, genesis::GenesisValidator};
use serde::Serialize;

use super::{
    exit::{Exit, Failure},
    init::write_new,
    output,
};
use crate::{
    config::{self, ListenAddress, Settings},
    genesis_file::{self, ValidatorEntry},
    keys::{self, Cost, FreshMark, KeyPaths, Kind, PasswordSource, Protection, Unlock},
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
    /// Each goes into a keystore (EIP-2335) of its own that only its owner may read, encrypted
    /// under one password. Existing keys are never overwritten.
    New(New),
    /// Take a key from a keystore file of this or another program
    Import(Import),
    /// Write a copy of a key into a new keystore file
    ///
    /// Running a key in two places is punished: the copy is for safekeeping. The safety record
    /// does not go along: see `sequencer protection export`.
    Export(Export),
    /// List the public halves of a node's keys; needs no password
    List(Place),
    /// Show what a key file holds, without its secret; needs no password
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

/// Where the password of the node's own keys comes from.
#[derive(Debug, clap::Args)]
struct OwnPassword {
    /// File with the password of the node's keys
    #[arg(long, env = "SEQUENCER_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the password of the node's keys from this open descriptor
    #[arg(long, value_name = "N", conflicts_with = "password_file")]
    password_fd: Option<u32>,
}

/// Where the password of the other keystore comes from.
#[derive(Debug, clap::Args)]
struct CopyPassword {
    /// File with the password of the copy
    #[arg(long, value_name = "FILE")]
    copy_password_file: Option<PathBuf>,
    /// Read the password of the copy from this open descriptor
    #[arg(long, value_name = "N", conflicts_with = "copy_password_file")]
    copy_password_fd: Option<u32>,
}

#[derive(Debug, clap::Args)]
struct New {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    password: OwnPassword,
    /// Do not encrypt the keys; only development networks accept them then
    #[arg(long, conflicts_with_all = ["password_file", "password_fd"])]
    development: bool,
}

#[derive(Debug, clap::Args)]
struct Import {
    /// The keystore file to read
    file: PathBuf,
    /// Which of the node's keys it becomes
    #[arg(long, value_enum, default_value_t = Kind::Consensus)]
    key: Kind,
    /// The key has never signed on any network: without this it waits until it can't contradict
    /// what it may have signed
    #[arg(long)]
    never_used: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    password: OwnPassword,
    #[command(flatten)]
    copy: CopyPassword,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// The new keystore file
    file: PathBuf,
    /// Which of the node's keys
    #[arg(long, value_enum, default_value_t = Kind::Consensus)]
    key: Kind,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    password: OwnPassword,
    #[command(flatten)]
    copy: CopyPassword,
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
    password: OwnPassword,
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
    /// Chain id of the L1 with the stake table
    #[arg(long, value_name = "ID", requires = "stake_table", value_parser = clap::value_parser!(u64).range(1..))]
    l1_chain_id: Option<u64>,
    /// The stake table on that L1
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "l1_chain_id",
        requires = "operator"
    )]
    stake_table: Option<Address>,
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

/// What is shown of a key.
#[derive(Serialize)]
struct Shown<'a> {
    kind: &'static str,
    file: &'a Path,
    public: String,
    encrypted: bool,
    /// Of a consensus key.
    #[serde(skip_serializing_if = "Option::is_none")]
    never_used: Option<bool>,
    /// Of a network key.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_id: Option<String>,
}

#[derive(Serialize)]
struct Both<'a> {
    consensus: Shown<'a>,
    network: Shown<'a>,
}

/// Runs one of the verbs.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::New(args) => new(&args),
        Verb::Import(args) => import(&args),
        Verb::Export(args) => export(&args),
        Verb::List(place) => print_both(&paths(&place)?, place.json),
        Verb::Inspect(args) => print(&show(&args.file)?, args.json),
        Verb::GenesisEntry(args) => genesis_entry(&args),
    }
}

fn settings(place: &Place) -> Result<Settings, Failure> {
    let settings = Settings {
        data_dir: Some(place.data_dir.clone()),
        ..Settings::default()
    };
    Ok(settings.with_file(None)?)
}

fn paths(place: &Place) -> Result<KeyPaths, Failure> {
    let settings = settings(place)?;
    Ok(KeyPaths {
        consensus: settings.consensus_key_path()?,
        network: settings.network_key_path()?,
    })
}

impl OwnPassword {
    /// What the settings of the node say counts where no option does.
    fn source(&self, place: &Place) -> Result<PasswordSource, Failure> {
        let file = match &self.password_file {
            Some(file) => Some(file.clone()),
            None => settings(place)?.password_file,
        };
        Ok(PasswordSource::of(file.as_deref(), self.password_fd))
    }
}

impl CopyPassword {
    fn source(&self) -> PasswordSource {
        PasswordSource::of(self.copy_password_file.as_deref(), self.copy_password_fd)
    }
}

fn new(args: &New) -> Result<(), Failure> {
    let paths = paths(&args.place)?;
    for path in [&paths.consensus, &paths.network] {
        keys::ensure_absent(path)?;
    }
    let protection = if args.development {
        Protection::Development
    } else {
        let source = args.password.source(&args.place)?;
        Protection::Password(source.choose("the new keys")?, Cost::RECOMMENDED)
    };
    keys::create(&paths, &protection)?;
    print_both(&paths, args.place.json)
}

fn path_of(paths: &KeyPaths, kind: Kind) -> &Path {
    match kind {
        Kind::Consensus => &paths.consensus,
        Kind::Network => &paths.network,
    }
}

fn import(args: &Import) -> Result<(), Failure> {
    if args.never_used && args.key == Kind::Network {
        let message =
            "--never-used is about consensus keys: a network key signs nothing that binds";
        return Err(Failure::new(Exit::Usage, message));
    }
    let paths = paths(&args.place)?;
    let to = path_of(&paths, args.key);
    keys::ensure_absent(to)?;
    let mut unlock = Unlock::with(args.copy.source());
    let own = args.password.source(&args.place)?;
    let password = own.choose("the node's keys")?;
    let protection = Protection::Password(password, Cost::RECOMMENDED);
    keys::import(
        &args.file,
        args.key,
        &mut unlock,
        to,
        &protection,
        args.never_used,
    )?;
    print(&show(to)?, args.place.json)
}

fn export(args: &Export) -> Result<(), Failure> {
    keys::ensure_absent(&args.file)?;
    let paths = paths(&args.place)?;
    let from = path_of(&paths, args.key);
    let mut unlock = Unlock::with(args.password.source(&args.place)?);
    let password = args.copy.source().choose("the copy")?;
    let protection = Protection::Password(password, Cost::RECOMMENDED);
    keys::export(from, args.key, &mut unlock, &args.file, &protection)?;
    print(&show(&args.file)?, args.place.json)
}

fn show(file: &Path) -> Result<Shown<'_>, Failure> {
    let key = keys::public(file)?;
    let malformed = || Failure::from(keys::KeyFileError::Malformed(file.to_owned()));
    let never_used = match key.kind {
        Kind::Consensus => {
            let public = key.consensus().ok_or_else(malformed)?;
            Some(FreshMark::of(file, &public).is_set()?)
        }
        Kind::Network => None,
    };
    let peer_id = match key.kind {
        Kind::Consensus => None,
        Kind::Network => Some(key.peer_id().ok_or_else(malformed)?),
    };
    Ok(Shown {
        kind: key.kind.name(),
        file,
        encrypted: key.is_encrypted,
        never_used,
        peer_id,
        public: key.public,
    })
}

fn print_both(paths: &KeyPaths, json: bool) -> Result<(), Failure> {
    let both = Both {
        consensus: show(&paths.consensus)?,
        network: show(&paths.network)?,
    };
    if json {
        return output::json(&both);
    }
    print(&both.consensus, false)?;
    print(&both.network, false)
}

fn print(key: &Shown<'_>, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(key);
    }
    let yes = |is: bool| if is { "yes" } else { "no" };
    let name = format!("{} key", key.kind);
    output::line(format_args!("{name:<14} {}", key.file.display()))?;
    output::line(format_args!("  public       {}", key.public))?;
    if let Some(peer_id) = &key.peer_id {
        output::line(format_args!("  peer id      {peer_id}"))?;
    }
    if let Some(never_used) = key.never_used {
        output::line(format_args!("  never used   {}", yes(never_used)))?;
    }
    let encrypted = if key.encrypted {
        "yes"
    } else {
        "no: a validator's key runs on development networks alone"
    };
    output::line(format_args!("  encrypted    {encrypted}"))
}

fn genesis_entry(args: &Entry) -> Result<(), Failure> {
    let address = args.address.to_string();
    config::check_dialable(&address).map_err(|error| Failure::new(Exit::Usage, error))?;
    let paths = paths(&args.place)?;
    let mut unlock = Unlock::with(args.password.source(&args.place)?);
    let consensus = keys::load_consensus(&paths.consensus, &mut unlock)?;
    let salt = match (&args.network.name, args.network.salt) {
        (Some(name), _) => genesis_file::salt_of_name(name),
        (None, salt) => salt.unwrap_or_default(),
    };
    let l1_chain_id = args.l1_chain_id.unwrap_or_default();
    let stake_table = args.stake_table.unwrap_or_default();
    let domain = hotshot_types::digest::chain_domain(l1_chain_id, stake_table, salt);
    let entry = ValidatorEntry {
        l1_chain_id,
        stake_table,
        salt,
        validator: GenesisValidator {
            operator: args.operator,
            key: consensus.public_key(),
            possession: consensus.prove_possession(domain, args.operator),
            weight: args.weight,
            network_key: network_public(&paths.network)?,
            address,
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

/// Its public half is no secret, so that the second password is not asked for.
fn network_public(file: &Path) -> Result<Hash, Failure> {
    keys::public(file)?
        .network()
        .ok_or_else(|| keys::KeyFileError::Malformed(file.to_owned()).into())
}
