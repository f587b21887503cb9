//! `sequencer run`: a node until it is told to stop.

use std::path::PathBuf;

use program::{logs, stop};

use super::exit::{Exit, Failure};
use crate::{
    config::{self, LogFormat, NodeConfig, Settings},
    keys::{PasswordSource, Unlock},
    open_files,
};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A flag beats its environment variable, which beats the settings file, \
which beats the default. SIGINT or SIGTERM stops the node in order within 10 seconds; a second one at once."
)]
pub(crate) struct Args {
    /// Settings file [default: sequencer.toml in the data directory, if there is one]
    #[arg(long, env = "SEQUENCER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// Read the password of the keys from this open descriptor
    #[arg(long, value_name = "N", conflicts_with = "password_file")]
    password_fd: Option<u32>,
    /// Write logs as JSON, like --log.format json
    #[arg(long)]
    json: bool,
}

/// Runs the node.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut settings = args.settings.with_file(args.config)?;
    if args.json {
        settings.log.format = Some(LogFormat::Json);
    }
    logs::start(settings.log.filter.as_deref(), settings.log.is_json())?;
    warn_of_unknown_variables();
    let password = PasswordSource::of(settings.password_file.as_deref(), args.password_fd);
    let config = NodeConfig::load_with(&settings, &mut Unlock::with(password))?;
    open_files::raise(open_files::needed(
        &config.api,
        config.genesis.validators.len(),
    ));
    // From here on a signal does not kill the process but asks the node to stop.
    let shutdown = stop::requested().map_err(|error| Failure::new(Exit::Internal, error))?;
    crate::node::run(config, shutdown).await?;
    tracing::info!("stopped");
    Ok(())
}

fn warn_of_unknown_variables() {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for (name, nearest) in config::unknown_variables(names) {
        match nearest {
            Some(nearest) => tracing::warn!(%name, %nearest, "unknown environment variable"),
            None => tracing::warn!(%name, "unknown environment variable"),
        }
    }
}
