//! Subscriptions over WebSocket: new blocks, and logs with those that a rollback takes back. RR5
//!
//! A listener is brought from what it was told to what is now, at every change: so it misses nothing if changes come
//! faster than it reads, and nothing is queued for it besides what jsonrpsee's bounded buffer holds. What listeners still
//! have to be told, and what they remember, are logs that all of them share; a message is made when there is room for it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::B256;
use alloy_rpc_types_eth::Log;
use jsonrpsee::{
    PendingSubscriptionSink, RpcModule, SubscriptionSink, TrySendError, core::RegisterMethodError,
    types::Params,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::spawn_blocking,
    time::sleep,
};

use rollup_node::Change;

use super::{
    Eth,
    arguments::Arguments,
    block_id::{BlockId, BlockTag},
    blocks,
    error::{Error, internal, invalid, no_subscription},
    filter::Wanted,
    limits::REMEMBERED_BLOCKS,
    logs::{self, Size},
    snapshot::Snapshot,
};

/// Blocks that are read at once for a listener; fewer if their logs are more than one answer holds.
const STEP: u64 = 64;
/// Between two looks whether there is room for a message: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(256);

pub(crate) fn register(module: &mut RpcModule<Eth>) -> Result<(), RegisterMethodError> {
    module.register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        |params, pending, eth, _| async move {
            if let Err(cause) = serve(&params, pending, eth).await {
                tracing::warn!(%cause, "a subscription ended");
            }
        },
    )?;
    Ok(())
}

/// What a listener wants to be told.
#[derive(Clone)]
enum Topic {
    Heads,
    Logs(Wanted),
}

impl Topic {
    /// Of a block's logs, those that it is about.
    fn news(&self, logs: &Logs, removed: bool) -> impl DoubleEndedIterator<Item = News> {
        let is_wanted = move |log: &Log| match self {
            Self::Heads => false,
            Self::Logs(wanted) => wanted.matches(&log.inner),
        };
        let places = (0..logs.len()).filter(move |place| is_wanted(&logs[*place]));
        places.map(move |place| News::Log {
            logs: Arc::clone(logs),
            place,
            removed,
        })
    }
}

fn topic(params: &Params<'_>) -> Result<Topic, Error> {
    let mut arguments = Arguments::new(params, 2)?;
    let name: String = arguments.required("subscription")?;
    match name.as_str() {
        "newHeads" if arguments.len() > 1 => Err(invalid("newHeads takes no further argument")),
        "newHeads" => Ok(Topic::Heads),
        "logs" => Ok(Topic::Logs(
            arguments.optional("filter")?.unwrap_or_default(),
        )),
        _ => Err(no_subscription(&name)),
    }
}

async fn serve(
    params: &Params<'_>,
    pending: PendingSubscriptionSink,
    eth: Arc<Eth>,
) -> Result<(), Error> {
    let topic = match topic(params) {
        Ok(topic) => topic,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    // Listening before looking: a block between the two is told.
    let changes = eth.node.changes();
    let start = {
        let eth = Arc::clone(&eth);
        spawn_blocking(move || Told::new(&eth.snapshot()))
    };
    let told = match start.await.unwrap_or_else(|error| Err(internal(error))) {
        Ok(told) => told,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    match pending.accept().await {
        Ok(sink) => follow(sink, changes, &eth, topic, told).await,
        // The listener is gone.
        Err(_) => Ok(()),
    }
}

async fn follow(
    mut sink: SubscriptionSink,
    mut changes: Receiver<Change>,
    eth: &Arc<Eth>,
    topic: Topic,
    mut told: Told,
) -> Result<(), Error> {
    loop {
        tokio::select! {
            () = sink.closed() => return Ok(()),
            change = changes.recv() => match change {
                Ok(Change::Levels(_)) => continue,
                Ok(Change::Block { .. } | Change::RolledBack { .. })
                | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            },
        }
        loop {
            let (eth, topic) = (Arc::clone(eth), topic.clone());
            let step = spawn_blocking(move || {
                let step = told.step(&eth.snapshot(), &eth.recent, &topic);
                step.map(|step| (told, step))
            });
            let (now, step) = step.await.map_err(internal)??;
            told = now;
            for news in step.news {
                if !tell(&mut sink, &news).await? {
                    return Ok(());
                }
            }
            if step.is_done {
                break;
            }
        }
    }
}

/// Sends a message once there is room; whether the listener is still there.
async fn tell(sink: &mut SubscriptionSink, news: &News) -> Result<bool, Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        if sink.is_closed() {
            return Ok(false);
        }
        if sink.capacity() > 0 {
            match sink.try_send(news.message()?) {
                Ok(()) => return Ok(true),
                Err(TrySendError::Closed(_)) => return Ok(false),
                // Another subscription of the connection was faster.
                Err(TrySendError::Full(_)) => {}
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The logs of the newest blocks that a listener was told of, for the others.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<(B256, Logs)>>);

type Logs = Arc<Vec<Log>>;

impl Recent {
    /// All logs of a block.
    fn of_block(&self, snapshot: &Snapshot, number: u64, hash: B256) -> Result<Logs, Error> {
        // Held while they are read: the others need them, too.
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, logs)) = recent.iter().find(|(known, _)| *known == hash) {
            return Ok(Arc::clone(logs));
        }
        let logs = Arc::new(logs::of_block(snapshot, number, &Wanted::default())?);
        recent.push_back((hash, Arc::clone(&logs)));
        while recent.len() > REMEMBERED_BLOCKS
            || recent.len() > 1 && size(recent.iter().map(|(_, logs)| logs)).is_too_much()
        {
            recent.pop_front();
        }
        Ok(logs)
    }
}

fn size<'a>(logs: impl Iterator<Item = &'a Logs>) -> Size {
    let mut size = Size::default();
    for logs in logs {
        size.add(logs);
    }
    size
}

