//! Votes for everything that it hears of, each once, and at times to a few nodes only: so a
//! certificate may form in one place and nowhere else.

use std::collections::BTreeSet;

use hotshot_types::{Final, Hash, Message, Quorum, Statement, Vote, VoteKind};

use super::Den;
use crate::wire::Wire;

/// Votes remembered, so that none is cast twice.
const REMEMBERED: usize = 4_096;

#[derive(Default)]
pub(super) struct Ballot {
    cast: BTreeSet<Hash>,
}

impl Ballot {
    /// Votes in both phases for whatever a message is about.
    pub(super) fn answer(&mut self, wire: &Wire, den: &mut Den<'_>) {
        match wire {
            Wire::Message(Message::Proposal(proposal)) => {
                let statement = Statement {
                    round: proposal.round,
                    height: proposal.header.height,
                    hash: proposal.header.hash(),
                };
                self.vote1(statement, den);
            }
            Wire::Message(Message::Vote1(vote)) => self.vote1(vote.statement, den),
            Wire::Message(Message::Vote2(vote)) => self.vote2(vote.statement, den),
            Wire::Message(Message::Quorum(qc)) => self.vote2(qc.statement, den),
            _ => {}
        }
    }

    pub(super) fn vote1(&mut self, statement: Statement, den: &mut Den<'_>) {
        self.vote::<Quorum>(statement, den, Message::Vote1);
    }

    pub(super) fn vote2(&mut self, statement: Statement, den: &mut Den<'_>) {
        self.vote::<Final>(statement, den, Message::Vote2);
    }

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
        let to = match den.dice.below(4) {
            0 | 1 => others,
            2 => den.some(&others, 50),
            _ => vec![den.dice.pick(&others)],
        };
        den.tell(to, wrap(Vote::claimed(statement, index, den.sign(&digest))));
    }
}
