//! Streams over WebSocket (RFC 6455): each event is a text message, the heartbeat is a ping.
//!
//! Clients only answer; what else they send ends the stream. Frames are written from the shared bytes of the events,
//! so a reader that does not keep up costs no copy of them.

use std::{io, pin::pin, time::Duration};

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use axum::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Buf, BytesMut};
use futures::{Stream, StreamExt as _};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sequencer_client::types::{Interrupted, ProblemCode, event};
use sha1::{Digest as _, Sha1};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout},
};
use tracing::debug;

use super::{
    event::Event,
    feed::{Feed, Item},
};
use crate::api::{refusal::Refusal, server::Held};

pub(super) mod frame;

use frame::Control;

/// RFC 6455 section 1.3.
const ACCEPT_SALT: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// For the client's close frame after ours.
const FAREWELL: Duration = Duration::from_secs(2);

/// How the reader wants the events.
pub(in crate::api) enum Transport {
    /// As the body of the answer.
    ServerSent,
    /// Over the connection, which becomes a WebSocket.
    WebSocket(Upgrade),
}

/// A connection that is about to become a WebSocket.
pub(in crate::api) struct Upgrade {
    accept: HeaderValue,
    upgrade: OnUpgrade,
    /// Keeps the connection among those that are counted.
    held: Option<Held>,
}

/// A handshake that can't be followed.
pub(in crate::api) struct BadHandshake(&'static str);

impl IntoResponse for BadHandshake {
    fn into_response(self) -> Response {
        let refusal = Refusal::new(
            ProblemCode::MalformedRequest,
            format!(
                "this is no handshake of a WebSocket (RFC 6455): {}. Without the header `upgrade` the answer is a stream of server-sent events",
                self.0
            ),
        );
        let version = HeaderValue::from_static("13");
        ([(header::SEC_WEBSOCKET_VERSION, version)], refusal).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Transport {
    type Rejection = BadHandshake;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, BadHandshake> {
        if !names(&parts.headers, &header::UPGRADE, "websocket") {
            return Ok(Self::ServerSent);
        }
        if parts.method != Method::GET {
            return Err(BadHandshake("the method must be GET"));
        }
        if !names(&parts.headers, &header::CONNECTION, "upgrade") {
            return Err(BadHandshake("the header connection must name upgrade"));
        }
        if !names(&parts.headers, &header::SEC_WEBSOCKET_VERSION, "13") {
            return Err(BadHandshake("sec-websocket-version must be 13"));
        }
        let key = parts.headers.get(header::SEC_WEBSOCKET_KEY);
        let key = key.filter(|key| STANDARD.decode(key).is_ok_and(|key| key.len() == 16));
        let key = key.ok_or(BadHandshake("sec-websocket-key must be 16 bytes in base64"))?;
        let accept = accept(key.as_bytes());
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        let upgrade = upgrade.ok_or(BadHandshake("this connection can't be upgraded"))?;
        Ok(Self::WebSocket(Upgrade {
            accept,
            upgrade,
            held: parts.extensions.get().cloned(),
        }))
    }
}

/// Whether a header, a list of names, has one of them.
fn names(headers: &HeaderMap, header: &header::HeaderName, name: &str) -> bool {
    headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|found| found.trim().eq_ignore_ascii_case(name))
}

fn accept(key: &[u8]) -> HeaderValue {
    let digest = Sha1::new().chain_update(key).chain_update(ACCEPT_SALT);
    let text = STANDARD.encode(digest.finalize());
    HeaderValue::from_str(&text).expect("base64 is ASCII")
}

impl Upgrade {
    /// Agrees, and sends the feed once the connection has changed.
    pub(super) fn answer(self, feed: Feed, patience: Duration) -> Response {
        let Self {
            accept,
            upgrade,
            held,
        } = self;
        tokio::spawn(async move {
            let items = pin!(feed.into_items());
            match upgrade.await {
                Ok(connection) => talk(TokioIo::new(connection), items, patience).await,
                Err(error) => debug!(%error, "a client left before its connection was upgraded"),
            }
            drop(held);
        });
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, accept),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
    }
}

/// Sends items until one side ends. A client that does not answer a ping within `patience` is gone.
async fn talk(
    mut connection: impl AsyncRead + AsyncWrite + Unpin,
    mut items: impl Stream<Item = Item> + Unpin,
    patience: Duration,
) {
    let mut received = BytesMut::with_capacity(256);
    let mut asked: Option<Instant> = None;
    let outcome = loop {
        let outcome = tokio::select! {
            item = items.next() => match item {
                Some(Item::Heartbeat) => {
                    if asked.get_or_insert_with(Instant::now).elapsed() > patience {
                        return;
                    }
                    send(&mut connection, frame::HEARTBEAT).await
                }
                Some(Item::Event(event)) => send(&mut connection, event.frame()).await,
                Some(Item::End(why)) => break say_why(&mut connection, &why).await,
                None => return,
            },
            read = connection.read_buf(&mut received) => {
                if !matches!(read, Ok(1..)) {
                    return;
                }
                asked = None;
                match heed(&mut connection, &mut received).await {
                    Ok(None) => Ok(()),
                    Ok(Some(last)) => break send(&mut connection, last.as_slice()).await,
                    Err(error) => Err(error),
                }
            }
        };
        if let Err(error) = outcome {
            debug!(%error, "a reader left");
            return;
        }
    };
    if outcome.is_ok() {
        part(&mut connection).await;
    }
}

async fn send(connection: &mut (impl AsyncWrite + Unpin), mut bytes: impl Buf) -> io::Result<()> {
    connection.write_all_buf(&mut bytes).await?;
    connection.flush().await
}

/// Answers what the client said; gives the last frame if the stream ends with it.
async fn heed(
    connection: &mut (impl AsyncWrite + Unpin),
    received: &mut BytesMut,
) -> io::Result<Option<Vec<u8>>> {
    loop {
        match frame::next(received) {
            Ok(Some(Control::Ping(payload))) => {
                send(connection, frame::pong(&payload).as_slice()).await?;
            }
            Ok(Some(Control::Pong)) => {}
            Ok(Some(Control::Close)) => return Ok(Some(frame::close(1000, ""))),
            Ok(None) => return Ok(None),
            Err(violation) => {
                let reason = "this stream takes no messages";
                return Ok(Some(frame::close(violation.code(), reason)));
            }
        }
    }
}

/// Says why the stream ends: as an event, and in the close frame.
async fn say_why(connection: &mut (impl AsyncWrite + Unpin), why: &Interrupted) -> io::Result<()> {
    let event = Event::new(event::INTERRUPTED, why.resume_from, why)
        .map_err(|_| io::Error::other("an event can't be encoded"))?;
    send(connection, event.frame()).await?;
    let code = match why.reason.as_str() {
        "shutting_down" => 1001,
        "internal" => 1011,
        _ => 1008,
    };
    let reason = format!("{}: resume from {}", why.reason, why.resume_from);
    send(connection, frame::close(code, &reason).as_slice()).await
}

/// Waits for the client to close, for a while: closing first could take back what it has not read yet.
async fn part(connection: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let last = async {
        connection.shutdown().await?;
        let mut rest = [0; 256];
        while connection.read(&mut rest).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    if !matches!(timeout(FAREWELL, last).await, Ok(Ok(()))) {
        debug!("a reader did not say farewell");
    }
}
