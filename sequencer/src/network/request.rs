//! One request and its response, on a stream of their own: the opener writes one frame and closes its side, the
//! acceptor writes one frame and closes the other. A stream that closes without a response is a refusal.

use std::{io, time::Duration};

use bytes::Bytes;
use futures::AsyncWriteExt;
use libp2p::Stream;
use tokio::{
    sync::{TryAcquireError, oneshot},
    time::timeout,
};

use super::{
    config::NetworkConfig,
    directory::{PeerEntry, Traffic},
    error::RequestError,
    frame::{FrameError, read_frame, write_frame},
    handler::OpenError,
    inbound::{InboundRequest, Responder},
    link::LinkContext,
    metrics::{LaneCounters, Rejection},
    protocol::StreamKind,
};

/// What a request costs a peer besides its bytes: a look into the database.
const REQUEST_COST: usize = 16 * 1024;

/// How long a peer may take to send a request it announced.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends one request over the connection in use and waits for the response.
pub(crate) async fn request(
    entry: &PeerEntry,
    body: Bytes,
    limit: Duration,
    config: &NetworkConfig,
    counters: &LaneCounters,
) -> Result<Bytes, RequestError> {
    if body.len() > config.max_request {
        return Err(RequestError::TooLarge {
            size: body.len(),
            cap: config.max_request,
        });
    }
    let exchange = exchange(entry, &body, config.bulk.max_frame, counters);
    let result = timeout(limit, exchange)
        .await
        .unwrap_or(Err(RequestError::Timeout));
    match &result {
        Ok(response) => counters.count_in(response.len()),
        Err(_) => counters.count_dropped(1),
    }
    result
}

async fn exchange(
    entry: &PeerEntry,
    body: &Bytes,
    response_cap: usize,
    counters: &LaneCounters,
) -> Result<Bytes, RequestError> {
    let link = entry
        .link
        .borrow()
        .clone()
        .ok_or(RequestError::NotConnected)?;
    let _place = entry
        .outbound_requests
        .acquire()
        .await
        .map_err(|_| RequestError::NotConnected)?;
    let mut stream = link
        .opener
        .open(StreamKind::Request)
        .await
        .map_err(|error| match error {
            OpenError::Closed => RequestError::NotConnected,
            OpenError::Unsupported | OpenError::Failed(_) => {
                RequestError::Broken(error.to_string())
            }
        })?;
    counters.count_out(body.len());
    send_whole(&mut stream, body)
        .await
        .map_err(|error| match error.kind() {
            // The peer reset the stream before it read the request.
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::WriteZero => RequestError::Refused,
            _ => RequestError::Broken(error.to_string()),
        })?;
    match read_frame(&mut stream, response_cap).await {
        Ok(Some(response)) => Ok(response),
        Ok(None) => Err(RequestError::Refused),
        Err(error) => Err(RequestError::Broken(error.to_string())),
    }
}

async fn send_whole(stream: &mut Stream, payload: &Bytes) -> io::Result<()> {
    write_frame(stream, payload).await?;
    stream.close().await
}

/// Serves one inbound request: reads it, hands it to the host, and writes what the host answers.
pub(crate) async fn serve(context: &LinkContext, mut stream: Stream) -> Result<(), FrameError> {
    let entry = &context.entry;
    let _place = match entry.inbound_requests.try_acquire() {
        Ok(place) => place,
        Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
            context.metrics.reject(Rejection::Overload);
            return Ok(());
        }
    };
    let Ok(body) = timeout(
        BODY_TIMEOUT,
        read_frame(&mut stream, context.config.max_request),
    )
    .await
    else {
        return Ok(());
    };
    let Some(body) = body? else {
        return Ok(());
    };
    context.pulse.hear();
    context.metrics.requests.count_in(body.len());
    entry
        .charge(
            Traffic::Requests,
            body.len() + REQUEST_COST,
            &context.config,
        )
        .await;
    if let Some(response) = ask_host(context, body).await {
        respond(context, &mut stream, &response).await;
    }
    Ok(())
}

/// Sends a response, unless too many bytes are under way already to peers that don't read them.
async fn respond(context: &LinkContext, stream: &mut Stream, response: &Bytes) {
    let (entry, config) = (&context.entry, &context.config);
    let Some(_held) = context
        .budgets
        .response(entry.is_configured(), response.len())
    else {
        return context.metrics.reject(Rejection::Overload);
    };
    context.metrics.requests.count_out(response.len());
    entry
        .charge(Traffic::Requests, response.len(), config)
        .await;
    // A requester that gave up, or that does not read, is not our concern.
    let limit = config.time_for(response.len());
    drop(timeout(limit, send_whole(stream, response)).await);
}

async fn ask_host(context: &LinkContext, body: Bytes) -> Option<Bytes> {
    let requests = &context.host.requests;
    let is_crowded = requests.capacity() <= requests.max_capacity() / 2;
    if !context.entry.is_configured() && is_crowded {
        // The second half of the channel is reserved for configured peers.
        context.metrics.reject(Rejection::Overload);
        return None;
    }
    let (response, answer) = oneshot::channel();
    let responder = Responder {
        response,
        cap: context.config.bulk.max_frame,
    };
    let request = InboundRequest {
        peer: context.entry.id,
        body,
        responder,
    };
    let answered = async {
        requests.send(request).await.ok()?;
        answer.await.ok()
    };
    timeout(context.config.answer_timeout, answered)
        .await
        .ok()
        .flatten()
}