/// What a listener was told of a block.
struct ToldBlock {
    number: u64,
    hash: B256,
    /// All of the block.
    logs: Logs,
}

/// The newest blocks that a listener was told of; at least one.
struct Told(VecDeque<ToldBlock>);

/// What a listener is to be told.
enum News {
    Head(Box<RawValue>),
    Log {
        logs: Logs,
        place: usize,
        removed: bool,
    },
}

impl News {
    fn message(&self) -> Result<Box<RawValue>, Error> {
        match self {
            Self::Head(message) => Ok(message.clone()),
            Self::Log {
                logs,
                place,
                removed: false,
            } => message(&logs[*place]),
            Self::Log { logs, place, .. } => message(&Log {
                removed: true,
                ..logs[*place].clone()
            }),
        }
    }
}

struct Step {
    news: Vec<News>,
    /// Whether the listener knows all now.
    is_done: bool,
}

impl Told {
    fn new(snapshot: &Snapshot) -> Result<Self, Error> {
        let number = snapshot.head()?;
        let hash = hash_at(snapshot, number)?.ok_or_else(|| internal("the head is missing"))?;
        Ok(Self(VecDeque::from([ToldBlock {
            number,
            hash,
            logs: Logs::default(),
        }])))
    }

    /// How much of their logs is remembered.
    fn size(&self) -> Size {
        size(self.0.iter().map(|block| &block.logs))
    }

    /// Goes on towards what is now, by at most [`STEP`] blocks.
    fn step(&mut self, snapshot: &Snapshot, recent: &Recent, topic: &Topic) -> Result<Step, Error> {
        let mut news = Vec::new();
        let head = snapshot.head()?;
        let mut next = head + 1;
        while let Some(last) = self.0.back() {
            if hash_at(snapshot, last.number)? == Some(last.hash) {
                next = last.number + 1;
                break;
            }
            next = last.number.min(head + 1);
            news.extend(topic.news(&last.logs, true).rev());
            self.0.pop_back();
        }
        if self.0.is_empty() && next > head {
            // All that was told is undone, and nothing is in its place yet: from here on.
            let hash = hash_at(snapshot, head)?.ok_or_else(|| internal("the head is missing"))?;
            self.0.push_back(ToldBlock {
                number: head,
                hash,
                logs: Logs::default(),
            });
        }
        let end = head.min(next.saturating_add(STEP - 1));
        let mut size = Size::default();
        while next <= end && !size.is_too_much() {
            let number = next;
            next += 1;
            let header = snapshot.header(BlockId::Tag(BlockTag::Number(number)))?;
            let header = header.ok_or_else(|| internal("a block below the head is missing"))?;
            let hash = header.seal();
            let logs = match topic {
                Topic::Heads => {
                    news.push(News::Head(message(&blocks::header(&header))?));
                    Logs::default()
                }
                Topic::Logs(_) => recent.of_block(snapshot, number, hash)?,
            };
            size.add(&logs);
            news.extend(topic.news(&logs, false));
            self.0.push_back(ToldBlock { number, hash, logs });
            while self.0.len() > REMEMBERED_BLOCKS || self.0.len() > 1 && self.size().is_too_much()
            {
                self.0.pop_front();
            }
        }
        Ok(Step {
            news,
            is_done: next > head,
        })
    }
}

fn hash_at(snapshot: &Snapshot, number: u64) -> Result<Option<B256>, Error> {
    let header = snapshot.header(BlockId::Tag(BlockTag::Number(number)))?;
    Ok(header.map(|header| header.seal()))
}

fn message(value: &impl Serialize) -> Result<Box<RawValue>, Error> {
    to_raw_value(value).map_err(internal)
}
