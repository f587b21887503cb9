//! JSON-RPC over HTTP and WebSocket, bounded in every direction (RN7).
//!
//! Connections are accepted here and not by the library: it bounds requests under way, and would keep any number of
//! connections that say nothing.
//!
//! Any website may ask: no method needs more than what is asked, and wallets run in browsers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Method, header::CONTENT_TYPE, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use jsonrpsee::{
    Methods,
    server::{BatchRequestConfig, Server, ServerConfig, ServerHandle, StopHandle, stop_channel},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tower_http::cors::{Any, Cors};

use super::subscription_id::SubscriptionIds;
use crate::settings::RpcLimits;

/// Subscriptions of one connection.
const SUBSCRIPTIONS: u32 = 64;
/// Messages that wait for a slow reader.
const BUFFER: u32 = 256;
/// For the head of a request; also how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);
/// After a connection could not be accepted: no descriptors left, as a rule.
const PAUSE: Duration = Duration::from_millis(100);

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
        .set_id_provider(SubscriptionIds::default())
        .build();
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let services = Server::builder().set_config(config).to_service_builder();
    let (stop, handle) = stop_channel();
    let permits = Arc::new(Semaphore::new(limits.connections as usize));
    let methods = methods.into();
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener, &permits) => accepted,
                () = stop.clone().shutdown() => return,
            };
            let Some((stream, permit)) = accepted else {
                sleep(PAUSE).await;
                continue;
            };
            let service = services.clone().build(methods.clone(), stop.clone());
            let service = Cors::new(service)
                .allow_origin(Any)
                .allow_methods([Method::POST])
                .allow_headers([CONTENT_TYPE]);
            let service = TowerToHyperService::new(service);
            tokio::spawn(attend(stream, service, stop.clone(), permit));
        }
    });
    Ok(RpcServer { address, handle })
}

/// The next connection, once there is room for it. Until then the others wait in the kernel.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection for JSON-RPC was not accepted");
            None
        }
    }
}

async fn attend<S>(stream: TcpStream, service: S, stop: StopHandle, permit: OwnedSemaphorePermit)
where
    S: hyper::service::Service<
            hyper::Request<hyper::body::Incoming>,
            Response = jsonrpsee::server::HttpResponse,
        >,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection for JSON-RPC is gone");
        return;
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.shutdown() => {
            // What is under way is answered.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection for JSON-RPC broke");
    }
    drop(permit);
}

impl RpcServer {
    /// Takes no more requests, answers those that it has, and ends.
    pub(crate) async fn stop(self) {
        // An error says that it has stopped already.
        self.handle.stop().ok();
        self.handle.stopped().await;
    }
}
