//! JSON-RPC over HTTP and WebSocket, bounded in every direction (RN7).
//!
//! Connections are accepted here and not by the library: it bounds requests under way, and would keep any number of
//! connections that say nothing.
//!
//! Any website may ask: no method needs more than what is asked, and wallets run in browsers.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, StatusCode, body::Incoming, header::CONTENT_TYPE, server::conn::http1,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use jsonrpsee::{
    Methods,
    core::BoxError,
    server::{
        BatchRequestConfig, ConnectionId, HttpBody, HttpResponse, IdProvider, ServerHandle, http,
        stop_channel,
    },
};
use program::stalling::Stalling;
use soketto::handshake::http::is_upgrade_request;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tower::service_fn;
use tower_http::cors::{Any, Cors};

use super::{
    calls::Calls,
    room::{Held, Room},
    subscription_id::SubscriptionIds,
    websocket::{self, Peer},
};
use crate::settings::RpcLimits;

/// Largest requests with largest answers that there is room for, over all connections.
const ROOM: usize = 64;
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
) -> io::Result<RpcServer> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (stop, handle) = stop_channel();
    let permits = Arc::new(Semaphore::new(limits.connections as usize));
    let largest = limits.request_bytes as usize + limits.answer_bytes as usize;
    let door = Arc::new(Door {
        limits,
        methods: methods.into(),
        ids: Arc::new(SubscriptionIds::default()),
        room: Room::new(ROOM * largest),
    });
    tokio::spawn(async move {
        let mut last = 0;
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener, &permits) => accepted,
                () = stop.clone().shutdown() => return,
            };
            let Some((stream, permit)) = accepted else {
                sleep(PAUSE).await;
                continue;
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection for JSON-RPC is gone");
                continue;
            }
            let stream = Stalling::new(stream, limits.patience);
            last += 1;
            let peer = Peer {
                id: ConnectionId(last),
                heard: stream.heard(),
                stop: stop.clone(),
                _place: Arc::new(permit),
            };
            tokio::spawn(attend(stream, Arc::clone(&door), peer));
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

async fn attend(stream: Stalling, door: Arc<Door>, peer: Peer) {
    let patience = door.limits.patience;
    let stop = peer.stop.clone();
    let service = service_fn(move |request| {
        let (door, peer) = (Arc::clone(&door), peer.clone());
        async move { door.answer(request, peer).await.map_err(io::Error::other) }
    });
    let service = Cors::new(service)
        .allow_origin(Any)
        .allow_methods([Method::POST])
        .allow_headers([CONTENT_TYPE]);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
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
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) limits: RpcLimits,
    pub(super) methods: Methods,
    pub(super) ids: Arc<dyn IdProvider>,
    room: Room,
}

impl Door {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Result<HttpResponse, BoxError> {
        if is_upgrade_request(&request) {
            return Ok(websocket::accept(request, self, peer));
        }
        let (head, body) = request.into_parts();
        let body = match timeout(self.limits.patience, self.read(body)).await {
            Ok(Ok(Some(body))) => body,
            Ok(Ok(None)) => return Ok(http::response::too_large(self.limits.request_bytes)),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {
                let mut late = HttpResponse::new(HttpBody::from("the request took too long\n"));
                *late.status_mut() = StatusCode::REQUEST_TIMEOUT;
                return Ok(late);
            }
        };
        let held = self.room_for(body.len()).await;
        let calls = Calls {
            methods: self.methods.clone(),
            connection: peer.id,
            answer_bytes: self.limits.answer_bytes as usize,
            subscribing: None,
        };
        let limits = self.limits;
        let request = Request::from_parts(head, Full::new(Bytes::from(body)));
        // What it holds is free when it is done, also if the peer is gone before.
        let answering = tokio::spawn(async move {
            let batch = BatchRequestConfig::Limit(limits.batch);
            let answer = http::call_with_service(request, batch, limits.request_bytes, calls);
            let (head, body) = answer.await.into_parts();
            let body = body.collect().await?.to_bytes();
            let body = match held {
                Some(held) => held.keep(body),
                None => body,
            };
            Ok(HttpResponse::from_parts(
                head,
                HttpBody::new(Full::new(body)),
            ))
        });
        answering.await?
    }

    /// The body of a request; none if it is too large. It is copied, for its pieces may be small.
    async fn read(&self, mut body: Incoming) -> hyper::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            if let Ok(piece) = frame?.into_data() {
                if bytes.len() + piece.len() > self.limits.request_bytes as usize {
                    return Ok(None);
                }
                bytes.extend_from_slice(&piece);
            }
        }
        Ok(Some(bytes))
    }

    /// Room for a request of so many bytes and its answer, once there is some.
    pub(super) async fn room_for(&self, request: usize) -> Option<Held> {
        let answer = self.limits.answer_bytes as usize;
        self.room.take(request + answer).await
    }
}

impl RpcServer {
    /// Takes no more requests, answers those that it has, and ends.
    pub(crate) async fn stop(self) {
        // An error says that it has stopped already.
        self.handle.stop().ok();
        self.handle.stopped().await;
    }
}
