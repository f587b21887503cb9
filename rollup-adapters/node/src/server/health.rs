//! `/healthz`, `/readyz` and `/metrics`.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rollup_types::Vm;
use serde_json::json;
use tokio::{net::TcpListener, sync::Semaphore, task::spawn_blocking};

use crate::{Node, board::Board, metrics::Metrics};

/// Connections at one time.
const CONNECTIONS: usize = 32;
/// For the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// What is served.
#[derive(Debug)]
pub(crate) struct Health<V> {
    pub(crate) node: Node<V>,
    pub(crate) board: Arc<Board>,
    pub(crate) metrics: Arc<Metrics>,
}

impl<V: Vm> Health<V> {
    /// Serves at an address for as long as it is polled.
    pub(crate) async fn run(self: Arc<Self>, listener: TcpListener) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // No descriptors left, as a rule: others have to close theirs first.
                    tracing::warn!(%error, "a connection for health or metrics was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let health = Arc::clone(&self);
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let health = Arc::clone(&health);
                    async move { Ok::<_, Infallible>(health.answer(&request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service);
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a reader of health or metrics went away");
                }
                drop(permit);
            });
        }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".into());
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n".into()),
            "/readyz" => {
                let reasons = self.board.reasons();
                let status = if reasons.is_empty() {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                let body = json!({"ready": reasons.is_empty(), "reasons": reasons});
                answer(status, "application/json", body.to_string())
            }
            "/metrics" => {
                let node = self.node.clone();
                let (board, metrics) = (Arc::clone(&self.board), Arc::clone(&self.metrics));
                let encoded = spawn_blocking(move || metrics.text(&node, &board));
                match encoded.await {
                    Ok(Ok(metrics)) => answer(
                        StatusCode::OK,
                        "application/openmetrics-text; version=1.0.0; charset=utf-8",
                        metrics,
                    ),
                    _ => text(StatusCode::INTERNAL_SERVER_ERROR, "no metrics\n".into()),
                }
            }
            _ => text(
                StatusCode::NOT_FOUND,
                "there are /healthz, /readyz and /metrics\n".into(),
            ),
        }
    }
}

/// Binds the address.
///
/// # Errors
/// It can't be listened at.
pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    answer(status, "text/plain; charset=utf-8", body)
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
