//! The one door for what peers send.
//!
//! A message passes when its sender may say it, its round matters, its shape is right, and every
//! signature in it that the state machine will rely on has been verified. A vote's or Timeout's
//! own signature is the exception: it is the authenticated sender's claim until its sum is
//! verified. A certificate that says what is already known is replaced by the known one, so that
//! a quorum costs one pairing check however often it is relayed. No handler checks again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hotshot_types::{
    Final, Hash, Height, Message, Quorum, Statement, ValidatorIndex, VoteKind,
    bls::{Aggregation, Check},
    digest::Tag,
    evidence::Evidence,
};

use super::{Replica, timeouts::Groups};
use crate::{Fault, Outbox, Output, Sender, Ticket};

mod accept;
mod epochs;
mod inspect;
mod proposals;

/// Verifications under way for one peer, and in all.
const MAX_PENDING_PER_PEER: usize = 64;
const MAX_PENDING: usize = 2_048;
/// How many of those in all may be for peers without stake, who may be many.
const MAX_PENDING_OF_STRANGERS: usize = MAX_PENDING / 4;
/// Relays of one certificate that wait while the first is verified, one of each peer.
const MAX_WAITING: usize = 8;
/// Verified certificates remembered by their full digest.
const MAX_REMEMBERED: usize = 1_024;

/// What a verification is for.
#[derive(Debug)]
pub(super) enum Job {
    Message(Box<(Sender, Message)>, Vec<Hash>),
    Votes1(Statement),
    Votes2(Statement),
    Timeouts(Groups),
    Evidence(Box<Evidence>),
}

/// What a certificate says, signers aside: for a timeout certificate, which lock it ends in.
type Claim = (&'static str, Statement);

/// Messages on their way through the door.
#[derive(Debug, Default)]
pub(super) struct Intake {
    last_ticket: u64,
    jobs: BTreeMap<Ticket, Job>,
    pending: BTreeMap<u64, usize>,
    /// Bare certificates whose claim is being verified in another message.
    waiting: BTreeMap<Claim, VecDeque<(Sender, Message)>>,
    remembered: BTreeSet<Hash>,
    remembered_order: VecDeque<Hash>,
    /// Messages of the next epoch by member of its committee.
    parked: BTreeMap<ValidatorIndex, VecDeque<(Sender, Message)>>,
}

/// Signatures that a message rests on and nobody has verified.
#[derive(Default)]
struct Open {
    checks: Vec<Check>,
    keys: Vec<Hash>,
}

impl Intake {
    pub(super) fn ticket(&mut self, job: Job) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.jobs.insert(ticket, job);
        ticket
    }

    fn may_verify(&self, sender: &Sender, has_stake: bool) -> bool {
        let most = if has_stake {
            MAX_PENDING
        } else {
            MAX_PENDING_OF_STRANGERS
        };
        let of_peer = self.pending.get(&sender.peer).copied().unwrap_or(0);
        self.jobs.len() < most && of_peer < MAX_PENDING_PER_PEER
    }

    fn remember(&mut self, keys: Vec<Hash>) {
        for key in keys {
            if self.remembered.insert(key) {
                self.remembered_order.push_back(key);
            }
        }
        while self.remembered_order.len() > MAX_REMEMBERED {
            if let Some(oldest) = self.remembered_order.pop_front() {
                self.remembered.remove(&oldest);
            }
        }
    }

    fn done(&mut self, peer: u64) {
        if let Some(count) = self.pending.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                self.pending.remove(&peer);
            }
        }
    }
}

/// The bare certificate a message is, if it is one.
fn claim_of(message: &Message) -> Option<Claim> {
    match message {
        Message::Quorum(qc) => Some((Quorum::TAG.name(), qc.statement)),
        Message::Final(fc, _) => Some((Final::TAG.name(), fc.statement)),
        Message::TimeoutCertificate(tc) => {
            let lock = tc.groups.last()?;
            let statement = Statement {
                round: tc.round,
                height: Height(lock.lock_view.0),
                hash: lock.lock_hash,
            };
            Some((Tag::Timeout.name(), statement))
        }
        _ => None,
    }
}

