//! Readers that take every event at once, and notice what is missing.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{task::JoinSet, time::timeout};

use super::events::Events;

/// A stream sends a heartbeat more often than this.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// For a connection and the head of its answer.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

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
        for number in 0..count {
            let opening = async {
                match number % 2 {
                    0 => Events::server_sent(address).await,
                    _ => Events::websocket(address).await,
                }
            };
            let stream = timeout(OPEN_LIMIT, opening).await;
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

async fn read(mut events: Events, board: &Mutex<Board>) -> Result<()> {
    let mut last = None;
    loop {
        let event = timeout(SILENCE_LIMIT, events.next()).await;
        let (height, data) = event
            .context("the stream is silent")?
            .with_context(|| format!("after block {last:?}"))?;
        let before = last.replace(height);
        ensure!(
            before.is_none_or(|before| before + 1 == height),
            "block {height} came after {before:?}"
        );
        note(board, height, &data)?;
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
