//! The routes of the table, and what surrounds all of them.

use axum::{
    Router,
    http::{HeaderValue, Method, header},
    middleware,
    response::{IntoResponse, Response},
};
use sequencer_client::types::ProblemCode;
use serde::Serialize;
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer, Predicate as _,
        predicate::{NotForContentType, SizeAbove},
    },
    cors::{Any, CorsLayer},
};

use super::{
    Context,
    conditional::{self, IMMUTABLE},
    metrics, rate,
    refusal::Refusal,
    routes::ROUTES,
};

/// Answers from this size on are compressed for whoever takes it.
const COMPRESSED_BYTES: u64 = 1_024;

/// The API's routes and what surrounds them.
pub(super) fn router(context: Context) -> Router {
    let reads = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD]);
    let compression = CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        // Payloads are as good as random, and a stream's events must not wait for each other.
        .compress_when(
            SizeAbove::new(COMPRESSED_BYTES)
                .and(NotForContentType::SSE)
                .and(NotForContentType::const_new("application/octet-stream")),
        );
    let mut routes = Router::new();
    for route in ROUTES {
        routes = routes.route(route.path, (route.handler)());
    }
    routes
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(middleware::from_fn(conditional::conditional))
        .layer(compression)
        .layer(middleware::from_fn_with_state(context.clone(), rate::limit))
        .layer(reads)
        .layer(middleware::from_fn_with_state(
            context.clone(),
            metrics::count,
        ))
        .with_state(context)
}

async fn no_route(uri: axum::http::Uri) -> Refusal {
    Refusal::new(
        ProblemCode::NoSuchRoute,
        format!(
            "there is no route {}: routes begin with /v1, as in /v1/status",
            uri.path()
        ),
    )
}

async fn no_method(method: Method, uri: axum::http::Uri) -> Refusal {
    Refusal::new(
        ProblemCode::MethodNotAllowed,
        format!(
            "{} does not take {method}; the header `allow` says what it takes",
            uri.path()
        ),
    )
}

/// An answer in JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
            Err(error) => Refusal::internal(error).into_response(),
        }
    }
}

/// An answer, and whether it is the same for ever.
pub(super) struct Cached<T>(pub(super) T, pub(super) bool);

impl<T: IntoResponse> IntoResponse for Cached<T> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        // An answer that failed on its way says itself that it must not be kept.
        if response.status().is_success() {
            let value = if self.1 { IMMUTABLE } else { "no-cache" };
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
        }
        response
    }
}
