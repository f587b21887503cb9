//! Results on standard output.

use std::io::{self, Write as _};

use serde::Serialize;

use super::exit::{Failure, of_output};

/// Prints one line.
pub(super) fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(of_output)
}

/// Prints a value as JSON, indented for readers.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string_pretty(value)?)
}
