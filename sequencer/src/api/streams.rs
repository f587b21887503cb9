//! Streams of server-sent events: final blocks as they come, without gaps and without repeats.
//!
//! Each stream has a task that reads the database and a queue of a few events to its connection. A reader that is not
//! ready for the next event for too long is told so, with the height to resume from, and the stream ends; the
//! connection's own timeout ends it for a reader that takes nothing at all.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use hotshot_types::{Epoch, Height};
use sequencer_client::types::{Interrupted, ProblemCode, event};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot, watch},
    time::{Instant, error::Elapsed, sleep_until, timeout},
};

use super::{
    Context,
    extract::{Parameters, Segments, flag, height, namespace},
    namespaces::Proofs,
    refusal::Refusal,
};

mod source;

use source::{Source, Step};

/// Events between a stream's task and its connection.
const QUEUED: usize = 4;
const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// Where a stream starts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    from: Option<u64>,
    #[serde(default, deserialize_with = "flag")]
    proof: bool,
    from_epoch: Option<Epoch>,
}

pub(super) async fn blocks(
    State(context): State<Context>,
    Parameters(start): Parameters<Start>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    open(context, Source::Blocks, &start, &headers)
}

pub(super) async fn headers(
    State(context): State<Context>,
    Parameters(start): Parameters<Start>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    open(context, Source::Headers, &start, &headers)
}

pub(super) async fn of_namespace(
    State(context): State<Context>,
    Segments(id): Segments<String>,
    Parameters(start): Parameters<Start>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let trusted = start.from_epoch.unwrap_or(Epoch::FIRST);
    if trusted < Epoch::FIRST {
        return Err(Refusal::invalid(
            "from_epoch must be at least 1: epochs begin there",
        ));
    }
    let proofs = Proofs(start.proof.then_some(trusted));
    let source = Source::namespace(namespace(&id)?, proofs);
    open(context, source, &start, &headers)
}

/// The first height of a stream: after the last event that the reader has, else as asked, else the next block.
fn first(context: &Context, start: &Start, headers: &HeaderMap) -> Result<Height, Refusal> {
    let next = context.served().next();
    let first = match headers.get("last-event-id").map(HeaderValue::to_str) {
        Some(Ok(id)) => height(id)?.plus(1),
        Some(Err(_)) => return Err(Refusal::invalid("the header last-event-id is not a height")),
        None => start.from.map_or(next, Height),
    };
    if first > Height::MAX {
        return Err(Refusal::invalid(format!("heights end at {}", Height::MAX)));
    }
    Ok(first)
}

fn open(
    context: Context,
    source: Source,
    start: &Start,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let next = first(&context, start, headers)?;
    let Ok(permit) = std::sync::Arc::clone(&context.0.streams).try_acquire_owned() else {
        return Err(Refusal::new(
            ProblemCode::TooBusy,
            "this node has as many streams as it allows: try again later, or another node",
        )
        .retry_after(std::time::Duration::from_secs(10)));
    };
    let (events, received) = mpsc::channel(QUEUED);
    let (end, last) = oneshot::channel();
    let feed = Feed {
        stopping: context.stopping(),
        context,
        source,
        next,
        events,
    };
    tokio::spawn(feed.run(permit, end));
    let body = Body::from_stream(frames(received, last));
    let form = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // For proxies that would collect events before they pass them on.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((form, body).into_response())
}

/// What was queued, then why the stream ends.
fn frames(
    received: mpsc::Receiver<Bytes>,
    last: oneshot::Receiver<Bytes>,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let queued = stream::unfold(received, |mut received| async move {
        received.recv().await.map(|frame| (frame, received))
    });
    let end = stream::once(last).filter_map(|last| async { last.ok() });
    stream::once(async { Bytes::from_static(HEARTBEAT) })
        .chain(queued)
        .chain(end)
        .map(Ok)
}

