//! Voting in both phases (V5, V7, V9).

use std::sync::Arc;

use hotshot_types::{
    Certificate, Final, FinalityCertificate, Hash, Kind, Message, Quorum, Round, Statement,
    ValidatorIndex, Vote, bls::Aggregation, evidence::Evidence,
};

use super::{Replica, headers::HeaderCheck, intake::Job};
use crate::{Fault, Outbox, Output, chain::Relation, rounds::Proposed, tally::Counted, voting};

impl Replica {
    /// V5. Runs whenever anything it waits for may have arrived.
    pub(super) fn try_vote1(&mut self, outbox: &mut Outbox) {
        let round = self.round();
        if self.me().is_none() || !voting::may_vote1(&self.record, round) {
            return;
        }
        let candidates: Vec<Proposed> = self
            .rounds
            .get(round)
            .map(|state| state.proposals.values().cloned().collect())
            .unwrap_or_default();
        for proposed in candidates {
            if !self.has_payload_for(&proposed) {
                continue;
            }
            match self.check_header(round, &proposed) {
                HeaderCheck::Right => {}
                HeaderCheck::WaitUntil(time) => {
                    self.look_again = Some(self.look_again.map_or(time, |at| at.min(time)));
                    continue;
                }
                HeaderCheck::Wait | HeaderCheck::Wrong => continue,
            }
            // What contradicts final history left the tree when that history became final.
            let relation = self.chain.relation(proposed.header.hash());
            if matches!(relation, Relation::Extends | Relation::Final) {
                self.vote1(round, &proposed, outbox);
                return;
            }
        }
    }

    /// The parts of V5 about payloads: the parent's is good, the own slots are held; a repeated
    /// block is good itself.
    fn has_payload_for(&self, proposed: &Proposed) -> bool {
        let hash = proposed.header.hash();
        match proposed.kind {
            Kind::Repropose => self.chain.is_good(hash),
            Kind::Fresh => {
                self.chain.may_be_parent(proposed.header.parent_hash)
                    && !self.chain.is_bad(hash)
                    && self
                        .chain
                        .get(hash)
                        .is_some_and(|block| block.own_slots || self.chain.is_good(hash))
            }
        }
    }

    fn vote1(&mut self, round: Round, proposed: &Proposed, outbox: &mut Outbox) {
        let header = &proposed.header;
        let hash = header.hash();
        voting::vote1(&mut self.record, round, hash);
        self.moved = true;
        let statement = Statement {
            round,
            height: header.height,
            hash,
        };
        let vote: Vote<Quorum> = self.sign_vote(statement);
        let orders = [
            Output::Persist(Box::new(self.record.clone())),
            Output::StoreHeader(Arc::clone(header)),
            Output::Echo { round, hash },
            self.to_committee(Message::Vote1(vote.clone())),
        ];
        self.order(orders, outbox);
        self.count_vote1(vote, outbox);
        if self.leads(round.next()) && !self.is_last_of_epoch(header.height) {
            outbox.push(Output::Prepare {
                round: round.next(),
                parent: Arc::clone(header),
            });
        }
    }

    /// V9. The round need not be the current one, only above everything timed out in.
    pub(super) fn try_vote2(&mut self, outbox: &mut Outbox) {
        if self.me().is_none() {
            return;
        }
        let eligible: Vec<Certificate<Quorum>> = self
            .rounds
            .iter()
            .filter(|(round, _)| self.may_vote2(*round))
            .filter_map(|(_, state)| state.quorum.clone())
            .filter(|qc| self.chain.is_good(qc.hash()))
            .collect();
        for qc in eligible {
            self.vote2(&qc, outbox);
        }
    }

    fn may_vote2(&self, round: Round) -> bool {
        #[cfg(feature = "fault-injection")]
        if self.is_broken(crate::Broken::VoteAfterTimeout) {
            return self.record.last_vote2.is_none_or(|(last, _)| round > last);
        }
        voting::may_vote2(&self.record, round)
    }

    fn vote2(&mut self, qc: &Certificate<Quorum>, outbox: &mut Outbox) {
        #[cfg(feature = "fault-injection")]
        if self.is_broken(crate::Broken::VoteAfterTimeout) {
            self.record.last_timeout = self.record.last_timeout.filter(|last| *last < qc.round());
        }
        voting::vote2(&mut self.record, qc);
        self.moved = true;
        let vote: Vote<Final> = self.sign_vote(qc.statement);
        let orders = [
            Output::Persist(Box::new(self.record.clone())),
            self.to_committee(Message::Vote2(vote.clone())),
        ];
        self.order(orders, outbox);
        self.count_vote2(vote, outbox);
    }

    fn sign_vote<K: hotshot_types::VoteKind>(&self, statement: Statement) -> Vote<K> {
        let me = self.me().expect("only a member of the committee votes");
        let digest = statement.digest::<K>(self.config.domain);
        Vote::claimed(statement, me, self.sign(&digest))
    }

