//! Which transactions the next leader should hear of.
//!
//! A transaction of our own clients goes to one leader at a time. It becomes due again when the
//! round it was sent for has passed, and is held back while a known block contains it.

use std::collections::BTreeSet;

use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::Round;

use super::{Pool, store::Arrival};

#[derive(Debug, Default)]
pub(super) struct Forwarding {
    /// To be sent, oldest first.
    due: BTreeSet<Arrival>,
    /// Sent for a round that has not passed.
    sent: BTreeSet<(Round, Arrival)>,
}

impl Forwarding {
    pub(super) fn due(&mut self, arrival: Arrival) {
        self.due.insert(arrival);
    }

    pub(super) fn forget(&mut self, arrival: Arrival, sent_for: Option<Round>) {
        match sent_for {
            None => self.due.remove(&arrival),
            Some(round) => self.sent.remove(&(round, arrival)),
        };
    }
}

impl Pool {
    /// Transactions for the leader of `round`, oldest first, of about `max_bytes` at most: those
    /// of our own clients that no known block holds and that were not sent for this round or
    /// another that has not passed. Nothing when all was sent; ask again when more may have come.
    pub fn batch_for(&mut self, round: Round, max_bytes: usize) -> Vec<(NamespaceId, Bytes)> {
        let mut batch = Vec::new();
        let mut left = max_bytes;
        while let Some(arrival) = self.forwarding.due.first().copied() {
            let Some(transaction) = self.store.get_mut(arrival) else {
                self.forwarding.due.pop_first();
                continue;
            };
            if !self.known.has(&transaction.hash, transaction.namespace) {
                let length = transaction.bytes.len();
                // The first one goes whatever its size.
                if length > left && !batch.is_empty() {
                    break;
                }
                left = left.saturating_sub(length);
                batch.push((transaction.namespace, transaction.bytes.clone()));
            }
            transaction.sent_for = Some(round);
            self.forwarding.due.pop_first();
            self.forwarding.sent.insert((round, arrival));
            if left == 0 {
                break;
            }
        }
        batch
    }

    /// A round ended: what was sent for it, or for one before, is due again.
    pub fn round_passed(&mut self, round: Round) {
        let open = self.forwarding.sent.split_off(&(round.next(), 0));
        let passed = std::mem::replace(&mut self.forwarding.sent, open);
        for (_, arrival) in passed {
            if let Some(transaction) = self.store.get_mut(arrival) {
                transaction.sent_for = None;
                self.forwarding.due.insert(arrival);
            }
        }
    }
}
