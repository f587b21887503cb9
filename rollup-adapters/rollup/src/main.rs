//! The program `rollup`.

use std::process::ExitCode;

fn main() -> ExitCode {
    rollup_node::main::<rollup::EvmRollup>()
}
