//! Handing what has passed to its handler.

use hotshot_types::{Entry, Lock, Message, Timeout};

use super::Replica;
use crate::Outbox;

impl Replica {
    /// Handles a message that has passed.
    pub(super) fn accept(&mut self, message: Message, outbox: &mut Outbox) {
        match message {
            Message::Vote1(vote) => self.count_vote1(vote, outbox),
            Message::Vote2(vote) => self.count_vote2(vote, outbox),
            Message::Timeout(timeout) => self.accept_timeout(*timeout, outbox),
            Message::Proposal(proposal) => self.accept_proposal(*proposal, outbox),
            Message::Quorum(qc) => self.store_quorum(qc, outbox),
            Message::Final(fc, qc) => {
                if let Some(qc) = qc {
                    self.store_quorum(qc, outbox);
                }
                self.store_finality(fc, outbox);
            }
            Message::TimeoutCertificate(tc) => self.store_timeout(*tc, outbox),
            Message::EpochEnd(end) => {
                self.on_header(end.header.seal(), outbox);
                self.store_finality(end.certificate, outbox);
            }
            Message::Status(status) => {
                if let Lock::Quorum(qc) = status.lock {
                    self.store_quorum(qc, outbox);
                }
                if let Some(fc) = status.finality {
                    self.store_finality(fc, outbox);
                }
            }
            Message::Evidence(evidence) => self.report(*evidence, outbox),
        }
    }

    fn accept_timeout(&mut self, mut timeout: Timeout, outbox: &mut Outbox) {
        if timeout.round.epoch != self.epoch() {
            return;
        }
        if let Lock::Quorum(qc) = &timeout.lock {
            self.store_quorum(qc.clone(), outbox);
        }
        match std::mem::replace(&mut timeout.entry, Entry::Anchor(None)) {
            Entry::Quorum(qc) => self.store_quorum(qc, outbox),
            Entry::Final(fc) => self.store_finality(fc, outbox),
            Entry::Timeout(tc) => self.store_timeout(tc, outbox),
            Entry::Anchor(_) => {}
        }
        if self.in_window(timeout.round) {
            self.store_member_timeout(timeout, outbox);
        }
    }
}
