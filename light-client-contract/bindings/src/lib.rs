//! The contracts on Ethereum as Rust sees them.
//!
//! | module | holds |
//! |---|---|
//! | `abi` | the contracts' functions, events and errors |
//! | `points` | keys and signatures in the contracts' form |
//! | `stake` | events of the stake table to committees; pure |
//! | `evidence` | evidence of misbehaviour as the contracts take it |
//! | `update` | headers and certificates as the light client takes them |
//! | `refusal` | why a contract refused, in sentences |
//! | `send` | transactions from signing to the receipt |
//! | `deploy` | the contracts of a network, from forge's artifacts |
//! | `account` | keys, addresses and signed transactions of L1 accounts |
//! | `rpc` | requests to an L1 node: one endpoint, bounded answers |

pub mod abi;
pub mod account;
pub mod deploy;
pub mod evidence;
pub mod points;
pub mod refusal;
mod rlp;
pub mod rpc;
pub mod send;
pub mod stake;
pub mod update;

pub use account::Account;
