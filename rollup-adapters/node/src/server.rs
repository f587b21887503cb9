//! What the node serves: JSON-RPC to applications and users, health and metrics to operators.

mod calls;
pub mod code;
mod health;
mod methods;
mod room;
mod rpc;
mod subscription_id;
mod websocket;

pub(crate) use health::{Health, bind};
pub(crate) use methods::{Context, methods, warnings};
pub(crate) use rpc::{RpcServer, serve};

#[cfg(test)]
mod tests;
