//! `sequencer db repair`.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use hotshot_types::{Height, PublicKey};
use program::stop;
use serde::Serialize;

use super::{Exit, Failure, Origin, Place, failure, restore::restore};
use crate::{
    cli::output,
    config::NodeConfig,
    keys, node,
    storage::{Identity, Rescue, Storage, StorageError},
};

/// Arguments of `db repair`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything but the safety record is built anew: from a snapshot, or else by following \
peers. The record is kept if it is sound; if it is not, it is lost, and the key signs nothing until two \
epochs have passed. The damaged database stays beside the new one until somebody deletes it."
)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Build from this snapshot instead of following peers
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Give up a safety record that is damaged
    #[arg(long)]
    give_up_record: bool,
}

#[derive(Serialize)]
struct Outcome {
    height: Height,
    record: &'static str,
    damaged: PathBuf,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let origin = args.place.origin()?;
    let rescue = begin(&args, &origin)?;
    // In a directory of its own until it is whole; what an attempt before left is begun again.
    let building = args.place.data_dir.join("rebuild");
    remove(&building)?;
    let database = building.join("db");
    if let Some(file) = &args.snapshot {
        eprintln!("building from {}", file.display());
        restore(file, &database, &origin)?;
    } else {
        let identity = Identity {
            chain_domain: origin.genesis.chain_domain(),
            genesis: origin.header.hash(),
            key: None,
        };
        let storage = Storage::open(&database, &identity).map_err(failure)?;
        let epochs = node::first_epochs(&origin.genesis)?;
        storage
            .initialize(&origin.header, &epochs)
            .map_err(failure)?;
        drop(storage);
        follow(&args.place, &rescue, &building).await?;
    }
    finish(&args, rescue, &building)
}

fn begin(args: &Args, origin: &Origin) -> Result<Rescue, Failure> {
    let directory = args.place.database();
    let domain = origin.genesis.chain_domain();
    let genesis = origin.header.hash();
    let identity = match Identity::of_directory(&directory, domain, genesis) {
        Err(StorageError::OwnerDamaged { path }) => {
            eprintln!(
                "{} is damaged and written again from the key",
                path.display()
            );
            let identity = Identity {
                chain_domain: domain,
                genesis,
                key: own_key(&args.place)?,
            };
            identity.keep_owner(&directory).map_err(failure)?;
            identity
        }
        found => found.map_err(failure)?,
    };
    match Rescue::begin(&directory, &identity) {
        Err(StorageError::RecordDamaged(reason)) if args.give_up_record => {
            eprintln!("giving the safety record up: {reason}");
            Rescue::begin_without_record(&directory, &identity).map_err(failure)
        }
        Err(StorageError::RecordDamaged(reason)) => Err(Failure::new(
            Exit::Refused,
            format!(
                "the safety record is lost: {reason}. No peer has a copy. With --give-up-record the \
                 rest is built anew, and the key signs nothing until two epochs have passed"
            ),
        )),
        begun => begun.map_err(failure),
    }
}

/// The public half of the node's consensus key; none for a node without stake.
fn own_key(place: &Place) -> Result<Option<PublicKey>, Failure> {
    let path = place.settings()?.consensus_key_path()?;
    if !path.exists() {
        return Ok(None);
    }
    let key = keys::public(&path)?.consensus();
    key.map(Some)
        .ok_or_else(|| keys::KeyFileError::Malformed(path).into())
}

/// Follows peers as far as the record needs; the rest the node does when it runs.
async fn follow(place: &Place, rescue: &Rescue, building: &Path) -> Result<(), Failure> {
    let needs = rescue.needs();
    if needs == Height(0) {
        return Ok(());
    }
    let mut config = NodeConfig::load(&place.settings()?)?;
    config.data_dir = building.to_owned();
    eprintln!("following peers up to height {}", needs.next());
    let requested = stop::requested().map_err(|error| Failure::new(Exit::Internal, error))?;
    let interrupted = AtomicBool::new(false);
    let shutdown = async {
        requested.await;
        interrupted.store(true, Relaxed);
    };
    node::follow_until(config, needs.next(), shutdown).await?;
    if interrupted.load(Relaxed) {
        let message = "interrupted: nothing was changed, and the command can be given again";
        return Err(Failure::new(Exit::Refused, message));
    }
    Ok(())
}

fn finish(args: &Args, rescue: Rescue, building: &Path) -> Result<(), Failure> {
    let database = building.join("db");
    let record = match (rescue.has_record(), args.give_up_record) {
        (true, _) => "kept",
        (false, true) => "given up",
        (false, false) => "none",
    };
    let damaged = rescue.finish(&database).map_err(|error| match error {
        StorageError::OutOfOrder(reason) => Failure::new(
            Exit::Refused,
            format!("{reason}: take a newer snapshot, or leave it out and follow peers"),
        ),
        error => failure(error),
    })?;
    remove(building)?;
    let origin = args.place.origin()?;
    let storage = args.place.open(&origin)?;
    let outcome = Outcome {
        height: storage.tip().map_err(failure)?.height,
        record,
        damaged,
    };
    if args.place.json {
        return output::json(&outcome);
    }
    output::line(format_args!(
        "built anew up to height {}; safety record {}",
        outcome.height, outcome.record
    ))?;
    output::line(format_args!(
        "the damaged database is in {}; delete it when the node runs well",
        outcome.damaged.display()
    ))
}

fn remove(directory: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::new(
            Exit::Config,
            format!("cannot remove {}: {error}", directory.display()),
        )),
        _ => Ok(()),
    }
}
