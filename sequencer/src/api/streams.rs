//! Streams: final blocks as they come, without gaps and without repeats, as server-sent events or over WebSocket.
//!
//! Readers at the end of the chain share the bytes of each event ([`shared`]). A stream lives in the task of its
//! connection, which asks for an event when it has room for it. A reader that is not ready for the next event for too
//! long is told so, with the height to resume from, and the stream ends; the connection's own timeout ends it for a
//! reader that takes nothing at all.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use hotshot_types::{Epoch, Height};
use sequencer_client::types::{ProblemCode, event as events};
use serde::Deserialize;

use super::{
    Context,
    extract::{Parameters, Segments, flag, height, namespace},
    namespaces::Proofs,
    refusal::Refusal,
};

mod event;
mod feed;
mod shared;
mod source;
mod websocket;

use self::event::Event;
use feed::{Feed, Item, Place};
use source::Source;
use websocket::Transport;

pub(super) use shared::SharedAnswers;

const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// Where a stream starts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    from: Option<Height>,
    #[serde(default, deserialize_with = "flag")]
    proof: bool,
    from_epoch: Option<Epoch>,
}

pub(super) async fn blocks(
    State(context): State<Context>,
    Parameters(start): Parameters<Start>,
    headers: HeaderMap,
    transport: Transport,
) -> Result<Response, Refusal> {
    open(context, Source::Blocks, &start, &headers, transport)
}

pub(super) async fn headers(
    State(context): State<Context>,
    Parameters(start): Parameters<Start>,
    headers: HeaderMap,
    transport: Transport,
) -> Result<Response, Refusal> {
    open(context, Source::Headers, &start, &headers, transport)
}

pub(super) async fn of_namespace(
    State(context): State<Context>,
    Segments(id): Segments<String>,
    Parameters(start): Parameters<Start>,
    headers: HeaderMap,
    transport: Transport,
) -> Result<Response, Refusal> {
    let trusted = start.from_epoch.unwrap_or(Epoch::FIRST);
    if trusted < Epoch::FIRST {
        return Err(Refusal::invalid(
            "from_epoch must be at least 1: epochs begin there",
        ));
    }
    let proofs = Proofs(start.proof.then_some(trusted));
    let source = Source::namespace(namespace(&id)?, proofs);
    open(context, source, &start, &headers, transport)
}

/// The first height of a stream: after the last event that the reader has, else as asked, else the next block.
fn first(context: &Context, start: &Start, headers: &HeaderMap) -> Result<Height, Refusal> {
    let next = context.served().next();
    let first = match headers.get("last-event-id").map(HeaderValue::to_str) {
        Some(Ok(id)) => height(id)?.plus(1),
        Some(Err(_)) => return Err(Refusal::invalid("the header last-event-id is not a height")),
        None => start.from.unwrap_or(next),
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
    transport: Transport,
) -> Result<Response, Refusal> {
    let next = first(&context, start, headers)?;
    let Ok(permit) = std::sync::Arc::clone(&context.0.streams).try_acquire_owned() else {
        return Err(Refusal::new(
            ProblemCode::TooBusy,
            "this node has as many streams as it allows: try again later, or another node",
        )
        .retry_after(Duration::from_secs(10)));
    };
    let place = Place::take(&context, permit);
    let patience = context.bounds().stall_timeout;
    let feed = Feed::new(context, source, next, place);
    Ok(match transport {
        Transport::WebSocket(upgrade) => upgrade.answer(feed, patience),
        Transport::ServerSent => {
            let form = [
                (header::CONTENT_TYPE, "text/event-stream"),
                (header::CACHE_CONTROL, "no-store"),
                // For proxies that would collect events before they pass them on.
                (header::HeaderName::from_static("x-accel-buffering"), "no"),
            ];
            (form, Body::from_stream(server_sent(feed))).into_response()
        }
    })
}

/// The body of a stream of server-sent events. It begins with a heartbeat, which carries the head of the answer.
fn server_sent(feed: Feed) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let items = feed.into_items().filter_map(|item| async {
        match item {
            Item::Event(event) => Some(event.sse()),
            Item::Heartbeat => Some(Bytes::from_static(HEARTBEAT)),
            // One that can't be written was logged, and the end of the body says that the stream is over.
            Item::End(why) => Event::new(events::INTERRUPTED, why.resume_from, &why)
                .ok()
                .map(|event| event.sse()),
        }
    });
    stream::once(async { Bytes::from_static(HEARTBEAT) })
        .chain(items)
        .map(Ok)
}
