//! A node of a rollup on a sequencer network, around any machine.
//!
//! Whoever writes a rollup implements [`rollup_types::Vm`] and [`Application`]; [`main`] is then its whole program: it
//! follows the rollup's namespace and the queue on its L1, executes, stores, submits, and serves JSON-RPC, health and
//! metrics. `examples/counter.rs` is a complete rollup.
//!
//! | module | what |
//! |---|---|
//! | `definition` | what all nodes of a rollup agree on: `rollup.toml` |
//! | `settings` | what one node is told: flags, environment, `rollup-node.toml` |
//! | `storage` | blocks, state and all else on disk, one atomic batch a block |
//! | `source` | what the sequencer made final, verified |
//! | `l1` | what the L1 holds, proven |
//! | `executor` | drives derivation and the machine |
//! | `submission` | transactions on their way to the sequencer |
//! | `node` | what applications and JSON-RPC see of all that |
//! | `server` | JSON-RPC, health and metrics |
//! | `advance` | keeps the inbox on the L1 up to date |
//! | `cli` | the command line |
//!
//! The README is the specification (RN rules).

mod advance;
mod application;
mod board;
mod cli;
mod definition;
mod execution;
mod executor;
mod host;
mod keyfile;
mod l1;
mod levels;
mod metrics;
mod node;
mod replicas;
mod retries;
mod server;
mod settings;
mod source;
mod storage;
mod submission;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use application::Application;
pub use definition::{Definition, DefinitionError, L1Contracts, Replica};
pub use levels::{Change, Levels};
pub use node::{Node, Pending, SubmitError};
pub use server::code;
pub use storage::{Block, Done, Origin, Place, StorageError, View};

use std::process::ExitCode;

/// The whole program of a rollup: reads the command line and does what it says.
#[must_use]
pub fn main<A: Application>() -> ExitCode {
    cli::main::<A>()
}
