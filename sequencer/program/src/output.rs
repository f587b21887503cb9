//! Results on standard output.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::{Failure, exit::of_output};

/// Prints one line.
///
/// # Errors
/// Standard output takes nothing.
pub fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(of_output)
}

/// Prints a value as JSON, indented for readers.
///
/// # Errors
/// Standard output takes nothing, or the value is not JSON.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string_pretty(value)?)
}

/// Prints a value as JSON on one line, for streams.
///
/// # Errors
/// Standard output takes nothing, or the value is not JSON.
pub fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string(value)?)
}

/// Prints bytes as they are.
///
/// # Errors
/// Standard output takes nothing.
pub fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(of_output)
}
