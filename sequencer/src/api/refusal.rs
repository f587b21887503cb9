//! Errors as their readers see them.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hotshot_types::Height;
use sequencer_client::{
    text::TextError,
    types::{Problem, ProblemCode},
};
use tracing::error;

use crate::storage::StorageError;

/// A request that is not answered as wished.
#[derive(Debug)]
pub(super) struct Refusal(Box<Problem>);

impl Refusal {
    pub(super) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ProblemCode::InvalidParameter, detail)
    }

    /// A fault of the node. What it was is for its log, not for strangers.
    pub(super) fn internal(fault: impl std::fmt::Display) -> Self {
        error!(%fault, "a request failed");
        Self::new(
            ProblemCode::Internal,
            "the node failed to answer; its operator finds the reason in its log",
        )
    }

    pub(super) fn above_head(height: Height, served: Height) -> Self {
        Self::new(
            ProblemCode::HeightAboveHead,
            format!(
                "height {height} is not final yet: the last final block is {served}. Ask again later, or follow /v1/stream/headers?from={height}"
            ),
        )
    }

    pub(super) fn pruned(what: &str, height: Height) -> Self {
        Self::new(
            ProblemCode::Pruned,
            format!("this node no longer has {what} of block {height}: ask an archive node"),
        )
    }

    pub(super) fn retry_after(mut self, pause: Duration) -> Self {
        self.0.retry_after_ms = u64::try_from(pause.as_millis()).ok();
        self
    }

    pub(super) fn about(mut self, hash: hotshot_types::Hash) -> Self {
        self.0.hash = Some(hash);
        self
    }

    pub(super) fn problem(&self) -> &Problem {
        &self.0
    }
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::ProofTooLong { limit, .. } => Self::new(
                ProblemCode::ProofTooLong,
                format!(
                    "{error}: first ask for the proof of a block at most {limit} epochs after from_epoch, then go on from its epoch"
                ),
            ),
            other => Self::internal(other),
        }
    }
}

impl From<TextError> for Refusal {
    fn from(error: TextError) -> Self {
        let code = match error {
            TextError::NamespaceZero => ProblemCode::NamespaceReserved,
            TextError::Base64(_) | TextError::Namespace(_) | TextError::Hex(_) => {
                ProblemCode::InvalidParameter
            }
        };
        Self::new(code, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = self.0;
        let body = serde_json::to_vec(&problem).expect("a problem has only strings and numbers");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(millis) = problem.retry_after_ms {
            headers.insert(header::RETRY_AFTER, millis.div_ceil(1_000).max(1).into());
        }
        response
    }
}
