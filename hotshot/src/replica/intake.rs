//! The one door for what peers send.
//!
//! A message passes when its sender may say it, its round matters, its shape is right, and every
//! signature in it that the state machine will rely on has been verified. A vote's or Timeout's
//! own signature is the exception: it is the authenticated sender's claim until its sum is
//! verified. A certificate that says what is already known is replaced by the known one, so that
//! a quorum costs one pairing check however often it is relayed. No handler checks again.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use hotshot_types::{
    Certificate, Committee, Entry, Epoch, EpochEnd, Final, Hash, Height, Justify, Kind, Lock,
    Message, Proposal, Quorum, Round, Signers, Statement, Status, Timeout, TimeoutCertificate,
    ValidatorIndex, View, VoteKind,
    bls::{Aggregation, Check},
    digest::{self, Tag},
    evidence::Evidence,
};

use super::{Replica, timeouts::Groups};
use crate::{
    Fault, Outbox, Output, Recipients, Sender, Ticket,
    rounds::{MAX_PROPOSALS, Proposed, WINDOW_ABOVE},
};

/// Verifications under way for one peer, and in all.
const MAX_PENDING_PER_PEER: usize = 64;
const MAX_PENDING: usize = 2_048;
/// Messages of the next epoch kept for one member.
const MAX_PARKED: usize = 64;
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
                let job = Job::Message(Box::new((sender, message)), open.keys);
                let ticket = self.intake.ticket(job);
                outbox.push(Output::Verify(ticket, open.checks));
            }
        }
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

    /// Sorts out what is not of this epoch: what is older is answered with the epoch's end, what
    /// is newer asks for ours and waits (V14, V15).
    fn of_this_epoch(
        &mut self,
        sender: Sender,
        message: Message,
        outbox: &mut Outbox,
    ) -> Option<Message> {
        let round = match &message {
            Message::Proposal(proposal) => proposal.round,
            Message::Vote1(vote) => vote.round(),
            Message::Vote2(vote) => vote.round(),
            Message::Timeout(timeout) => timeout.round,
            Message::Quorum(qc) => qc.round(),
            Message::Final(fc, _) => fc.round(),
            Message::TimeoutCertificate(tc) => tc.round,
            Message::EpochEnd(end) => end.certificate.round(),
            Message::Status(status) => status.round,
            Message::Evidence(_) => return Some(message),
        };
        let epoch = self.epoch();
        if round.epoch < epoch {
            if matches!(message, Message::Timeout(_) | Message::Status(_)) {
                self.answer_old_epoch(&sender, round.epoch, outbox);
            }
            return None;
        }
        if round.epoch == epoch {
            return Some(message);
        }
        self.ask_for_epoch_end(outbox);
        let anchor = match &message {
            Message::Proposal(proposal) => match &proposal.justify {
                Justify::Anchor(fc) => fc.clone(),
                _ => None,
            },
            Message::Timeout(timeout) => match &timeout.entry {
                Entry::Anchor(fc) => fc.clone(),
                _ => None,
            },
            _ => None,
        };
        let lasts = !matches!(message, Message::Status(_) | Message::EpochEnd(_));
        if lasts && round.epoch == epoch.next() && round.view.0 <= WINDOW_ABOVE {
            self.park(sender, message);
        }
        let fc = anchor.filter(|fc| fc.round().epoch == epoch)?;
        Some(Message::Final(fc, None))
    }

    fn park(&mut self, sender: Sender, message: Message) {
        let next = self.epoch().next();
        // A proposal may be large, and only its leader's is of use.
        if let Message::Proposal(proposal) = &message {
            let leader = self
                .leader(proposal.round)
                .and_then(|leader| self.committee_of(next)?.member(leader));
            if leader.map(|leader| leader.key) != sender.key {
                return;
            }
        }
        let member = sender
            .key
            .and_then(|key| self.committee_of(next)?.index_of(&key));
        if let Some(member) = member {
            let parked = self.intake.parked.entry(member).or_default();
            if parked.len() >= MAX_PARKED {
                parked.pop_front();
            }
            parked.push_back((sender, message));
        }
    }

    /// A new epoch opened: what waited for it comes in again.
    pub(super) fn readmit_parked(&mut self, outbox: &mut Outbox) {
        self.intake.waiting.clear();
        for (_, messages) in std::mem::take(&mut self.intake.parked) {
            for (sender, message) in messages {
                self.on_message(sender, message, outbox);
            }
        }
    }

    fn ask_for_epoch_end(&mut self, outbox: &mut Outbox) {
        let due = self
            .asked_epoch_end
            .is_none_or(|last| self.now >= last.plus(self.config.view_timeout_ms / 2));
        if due {
            self.asked_epoch_end = Some(self.now);
            outbox.push(Output::FetchEpochEnd(self.epoch()));
        }
    }

    /// V14, rate-limited. Only the newest end is at hand; a node further back fetches the others.
    /// Members of the epoch just ended may not be members of this one.
    fn answer_old_epoch(&mut self, sender: &Sender, behind: Epoch, outbox: &mut Outbox) {
        let (Some(end), Some(key)) = (self.record.anchor.clone(), sender.key) else {
            return;
        };
        let Some(place) = [self.epoch(), behind].into_iter().find_map(|epoch| {
            let index = self.committee_of(epoch)?.index_of(&key)?;
            Some((epoch, index))
        }) else {
            return;
        };
        let due = self
            .answered_epoch_end
            .get(&place)
            .is_none_or(|last| self.now >= last.plus(self.config.view_timeout_ms / 2));
        if due {
            self.answered_epoch_end.insert(place, self.now);
            outbox.push(Output::Send(
                Recipients::One(key),
                Box::new(Message::EpochEnd(Box::new(end))),
            ));
        }
    }

    /// Whether a message of this epoch is worth anything, and which signatures it rests on.
    fn inspect(
        &self,
        sender: &Sender,
        message: &mut Message,
        open: &mut Open,
    ) -> Result<bool, Fault> {
        match message {
            Message::Vote1(vote) => {
                self.inspect_signer(sender, vote.signer)?;
                Ok(self.in_window(vote.round()))
            }
            Message::Vote2(vote) => {
                self.inspect_signer(sender, vote.signer)?;
                Ok(self.in_window(vote.round()))
            }
            Message::Timeout(timeout) => self.inspect_timeout(sender, timeout, open),
            Message::Proposal(proposal) => self.inspect_proposal(sender, proposal, open),
            Message::Quorum(qc) => {
                let news = self.rounds.quorum(qc.round()).map(|known| known.statement)
                    != Some(qc.statement);
                self.inspect_quorum(qc, open)?;
                Ok(news && qc.round() >= self.window_start())
            }
            Message::Final(fc, qc) => {
                if let Some(qc) = qc {
                    self.inspect_quorum(qc, open)?;
                }
                self.inspect_final(fc, open)?;
                let known = self.rounds.finality(fc.round());
                let is_known = known.is_some_and(|known| known.statement == fc.statement);
                let is_old = fc.round() < self.round()
                    && self.chain.final_hash(fc.height()) == Some(fc.hash());
                Ok(!is_known && !is_old)
            }
            Message::TimeoutCertificate(tc) => {
                let known = self.rounds.timeout(tc.round);
                let is_known = known.is_some_and(|known| known.high.view() == tc.high.view());
                if tc.round < self.round() || is_known {
                    return Ok(false);
                }
                self.inspect_timeout_certificate(tc, open)?;
                Ok(true)
            }
            Message::EpochEnd(end) => self.inspect_epoch_end(end, open),
            Message::Status(status) => self.inspect_status(status, open),
            Message::Evidence(evidence) => self.inspect_evidence(evidence, open),
        }
    }

    fn in_window(&self, round: Round) -> bool {
        round.view > View(0)
            && round >= self.window_start()
            && round.view <= self.round().view.plus(WINDOW_ABOVE)
    }

    fn inspect_signer(&self, sender: &Sender, signer: ValidatorIndex) -> Result<(), Fault> {
        let member = self.committee().member(signer).map(|member| member.key);
        if member.is_some() && member == sender.key {
            Ok(())
        } else {
            Err(Fault::Impersonation)
        }
    }

    fn inspect_quorum(&self, qc: &mut Certificate<Quorum>, open: &mut Open) -> Result<(), Fault> {
        let locked = match &self.record.lock {
            Lock::Quorum(lock) => Some(lock),
            Lock::Anchor => None,
        };
        let known = self.rounds.quorum(qc.round());
        if let Some(known) = [known, locked]
            .into_iter()
            .flatten()
            .find(|known| known.statement == qc.statement)
        {
            qc.clone_from(known);
            return Ok(());
        }
        self.inspect_certificate(qc, open)
    }

    fn inspect_final(&self, fc: &mut Certificate<Final>, open: &mut Open) -> Result<(), Fault> {
        let known = self.rounds.finality(fc.round());
        if let Some(known) = [known, self.highest_final.as_ref()]
            .into_iter()
            .flatten()
            .find(|known| known.statement == fc.statement)
        {
            fc.clone_from(known);
            return Ok(());
        }
        self.inspect_certificate(fc, open)
    }

    fn inspect_certificate<K: VoteKind>(
        &self,
        certificate: &Certificate<K>,
        open: &mut Open,
    ) -> Result<(), Fault> {
        let committee = self.committee();
        certificate
            .check_shape(committee)
            .map_err(|_| Fault::Malformed("a certificate without a quorum of this epoch"))?;
        if certificate.round().view == View(0) {
            return Err(Fault::Malformed("a certificate of an anchor's round"));
        }
        let key = certificate.cache_key();
        if !self.intake.remembered.contains(&key) {
            open.checks
                .push(certificate.check(self.config.domain, committee));
            open.keys.push(key);
        }
        Ok(())
    }

    fn inspect_timeout_certificate(
        &self,
        tc: &mut TimeoutCertificate,
        open: &mut Open,
    ) -> Result<(), Fault> {
        let committee = self.committee();
        tc.check_shape(committee, self.anchor())
            .map_err(|_| Fault::Malformed("a timeout certificate without a quorum"))?;
        let key = tc.cache_key();
        if !self.intake.remembered.contains(&key) && self.rounds.timeout(tc.round) != Some(&*tc) {
            open.checks.extend(tc.checks(self.config.domain, committee));
            open.keys.push(key);
        }
        if let Lock::Quorum(qc) = &mut tc.high {
            self.inspect_quorum(qc, open)?;
        }
        Ok(())
    }

    fn inspect_timeout(
        &self,
        sender: &Sender,
        timeout: &mut Timeout,
        open: &mut Open,
    ) -> Result<bool, Fault> {
        self.inspect_signer(sender, timeout.signer)?;
        if let Lock::Quorum(qc) = &mut timeout.lock {
            if qc.round().epoch != timeout.round.epoch || qc.round().view > timeout.round.view {
                return Err(Fault::Malformed("a timeout with an impossible lock"));
            }
            self.inspect_quorum(qc, open)?;
        }
        // What does not open a round above ours is of no use.
        let current = self.round();
        match &mut timeout.entry {
            Entry::Quorum(qc) if qc.round() >= current => self.inspect_quorum(qc, open)?,
            Entry::Final(fc) if fc.round() >= current => self.inspect_final(fc, open)?,
            Entry::Timeout(tc) if tc.round >= current => {
                self.inspect_timeout_certificate(tc, open)?;
            }
            useless => *useless = Entry::Anchor(None),
        }
        Ok(true)
    }

    fn inspect_proposal(
        &self,
        sender: &Sender,
        proposal: &mut Proposal,
        open: &mut Open,
    ) -> Result<bool, Fault> {
        let round = proposal.round;
        if !self.in_window(round) {
            return Ok(false);
        }
        let leader = self
            .leader(round)
            .expect("the current epoch's seed is known");
        self.inspect_signer(sender, leader)?;
        let header = &proposal.header;
        let hash = header.hash();
        if !self.has_slot(round, proposal.kind, hash) {
            return Ok(false);
        }
        if header.epoch != round.epoch || header.chain_domain != self.config.domain {
            return Err(Fault::Malformed("a proposal of another epoch or network"));
        }
        self.check_justification(proposal, hash)?;
        match &mut proposal.justify {
            Justify::Anchor(_) => proposal.justify = Justify::Anchor(None),
            Justify::Quorum(qc) => self.inspect_quorum(qc, open)?,
            Justify::Final(fc) => self.inspect_final(fc, open)?,
        }
        if let Some(tc) = &mut proposal.timeout {
            self.inspect_timeout_certificate(tc, open)?;
        }
        let committee = self.committee();
        let mut sign = |digest, signature| {
            open.checks.push(Check {
                digest,
                committee: Arc::clone(committee),
                signers: Signers::of(committee.len(), [leader]),
                signature,
            });
        };
        sign(
            proposal.digest(self.config.domain, hash),
            proposal.signature,
        );
        if proposal.kind == Kind::Fresh {
            let header = &proposal.header;
            let reveal = digest::randomness(self.config.domain, header.epoch, header.height);
            sign(reveal, header.randao_reveal);
        }
        Ok(true)
    }

    /// Whether a proposal is news, and among the first of its round or the certified one.
    fn has_slot(&self, round: Round, kind: Kind, hash: Hash) -> bool {
        self.rounds.get(round).is_none_or(|state| {
            let known = state.proposals.get(&hash);
            let certified = state.quorum.as_ref().is_some_and(|qc| qc.hash() == hash);
            known.is_none_or(|known| known.kind != kind)
                && (state.proposals.len() < MAX_PROPOSALS || certified)
        })
    }

    /// P2: exactly one of J1, J2, J3.
    fn check_justification(&self, proposal: &Proposal, hash: Hash) -> Result<(), Fault> {
        let round = proposal.round;
        let (view, justified, height) = match &proposal.justify {
            Justify::Anchor(_) => {
                let height = round.epoch.previous().map_or(Default::default(), |before| {
                    before.last_height(self.config.epoch_length)
                });
                (View(0), self.anchor(), height)
            }
            Justify::Quorum(qc) if qc.round().epoch == round.epoch => {
                (qc.round().view, qc.hash(), qc.height())
            }
            Justify::Final(fc) if fc.round().epoch == round.epoch => {
                (fc.round().view, fc.hash(), fc.height())
            }
            _ => return Err(Fault::Malformed("justified by another epoch")),
        };
        let before = round.previous().map_or(View(0), |before| before.view);
        let right = match &proposal.timeout {
            // J1, and J3 where the view before is the anchor.
            None => view == before,
            Some(tc) => {
                before > View(0)
                    && tc.round
                        == (Round {
                            view: before,
                            ..round
                        })
                    && self.respects_lock(&tc.high, view)
                    && view < round.view
            }
        };
        if !right {
            return Err(Fault::Malformed("a proposal that nothing justifies"));
        }
        let fits = match proposal.kind {
            Kind::Fresh => {
                proposal.header.parent_hash == justified && !self.is_last_of_epoch(height)
            }
            Kind::Repropose => hash == justified && self.is_last_of_epoch(height),
        };
        if fits {
            Ok(())
        } else {
            Err(Fault::Malformed("a proposal beside its justification"))
        }
    }

    /// J2: the justification is not below the highest lock of the timeout certificate.
    fn respects_lock(&self, high: &Lock, justified: View) -> bool {
        #[cfg(feature = "fault-injection")]
        if self.is_broken(crate::Broken::TimeoutLockIgnored) {
            return true;
        }
        high.view() <= justified
    }

    fn inspect_epoch_end(&self, end: &mut EpochEnd, open: &mut Open) -> Result<bool, Fault> {
        let certificate = &mut end.certificate;
        if certificate.hash() != end.header.hash()
            || certificate.height() != end.header.height
            || !self.is_last_of_epoch(end.header.height)
        {
            return Err(Fault::Malformed(
                "an epoch's end that is not its last block",
            ));
        }
        self.inspect_final(certificate, open)?;
        Ok(true)
    }

    fn inspect_status(&self, status: &mut Status, open: &mut Open) -> Result<bool, Fault> {
        if let Lock::Quorum(qc) = &mut status.lock {
            if qc.round().epoch == self.epoch() && qc.round() >= self.window_start() {
                self.inspect_quorum(qc, open)?;
            } else {
                status.lock = Lock::Anchor;
            }
        }
        let tip = self.chain.tip().height;
        let useful = status
            .finality
            .as_ref()
            .is_some_and(|fc| fc.round().epoch == self.epoch() && fc.height() > tip);
        match &mut status.finality {
            Some(fc) if useful => self.inspect_final(fc, open)?,
            finality => *finality = None,
        }
        Ok(true)
    }

    fn inspect_evidence(&self, evidence: &Evidence, open: &mut Open) -> Result<bool, Fault> {
        let Some(committee) = self.committee_of(evidence.epoch()) else {
            return Ok(false);
        };
        if !self.is_contradiction(evidence, committee) {
            return Err(Fault::Malformed("evidence of nothing"));
        }
        if !self.is_news(evidence) {
            return Ok(false);
        }
        open.checks
            .extend(evidence.checks(self.config.domain, committee));
        Ok(true)
    }

    fn is_contradiction(&self, evidence: &Evidence, committee: &Committee) -> bool {
        match evidence {
            // Two heights need the history between them, which only the contract is shown.
            Evidence::Fork(a, b) => {
                a.height() == b.height()
                    && a.hash() != b.hash()
                    && a.check_shape(committee).is_ok()
                    && b.check_shape(committee).is_ok()
            }
            _ => !evidence.guilty().is_empty(),
        }
    }

    /// Handles a message that has passed.
    fn accept(&mut self, message: Message, outbox: &mut Outbox) {
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

    /// V4.
    fn accept_proposal(&mut self, proposal: Proposal, outbox: &mut Outbox) {
        let round = proposal.round;
        if round.epoch != self.epoch() {
            return;
        }
        match &proposal.justify {
            Justify::Anchor(_) => {}
            Justify::Quorum(qc) => self.store_quorum(qc.clone(), outbox),
            Justify::Final(fc) => self.store_finality(fc.clone(), outbox),
        }
        if let Some(tc) = &proposal.timeout {
            self.store_timeout(tc.clone(), outbox);
        }
        let leader = self.leader(round).expect("checked at the door");
        let header = Arc::new(proposal.header.seal());
        // Others may have been verified meanwhile.
        if !self.has_slot(round, proposal.kind, header.hash()) {
            return;
        }
        let proposed = Proposed {
            kind: proposal.kind,
            header: Arc::clone(&header),
            signature: proposal.signature,
        };
        let state = self.rounds.at(round);
        let others: Vec<Proposed> = state.proposals.values().cloned().collect();
        state.proposals.insert(header.hash(), proposed.clone());
        for other in others {
            self.report_proposals(round, leader, &other, &proposed, outbox);
        }
        self.moved = true;
        outbox.push(Output::Proposed {
            round,
            kind: proposed.kind,
            header: Arc::clone(&header),
            inline: proposal.payload,
        });
        self.on_header(hotshot_types::SealedHeader::clone(&header), outbox);
    }
}

#[cfg(test)]
mod tests;
