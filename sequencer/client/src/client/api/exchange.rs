//! One request and its answer: what comes from the node, and what from a network between that is only dumb.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use reqwest::{RequestBuilder, Response, StatusCode, header::CONTENT_TYPE};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Api;
use crate::{
    client::{ClientError, evidence::Answer},
    types::Problem,
};

const JSON: &str = "application/json";

impl Api {
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        timeout: Duration,
    ) -> Result<T, ClientError> {
        let bytes = self.bytes(request, JSON, timeout).await?;
        self.parse(&bytes)
    }

    /// Reads JSON. What is no whole JSON was cut on its way, or something else was put in its place.
    pub(in crate::client) fn parse<T: DeserializeOwned>(
        &self,
        bytes: &[u8],
    ) -> Result<T, ClientError> {
        serde_json::from_slice(bytes).map_err(|error| {
            let url = self.base.to_string();
            match serde_json::from_slice::<IgnoredAny>(bytes) {
                Ok(_) => ClientError::Protocol {
                    url,
                    reason: error.to_string(),
                },
                Err(error) => ClientError::Unreachable {
                    url,
                    reason: format!("what came from there is no whole JSON: {error}"),
                },
            }
        })
    }

    pub(super) async fn bytes(
        &self,
        request: RequestBuilder,
        form: &str,
        timeout: Duration,
    ) -> Result<Bytes, ClientError> {
        let response = self.send(request, form, Some(timeout)).await?;
        self.read(response).await
    }

    /// Sends a request; an answer that is no success becomes the problem it carries. One of another form is a page of
    /// what is before the node, and says nothing of the node.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        form: &str,
        timeout: Option<Duration>,
    ) -> Result<Response, ClientError> {
        let request = match timeout {
            Some(timeout) => request.timeout(timeout),
            None => request,
        };
        let waited = tokio::time::timeout(timeout.unwrap_or(self.config.timeout), request.send());
        let response = match waited.await {
            Ok(response) => response.map_err(|error| self.broken(&error))?,
            Err(_) => {
                return Err(ClientError::Timeout {
                    url: self.base.to_string(),
                });
            }
        };
        let status = response.status();
        if matches!(status, StatusCode::OK | StatusCode::ACCEPTED) && has_form(&response, form) {
            return Ok(response);
        }
        let body = self.read(response).await.ok();
        let problem = body.and_then(|body| serde_json::from_slice::<Problem>(&body).ok());
        Err(match problem {
            Some(problem) => ClientError::Refused(Box::new(problem)),
            None => ClientError::Unreachable {
                url: self.base.to_string(),
                reason: format!("what answers there says {status}, and not as a node does"),
            },
        })
    }

    async fn read(&self, response: Response) -> Result<Bytes, ClientError> {
        let (request, status) = (response.url().to_string(), response.status().as_u16());
        let body = self.body(response).await?;
        self.transcript.note(Answer {
            request,
            status,
            body: body.clone(),
        });
        Ok(body)
    }

    async fn body(&self, response: Response) -> Result<Bytes, ClientError> {
        let limit = self.config.max_bytes;
        let mut body = BytesMut::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.broken(&error))?;
            if body.len() + chunk.len() > limit {
                return Err(ClientError::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn broken(&self, error: &reqwest::Error) -> ClientError {
        let url = self.base.to_string();
        if error.is_timeout() && !error.is_connect() {
            return ClientError::Timeout { url };
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        ClientError::Unreachable {
            url,
            reason: cause.to_string(),
        }
    }
}

/// Whether the answer is of a media type; its parameters don't matter.
fn has_form(response: &Response, form: &str) -> bool {
    let found = response.headers().get(CONTENT_TYPE);
    let found = found.and_then(|found| found.to_str().ok()?.split(';').next());
    found.is_some_and(|found| found.trim().eq_ignore_ascii_case(form))
}
