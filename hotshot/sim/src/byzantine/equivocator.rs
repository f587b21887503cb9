//! Proposes two blocks to two halves, and votes for everything it hears of.

use std::collections::BTreeSet;

use hotshot_types::{Final, Hash, Message, Proposal, Quorum, Statement, Vote, VoteKind};

use super::{Behaviour, Den, forge};
use crate::wire::{Mail, Wire};

/// Votes remembered, so that none is cast twice.
const REMEMBERED: usize = 4_096;

#[derive(Default)]
pub(super) struct Equivocator {
    cast: BTreeSet<Hash>,
}

impl Equivocator {
    fn equivocate(&mut self, proposal: &Proposal, mail: Mail, den: &mut Den<'_>) {
        let Some((other, header)) = forge::sibling(den, proposal) else {
            den.post(mail);
            return;
        };
        let (left, right) = den.halves();
        den.post(Mail { to: left, ..mail });
        forge::disperse(den, &header, &right);
        den.tell(right, Message::Proposal(Box::new(other.clone())));
        let statement = Statement {
            round: other.round,
            height: header.height,
            hash: header.hash(),
        };
        self.vote::<Quorum>(statement, den, Message::Vote1);
    }

    /// Votes for a statement if it has not yet, at times to some only.
    fn vote<K: VoteKind>(
        &mut self,
        statement: Statement,
        den: &mut Den<'_>,
        wrap: impl FnOnce(Vote<K>) -> Message,
    ) {
        let digest = statement.digest::<K>(den.domain());
        let Some(index) = den.index(statement.round.epoch) else {
            return;
        };
        if self.cast.len() >= REMEMBERED || !self.cast.insert(digest) {
            return;
        }
        let others = den.others();
        let share = den.dice.pick(&[100, 100, 50]);
        let to = den.some(&others, share);
        den.tell(to, wrap(Vote::claimed(statement, index, den.sign(&digest))));
    }
}

impl Behaviour for Equivocator {
    fn outgoing(&mut self, mail: Mail, den: &mut Den<'_>) {
        match mail.wire.clone().as_ref() {
            Wire::Message(Message::Proposal(proposal)) => self.equivocate(proposal, mail, den),
            _ => den.post(mail),
        }
    }

    fn incoming(&mut self, wire: &Wire, den: &mut Den<'_>) {
        match wire {
            Wire::Message(Message::Proposal(proposal)) => {
                let statement = Statement {
                    round: proposal.round,
                    height: proposal.header.height,
                    hash: proposal.header.hash(),
                };
                self.vote::<Quorum>(statement, den, Message::Vote1);
            }
            Wire::Message(Message::Vote1(vote)) => {
                self.vote::<Quorum>(vote.statement, den, Message::Vote1);
            }
            Wire::Message(Message::Vote2(vote)) => {
                self.vote::<Final>(vote.statement, den, Message::Vote2);
            }
            Wire::Message(Message::Quorum(qc)) => {
                self.vote::<Final>(qc.statement, den, Message::Vote2);
            }
            _ => {}
        }
    }
}
