//! The routes, all of them.

use axum::{
    Router,
    http::{HeaderValue, Method, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use sequencer_client::types::ProblemCode;
use serde::Serialize;
use tower_http::cors::{Any, CorsLayer};

use super::{
    Context, blocks, chain, metrics, namespaces, node, refusal::Refusal, streams, transactions,
};

/// The API's routes and what surrounds them.
pub(super) fn router(context: Context) -> Router {
    let reads = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD]);
    Router::new()
        .route("/v1/transactions", post(transactions::submit))
        .route("/v1/transactions/batch", post(transactions::submit_batch))
        .route("/v1/transactions/{hash}", get(transactions::find))
        .route("/v1/blocks", get(blocks::range))
        .route("/v1/blocks/{block}", get(blocks::block))
        .route("/v1/blocks/{block}/payload", get(blocks::payload))
        .route("/v1/blocks/{block}/namespaces", get(namespaces::list))
        .route(
            "/v1/blocks/{block}/namespaces/{namespace}",
            get(namespaces::one),
        )
        .route(
            "/v1/blocks/{block}/namespaces/{namespace}/accumulator",
            get(namespaces::accumulator),
        )
        .route(
            "/v1/namespaces/{namespace}/blocks",
            get(namespaces::history),
        )
        .route("/v1/stream/blocks", get(streams::blocks))
        .route("/v1/stream/headers", get(streams::headers))
        .route(
            "/v1/stream/namespaces/{namespace}",
            get(streams::of_namespace),
        )
        .route("/v1/light-client/{block}", get(chain::finality))
        .route("/v1/epochs/{epoch}", get(chain::epoch))
        .route("/v1/validators", get(chain::validators))
        .route("/v1/genesis", get(chain::genesis))
        .route("/v1/status", get(node::status))
        .route("/v1/limits", get(node::limits))
        .route("/livez", get(node::alive))
        .route("/readyz", get(node::ready))
        .route("/version", get(node::version))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
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
        let value = if self.1 {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
        response
    }
}
