//! The command line.

use std::process::ExitCode;

use crate::Application;

pub(crate) fn main<A: Application>() -> ExitCode {
    ExitCode::SUCCESS
}
