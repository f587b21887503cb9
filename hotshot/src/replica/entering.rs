//! Entering rounds by certificates (V1, V2, V10, V12).

use hotshot_types::{Certificate, Entry, Message, Quorum, Round, TimeoutCertificate};

use super::Replica;
use crate::{Outbox, Output, RoundEntry, pacemaker::Left, rounds::WINDOW_BELOW, voting};

impl Replica {
    /// V8: takes a verified quorum certificate of the current epoch.
    pub(super) fn store_quorum(&mut self, qc: Certificate<Quorum>, outbox: &mut Outbox) {
        let round = qc.round();
        if round.epoch != self.epoch() {
            return;
        }
        if let Some(known) = self.rounds.quorum(round) {
            if known.statement != qc.statement {
                self.report_quorums(known.clone(), qc, outbox);
            }
            return;
        }
        self.moved = true;
        self.rounds.at(round).quorum = Some(qc.clone());
        self.note_certified(qc.statement, outbox);
        let next = round.next();
        if !self.is_settled(qc.hash())
            && next >= self.round()
            && let Some(leader) = self.leader(next)
        {
            self.send_to(leader, Message::Quorum(qc), outbox);
        }
    }

    /// V12: takes a verified timeout certificate of the current epoch.
    pub(super) fn store_timeout(&mut self, tc: TimeoutCertificate, outbox: &mut Outbox) {
        let round = tc.round;
        if round.epoch != self.epoch() {
            return;
        }
        if let hotshot_types::Lock::Quorum(qc) = &tc.high {
            self.store_quorum(qc.clone(), outbox);
        }
        self.report_earlier_finals(&tc, outbox);
        let better = match self.rounds.timeout(round) {
            None => true,
            Some(known) => !self.is_usable_lock(&known.high) && self.is_usable_lock(&tc.high),
        };
        if better {
            self.moved = true;
            self.rounds.at(round).timeout = Some(tc);
        }
    }

    /// Good, or final: such a certificate moves the lock and the round.
    pub(super) fn is_settled(&self, hash: hotshot_types::Hash) -> bool {
        self.chain.is_good(hash)
            || self.chain.is_final(hash)
            || self
                .rounds
                .iter()
                .any(|(_, state)| state.finality.as_ref().is_some_and(|fc| fc.hash() == hash))
    }

    /// V10: the lock rises to the highest settled quorum certificate.
    pub(super) fn raise_lock(&mut self) {
        let view = self.record.lock.view();
        let best = self
            .rounds
            .iter()
            .rev()
            .take_while(|(round, _)| round.view > view)
            .filter_map(|(_, state)| state.quorum.as_ref())
            .find(|qc| self.is_settled(qc.hash()))
            .cloned();
        if let Some(qc) = best {
            voting::raise_lock(&mut self.record, &qc);
        }
    }

    /// V1: enters above the highest round that a certificate closes.
    pub(super) fn enter_by_certificate(&mut self, outbox: &mut Outbox) {
        let current = self.round();
        let found = self
            .rounds
            .iter()
            .rev()
            .take_while(|(round, _)| *round >= current)
            .find_map(|(round, state)| {
                let quorum = state
                    .quorum
                    .as_ref()
                    .filter(|qc| self.is_settled(qc.hash()));
                if let Some(fc) = &state.finality {
                    Some((round, Entry::Final(fc.clone())))
                } else if let Some(qc) = quorum {
                    Some((round, Entry::Quorum(qc.clone())))
                } else {
                    let tc = state.timeout.as_ref()?;
                    Some((round, Entry::Timeout(tc.clone())))
                }
            });
        if let Some((closed, certificate)) = found {
            self.enter(closed, certificate, outbox);
        }
    }

    fn enter(&mut self, closed: Round, certificate: Entry, outbox: &mut Outbox) {
        let round = closed.next();
        let timed_out = matches!(certificate, Entry::Timeout(_));
        if timed_out && self.record.last_timeout.is_none_or(|last| last < closed) {
            // V2: nobody leaves a view by TC without having told everyone its lock.
            self.send_timeout(closed, outbox);
        }
        self.record.entry = RoundEntry {
            round,
            certificate: certificate.clone(),
        };
        let left = if timed_out {
            Left::TimedOut
        } else {
            Left::Done
        };
        self.pacemaker.enter(self.now, round, left);
        self.moved = true;
        self.building = None;
        let proposal_seen = self
            .rounds
            .get(round)
            .is_some_and(|state| !state.proposals.is_empty());
        match certificate {
            Entry::Timeout(tc) => {
                self.broadcast(Message::TimeoutCertificate(Box::new(tc)), outbox);
            }
            Entry::Quorum(qc) if !proposal_seen => self.broadcast(Message::Quorum(qc), outbox),
            Entry::Final(fc) if !proposal_seen => {
                let qc = self.rounds.quorum(fc.round()).cloned();
                self.broadcast(Message::Final(fc, qc), outbox);
            }
            Entry::Quorum(_) | Entry::Final(_) | Entry::Anchor(_) => {}
        }
        self.announce_entry(round, timed_out, outbox);
        self.forget_old_rounds();
    }

    pub(super) fn announce_entry(&self, round: Round, after_timeout: bool, outbox: &mut Outbox) {
        if let Some(leader) = self.leader(round) {
            outbox.push(Output::Entered {
                round,
                leader,
                after_timeout,
            });
        }
    }

    /// The lowest round that still matters (B1).
    pub(super) fn window_start(&self) -> Round {
        let current = self.round();
        let below = Round {
            epoch: current.epoch,
            view: hotshot_types::View(current.view.0.saturating_sub(WINDOW_BELOW)),
        };
        let last_final = self.highest_final.as_ref().map(|fc| fc.round());
        last_final.map_or(below, |last| last.max(below))
    }

    pub(super) fn forget_old_rounds(&mut self) {
        let start = self.window_start();
        self.rounds.forget_before(start);
        self.chain.forget_before(start);
    }
}
