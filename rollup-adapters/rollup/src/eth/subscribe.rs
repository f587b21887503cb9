//! Subscriptions over WebSocket: new blocks, and logs with those that a rollback takes back. RR5
//!
//! A listener is brought from what it was told to what is now, at every change: so it misses nothing if changes come
//! faster than it reads, and nothing is queued for it besides what jsonrpsee's bounded buffer holds.

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::B256;
use alloy_rpc_types_eth::Log;
use jsonrpsee::{
    PendingSubscriptionSink, RpcModule, SubscriptionSink, core::RegisterMethodError, types::Params,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::spawn_blocking,
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
    sink: SubscriptionSink,
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
            let step =
                spawn_blocking(move || told.step(&eth.snapshot(), &topic).map(|step| (told, step)));
            let (now, step) = step.await.map_err(internal)??;
            told = now;
            for message in step.messages {
                if sink.send(message).await.is_err() {
                    return Ok(());
                }
            }
            if step.is_done {
                break;
            }
        }
    }
}

/// What a listener was told of a block.
struct ToldBlock {
    number: u64,
    hash: B256,
    logs: Vec<Log>,
}

/// The newest blocks that a listener was told of; at least one.
struct Told(VecDeque<ToldBlock>);

struct Step {
    messages: Vec<Box<RawValue>>,
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
            logs: Vec::new(),
        }])))
    }

    /// How much of their logs is remembered.
    fn size(&self) -> Size {
        let mut size = Size::default();
        for block in &self.0 {
            size.add(&block.logs);
        }
        size
    }

    /// Goes on towards what is now, by at most [`STEP`] blocks.
    fn step(&mut self, snapshot: &Snapshot, topic: &Topic) -> Result<Step, Error> {
        let mut messages = Vec::new();
        let head = snapshot.head()?;
        let mut next = head + 1;
        while let Some(last) = self.0.back() {
            if hash_at(snapshot, last.number)? == Some(last.hash) {
                next = last.number + 1;
                break;
            }
            next = last.number.min(head + 1);
            for log in last.logs.iter().rev() {
                messages.push(message(&Log {
                    removed: true,
                    ..log.clone()
                })?);
            }
            self.0.pop_back();
        }
        if self.0.is_empty() && next > head {
            // All that was told is undone, and nothing is in its place yet: from here on.
            let hash = hash_at(snapshot, head)?.ok_or_else(|| internal("the head is missing"))?;
            self.0.push_back(ToldBlock {
                number: head,
                hash,
                logs: Vec::new(),
            });
        }
        let end = head.min(next.saturating_add(STEP - 1));
        let mut size = Size::default();
        while next <= end && !size.is_too_much() {
            let number = next;
            next += 1;
            let header = snapshot.header(BlockId::Tag(BlockTag::Number(number)))?;
            let header = header.ok_or_else(|| internal("a block below the head is missing"))?;
            let logs = match topic {
                Topic::Heads => {
                    messages.push(message(&blocks::header(&header))?);
                    Vec::new()
                }
                Topic::Logs(wanted) => {
                    let logs = logs::of_block(snapshot, number, wanted)?;
                    size.add(&logs);
                    for log in &logs {
                        messages.push(message(log)?);
                    }
                    logs
                }
            };
            self.0.push_back(ToldBlock {
                number,
                hash: header.seal(),
                logs,
            });
            while self.0.len() > REMEMBERED_BLOCKS || self.0.len() > 1 && self.size().is_too_much()
            {
                self.0.pop_front();
            }
        }
        Ok(Step {
            messages,
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
