//! `sequencer db verify`.

use super::{Exit, Failure, Place, failure, progress::Progress};
use crate::{cli::output, storage::Verified};

/// Arguments of `db verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 6 if anything is wrong. `sequencer db repair` helps then.")]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let origin = args.place.origin()?;
    let storage = args.place.open(&origin)?;
    let mut progress = Progress::start();
    let verified = storage.verify(&origin.genesis, &origin.header, &mut |step| {
        progress.report(step);
    });
    let verified = verified.map_err(failure)?;
    if args.place.json {
        output::json(&verified)?;
    } else {
        print(&verified)?;
    }
    if verified.is_sound() {
        return Ok(());
    }
    let count = verified.faults.len() as u64 + verified.further_faults;
    Err(Failure::new(
        Exit::Invalid,
        format!("{count} faults; `sequencer db repair` builds the database anew"),
    ))
}

fn print(verified: &Verified) -> Result<(), Failure> {
    for fault in &verified.faults {
        output::line(fault)?;
    }
    if verified.further_faults > 0 {
        output::line(format_args!("and {} more", verified.further_faults))?;
    }
    output::line(format_args!(
        "right: {} headers, {} certificates, {} payloads, {} namespaces, {} files looked at",
        verified.headers,
        verified.certificates,
        verified.payloads,
        verified.namespaces,
        verified.files
    ))
}
