//! `sequencer db snapshot`.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use super::{Exit, Failure, Place, progress::Progress, snapshot_failure};
use crate::{
    cli::output,
    storage::{SnapshotError, SnapshotInfo, Storage},
};

/// Arguments of `db snapshot`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Whoever restores it checks all of it against the genesis document, so the file may \
travel over any channel. It holds no payloads, no keys and no safety record."
)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let origin = args.place.origin()?;
    let storage = args.place.open(&origin)?;
    let info = write(&storage, &args.out)?;
    if args.place.json {
        return output::json(&info);
    }
    output::line(format_args!(
        "wrote {}: height {}, block {}, {} bytes",
        args.out.display(),
        info.height,
        info.hash,
        info.bytes
    ))
}

/// Writes to a file beside it, which takes its place only when it is whole.
fn write(storage: &Storage, path: &Path) -> Result<SnapshotInfo, Failure> {
    let denied = |error: std::io::Error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::new(Exit::Config, message)
    };
    if path.exists() {
        let message = format!("{} exists and is not overwritten", path.display());
        return Err(Failure::new(Exit::Refused, message));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&part)
        .map_err(denied)?;
    let written = fill(storage, &file);
    if written.is_err() {
        fs::remove_file(&part).map_err(denied)?;
    }
    let info = written.map_err(snapshot_failure)?;
    fs::rename(&part, path).map_err(denied)?;
    Ok(info)
}

fn fill(storage: &Storage, file: &File) -> Result<SnapshotInfo, SnapshotError> {
    let mut out = BufWriter::new(file);
    let mut progress = Progress::start();
    let info = storage.write_snapshot(&mut out, &mut |step| progress.report(step))?;
    out.flush()?;
    file.sync_all()?;
    Ok(info)
}
