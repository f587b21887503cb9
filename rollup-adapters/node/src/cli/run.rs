//! `run`: a node until it is told to stop.

use std::path::PathBuf;

use program::{logs, stop};

use super::exit::{Exit, Failure};
use crate::{
    Application, Definition,
    host::{self, Config},
    keyfile,
    settings::{LogFormat, Settings},
};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A flag beats its environment variable, which beats the settings file, which beats the default. \
SIGINT or SIGTERM stops the node in order within 10 seconds; a second one at once. An empty data directory is filled \
from the sequencer and the L1."
)]
pub(super) struct Args {
    /// Settings file [default: rollup-node.toml in the data directory, if there is one]
    #[arg(long, env = "ROLLUP_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// Write logs as JSON, like --log.format json
    #[arg(long)]
    json: bool,
}

/// Runs the node.
pub(super) async fn run<A: Application>(args: Args) -> Result<(), Failure> {
    let mut settings = args.settings.with_file(args.config.as_deref())?;
    if args.json {
        settings.log.format = Some(LogFormat::Json);
    }
    logs::start(settings.log.filter.as_deref(), settings.log.is_json())?;
    let definition = Definition::read(&settings.definition())?;
    if definition.application != A::NAME {
        let message = format!(
            "the definition is of a rollup of the application `{}`, this program is `{}`",
            definition.application,
            A::NAME
        );
        return Err(Failure::new(Exit::Config, message));
    }
    let account = settings.advance.account.as_deref().map(keyfile::load);
    let account = account
        .transpose()
        .map_err(|error| Failure::new(Exit::Key, error))?;
    let config = Config::new(&settings, definition, account)?;
    // From here on a signal does not kill the process but asks the node to stop.
    let shutdown = stop::requested().map_err(|error| Failure::new(Exit::Internal, error))?;
    host::run::<A>(config, shutdown).await?;
    tracing::info!("stopped");
    Ok(())
}
