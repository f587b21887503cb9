//! JSON-RPC over one WebSocket (RN7).
//!
//! The library's own loop starts a task for each message, also if nobody reads the answers. Here the next message is read
//! once there is room for its answer.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::io::{BufReader, BufWriter};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use jsonrpsee::server::{
    BatchRequestConfig, BoundedSubscriptions, ConnectionId, HttpBody, HttpResponse, MethodSink,
    StopHandle, http,
};
use serde_json::value::RawValue;
use soketto::{
    Incoming as Frame, Receiver, Sender, connection::Error, data::ByteSlice125,
    handshake::http::Server as Handshake,
};
use tokio::{
    select,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{MissedTickBehavior, interval},
};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

use super::{
    calls::{Calls, Subscribing},
    room::Held,
    rpc::Door,
};

/// Messages of a connection that are answered at one time.
const CALLS: usize = 4;
/// Messages of subscriptions that wait for a slow reader. Few, for they may be large.
const BUFFER: usize = 2;
/// Subscriptions of one connection.
const SUBSCRIPTIONS: u32 = 64;
/// Pings without an answer after which a connection is given up.
const PINGS: u32 = 2;

type Stream = BufReader<BufWriter<Compat<TokioIo<Upgraded>>>>;

/// A connection, besides its bytes.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) id: ConnectionId,
    /// Whether a byte came since this was cleared.
    pub(super) heard: Arc<AtomicBool>,
    pub(super) stop: StopHandle,
    /// Given back when the connection is gone.
    pub(super) _place: Arc<OwnedSemaphorePermit>,
}

/// Answers the request for a WebSocket, and serves it.
pub(super) fn accept(request: Request<Incoming>, door: Arc<Door>, peer: Peer) -> HttpResponse {
    let mut handshake = Handshake::new();
    match handshake.receive_request(&request) {
        Ok(response) => {
            tokio::spawn(async move {
                match hyper::upgrade::on(request).await {
                    Ok(stream) => serve(handshake, stream, &door, &peer).await,
                    Err(error) => tracing::debug!(%error, "a WebSocket did not come about"),
                }
                drop(peer);
            });
            response.map(|()| HttpBody::empty())
        }
        Err(error) => {
            let mut response = HttpResponse::new(HttpBody::from(format!("{error}\n")));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    }
}

async fn serve(handshake: Handshake, stream: Upgraded, door: &Door, peer: &Peer) {
    let stream = BufReader::new(BufWriter::new(TokioIo::new(stream).compat()));
    let mut builder = handshake.into_builder(stream);
    builder.set_max_message_size(door.limits.request_bytes as usize);
    let (sender, receiver) = builder.finish();
    let (answers, answered) = mpsc::channel(1);
    let (sink, told) = mpsc::channel(BUFFER);
    let calls = Calls {
        methods: door.methods.clone(),
        connection: peer.id,
        answer_bytes: door.limits.answer_bytes as usize,
        subscribing: Some(Subscribing {
            bound: BoundedSubscriptions::new(SUBSCRIPTIONS),
            sink: MethodSink::new(sink),
            ids: Arc::clone(&door.ids),
        }),
    };
    let is_listening = AtomicBool::new(true);
    let pulse = Pulse {
        patience: door.limits.patience,
        heard: &peer.heard,
        is_listening: &is_listening,
    };
    let reading = async {
        read(receiver, door, peer, &calls, answers, &is_listening).await;
        // What is under way is still answered.
        std::future::pending::<()>().await;
    };
    select! {
        ended = write(sender, answered, told, &pulse) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a WebSocket broke");
            }
        }
        () = reading => {}
    }
}

