//! Structured logs on stderr.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use super::exit::{Exit, Failure};
use crate::settings::{LogFormat, LogSettings};

/// What is logged where nothing says otherwise.
const DEFAULT_FILTER: &str = "info";

/// Starts logging for the whole process.
pub(super) fn start(settings: &LogSettings) -> Result<(), Failure> {
    let filter = settings.filter.as_deref().unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::builder().parse(filter).map_err(|error| {
        Failure::new(
            Exit::Config,
            format!("log.filter `{filter}` is invalid: {error}"),
        )
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(io::stderr);
    let started = match settings.format.unwrap_or_default() {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        LogFormat::Pretty => registry
            .with(lines.with_ansi(io::stderr().is_terminal()))
            .try_init(),
    };
    started.map_err(|error| Failure::new(Exit::Internal, error))
}
