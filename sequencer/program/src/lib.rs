//! What the programs of a network have in common: how they run a verb, print, log, stop and end.

use std::process::ExitCode;

mod exit;
pub mod logs;
pub mod output;
pub mod stalling;
pub mod stop;

pub use exit::{Exit, Failure, of_client, of_rpc, of_send};

/// What help says of exit codes.
pub const EXIT_CODES: &str = "Exit codes: 0 ok, 2 usage, 3 configuration, 4 unreachable or not ready, \
5 not found or no longer kept, 6 proof, signature or database invalid, 7 key or permission, 8 refused, \
9 timeout, 10 internal.";

/// Runs a verb to its end, and says on stderr why it failed.
pub fn run(verb: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(verb);
            // A thread that still blocks, on standard input or the disk, must not keep the program alive.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::new(Exit::Internal, error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
