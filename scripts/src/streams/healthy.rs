//! Readers that take every event at once, and notice what is missing.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

/// A stream sends a heartbeat more often than this.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// For a connection and the head of its answer.
const OPEN_LIMIT: Duration = Duration::from_secs(60);
/// Longest line of a stream that is waited for.
const MAX_LINE: usize = 16 << 20;

/// When one reader had one event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Since the proposal of the block, by the clock of its proposer.
    pub(super) since_proposal: Duration,
    /// Since the first reader had it.
    pub(super) after_first: Duration,
}

/// Readers of one node.
pub(super) struct Readers {
    tasks: JoinSet<Result<()>>,
    board: Arc<Mutex<Board>>,
}

/// What all readers have seen.
#[derive(Default)]
struct Board {
    /// By height: when the block was proposed, and when the first reader had it.
    first: BTreeMap<u64, (Duration, Instant)>,
    samples: Vec<Sample>,
    failure: Option<String>,
}

impl Readers {
    /// Opens this many streams of blocks.
    pub(super) async fn open(address: SocketAddr, count: u32) -> Result<Self> {
        let board = Arc::new(Mutex::new(Board::default()));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let stream = timeout(OPEN_LIMIT, open(address)).await;
            let stream = stream.context("the node does not answer")??;
            let board = Arc::clone(&board);
            tasks.spawn(async move {
                let outcome = read(stream, &board).await;
                if let Err(error) = &outcome {
                    locked(&board, |board| board.failure = Some(format!("{error:#}")));
                }
                outcome
            });
        }
        Ok(Self { tasks, board })
    }

    /// Fails if a reader has failed.
    pub(super) fn check(&self) -> Result<()> {
        let failure = locked(&self.board, |board| board.failure.clone());
        failure.map_or(Ok(()), |failure| {
            bail!("a healthy reader failed: {failure}")
        })
    }

    /// Forgets the samples so far.
    pub(super) fn forget(&self) {
        locked(&self.board, |board| board.samples.clear());
    }

    /// The samples so far.
    pub(super) fn samples(&self) -> Arc<[Sample]> {
        locked(&self.board, |board| board.samples.as_slice().into())
    }

    /// Fails if a reader has failed; stops the others.
    pub(super) async fn close(mut self) -> Result<()> {
        self.check()?;
        self.tasks.shutdown().await;
        Ok(())
    }
}

fn locked<T>(board: &Mutex<Board>, change: impl FnOnce(&mut Board) -> T) -> T {
    change(&mut board.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Opens a stream and reads its head.
async fn open(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /v1/stream/blocks HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    ensure!(head.starts_with("HTTP/1.1 200"), "refused: {head}");
    Ok(stream)
}

async fn read(mut stream: TcpStream, board: &Mutex<Board>) -> Result<()> {
    let mut text = String::new();
    let mut chunk = vec![0; 32 << 10];
    let (mut last, mut id) = (None, None);
    loop {
        let count = timeout(SILENCE_LIMIT, stream.read(&mut chunk)).await;
        let count = count.context("the stream is silent")??;
        ensure!(count > 0, "the stream ended after block {last:?}");
        text.push_str(std::str::from_utf8(&chunk[..count])?);
        let mut taken = 0;
        while let Some(end) = text[taken..].find('\n') {
            let line = &text[taken..taken + end];
            taken += end + 1;
            if let Some(number) = line.strip_prefix("id: ") {
                id = Some(number.trim_end().parse::<u64>()?);
            } else if let Some(data) = line.strip_prefix("data: ")
                && let Some(height) = id.take()
            {
                let before = last.replace(height);
                ensure!(
                    before.is_none_or(|before| before + 1 == height),
                    "block {height} came after {before:?}"
                );
                note(board, height, data)?;
            }
        }
        text.drain(..taken);
        ensure!(text.len() <= MAX_LINE, "a line of {} bytes", text.len());
    }
}

fn note(board: &Mutex<Board>, height: u64, data: &str) -> Result<()> {
    let (now, clock) = (Instant::now(), SystemTime::now());
    let since_1970 = clock.duration_since(UNIX_EPOCH)?;
    locked(board, |board| {
        let (proposed, first) = match board.first.get(&height) {
            Some(known) => *known,
            None => {
                let known = (proposed(data)?, now);
                board.first.insert(height, known);
                known
            }
        };
        board.samples.push(Sample {
            since_proposal: since_1970.saturating_sub(proposed),
            after_first: now.saturating_duration_since(first),
        });
        Ok(())
    })
}

/// When a block was proposed, since 1970.
fn proposed(data: &str) -> Result<Duration> {
    let block: sequencer_client::types::BlockWithPayload = serde_json::from_str(data)?;
    Ok(Duration::from_millis(block.block.header.timestamp_ms.0))
}
