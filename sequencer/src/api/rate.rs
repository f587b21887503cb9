//! How many requests a source may make, where strangers reach the API.
//!
//! Each source has a bucket of tokens that fills at a constant rate (the generic cell rate algorithm: one instant per
//! source). A source is an IPv4 address or an IPv6 /64. Loopback is not limited: what comes from there is the
//! operator's, or has passed a proxy that knows the sources.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Extension, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use sequencer_client::types::ProblemCode;

use super::{Context, refusal::Refusal, server::Caller};
use crate::mempool::Source;

/// Sources that are remembered at one time.
const MAX_SOURCES: usize = 65_536;
/// A source that made no request for this long may make so many at once as it makes in this time.
const BURST: Duration = Duration::from_secs(4);

/// The buckets.
pub(super) struct Rates {
    /// Between two requests at the full rate; none if nothing is limited.
    interval: Option<Duration>,
    /// When the bucket of each source is full again.
    full_at: Mutex<HashMap<Source, Instant>>,
}

impl Rates {
    /// Buckets for so many requests a second; none if nothing is limited.
    pub(super) fn new(per_second: Option<u32>) -> Self {
        Self {
            interval: per_second.map(|rate| Duration::from_secs(1) / rate.max(1)),
            full_at: Mutex::default(),
        }
    }

    /// Takes a token, or says when there is one.
    fn take(&self, caller: IpAddr, now: Instant) -> Result<(), Duration> {
        let Some(interval) = self
            .interval
            .filter(|_| !caller.to_canonical().is_loopback())
        else {
            return Ok(());
        };
        let mut sources = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let source = Source::client(caller);
        if sources.len() >= MAX_SOURCES && !sources.contains_key(&source) {
            sources.retain(|_, full_at| *full_at > now);
            if sources.len() >= MAX_SOURCES {
                return Err(BURST);
            }
        }
        let full_at = sources.entry(source).or_insert(now);
        let next = (*full_at).max(now) + interval;
        let wait = next.saturating_duration_since(now + BURST);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        *full_at = next;
        Ok(())
    }
}

/// Refuses requests of sources that make too many.
pub(super) async fn limit(
    State(context): State<Context>,
    Extension(Caller(caller)): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    match context.0.rates.take(caller, Instant::now()) {
        Ok(()) => next.run(request).await,
        Err(wait) => Refusal::new(
            ProblemCode::RateLimited,
            "your address makes more requests than this node allows: make fewer, submit in batches, follow a stream, or run a node",
        )
        .retry_after(wait)
        .into_response(),
    }
}

#[cfg(test)]
mod tests;
