//! `cargo xtask sim`: seeded worlds that attack the consensus state machine.

use std::io;

use anyhow::{Result, anyhow, ensure};
use indicatif::{ProgressBar, ProgressStyle};

/// Arguments of `sim`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The same seed is always the same world. A failure prints the command that \
repeats it; add --trace to see every event of it."
)]
pub(crate) struct Args {
    /// How many seeds to run
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Print every event of the first seed instead
    #[arg(long)]
    trace: bool,
}

/// Runs the seeds.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.trace {
        let outcome = hotshot_sim::trace(args.from, &mut io::stdout().lock())?;
        return report(outcome);
    }
    let end = args.from.checked_add(args.seeds);
    ensure!(end.is_some(), "there are no seeds above {}", u64::MAX);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds  {elapsed} (eta {eta})")?;
    let bar = ProgressBar::new(args.seeds).with_style(style);
    let outcome = hotshot_sim::run(args.from, args.seeds, |progress| {
        bar.set_position(progress.done)
    });
    bar.finish_and_clear();
    report(outcome)
}

fn report(outcome: Result<hotshot_sim::Report, Box<hotshot_sim::Failure>>) -> Result<()> {
    let report = outcome.map_err(|failure| anyhow!("{failure}"))?;
    println!("{report}");
    Ok(())
}
