//! `sequencer db`: looking at a node's database, checking and pruning it, copies of the chain for
//! new nodes, and repair.
//!
//! All of them work on the data directory of a node that is stopped; one that runs holds its lock.

use std::path::PathBuf;

use clap::Subcommand;
use hotshot_types::{GenesisDocument, SealedHeader};

use super::exit::{Exit, Failure};
use crate::{
    config::Settings,
    genesis_file, node,
    storage::{SnapshotError, Storage, StorageError},
};

mod progress;
mod prune;
mod repair;
mod restore;
mod snapshot;
mod stats;
mod verify;

/// Arguments of `db`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what the database holds
    Stats(stats::Args),
    /// Check everything against itself and the genesis document
    Verify(verify::Args),
    /// Drop old payloads, slots, index entries and maps
    Prune(prune::Args),
    /// Write a copy of the chain, with proofs, that a new node starts from
    Snapshot(snapshot::Args),
    /// Make the data directory of a new node from a snapshot
    Restore(restore::Args),
    /// Build a damaged database anew, keeping the safety record if it is sound
    Repair(repair::Args),
}

/// Where the data is, and of which network.
#[derive(Debug, clap::Args)]
struct Place {
    /// Directory of the node's data
    #[arg(long, env = "SEQUENCER_DATA_DIR", value_name = "DIR")]
    data_dir: PathBuf,
    /// Genesis document of the network [default: as in the node's settings]
    #[arg(long, env = "SEQUENCER_GENESIS", value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The network of a data directory.
struct Origin {
    genesis: GenesisDocument,
    header: SealedHeader,
}

/// Runs one of the verbs on a thread that may block.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::Repair(args) => repair::run(args).await,
        verb => {
            let work = tokio::task::spawn_blocking(move || match verb {
                Verb::Stats(args) => stats::run(&args),
                Verb::Verify(args) => verify::run(&args),
                Verb::Prune(args) => prune::run(&args),
                Verb::Snapshot(args) => snapshot::run(&args),
                Verb::Restore(args) => restore::run(&args),
                Verb::Repair(_) => unreachable!("it has its own way above"),
            });
            work.await
                .map_err(|error| Failure::new(Exit::Internal, error))?
        }
    }
}

impl Place {
    /// Where the database is.
    fn database(&self) -> PathBuf {
        self.data_dir.join("db")
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let settings = Settings {
            data_dir: Some(self.data_dir.clone()),
            genesis: self.genesis.clone(),
            ..Settings::default()
        };
        Ok(settings.with_file(None)?)
    }

    fn origin(&self) -> Result<Origin, Failure> {
        let genesis = genesis_file::load(&self.settings()?.genesis_path()?)?;
        let header = node::genesis_header(&genesis)?;
        Ok(Origin { genesis, header })
    }

    /// The database of the node that the directory belongs to.
    fn open(&self, origin: &Origin) -> Result<Storage, Failure> {
        let domain = origin.genesis.chain_domain();
        let storage = Storage::open_owned(&self.database(), domain, origin.header.hash());
        storage.map_err(failure)
    }
}

/// What an operator of a stopped node reads.
fn failure(error: StorageError) -> Failure {
    let exit = match &error {
        StorageError::Locked { .. } => {
            let message = format!("{error}: stop the node first");
            return Failure::new(Exit::Refused, message);
        }
        StorageError::RecordDamaged(_) => Exit::Refused,
        StorageError::NoData { .. } | StorageError::Uninitialized => Exit::NotFound,
        StorageError::Damaged { .. }
        | StorageError::Corrupt { .. }
        | StorageError::OwnerDamaged { .. }
        | StorageError::Read(_) => Exit::Invalid,
        StorageError::Failed(_) | StorageError::OutOfOrder(_) | StorageError::Panicked => {
            Exit::Internal
        }
        _ => Exit::Config,
    };
    Failure::new(exit, error)
}

fn snapshot_failure(error: SnapshotError) -> Failure {
    let exit = match error {
        SnapshotError::Storage(error) => return failure(error),
        SnapshotError::Io(_) => Exit::Config,
        SnapshotError::NotEmpty { .. } => Exit::Refused,
        SnapshotError::Empty => Exit::NotFound,
        SnapshotError::Malformed(_)
        | SnapshotError::OtherNetwork { .. }
        | SnapshotError::Finality(_)
        | SnapshotError::OtherChain(_) => Exit::Invalid,
    };
    Failure::new(exit, error)
}
