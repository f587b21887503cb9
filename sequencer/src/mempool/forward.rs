//! Which transactions the next leader should hear of.
//!
//! A transaction of our own clients goes to one leader at a time. It becomes due again when the
//! round it was sent for has passed, and is held back while a known block contains it.

use std::collections::BTreeSet;

use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::Round;

use super::{
    Pool,
    store::{Arrival, Stage},
};

/// How many of the transactions held back are looked at in a round. The oldest come first, and
/// those whose block became final are gone, so that those whose block lost are soon reached.
const HELD_AT_ONCE: usize = 1_000;

/// The transactions of our own clients, each in the set that its [`Stage`] names.
#[derive(Debug, Default)]
pub(super) struct Forwarding {
    due: BTreeSet<Arrival>,
    sent: BTreeSet<(Round, Arrival)>,
    held: BTreeSet<Arrival>,
}

impl Forwarding {
    fn enter(&mut self, stage: Stage, arrival: Arrival) {
        match stage {
            Stage::Foreign => false,
            Stage::Due => self.due.insert(arrival),
            Stage::Sent(round) => self.sent.insert((round, arrival)),
            Stage::Held => self.held.insert(arrival),
        };
    }

    pub(super) fn leave(&mut self, stage: Stage, arrival: Arrival) {
        match stage {
            Stage::Foreign => false,
            Stage::Due => self.due.remove(&arrival),
            Stage::Sent(round) => self.sent.remove(&(round, arrival)),
            Stage::Held => self.held.remove(&arrival),
        };
    }
}

impl Pool {
    /// Moves a transaction to another stage.
    pub(super) fn set_stage(&mut self, arrival: Arrival, stage: Stage) {
        if let Some(transaction) = self.store.get_mut(arrival) {
            self.forwarding.leave(transaction.forwarding, arrival);
            transaction.forwarding = stage;
            self.forwarding.enter(stage, arrival);
        }
    }

    /// Transactions for the leader of `round`, oldest first, of about `max_bytes` at most: those
    /// of our own clients that no known block holds and that were not sent for this round or
    /// another that has not passed. Nothing when all was sent; ask again when more may have come.
    pub fn batch_for(&mut self, round: Round, max_bytes: usize) -> Vec<(NamespaceId, Bytes)> {
        let mut batch = Vec::new();
        let mut left = max_bytes;
        while left > 0 || batch.is_empty() {
            let Some(arrival) = self.forwarding.due.first().copied() else {
                break;
            };
            let Some(transaction) = self.store.get(arrival) else {
                self.forwarding.due.remove(&arrival);
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
            self.set_stage(arrival, Stage::Sent(round));
        }
        batch
    }

    /// A round ended: what was sent for it, or for one before, is due again, and so is what was
    /// held back for a block that lost.
    pub fn round_passed(&mut self, round: Round) {
        let open = self.forwarding.sent.split_off(&(round.next(), 0));
        let passed = std::mem::replace(&mut self.forwarding.sent, open);
        let held: Vec<Arrival> = self
            .forwarding
            .held
            .iter()
            .take(HELD_AT_ONCE)
            .copied()
            .collect();
        let lost = held.into_iter().filter(|arrival| {
            let transaction = self.store.get(*arrival);
            transaction.is_some_and(|transaction| !self.known.has_any(&transaction.blocks))
        });
        let due: Vec<Arrival> = lost
            .chain(passed.into_iter().map(|(_, arrival)| arrival))
            .collect();
        for arrival in due {
            self.set_stage(arrival, Stage::Due);
        }
    }
}
