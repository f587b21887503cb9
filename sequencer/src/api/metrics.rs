//! Counters of the API, and the endpoint where all of the node's are read.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use tokio::{net::TcpListener, sync::watch, time::Instant};

use super::{
    Context,
    server::{Driving, serve},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    status: u16,
}

/// What the API counts.
#[derive(Clone, Debug)]
pub struct ApiMetrics {
    requests: Family<Answered, Counter>,
    seconds: Histogram,
    streams: Gauge,
}

impl ApiMetrics {
    /// Makes the counters and registers them; the registry brings the prefix.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            // 0.1 ms to 52 s.
            seconds: Histogram::new(exponential_buckets(1e-4, 2.0, 20)),
            streams: Gauge::default(),
        };
        registry.register(
            "api_requests",
            "Answered requests",
            metrics.requests.clone(),
        );
        registry.register(
            "api_request_seconds",
            "Time until an answer began, waits that were asked for included",
            metrics.seconds.clone(),
        );
        registry.register("api_streams", "Open streams", metrics.streams.clone());
        metrics
    }

    pub(super) fn streams(&self) -> &Gauge {
        &self.streams
    }
}

/// Counts a request. Routes are those of the router, so their number is bounded.
pub(super) async fn count(
    State(context): State<Context>,
    request: Request,
    next: Next,
) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let start = Instant::now();
    let response = next.run(request).await;
    let metrics = context.metrics();
    let label = Answered {
        route,
        status: response.status().as_u16(),
    };
    metrics.requests.get_or_create(&label).inc();
    metrics.seconds.observe(start.elapsed().as_secs_f64());
    response
}

/// The listening metrics endpoint, apart from the API.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsServer {
    /// Listens.
    ///
    /// # Errors
    /// The address is taken, or not this machine's.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves `/metrics` until `shutdown` is true or its sender is gone.
    pub async fn run(self, registry: Arc<Registry>, shutdown: watch::Receiver<bool>) {
        let router = Router::new()
            .route("/metrics", get(scrape))
            .with_state(registry);
        let driving = Driving {
            head_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(1),
            connections: 16,
        };
        serve(self.listener, router, driving, shutdown).await;
    }
}

async fn scrape(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, form)], text).into_response()
}
