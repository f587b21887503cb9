//! Handing in what waits, until a block holds it.

use std::{collections::HashMap, time::Duration};

use rollup_types::{Hash, Vm};
use sequencer_client::{ClientError, Servers, types::TransactionState};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{PATIENCE, now_ms};
use crate::{Node, StorageError, retries::Retries, storage::Waiting};

const TASK: &str = "handing transactions to the sequencer";
/// What was handed in and is in no block for this long is handed in again.
const AGAIN: Duration = Duration::from_secs(20);
/// Between two looks at what waits, if nothing happens.
const LOOK: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What to do with a transaction.
enum Verdict {
    HandIn,
    Hold,
    Drop(String),
}

/// Hands in what waits, in the order it came. Returns only when the disk failed.
pub(crate) async fn run<V: Vm>(node: Node<V>, servers: &Servers) -> StorageError {
    let mut sent: HashMap<Hash, Instant> = HashMap::new();
    let (mut pause, mut retries) = (FIRST_PAUSE, Retries::default());
    loop {
        let waiting: Vec<Waiting> = {
            let queue = node.submissions().queue();
            sent.retain(|hash, _| queue.by_hash.contains_key(hash));
            let is_due = |waiting: &&Waiting| {
                sent.get(&waiting.hash)
                    .is_none_or(|at| at.elapsed() >= AGAIN)
            };
            queue.entries.values().filter(is_due).cloned().collect()
        };
        let mut is_well = true;
        for transaction in waiting {
            // Replaced, or in a block, since the list was made.
            if !node.submissions().waits(transaction.hash) {
                continue;
            }
            match judge(&node, &transaction).await {
                Ok(Verdict::HandIn) => {}
                Ok(Verdict::Hold) => continue,
                Ok(Verdict::Drop(reason)) => {
                    if let Err(error) = forget(&node, &transaction, reason).await {
                        return error;
                    }
                    continue;
                }
                Err(error) => return error,
            }
            let is_again = sent.contains_key(&transaction.hash);
            match hand_in(&node, servers, &transaction, is_again).await {
                Ok(()) => {
                    sent.insert(transaction.hash, Instant::now());
                    pause = FIRST_PAUSE;
                    retries.succeeded(TASK);
                }
                Err(ClientError::Refused(problem)) if is_final(problem.status) => {
                    // One that is asked may say anything: it is dropped once all have refused it for long.
                    let age = Duration::from_millis(now_ms().saturating_sub(transaction.since_ms));
                    if age < PATIENCE {
                        let detail = &problem.detail;
                        tracing::warn!(id = %transaction.id, %detail, "the sequencer refuses a transaction");
                        sent.insert(transaction.hash, Instant::now());
                        continue;
                    }
                    let reason = format!("the sequencer refuses it: {}", problem.detail);
                    if let Err(error) = forget(&node, &transaction, reason).await {
                        return error;
                    }
                }
                Err(error) => {
                    retries.failed(TASK, &error);
                    is_well = false;
                    break;
                }
            }
        }
        if is_well {
            tokio::select! {
                () = node.submissions().changed.notified() => {}
                () = sleep(LOOK) => {}
            }
        } else {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

async fn judge<V: Vm>(node: &Node<V>, waiting: &Waiting) -> Result<Verdict, StorageError> {
    let (node, bytes) = (node.clone(), waiting.bytes.clone());
    let age = Duration::from_millis(now_ms().saturating_sub(waiting.since_ms));
    let admitted = spawn_blocking(move || node.vm().admit(&node.view(), &bytes)).await;
    let admitted = admitted.map_err(|error| StorageError::damaged("the machine", error))?;
    let admitted = admitted.map_err(|error| StorageError::damaged("the state", error.0))?;
    Ok(match admitted {
        Ok(()) => Verdict::HandIn,
        Err(refusal) if refusal.may_become_good && age < PATIENCE => Verdict::Hold,
        Err(refusal) => Verdict::Drop(refusal.reason),
    })
}

/// Again it goes to every server: the one that took it may hold it back.
pub(super) async fn hand_in<V: Vm>(
    node: &Node<V>,
    servers: &Servers,
    waiting: &Waiting,
    is_again: bool,
) -> Result<(), ClientError> {
    let namespace = node.definition().namespace;
    let bytes = waiting.bytes.clone();
    let submitted = if is_again {
        servers.submit_to_all(namespace, bytes).await?
    } else {
        servers.submit(namespace, bytes, None).await?
    };
    let state = match submitted.state {
        TransactionState::Pending => "pending",
        TransactionState::Final => "final",
    };
    tracing::debug!(id = %waiting.id, state, "handed in");
    Ok(())
}

async fn forget<V: Vm>(
    node: &Node<V>,
    waiting: &Waiting,
    reason: String,
) -> Result<(), StorageError> {
    let (node, hash) = (node.clone(), waiting.hash);
    let dropping = spawn_blocking(move || {
        let mut queue = node.submissions().queue();
        // It may be replaced by now, or in a block.
        let Some(dropped) = queue.remove(hash) else {
            return Ok(());
        };
        tracing::warn!(id = %dropped.id, reason, "a transaction that waited is dropped");
        node.storage().drop_waiting(&dropped)
    });
    dropping
        .await
        .unwrap_or_else(|error| Err(StorageError::damaged("a submission", error)))
}

/// Refusals that the same bytes will meet again.
fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 408 | 425 | 429)
}