    fn to_committee(&self, message: Message) -> Output {
        Output::Send(
            crate::Recipients::Committee(self.epoch()),
            Box::new(message),
        )
    }

    /// Orders in the order of W2: first what must be durable, then what leaves.
    fn order<const N: usize>(&self, orders: [Output; N], outbox: &mut Outbox) {
        #[cfg(feature = "fault-injection")]
        if self.is_broken(crate::Broken::VoteBeforeDurable) {
            outbox.extend(orders.into_iter().rev());
            return;
        }
        outbox.extend(orders);
    }

    /// V7: counts a vote 1 of an authenticated sender.
    pub(super) fn count_vote1(&mut self, vote: Vote<Quorum>, outbox: &mut Outbox) {
        let round = vote.round();
        match self.rounds.at(round).votes1.count(vote.clone()) {
            Counted::Yes => self.sum_votes1(round, outbox),
            Counted::No => {}
            Counted::Conflict(known) => self.suspect(Evidence::Votes1(known, vote), outbox),
        }
    }

    /// V7: counts a vote 2 of an authenticated sender.
    pub(super) fn count_vote2(&mut self, vote: Vote<Final>, outbox: &mut Outbox) {
        let round = vote.round();
        self.watch_vote2(&vote, outbox);
        match self.rounds.at(round).votes2.count(vote.clone()) {
            Counted::Yes => self.sum_votes2(round, outbox),
            Counted::No => {}
            Counted::Conflict(known) => self.suspect(Evidence::Votes2(known, vote), outbox),
        }
    }

    fn sum_votes1(&mut self, round: Round, outbox: &mut Outbox) {
        let committee = Arc::clone(self.committee());
        let domain = self.config.domain;
        let state = self.rounds.at(round);
        if state.quorum.is_none()
            && let Some((statement, job)) = state.votes1.job(domain, &committee)
        {
            outbox.push(Output::Aggregate {
                ticket: self.intake.ticket(Job::Votes1(statement)),
                sums: vec![job],
                may_wait: false,
            });
        }
    }

    fn sum_votes2(&mut self, round: Round, outbox: &mut Outbox) {
        let committee = Arc::clone(self.committee());
        let domain = self.config.domain;
        let state = self.rounds.at(round);
        if state.finality.is_none()
            && let Some((statement, job)) = state.votes2.job(domain, &committee)
        {
            outbox.push(Output::Aggregate {
                ticket: self.intake.ticket(Job::Votes2(statement)),
                sums: vec![job],
                may_wait: self.may_wait(&statement),
            });
        }
    }

    pub(super) fn on_votes1_summed(
        &mut self,
        statement: Statement,
        sum: Aggregation,
        outbox: &mut Outbox,
    ) {
        if statement.round.epoch != self.epoch() {
            return;
        }
        self.blame_signers(&sum, outbox);
        let committee = Arc::clone(self.committee());
        let tally = &mut self.rounds.at(statement.round).votes1;
        match tally.finish(statement, sum, &committee) {
            Some(qc) => self.store_quorum(qc, outbox),
            None => self.sum_votes1(statement.round, outbox),
        }
    }

    pub(super) fn on_votes2_summed(
        &mut self,
        statement: Statement,
        sum: Aggregation,
        outbox: &mut Outbox,
    ) {
        if statement.round.epoch != self.epoch() {
            return;
        }
        self.blame_signers(&sum, outbox);
        let committee = Arc::clone(self.committee());
        let tally = &mut self.rounds.at(statement.round).votes2;
        match tally.finish(statement, sum, &committee) {
            Some(fc) => self.store_finality(fc, outbox),
            None => self.sum_votes2(statement.round, outbox),
        }
    }

    pub(super) fn blame_signers(&self, sum: &Aggregation, outbox: &mut Outbox) {
        for signer in &sum.invalid {
            if let Some(peer) = self.peer_of(*signer) {
                outbox.push(Output::Blame(peer, Fault::Signature));
            }
        }
    }

    pub(super) fn peer_of(&self, signer: ValidatorIndex) -> Option<u64> {
        self.peers.get(&signer).copied()
    }

    /// Two finality certificates that no one chain holds.
    pub(super) fn halt_on(&mut self, fc: &FinalityCertificate, outbox: &mut Outbox) {
        let own = self.tip_certificate.clone();
        let evidence = own.clone().map(|own| Evidence::Fork(own, fc.clone()));
        self.halt(fc.hash(), own, evidence, outbox);
    }

    fn halt(
        &mut self,
        conflicting: Hash,
        certificate: Option<FinalityCertificate>,
        evidence: Option<Evidence>,
        outbox: &mut Outbox,
    ) {
        self.halted = true;
        outbox.push(Output::Halt {
            conflicting,
            certificate,
            evidence: evidence.map(Box::new),
        });
    }
}
