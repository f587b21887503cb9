//! Handing in what waits, until a block holds it.

use std::{collections::HashMap, time::Duration};

use rollup_types::{Hash, Vm};
use sequencer_client::{ClientError, Servers, types::TransactionState};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::HELD_A_PASS;
use crate::{Node, StorageError, board::Board, retries::Retries, storage::Waiting};

/// A transaction that is held, or that the sequencer refuses, for this long is dropped.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
const TASK: &str = "handing transactions to the sequencer";
/// What was handed in and is in no block for this long is handed in again.
const AGAIN: Duration = Duration::from_secs(20);
/// Between two looks at what waits, if nothing happens.
const LOOK: Duration = Duration::from_secs(2);
/// The same while more is held than one look judges.
const ROUND: Duration = Duration::from_millis(250);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What to do with a transaction.
enum Verdict {
    HandIn,
    Hold(String),
    Drop(String),
}

/// How long what waits has been held, or refused. An outage does not count: it is not a transaction's fault, and what it
/// waits for does not come meanwhile.
#[derive(Debug, Default)]
struct Patience {
    /// What has passed without outages.
    passed: Duration,
    held: HashMap<Hash, Duration>,
    refused: HashMap<Hash, Duration>,
}

impl Patience {
    fn retain(&mut self, waits: impl Fn(&Hash) -> bool) {
        self.held.retain(|hash, _| waits(hash));
        self.refused.retain(|hash, _| waits(hash));
    }

    /// It is held: whether it has been for too long.
    fn ends_held(&mut self, hash: Hash) -> bool {
        self.passed - *self.held.entry(hash).or_insert(self.passed) >= PATIENCE
    }

    /// It is refused: whether it has been for too long.
    fn ends_refused(&mut self, hash: Hash) -> bool {
        self.passed - *self.refused.entry(hash).or_insert(self.passed) >= PATIENCE
    }
}

/// Hands in what waits, in the order it came, and what is good before anything that is held. Returns only when the disk failed.
pub(crate) async fn run<V: Vm>(node: Node<V>, servers: &Servers, board: &Board) -> StorageError {
    let mut sent: HashMap<Hash, Instant> = HashMap::new();
    // What neither was taken nor refused by all comes last in the next pass: it may be its fault.
    let mut failed: HashMap<Hash, Instant> = HashMap::new();
    let (mut patience, mut next) = (Patience::default(), 0);
    let (mut pause, mut retries) = (FIRST_PAUSE, Retries::default());
    loop {
        let begun = Instant::now();
        let (mut waiting, look) = {
            let queue = node.submissions().queue();
            sent.retain(|hash, _| queue.by_hash.contains_key(hash));
            failed.retain(|hash, _| queue.by_hash.contains_key(hash));
            patience.retain(|hash| queue.by_hash.contains_key(hash));
            let is_due = |waiting: &Waiting| {
                sent.get(&waiting.hash)
                    .is_none_or(|at| at.elapsed() >= AGAIN)
            };
            let is_round = queue.held.len() <= HELD_A_PASS;
            let look = if is_round { LOOK } else { ROUND };
            (queue.pass(&mut next, is_due), look)
        };
        waiting.sort_by_key(|waiting| failed.get(&waiting.hash).copied());
        let mut is_well = true;
        for transaction in waiting {
            let hash = transaction.hash;
            // Replaced, or in a block, since the list was made.
            if !node.submissions().waits(hash) {
                continue;
            }
            match judge(&node, &transaction).await {
                Ok(Verdict::HandIn) => {
                    node.submissions().hold(hash, false);
                    patience.held.remove(&hash);
                }
                Ok(Verdict::Hold(_)) if !patience.ends_held(hash) => {
                    node.submissions().hold(hash, true);
                    continue;
                }
                Ok(Verdict::Hold(reason) | Verdict::Drop(reason)) => {
                    if let Err(error) = forget(&node, &transaction, reason).await {
                        return error;
                    }
                    continue;
                }
                Err(error) => return error,
            }
            let is_again = sent.contains_key(&hash);
            match hand_in(&node, servers, &transaction, is_again).await {
                Ok(()) => {
                    failed.remove(&hash);
                    sent.insert(hash, Instant::now());
                    patience.refused.remove(&hash);
                    pause = FIRST_PAUSE;
                    retries.succeeded(TASK);
                }
                Err(error) if error.is_refusal() => {
                    failed.remove(&hash);
                    // Dropped once all have refused it for long.
                    if !patience.ends_refused(hash) {
                        tracing::warn!(id = %transaction.id, %error, "the sequencer refuses a transaction");
                        sent.insert(hash, Instant::now());
                        continue;
                    }
                    let reason = format!("the sequencer refuses it: {error}");
                    if let Err(error) = forget(&node, &transaction, reason).await {
                        return error;
                    }
                }
                Err(error) => {
                    retries.failed(TASK, &error);
                    failed.insert(hash, Instant::now());
                    is_well = false;
                    break;
                }
            }
        }
        if is_well {
            tokio::select! {
                () = node.submissions().changed.notified() => {}
                () = sleep(look) => {}
            }
            if board.reasons().is_empty() {
                patience.passed += begun.elapsed();
            }
        } else {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

async fn judge<V: Vm>(node: &Node<V>, waiting: &Waiting) -> Result<Verdict, StorageError> {
    let (node, bytes) = (node.clone(), waiting.bytes.clone());
    let admitted = spawn_blocking(move || node.vm().admit(&node.view(), &bytes)).await;
    let admitted = admitted.map_err(|error| StorageError::damaged("the machine", error))?;
    let admitted = admitted.map_err(|error| StorageError::damaged("the state", error.0))?;
    Ok(match admitted {
        Ok(()) => Verdict::HandIn,
        Err(refusal) if refusal.may_become_good => Verdict::Hold(refusal.reason),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_counts_from_the_first_time_and_each_reason_for_itself() {
        let mut patience = Patience::default();
        let hashes = [Hash([1; 32]), Hash([2; 32])];
        let almost = PATIENCE - Duration::from_millis(1);
        patience.passed += PATIENCE;
        assert!(!patience.ends_held(hashes[0]));
        patience.passed += almost;
        assert!(!patience.ends_held(hashes[0]));
        assert!(!patience.ends_refused(hashes[0]));
        assert!(!patience.ends_held(hashes[1]));
        patience.passed += PATIENCE - almost;
        assert!(patience.ends_held(hashes[0]));
        assert!(!patience.ends_held(hashes[1]));
        assert!(!patience.ends_refused(hashes[0]));
        patience.passed += almost;
        assert!(patience.ends_refused(hashes[0]));
        patience.retain(|hash| *hash == hashes[1]);
        assert!(!patience.ends_held(hashes[0]));
    }
}
