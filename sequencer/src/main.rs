//! The program `sequencer`.

use std::process::ExitCode;

fn main() -> ExitCode {
    sequencer::cli::main()
}
