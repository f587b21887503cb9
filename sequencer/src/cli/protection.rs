//! `sequencer protection`: the safety record of a consensus key, shown, exported and imported.
//!
//! The record belongs to one network and key and moves only upward. An import adds to what the
//! directory knows; it never takes anything back.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use hotshot::Record;
use hotshot_types::{Epoch, Hash, Height, PublicKey};
use serde::{Deserialize, Serialize};

use super::{
    exit::{Exit, Failure},
    init::write_new,
    output,
};
use crate::{
    bounded_file,
    config::Settings,
    genesis_file, keys,
    node::genesis_header,
    storage::{Durability, Identity, Storage},
};

/// What the files call themselves.
const FORMAT: &str = "sequencer safety record";
const VERSION: u32 = 1;
/// Larger than any record: a thousand validators sign in each of its few certificates.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Arguments of `protection`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what the key of a stopped node has signed last
    Show(Place),
    /// Write the safety record of a stopped node to a file
    ///
    /// Never run the key again where it was exported: the copy would be behind.
    Export(Export),
    /// Add an exported safety record to a data directory
    ///
    /// Nothing that the directory knows already is lowered. Where its chain is behind the record
    /// the key signs again from the epoch after the record's.
    Import(Import),
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The node's data directory
    #[arg(long, env = "SEQUENCER_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Export {
    #[command(flatten)]
    place: Place,
    /// The new file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Import {
    /// The exported file
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// What is exported.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Interchange {
    format: String,
    version: u32,
    chain_domain: Hash,
    key: PublicKey,
    /// How often the directory was started.
    run: u64,
    /// The key signs nothing before this epoch, if it has lost its record.
    signs_from: Option<Epoch>,
    record: Option<Record>,
}

/// Runs one of the verbs.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::Show(place) => {
            let known = read(&open(&place, true)?)?;
            report(&known, place.json)
        }
        Verb::Export(args) => {
            let known = read(&open(&args.place, true)?)?;
            if known.record.is_none() && known.signs_from.is_none() {
                let message = "this directory holds no safety record to export";
                return Err(Failure::new(Exit::NotFound, message));
            }
            let text = serde_json::to_string_pretty(&known)?;
            write_new(&args.out, &format!("{text}\n"))?;
            report(&known, args.place.json)
        }
        Verb::Import(args) => import(&args),
    }
}

struct Desk {
    storage: Storage,
    identity: Identity,
    key: PublicKey,
    mark: keys::FreshMark,
}

/// Opens the directory of a validator; another process that has it open refuses us.
fn open(place: &Place, must_exist: bool) -> Result<Desk, Failure> {
    let settings = Settings {
        data_dir: Some(place.data_dir.clone()),
        ..Settings::default()
    };
    let settings = settings.with_file(None)?;
    let genesis = genesis_file::load(&settings.genesis_path()?)?;
    let key_file = settings.consensus_key_path()?;
    let malformed = || Failure::from(keys::KeyFileError::Malformed(key_file.clone()));
    let key: PublicKey = keys::public(&key_file)?
        .public
        .parse()
        .map_err(|_| malformed())?;
    let wrong = |error: &dyn std::fmt::Display| Failure::new(Exit::Config, error);
    let committee = genesis
        .committee(Epoch::FIRST)
        .map_err(|error| wrong(&error))?;
    // With a stake table any key may come into a committee.
    if genesis.l1_chain_id == 0 && committee.index_of(&key).is_none() {
        let message = "the key of this directory is no validator's: it signs nothing";
        return Err(Failure::new(Exit::NotFound, message));
    }
    let header = genesis_header(&genesis).map_err(|error| wrong(&error))?;
    let directory = place.data_dir.join("db");
    if must_exist && !directory.join("db").exists() {
        let message = format!("there is no database in {} yet", directory.display());
        return Err(Failure::new(Exit::NotFound, message));
    }
    let identity = Identity {
        chain_domain: genesis.chain_domain(),
        genesis: header.hash(),
        key: Some(key),
    };
    let storage = Storage::open(&directory, &identity)?;
    let first: [hotshot::EpochInfo; 2] = [1, 2].map(|epoch| hotshot::EpochInfo {
        committee: std::sync::Arc::new(committee.in_epoch(Epoch(epoch))),
        seed: genesis.seeds[usize::from(epoch == 2)],
    });
    storage.initialize(&header, &first)?;
    Ok(Desk {
        storage,
        identity,
        key,
        mark: keys::FreshMark::of(&key_file, &key),
    })
}

