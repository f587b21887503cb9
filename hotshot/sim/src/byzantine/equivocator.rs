//! Proposes two blocks to two halves, and votes for everything it hears of.

use hotshot_types::{Message, Proposal, Statement};

use super::{Behaviour, Den, ballot::Ballot, forge};
use crate::wire::{Mail, Wire};

#[derive(Default)]
pub(super) struct Equivocator {
    ballot: Ballot,
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
        let statement = Statement {
            round: other.round,
            height: header.height,
            hash: header.hash(),
        };
        den.tell(right, Message::Proposal(Box::new(other)));
        self.ballot.vote1(statement, den);
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
        self.ballot.answer(wire, den);
    }
}
