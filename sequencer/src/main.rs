//! The program `sequencer`.

use std::process::ExitCode;

/// Blocks come and go in buffers of megabytes on many threads. The system's allocator keeps what
/// each thread once held: three times the memory after a minute of full load.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sequencer::cli::main()
}
