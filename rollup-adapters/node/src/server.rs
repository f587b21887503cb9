//! What the node serves: JSON-RPC to applications and users, health and metrics to operators.

mod health;
mod methods;
mod rpc;

pub(crate) use health::Health;
pub(crate) use methods::{Context, methods};
pub(crate) use rpc::{RpcServer, serve};

#[cfg(test)]
mod tests;
