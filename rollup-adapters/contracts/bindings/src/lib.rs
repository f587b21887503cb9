//! The contracts of a rollup as Rust sees them.
//!
//! | module | holds |
//! |---|---|
//! | `abi` | the contracts' functions, events and errors |
//! | `queue` | the queue's logs to L1 messages; which of its checkpoints are covered |
//! | `inbox` | what the inbox knows, and pins |
//! | `calls` | the calls, from what the node has; pure |
//! | `refusal` | why a contract refused, in sentences |
//! | `deploy` | the contracts of a rollup, from forge's artifacts |
//! | `vectors` | what the contracts hash, for forge's tests |

pub mod abi;
pub mod calls;
pub mod deploy;
pub mod inbox;
pub mod queue;
pub mod refusal;
pub mod vectors;

use hotshot_types::Hash;

/// A log that the contract, as it is specified, does not make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a log of L1 block {block} is none of this contract ({topic}): is it deployed at this address?"
)]
pub struct LogError {
    /// Where it is.
    pub block: u64,
    /// Its first topic, or zero.
    pub topic: Hash,
}

impl LogError {
    fn of(log: &light_client::rpc::Log) -> Self {
        Self {
            block: log.block_number,
            topic: log.topics.first().copied().unwrap_or_default(),
        }
    }
}
