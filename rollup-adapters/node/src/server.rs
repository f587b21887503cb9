//! What the node serves: JSON-RPC to applications and users, health and metrics to operators.

mod health;
mod methods;
mod rpc;
mod subscription_id;

pub(crate) use health::{Health, bind};
pub(crate) use methods::{Context, methods, warnings};
#[cfg(any(test, feature = "testing"))]
pub(crate) use rpc::RpcServer;
pub(crate) use rpc::serve;

#[cfg(test)]
mod tests;
