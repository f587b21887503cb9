//! Routes about the node itself.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use sequencer_client::types::{ApiLimits, NodeState, Peers, Readiness, Version};

use super::{
    Context, NodeStatus,
    extract::{BlockName, Nothing, Parameters},
    refusal::Refusal,
    router::Json,
};

impl Context {
    /// Why the node can't do its job.
    fn reasons(&self, status: &NodeStatus) -> Vec<String> {
        let mut reasons = status.not_ready.clone();
        if let Some(sync) = self.sync(status) {
            reasons.push(format!(
                "catching up: block {} of {} ({:.1}%)",
                self.served(),
                sync.target,
                sync.percent
            ));
        }
        reasons
    }
}

pub(super) async fn status(
    State(context): State<Context>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Json<NodeState>, Refusal> {
    let latest = context
        .read(|reader| reader.header(BlockName::Latest))
        .await?;
    let status = context.status();
    let reasons = context.reasons(&status);
    Ok(Json(NodeState {
        version: env!("CARGO_PKG_VERSION").into(),
        chain_domain: context.genesis().chain_domain(),
        epoch: status.round.epoch,
        view: status.round.view.0,
        final_height: latest.height,
        final_timestamp_ms: latest.timestamp_ms,
        tip_height: status.tip_height.max(latest.height),
        peers: Peers {
            connected: status.peers_connected,
            total: status.peers_total,
        },
        validator: status.validator.map(|index| index.0),
        sync: context.sync(&status),
        ready: reasons.is_empty(),
        reasons,
    }))
}

pub(super) async fn limits(
    State(context): State<Context>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Json<ApiLimits> {
    let (bounds, limits) = (context.bounds(), context.0.limits);
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Json(ApiLimits {
        transaction_bytes: limits.transaction_bytes,
        payload_bytes: limits.payload_bytes,
        namespaces: limits.namespaces,
        page_blocks: bounds.page_blocks,
        page_bytes: bounds.page_bytes,
        batch_bytes: bounds.batch_bytes,
        batch_transactions: bounds.batch_transactions,
        wait_ms: millis(bounds.wait),
        streams: bounds.streams,
        connections: bounds.connections,
        stream_stall_ms: millis(bounds.stream_stall),
        source_requests_per_s: bounds.source_rate,
    })
}

/// The process runs and answers.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// The node does its job.
pub(super) async fn ready(State(context): State<Context>) -> Response {
    let reasons = context.reasons(&context.status());
    let code = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        code,
        Json(Readiness {
            ready: reasons.is_empty(),
            reasons,
        }),
    )
        .into_response()
}

pub(super) async fn version() -> Json<Version> {
    Json(Version {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        api: "v1".into(),
    })
}