fn read(desk: &Desk) -> Result<Interchange, Failure> {
    Ok(Interchange {
        format: FORMAT.into(),
        version: VERSION,
        chain_domain: desk.identity.chain_domain,
        key: desk.key,
        run: desk.storage.run_number()?,
        signs_from: desk.storage.return_epoch()?,
        record: desk.storage.record()?,
    })
}

fn import(args: &Import) -> Result<(), Failure> {
    let other = read_file(&args.file)?;
    let desk = open(&args.place, false)?;
    let refused = |message: String| Err(Failure::new(Exit::Refused, message));
    if other.chain_domain != desk.identity.chain_domain {
        return refused(format!(
            "the record is of the network {}, this directory is of {}",
            other.chain_domain, desk.identity.chain_domain
        ));
    }
    if other.key != desk.key {
        return refused(format!(
            "the record is of the key {}, this directory has {}",
            other.key, desk.key
        ));
    }
    let own = read(&desk)?;
    if own.record.is_none() && own.signs_from.is_none() && own.run > 0 {
        return refused(
            "this directory has lost its own safety record, and an exported one may be older: \
             start the node, which finds out when the key may sign again"
                .into(),
        );
    }
    let mut signs_from = own.signs_from.max(other.signs_from);
    let mut batch = desk.storage.batch();
    if let Some(record) = &other.record {
        match &own.record {
            Some(known) if record.epoch() <= known.epoch() => {
                let raised = known
                    .raised_to(record)
                    .map_err(|error| Failure::new(Exit::Refused, error))?;
                batch.put_record(&raised);
            }
            // The record's round can be entered with the chain of its epoch alone.
            _ => signs_from = signs_from.max(Some(record.epoch().next())),
        }
    }
    // A key that is moved before it ever signed needs no more than this.
    batch.put_run(own.run.max(other.run));
    if let Some(from) = signs_from {
        batch.put_return(from);
    }
    // From here on the key counts as used.
    desk.mark.remove()?;
    desk.storage.commit(batch, Durability::Synced)?;
    report(&read(&desk)?, args.place.json)
}

fn read_file(path: &Path) -> Result<Interchange, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        let message = format!("{} is no exported safety record: {error}", path.display());
        Failure::new(Exit::Config, message)
    };
    let text = bounded_file::read_to_string(path, MAX_FILE_BYTES).map_err(|error| wrong(&error))?;
    let known: Interchange = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    if known.format != FORMAT || known.version != VERSION {
        return Err(wrong(&format!(
            "it says `{}`, version {}",
            known.format, known.version
        )));
    }
    Ok(known)
}

fn report(known: &Interchange, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(known);
    }
    output::line(format_args!("network        {}", known.chain_domain))?;
    output::line(format_args!("key            {}", known.key))?;
    output::line(format_args!("runs           {}", known.run))?;
    if let Some(from) = known.signs_from {
        output::line(format_args!("signs          nothing before epoch {from}"))?;
    }
    let Some(record) = &known.record else {
        return output::line("record         none");
    };
    let round = |round: Option<hotshot_types::Round>| {
        round.map_or_else(|| "none".to_owned(), |round| round.to_string())
    };
    output::line(format_args!("epoch          {}", record.epoch()))?;
    for (name, last) in [
        ("last proposal", record.last_proposal.map(|(at, _)| at)),
        ("last vote 1", record.last_vote1.map(|(at, _)| at)),
        ("last vote 2", record.last_vote2.map(|(at, _)| at)),
        ("last timeout", record.last_timeout),
    ] {
        output::line(format_args!("{name:<14} {}", round(last)))?;
    }
    let anchor = record.anchor.as_ref();
    let anchor = anchor.map_or(Height(0), |end| end.header.height);
    output::line(format_args!("lock           view {}", record.lock.view()))?;
    output::line(format_args!("anchor         height {anchor}"))
}
