//! Which transactions the next leader should hear of.
//!
//! A transaction of our own clients goes to one leader at a time. It becomes due again when the
//! round it was sent for has passed, later each time, and is held back while a known block
//! contains it.

use std::collections::BTreeMap;

use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::Round;

use super::{
    Pool,
    line::Line,
    store::{Arrival, Stage},
};

/// How many of the transactions held back are looked at in a round. The oldest come first, and
/// those whose block became final are gone, so that those whose block lost are soon reached.
const HELD_AT_ONCE: usize = 1_000;
/// A transaction goes to the next leader after 1, 2, 4, 8 and then always 8 rounds. The leaders
/// that have it keep it; where blocks are full, telling each of them of everything that waits would
/// cost more than the blocks themselves.
const MOST_DOUBLINGS: u8 = 3;

/// The transactions of our own clients, each where its [`Stage`] says.
#[derive(Debug, Default)]
pub(super) struct Forwarding {
    due: Line,
    /// By the round after which they are due again. Some have left.
    sent: BTreeMap<Round, Vec<Arrival>>,
    held: Line,
}

impl Pool {
    /// Moves a transaction to another stage.
    pub(super) fn set_stage(&mut self, arrival: Arrival, stage: Stage) {
        let Some(transaction) = self.store.get_mut(arrival) else {
            return;
        };
        let before = std::mem::replace(&mut transaction.forwarding, stage);
        match stage {
            Stage::Foreign => {}
            Stage::Due => self.forwarding.due.join(arrival),
            Stage::Sent(round) => self.forwarding.sent.entry(round).or_default().push(arrival),
            Stage::Held => self.forwarding.held.join(arrival),
        }
        self.leave_stage(before);
    }

    /// After a transaction left a stage, or the pool.
    pub(super) fn leave_stage(&mut self, stage: Stage) {
        let store = &self.store;
        let stays = |arrival| store.stage(arrival) == Some(stage);
        match stage {
            Stage::Foreign | Stage::Sent(_) => {}
            Stage::Due => self.forwarding.due.leave(stays),
            Stage::Held => self.forwarding.held.leave(stays),
        }
    }

    /// Transactions for the leader of `round`, oldest first, of about `max_bytes` at most: those
    /// of our own clients that no known block holds and that were not sent for this round or
    /// another that has not passed. Nothing when all was sent; ask again when more may have come.
    pub fn batch_for(&mut self, round: Round, max_bytes: usize) -> Vec<(NamespaceId, Bytes)> {
        let mut batch = Vec::new();
        let mut left = max_bytes;
        while left > 0 || batch.is_empty() {
            let Some(arrival) = self.forwarding.due.first() else {
                break;
            };
            let Some(transaction) = self.store.get_mut(arrival) else {
                self.leave_stage(Stage::Due);
                continue;
            };
            if self.known.has_any(&transaction.blocks) {
                self.set_stage(arrival, Stage::Held);
                continue;
            }
            let length = transaction.bytes.len();
            // The first one goes whatever its size.
            if length > left && !batch.is_empty() {
                break;
            }
            left = left.saturating_sub(length);
            batch.push((transaction.namespace, transaction.bytes.clone()));
            let patience = 1_u8 << transaction.times_sent;
            transaction.times_sent = (transaction.times_sent + 1).min(MOST_DOUBLINGS);
            let last = (1..patience).fold(round, |round, _| round.next());
            self.set_stage(arrival, Stage::Sent(last));
        }
        batch
    }

    /// A round ended: what waited for it, or for one before, is due again, and so is what was held
    /// back for a block that lost.
    pub fn round_passed(&mut self, round: Round) {
        let open = self.forwarding.sent.split_off(&round.next());
        let passed = std::mem::replace(&mut self.forwarding.sent, open);
        let held = self.forwarding.held.iter().take(HELD_AT_ONCE);
        let mut due: Vec<Arrival> = held
            .filter(|arrival| {
                let held = self.store.get(*arrival);
                let held = held.filter(|transaction| transaction.forwarding == Stage::Held);
                held.is_some_and(|transaction| !self.known.has_any(&transaction.blocks))
            })
            .collect();
        for (round, arrivals) in passed {
            for arrival in arrivals {
                match self.store.get(arrival) {
                    Some(sent) if sent.forwarding != Stage::Sent(round) => {}
                    Some(sent) if self.known.has_any(&sent.blocks) => {
                        self.set_stage(arrival, Stage::Held);
                    }
                    Some(_) => due.push(arrival),
                    None => {}
                }
            }
        }
        // They came before all that is due, and go first again.
        due.sort_unstable();
        due.dedup();
        for arrival in due.into_iter().rev() {
            if let Some(transaction) = self.store.get_mut(arrival) {
                let before = std::mem::replace(&mut transaction.forwarding, Stage::Due);
                self.forwarding.due.jump(arrival);
                self.leave_stage(before);
            }
        }
    }
}