impl Replica {
    pub(super) fn on_message(&mut self, sender: Sender, message: Message, outbox: &mut Outbox) {
        if let Some(index) = self.index_of(&sender) {
            self.peers.insert(index, sender.peer);
        }
        let Some(message) = self.of_this_epoch(sender, message, outbox) else {
            return;
        };
        if let Some(claim) = claim_of(&message)
            && let Some(waiting) = self.intake.waiting.get_mut(&claim)
        {
            let heard = waiting.iter().any(|(known, _)| known.peer == sender.peer);
            if waiting.len() < MAX_WAITING && !heard {
                waiting.push_back((sender, message));
            }
            return;
        }
        self.admit(sender, message, outbox);
    }

    fn admit(&mut self, sender: Sender, mut message: Message, outbox: &mut Outbox) {
        let mut open = Open::default();
        match self.inspect(&sender, &mut message, &mut open) {
            Err(fault) => outbox.push(Output::Blame(sender.peer, fault)),
            Ok(false) => {}
            Ok(true) if open.checks.is_empty() => self.accept(message, outbox),
            Ok(true) => {
                let has_stake = self.index_of(&sender).is_some();
                if !self.intake.may_verify(&sender, has_stake) {
                    return;
                }
                *self.intake.pending.entry(sender.peer).or_default() += 1;
                if let Some(claim) = claim_of(&message) {
                    self.intake.waiting.entry(claim).or_default();
                }
                let may_wait = match &message {
                    Message::Final(fc, _) => self.may_wait(&fc.statement),
                    _ => false,
                };
                let job = Job::Message(Box::new((sender, message)), open.keys);
                let ticket = self.intake.ticket(job);
                outbox.push(Output::Verify {
                    ticket,
                    checks: open.checks,
                    may_wait,
                });
            }
        }
    }

    /// Whether a final block opens no round: that of an epoch's last block does.
    pub(super) fn may_wait(&self, last: &Statement) -> bool {
        last.round < self.round() && !self.is_last_of_epoch(last.height)
    }

    pub(super) fn on_verified(&mut self, ticket: Ticket, valid: bool, outbox: &mut Outbox) {
        match self.intake.jobs.remove(&ticket) {
            Some(Job::Message(job, keys)) => {
                let (sender, message) = *job;
                self.intake.done(sender.peer);
                let claim = claim_of(&message);
                if valid {
                    self.intake.remember(keys);
                    self.accept(message, outbox);
                } else {
                    outbox.push(Output::Blame(sender.peer, Fault::Signature));
                }
                let waiting = claim.and_then(|claim| self.intake.waiting.remove(&claim));
                for (sender, message) in waiting.into_iter().flatten() {
                    // Known by now, or the first of them is verified and the rest wait again.
                    self.on_message(sender, message, outbox);
                }
            }
            Some(Job::Evidence(evidence)) => self.on_suspicion(*evidence, valid, outbox),
            _ => {}
        }
    }

    pub(super) fn on_aggregated(
        &mut self,
        ticket: Ticket,
        results: Vec<Aggregation>,
        outbox: &mut Outbox,
    ) {
        let mut results = results.into_iter();
        match (self.intake.jobs.remove(&ticket), results.next()) {
            (Some(Job::Votes1(statement)), Some(sum)) => {
                self.on_votes1_summed(statement, sum, outbox);
            }
            (Some(Job::Votes2(statement)), Some(sum)) => {
                self.on_votes2_summed(statement, sum, outbox);
            }
            (Some(Job::Timeouts(groups)), Some(first)) => {
                let sums = std::iter::once(first).chain(results).collect();
                self.on_timeouts_summed(groups, sums, outbox);
            }
            _ => {}
        }
    }

    fn index_of(&self, sender: &Sender) -> Option<ValidatorIndex> {
        self.committee().index_of(sender.key.as_ref()?)
    }
}

#[cfg(test)]
mod tests;
