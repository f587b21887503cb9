//! JSON-RPC over HTTP and WebSocket, bounded in every direction.

use std::{net::SocketAddr, time::Duration};

use jsonrpsee::{
    Methods,
    server::{BatchRequestConfig, Server, ServerConfig, ServerHandle},
};

use super::subscription_id::SubscriptionIds;
use crate::settings::RpcLimits;

/// Subscriptions of one connection.
const SUBSCRIPTIONS: u32 = 64;
/// Messages that wait for a slow reader.
const BUFFER: u32 = 256;
/// Between connecting and the first request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// The server, while it is kept.
#[derive(Debug)]
pub(crate) struct RpcServer {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
}

/// Serves methods at an address.
///
/// # Errors
/// The address can't be listened at.
pub(crate) async fn serve(
    address: SocketAddr,
    limits: RpcLimits,
    methods: impl Into<Methods>,
) -> std::io::Result<RpcServer> {
    let config = ServerConfig::builder()
        .max_request_body_size(limits.request_bytes)
        .max_response_body_size(limits.answer_bytes)
        .max_connections(limits.connections)
        .max_subscriptions_per_connection(SUBSCRIPTIONS)
        .set_message_buffer_capacity(BUFFER)
        .set_batch_request_config(BatchRequestConfig::Limit(limits.batch))
        .set_first_request_timeout(Some(FIRST_REQUEST))
        .set_tcp_no_delay(true)
        .set_id_provider(SubscriptionIds::default())
        .build();
    let server = Server::builder().set_config(config).build(address).await?;
    let address = server.local_addr()?;
    Ok(RpcServer {
        address,
        handle: server.start(methods),
    })
}

impl RpcServer {
    /// Takes no more requests, answers those that it has, and ends.
    pub(crate) async fn stop(self) {
        // An error says that it has stopped already.
        self.handle.stop().ok();
        self.handle.stopped().await;
    }
}
