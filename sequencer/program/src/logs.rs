//! Structured logs on stderr.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{Exit, Failure};

/// What is logged where nothing says otherwise.
const DEFAULT_FILTER: &str = "info";

/// What is to be logged.
///
/// # Errors
/// The directives are none.
pub fn filter(directives: Option<&str>) -> Result<EnvFilter, Failure> {
    let filter = directives.unwrap_or(DEFAULT_FILTER);
    EnvFilter::builder().parse(filter).map_err(|error| {
        Failure::new(
            Exit::Config,
            format!("log.filter `{filter}` is invalid: {error}"),
        )
    })
}

/// Starts logging for the whole process, as JSON or for people.
///
/// # Errors
/// The directives are none, or there are logs already.
pub fn start(directives: Option<&str>, is_json: bool) -> Result<(), Failure> {
    let registry = tracing_subscriber::registry().with(filter(directives)?);
    let lines = fmt::layer().with_writer(io::stderr);
    let started = if is_json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        let lines = lines.with_ansi(io::stderr().is_terminal());
        registry.with(lines).try_init()
    };
    started.map_err(|error| Failure::new(Exit::Internal, error))
}
