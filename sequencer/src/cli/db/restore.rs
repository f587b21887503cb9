//! `sequencer db restore`.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use super::{Exit, Failure, Origin, Place, progress::Progress, snapshot_failure};
use crate::{
    cli::output,
    storage::{SnapshotInfo, Storage},
};

/// Arguments of `db restore`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything in the file is checked against the genesis document. Next: \
`sequencer run --data-dir DIR`, which goes on from there. A key that has signed before needs the \
safety record of its own data directory, which no snapshot holds."
)]
pub(super) struct Args {
    /// The snapshot
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let origin = args.place.origin()?;
    let info = restore(&args.file, &args.place.database(), &origin)?;
    if args.place.json {
        return output::json(&info);
    }
    output::line(format_args!(
        "restored height {}, block {}, epoch {}, {} namespaces",
        info.height, info.hash, info.epoch, info.namespaces
    ))
}

/// Restores a file into a directory.
pub(super) fn restore(
    file: &Path,
    directory: &Path,
    origin: &Origin,
) -> Result<SnapshotInfo, Failure> {
    let open = File::open(file).map_err(|error| {
        let message = format!("cannot read {}: {error}", file.display());
        Failure::new(Exit::Config, message)
    })?;
    let mut progress = Progress::start();
    let restored = Storage::restore_snapshot(
        directory,
        &mut BufReader::new(open),
        &origin.genesis,
        &origin.header,
        &mut |step| progress.report(step),
    );
    restored.map_err(snapshot_failure)
}
