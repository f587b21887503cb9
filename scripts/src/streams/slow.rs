//! Readers that do not keep up.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::sleep,
};

/// So that the node, and not our system, holds what is not read.
const RECEIVE_BYTES: u32 = 4 << 10;
/// Asks for messages in place of server-sent events.
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n";
/// After each KiB.
const PAUSE: Duration = Duration::from_millis(250);

/// How a stream of a slow reader ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With the reason and the height to resume from.
    Told,
    /// Without a word.
    CutOff,
}

/// One slow reader.
pub(super) enum Slow {
    /// Takes nothing until the end.
    Stuck(TcpStream),
    /// Takes a few bytes a second until the end.
    Trickling(JoinHandle<End>, Arc<AtomicBool>),
}

impl Slow {
    /// Over WebSocket, pings stay unanswered.
    pub(super) async fn open(
        address: SocketAddr,
        is_stuck: bool,
        over_websocket: bool,
    ) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BYTES)?;
        let mut stream = socket.connect(address).await?;
        let upgrade = if over_websocket { UPGRADE } else { "" };
        let request = format!("GET /v1/stream/blocks HTTP/1.1\r\nhost: {address}\r\n{upgrade}\r\n");
        stream.write_all(request.as_bytes()).await?;
        if is_stuck {
            return Ok(Self::Stuck(stream));
        }
        let hurries = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(rest(stream, Arc::clone(&hurries)));
        Ok(Self::Trickling(task, hurries))
    }

    /// Reads on, as fast as it can from now on, and waits for the end of the stream.
    pub(super) async fn end(self) -> End {
        match self {
            Self::Stuck(stream) => rest(stream, Arc::new(AtomicBool::new(true))).await,
            Self::Trickling(task, hurries) => {
                hurries.store(true, Relaxed);
                task.await.unwrap_or(End::CutOff)
            }
        }
    }
}

/// Reads to the end: about 4 KiB a second until it is to hurry.
async fn rest(mut stream: TcpStream, hurries: Arc<AtomicBool>) -> End {
    let mut chunk = vec![0; 1 << 10];
    let mut tail = String::new();
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return End::CutOff,
            Ok(count) => tail.push_str(&String::from_utf8_lossy(&chunk[..count])),
        }
        let is_interrupted =
            tail.contains("event: interrupted") || tail.contains("\"event\":\"interrupted\"");
        if is_interrupted && tail.contains("\"resume_from\":") {
            return End::Told;
        }
        let surplus = tail.len().saturating_sub(2_000);
        tail.drain(..tail.floor_char_boundary(surplus));
        if !hurries.load(Relaxed) {
            sleep(PAUSE).await;
        }
    }
}
