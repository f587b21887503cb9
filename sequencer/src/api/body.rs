//! Bodies of requests: bounded in size, in time, and in what all of them together take in memory.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use sequencer_client::types::ProblemCode;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::{Context, permits, refusal::Refusal};

/// The unit in which memory for bodies is given out.
const UNIT: usize = 64 << 10;

/// Memory for all bodies that are under way.
pub(super) struct BodyMemory(Arc<Semaphore>);

impl BodyMemory {
    pub(super) fn new(bytes: u32) -> Self {
        Self(Arc::new(Semaphore::new(permits(bytes).div_ceil(UNIT))))
    }
}

/// A body, and its share of the memory until it is dropped.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// How long a body may be, and how a longer one is refused.
pub(super) struct Longest {
    pub(super) bytes: usize,
    pub(super) code: ProblemCode,
    pub(super) detail: String,
}

impl Longest {
    fn refusal(&self) -> Refusal {
        Refusal::new(
            self.code,
            format!("the body is over {} bytes: {}", self.bytes, self.detail),
        )
    }
}

/// The form that a body claims to have, in lower case and without parameters; empty if none.
pub(super) fn form(headers: &HeaderMap) -> String {
    let form = headers
        .get(header::CONTENT_TYPE)
        .map(|form| String::from_utf8_lossy(form.as_bytes()));
    let form = form.as_deref().unwrap_or("");
    let form = form.split(';').next().unwrap_or("");
    form.trim().to_ascii_lowercase()
}

/// Reads a body.
pub(super) async fn read(
    context: &Context,
    headers: &HeaderMap,
    body: Body,
    longest: &Longest,
) -> Result<Received, Refusal> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > longest.bytes as u64)
    {
        return Err(longest.refusal());
    }
    let deadline = Instant::now() + context.bounds().body_timeout;
    let (mut read, mut share, mut paid) = (BytesMut::new(), None, 0);
    let mut chunks = body.into_data_stream();
    loop {
        let Ok(chunk) = timeout_at(deadline, chunks.next()).await else {
            return Err(broken(
                "the body did not arrive in time: send it without pauses",
            ));
        };
        let chunk = match chunk {
            None => {
                return Ok(Received {
                    bytes: read.freeze(),
                    _share: share,
                });
            }
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => return Err(broken(format!("the body broke off: {error}"))),
        };
        let length = read.len() + chunk.len();
        if length > longest.bytes {
            return Err(longest.refusal());
        }
        while paid < length {
            pay(&context.0.bodies, &mut share)?;
            paid += UNIT;
        }
        read.extend_from_slice(&chunk);
    }
}

fn pay(memory: &BodyMemory, share: &mut Option<OwnedSemaphorePermit>) -> Result<(), Refusal> {
    let Ok(permit) = Arc::clone(&memory.0).try_acquire_owned() else {
        return Err(Refusal::new(
            ProblemCode::TooBusy,
            "this node receives as much at one time as it allows: try again in a moment, or another node",
        )
        .retry_after(std::time::Duration::from_secs(1)));
    };
    match share {
        Some(share) => share.merge(permit),
        None => *share = Some(permit),
    }
    Ok(())
}

fn broken(detail: impl Into<String>) -> Refusal {
    Refusal::new(ProblemCode::MalformedRequest, detail)
}
