//! A stream of blocks over either transport.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use futures::StreamExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// Longest line of a stream that is waited for.
const MAX_LINE: usize = 16 << 20;

/// The events of one stream.
pub(super) enum Events {
    /// Server-sent, and what was read of the next lines.
    ServerSent(TcpStream, String),
    /// One message each.
    WebSocket(Box<WebSocketStream<TcpStream>>),
}

impl Events {
    /// Opens a stream of server-sent events and reads its head.
    pub(super) async fn server_sent(address: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /v1/stream/blocks HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head);
        ensure!(head.starts_with("HTTP/1.1 200"), "refused: {head}");
        Ok(Self::ServerSent(stream, String::new()))
    }

    /// Opens a WebSocket.
    pub(super) async fn websocket(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let url = format!("ws://{address}/v1/stream/blocks");
        let (socket, _) = client_async(url, stream).await?;
        Ok(Self::WebSocket(Box::new(socket)))
    }

    /// The height and the text of the next block.
    pub(super) async fn next(&mut self) -> Result<(u64, String)> {
        match self {
            Self::ServerSent(stream, text) => next_line(stream, text).await,
            Self::WebSocket(socket) => next_message(socket).await,
        }
    }
}

async fn next_line(stream: &mut TcpStream, text: &mut String) -> Result<(u64, String)> {
    let mut chunk = vec![0; 32 << 10];
    loop {
        if let Some(end) = text.find("\n\n") {
            let event: String = text.drain(..end + 2).collect();
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
                return Ok((id.trim_end().parse()?, data.to_owned()));
            }
            continue;
        }
        ensure!(text.len() <= MAX_LINE, "an event of {} bytes", text.len());
        let count = stream.read(&mut chunk).await?;
        ensure!(count > 0, "the stream ended");
        // Chunks of HTTP end between events; their sizes are lines without a meaning here.
        text.push_str(std::str::from_utf8(&chunk[..count])?);
    }
}

async fn next_message(socket: &mut WebSocketStream<TcpStream>) -> Result<(u64, String)> {
    loop {
        match socket.next().await.context("the stream ended")?? {
            Message::Text(text) => {
                let block = parse(&text);
                return block.with_context(|| format!("no block: {text:.120}"));
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => bail!("a message of another kind: {other:?}"),
        }
    }
}

/// What is in the envelope of a block. A thousand readers on one machine can't afford to parse all of it.
fn parse(text: &str) -> Option<(u64, String)> {
    let rest = text.strip_prefix("{\"event\":\"block\",\"id\":")?;
    let (id, rest) = rest.split_once(",\"data\":")?;
    Some((id.parse().ok()?, rest.strip_suffix('}')?.to_owned()))
}
