//! `sequencer doctor`: what would keep a node from running well, before its first run or beside it.
//!
//! Nothing is changed but a file of 4 KiB that is written and removed to time the disk. Each finding
//! is one line: how bad it is, what was looked at, what was found and what to do.

use std::{path::PathBuf, time::Duration};

use hotshot_types::{GenesisDocument, PublicKey};
use program::logs;

use super::{
    config::unknown_variables,
    exit::{Exit, Failure},
    output,
};
use crate::{config::Settings, node, storage};

mod identity;
mod l1;
mod machine;
mod peers;
mod ports;
mod report;

use report::Report;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ends with 0 if nothing is marked `fail`, else with the code of the first one that is."
)]
pub(crate) struct Args {
    /// Settings file [default: sequencer.toml in the data directory, if there is one]
    #[arg(long, env = "SEQUENCER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// How long peers may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    patience: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// What is known about the node so far.
struct Scene {
    settings: Settings,
    data_dir: PathBuf,
    /// Whether a process has the data directory open.
    is_running: bool,
    genesis: Option<GenesisDocument>,
    /// The consensus key, if it could be read.
    key: Option<PublicKey>,
    /// Whether the key has never signed (K3).
    is_unused: bool,
    /// This node's place in the genesis document.
    validator: Option<usize>,
    patience: Duration,
}

/// Examines everything.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut report = Report::new(args.json);
    report.ok(
        "version",
        format!("this is sequencer {}", env!("CARGO_PKG_VERSION")),
    );
    let scene = scene(args.settings, args.config, args.patience, &mut report);
    if let Some(mut scene) = scene {
        report.show()?;
        identity::genesis(&mut scene, &mut report);
        identity::keys(&mut scene, &mut report);
        report.show()?;
        machine::examine(&scene, &mut report);
        identity::database(&scene, &mut report);
        report.show()?;
        ports::examine(&scene, &mut report).await;
        report.show()?;
        l1::examine(&scene, &mut report).await;
        report.show()?;
        peers::examine(&scene, &mut report).await;
    }
    report.show()?;
    if args.json {
        output::json(&report)?;
    }
    report.outcome()
}

/// Settings and data directory; without them there is nothing to examine.
fn scene(
    given: Settings,
    file: Option<PathBuf>,
    patience: u64,
    report: &mut Report,
) -> Option<Scene> {
    let settings = given.with_file(file).and_then(|settings| {
        settings.check()?;
        let data_dir = settings.data_dir.clone();
        Ok((
            settings,
            data_dir.ok_or(crate::config::ConfigError::NoDataDir)?,
        ))
    });
    let (settings, data_dir) = match settings {
        Ok(found) => found,
        Err(error) => {
            report.fail("settings", error, Exit::Config);
            return None;
        }
    };
    match logs::filter(settings.log.filter.as_deref()) {
        Ok(_) => report.ok("settings", "no unknown keys, no contradictions"),
        Err(error) => report.fail("settings", error, Exit::Config),
    }
    for warning in unknown_variables() {
        report.warn("settings", warning);
    }
    let is_running = match storage::is_in_use(&node::database(&data_dir)) {
        Ok(is_running) => is_running,
        Err(error) => {
            report.fail("data-directory", error, Exit::Key);
            false
        }
    };
    Some(Scene {
        settings,
        data_dir,
        is_running,
        genesis: None,
        key: None,
        is_unused: false,
        validator: None,
        patience: Duration::from_secs(patience),
    })
}
