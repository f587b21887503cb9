//! Reports an old lock, or none, in its timeouts, leads from an old certificate where a timeout
//! certificate forbids it, and votes for everything.
//!
//! Its own votes 2 go where they do the most harm: to all, or to one node that alone will know of
//! a final block.

use std::collections::BTreeMap;

use hotshot_types::{
    Justify, Kind, Lock, Message, Proposal, QuorumCertificate, Round, SealedHeader, Statement,
    Timeout, digest,
};

use super::{Behaviour, Den, ballot::Ballot, forge};
use crate::wire::{Mail, Wire};

/// Certificates remembered.
const REMEMBERED: usize = 512;

#[derive(Default)]
pub(super) struct StaleLock {
    certificates: BTreeMap<Round, QuorumCertificate>,
    ballot: Ballot,
}

impl StaleLock {
    fn remember(&mut self, qc: &QuorumCertificate) {
        if self.certificates.len() < REMEMBERED {
            self.certificates
                .entry(qc.round())
                .or_insert_with(|| qc.clone());
        }
    }

    /// Some certificate of the round's epoch below the round, or the anchor.
    fn old_lock(&self, below: Round, den: &mut Den<'_>) -> Lock {
        let old: Vec<&QuorumCertificate> = self
            .certificates
            .range(Round::new(below.epoch.0, 0)..below)
            .map(|(_, qc)| qc)
            .collect();
        if old.is_empty() || den.dice.percent(50) {
            Lock::Anchor
        } else {
            Lock::Quorum(old[den.dice.index(old.len())].clone())
        }
    }

    fn stale_timeout(&self, timeout: &Timeout, den: &mut Den<'_>) -> Option<Timeout> {
        let round = timeout.round;
        let anchor = den.anchor(round.epoch)?.hash();
        let lock = self.old_lock(round, den);
        let digest = digest::timeout(den.domain(), round, lock.view(), lock.hash(anchor));
        Some(Timeout {
            lock,
            signature: den.sign(&digest),
            ..timeout.clone()
        })
    }

    /// A block on an old certificate instead of the one that the timeout certificate asks for.
    fn stale_proposal(
        &self,
        proposal: &Proposal,
        den: &mut Den<'_>,
    ) -> Option<(Proposal, SealedHeader)> {
        let high = proposal.timeout.as_ref()?.high.view();
        let epoch = proposal.round.epoch;
        // Right below the highest lock is where a final block may be that few know of.
        let below = Round { epoch, view: high };
        let newest = self
            .certificates
            .range(Round::new(epoch.0, 0)..below)
            .next_back();
        let lock = match newest {
            Some((_, qc)) if den.dice.percent(70) => Lock::Quorum(qc.clone()),
            _ => self.old_lock(proposal.round, den),
        };
        let (justify, parent) = match lock {
            Lock::Anchor => {
                let anchor = den.anchor(epoch)?.clone();
                let end = epoch
                    .previous()
                    .and_then(|before| den.stored.ends.get(&before));
                let certificate = end.map(|end| end.certificate.clone());
                (Justify::Anchor(certificate), anchor)
            }
            Lock::Quorum(qc) => {
                let parent = den.stored.headers.get(&qc.hash())?.as_ref().clone();
                (Justify::Quorum(qc), parent)
            }
        };
        if parent.height >= epoch.last_height(den.schedule.epoch_length) {
            return None;
        }
        let timestamp = proposal.header.timestamp_ms;
        let (header, payload) = forge::block(den, &parent, proposal.round, timestamp)?;
        let signature = den.sign_proposal(proposal.round, Kind::Fresh, &header);
        let proposal = Proposal {
            kind: Kind::Fresh,
            header: header.header().clone(),
            payload,
            justify,
            signature,
            ..proposal.clone()
        };
        Some((proposal, header))
    }
}

impl Behaviour for StaleLock {
    fn outgoing(&mut self, mail: Mail, den: &mut Den<'_>) {
        match mail.wire.clone().as_ref() {
            Wire::Message(Message::Timeout(timeout)) => match self.stale_timeout(timeout, den) {
                Some(stale) => den.tell(mail.to, Message::Timeout(Box::new(stale))),
                None => den.post(mail),
            },
            Wire::Message(Message::Proposal(proposal)) => {
                match self.stale_proposal(proposal, den) {
                    Some((stale, header)) if den.dice.percent(80) => {
                        forge::disperse(den, &header, &mail.to);
                        let statement = Statement {
                            round: stale.round,
                            height: header.height,
                            hash: header.hash(),
                        };
                        den.tell(mail.to, Message::Proposal(Box::new(stale)));
                        self.ballot.vote1(statement, den);
                    }
                    _ => den.post(mail),
                }
            }
            // The ballot casts them.
            Wire::Message(Message::Vote2(vote)) => self.ballot.vote2(vote.statement, den),
            _ => den.post(mail),
        }
    }

    fn incoming(&mut self, wire: &Wire, den: &mut Den<'_>) {
        self.ballot.answer(wire, den);
        match wire {
            Wire::Message(Message::Quorum(qc)) => self.remember(qc),
            Wire::Message(Message::Proposal(proposal)) => {
                if let Justify::Quorum(qc) = &proposal.justify {
                    self.remember(qc);
                }
            }
            Wire::Message(Message::Timeout(timeout)) => {
                if let Lock::Quorum(qc) = &timeout.lock {
                    self.remember(qc);
                }
            }
            _ => {}
        }
    }
}