/// Reads messages and has them answered, [`CALLS`] at one time.
async fn read(
    mut receiver: Receiver<Stream>,
    door: &Door,
    peer: &Peer,
    calls: &Calls,
    answers: mpsc::Sender<Bytes>,
    is_listening: &AtomicBool,
) {
    let places = Arc::new(Semaphore::new(CALLS));
    let mut stopped = pin!(peer.stop.clone().shutdown());
    loop {
        let message = select! {
            message = receive(&mut receiver) => message,
            () = stopped.as_mut() => break,
        };
        let message = match message {
            Ok(Some(message)) => message,
            Ok(None) => return,
            Err(Error::MessageTooLarge { .. }) => {
                let refused = http::response::too_large(door.limits.request_bytes);
                hand_over(refused, None, answers.clone()).await;
                break;
            }
            Err(error) => {
                tracing::debug!(%error, "a WebSocket broke");
                return;
            }
        };
        is_listening.store(false, Ordering::Relaxed);
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let held = door.room_for(message.len()).await;
        is_listening.store(true, Ordering::Relaxed);
        let mut request = Request::new(Full::new(Bytes::from(message)));
        *request.method_mut() = Method::POST;
        let kind = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        let (calls, limits, answers) = (calls.clone(), door.limits, answers.clone());
        // What it holds is free when it is done, also if the peer is gone before.
        tokio::spawn(async move {
            let batch = BatchRequestConfig::Limit(limits.batch);
            let answer = http::call_with_service(request, batch, limits.request_bytes, calls);
            hand_over(answer.await, held, answers).await;
            drop(place);
        });
    }
}

/// The next message; none if the peer closed.
async fn receive(receiver: &mut Receiver<Stream>) -> Result<Option<Vec<u8>>, Error> {
    loop {
        let mut message = Vec::new();
        match receiver.receive(&mut message).await? {
            Frame::Data(_) => return Ok(Some(message)),
            Frame::Pong(_) => {}
            Frame::Closed(_) => return Ok(None),
        }
    }
}

/// What the library has in place of an answer where there is none.
const NONE: &[u8] = b"null";

/// Hands an answer to who writes.
async fn hand_over(answer: HttpResponse, held: Option<Held>, answers: mpsc::Sender<Bytes>) {
    let Ok(answer) = answer.into_body().collect().await else {
        return;
    };
    let mut answer = answer.to_bytes();
    if let Some(held) = held {
        answer = held.keep(answer);
    }
    if answer != NONE {
        // An error says that the connection is gone.
        answers.send(answer).await.ok();
    }
}

/// Whether the peer is there.
struct Pulse<'a> {
    patience: Duration,
    heard: &'a AtomicBool,
    /// Not while all places for messages are taken: pongs are not read then.
    is_listening: &'a AtomicBool,
}

/// Writes until there are no more answers, or the peer is gone.
async fn write(
    mut sender: Sender<Stream>,
    mut answers: mpsc::Receiver<Bytes>,
    mut told: mpsc::Receiver<Box<RawValue>>,
    pulse: &Pulse<'_>,
) -> Result<(), Error> {
    let mut ticks = interval(pulse.patience);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    loop {
        select! {
            answer = answers.recv() => match answer {
                Some(answer) => {
                    // What was told before it: after it, an ended subscription is silent.
                    for _ in 0..told.len() {
                        if let Some(news) = told.recv().await {
                            sender.send_text(news.get()).await?;
                        }
                    }
                    sender.send_text(str::from_utf8(&answer)?).await?;
                }
                None => return sender.close().await,
            },
            Some(news) = told.recv() => sender.send_text(news.get()).await?,
            _ = ticks.tick() => {
                let was_heard = pulse.heard.swap(false, Ordering::Relaxed);
                if was_heard || !pulse.is_listening.load(Ordering::Relaxed) {
                    unanswered = 0;
                    continue;
                }
                if unanswered == PINGS {
                    return Err(Error::Closed);
                }
                unanswered += 1;
                let empty: &[u8] = &[];
                if let Ok(empty) = ByteSlice125::try_from(empty) {
                    sender.send_ping(empty).await?;
                }
            }
        }
        sender.flush().await?;
    }
}
