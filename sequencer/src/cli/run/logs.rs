//! Structured logs on stderr.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{
    cli::exit::{Exit, Failure},
    config::{LogFormat, LogSettings},
};

/// What is logged where nothing says otherwise.
const DEFAULT_FILTER: &str = "info";

/// What is to be logged.
pub(in crate::cli) fn filter(settings: &LogSettings) -> Result<EnvFilter, Failure> {
    let filter = settings.filter.as_deref().unwrap_or(DEFAULT_FILTER);
    EnvFilter::builder().parse(filter).map_err(|error| {
        Failure::new(
            Exit::Config,
            format!("log.filter `{filter}` is invalid: {error}"),
        )
    })
}

/// Starts logging for the whole process.
pub(in crate::cli) fn start(settings: &LogSettings) -> Result<(), Failure> {
    let registry = tracing_subscriber::registry().with(filter(settings)?);
    let lines = fmt::layer().with_writer(io::stderr);
    let started = match settings.format.unwrap_or_default() {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        LogFormat::Pretty => registry
            .with(lines.with_ansi(io::stderr().is_terminal()))
            .try_init(),
    };
    started.map_err(|error| Failure::new(Exit::Internal, error))
}