/// An event in its bytes.
fn frame(name: &str, id: Height, data: &impl Serialize) -> Result<Bytes, Refusal> {
    let mut frame = format!("event: {name}\nid: {id}\ndata: ").into_bytes();
    serde_json::to_writer(&mut frame, data).map_err(Refusal::internal)?;
    frame.extend_from_slice(b"\n\n");
    Ok(frame.into())
}

/// Why a stream ended before its reader did.
enum End {
    /// The reader is gone.
    Gone,
    /// The reader does not keep up.
    Slow,
    /// The node stops.
    Stopping,
    /// A block can't be read.
    Failed(Refusal),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal)
    }
}

/// One stream.
struct Feed {
    context: Context,
    source: Source,
    next: Height,
    events: mpsc::Sender<Bytes>,
    stopping: watch::Receiver<bool>,
}

impl Feed {
    async fn run(mut self, permit: OwnedSemaphorePermit, end: oneshot::Sender<Bytes>) {
        let gauge = self.context.metrics().streams().clone();
        gauge.inc();
        let why = match self.follow().await {
            Err(why) => why,
            Ok(never) => match never {},
        };
        gauge.dec();
        drop(permit);
        let Some(interrupted) = self.interrupted(why) else {
            return;
        };
        if let Ok(frame) = frame(event::INTERRUPTED, self.next, &interrupted)
            && end.send(frame).is_err()
        {
            tracing::debug!("a stream's reader left before it was told why the stream ends");
        }
    }

    async fn follow(&mut self) -> Result<Infallible, End> {
        let mut served = self.context.watch_served();
        let mut heartbeat = Instant::now() + self.context.bounds().heartbeat;
        loop {
            let height = *served.borrow_and_update();
            let now = Instant::now();
            let Step {
                frames,
                next,
                again,
            } = if height >= self.next || self.source.is_due(now) {
                self.source
                    .step(&self.context, self.next, height, now)
                    .await?
            } else {
                Step::idle(self.next, self.source.due())
            };
            let is_idle = frames.is_empty();
            for frame in frames {
                self.send(frame).await?;
                heartbeat = Instant::now() + self.context.bounds().heartbeat;
            }
            self.next = next;
            if !is_idle {
                continue;
            }
            let wake = again.map_or(heartbeat, |again| again.min(heartbeat));
            let mut stopping = self.stopping.clone();
            tokio::select! {
                changed = served.changed() => if changed.is_err() { return Err(End::Stopping) },
                _ = stopping.wait_for(|stopping| *stopping) => return Err(End::Stopping),
                () = self.events.closed() => return Err(End::Gone),
                () = sleep_until(wake) => {}
            }
            if Instant::now() >= heartbeat {
                self.send(Bytes::from_static(HEARTBEAT)).await?;
                heartbeat = Instant::now() + self.context.bounds().heartbeat;
            }
        }
    }

    async fn send(&self, frame: Bytes) -> Result<(), End> {
        let mut stopping = self.stopping.clone();
        let patience = self.context.bounds().stream_stall;
        tokio::select! {
            sent = timeout(patience, self.events.send(frame)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Gone),
                Err(Elapsed { .. }) => Err(End::Slow),
            },
            _ = stopping.wait_for(|stopping| *stopping) => Err(End::Stopping),
        }
    }

    fn interrupted(&self, why: End) -> Option<Interrupted> {
        let (reason, detail) = match why {
            End::Gone => return None,
            End::Slow => (
                "slow_reader",
                "events were not taken in time: read faster, or resume".into(),
            ),
            End::Stopping => (
                "shutting_down",
                "this node stops: resume at another one".into(),
            ),
            End::Failed(refusal) => {
                let problem = refusal.problem();
                let reason = if problem.code == ProblemCode::Pruned {
                    "pruned"
                } else {
                    "internal"
                };
                (reason, problem.detail.clone())
            }
        };
        Some(Interrupted {
            reason: reason.into(),
            detail,
            resume_from: self.next,
        })
    }
}
