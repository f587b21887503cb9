//! `sequencer db stats`.

use super::{Failure, Place, failure, progress::Progress};
use crate::{
    cli::output,
    storage::{Stats, Step},
};

/// Arguments of `db stats`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let origin = args.place.origin()?;
    let storage = args.place.open(&origin)?;
    let mut progress = Progress::start();
    let mut done = 0;
    let stats = storage.stats(|what| {
        done += 1;
        progress.report(Step {
            what,
            done,
            of: None,
        });
    });
    let stats = stats.map_err(failure)?;
    if args.place.json {
        return output::json(&stats);
    }
    print(&stats)
}

fn print(stats: &Stats) -> Result<(), Failure> {
    output::line(format_args!("final height      {}", stats.tip))?;
    output::line(format_args!("epoch             {}", stats.epoch))?;
    output::line(format_args!("namespace map at  {}", stats.map_height))?;
    output::line(format_args!("indexed up to     {}", stats.indexed_height))?;
    let cutoffs = &stats.cutoffs;
    output::line(format_args!(
        "kept from height  payloads {}, slots {}, index {}, maps {}",
        cutoffs.payloads, cutoffs.slots, cutoffs.transactions, cutoffs.map
    ))?;
    output::line(format_args!("on disk           {} bytes", stats.disk_bytes))?;
    output::line("")?;
    output::line(format_args!(
        "{:<20} {:>12} {:>16} {:>16}",
        "keyspace", "entries", "bytes", "bytes of files"
    ))?;
    for space in &stats.keyspaces {
        output::line(format_args!(
            "{:<20} {:>12} {:>16} {:>16}{}",
            space.name,
            space.entries,
            space.bytes,
            space.file_bytes,
            space
                .error
                .as_ref()
                .map_or_else(String::new, |error| format!("  unreadable: {error}")),
        ))?;
    }
    Ok(())
}
