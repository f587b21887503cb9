//! `sequencer db prune`.

use hotshot_types::Height;
use serde::Serialize;

use super::{Exit, Failure, Place, failure, progress::Progress};
use crate::{
    cli::output,
    storage::{Cutoffs, Step},
};

/// Deletions in one step.
const STEP: usize = 10_000;

/// Arguments of `db prune`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Headers, certificates and epochs are kept for ever. A node prunes by itself what \
its settings say; this is for what should go at once. What is dropped is not fetched again."
)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,
    /// Drop whatever is below this height
    #[arg(long, value_name = "HEIGHT", conflicts_with = "keep_epochs")]
    below: Option<u64>,
    /// Drop whatever is older than so many epochs
    #[arg(long, value_name = "EPOCHS", required_unless_present = "below")]
    keep_epochs: Option<u64>,
    /// Really drop it
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Outcome {
    below: Height,
    removed: u64,
    cutoffs: Cutoffs,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let origin = args.place.origin()?;
    let storage = args.place.open(&origin)?;
    let tip = storage.tip().map_err(failure)?.height;
    let kept = args
        .keep_epochs
        .map(|epochs| epochs.saturating_mul(origin.genesis.parameters.epoch_length));
    let below = match (args.below, kept) {
        (Some(height), _) => Height(height.min(tip.0)),
        (None, kept) => Height(tip.0.saturating_sub(kept.unwrap_or_default())),
    };
    if !args.yes {
        let message = format!(
            "payloads, slots, index entries and namespace maps below height {below} (of {tip}) would be dropped for good: say --yes"
        );
        return Err(Failure::new(Exit::Refused, message));
    }
    let cutoffs = Cutoffs {
        payloads: below,
        slots: below,
        transactions: below,
        map: below,
    };
    let mut progress = Progress::start();
    let mut removed = 0;
    loop {
        let pruned = storage.prune(&cutoffs, STEP).map_err(failure)?;
        removed += pruned.removed as u64;
        progress.report(Step {
            what: "dropped",
            done: removed,
            of: None,
        });
        if pruned.done {
            break;
        }
    }
    let outcome = Outcome {
        below,
        removed,
        cutoffs: storage.cutoffs().map_err(failure)?,
    };
    if args.place.json {
        return output::json(&outcome);
    }
    output::line(format_args!(
        "dropped {removed} entries below height {below}; files shrink when they are next compacted"
    ))
}
