//! Finality certificates, and the change of epochs (V11, V16).

use hotshot_types::{Certificate, Entry, Epoch, EpochEnd, Final, Lock, Message, Round, Statement};

use super::{EpochInfo, Replica};
use crate::{Outbox, Output, Recipients, RoundEntry, chain::Relation, pacemaker::Left};

impl Replica {
    /// Takes a verified finality certificate of the current epoch.
    pub(super) fn store_finality(&mut self, fc: Certificate<Final>, outbox: &mut Outbox) {
        let round = fc.round();
        if round.epoch != self.epoch() {
            return;
        }
        if let Some(known) = self.rounds.finality(round) {
            if known.statement != fc.statement {
                self.report_finals(known.clone(), fc.clone(), outbox);
                self.halt_on(&fc, outbox);
            }
            return;
        }
        self.moved = true;
        self.rounds.at(round).finality = Some(fc.clone());
        self.note_certified(fc.statement, outbox);
        self.report_later_timeouts(&fc, outbox);
        if self
            .highest_final
            .as_ref()
            .is_none_or(|known| known.round() < round)
        {
            self.highest_final = Some(fc.clone());
        }
        if fc.height() <= self.chain.tip().height {
            let known = self.chain.final_hash(fc.height());
            if known.is_some_and(|known| known != fc.hash()) {
                self.halt_on(&fc, outbox);
            }
            return;
        }
        if self
            .unsettled
            .as_ref()
            .is_none_or(|known| known.height() < fc.height())
        {
            self.unsettled = Some(fc);
        }
    }

    /// V11: finalises what the highest certificate names, once its ancestors are known.
    pub(super) fn settle_finality(&mut self, outbox: &mut Outbox) {
        let Some(fc) = self.unsettled.clone().filter(|_| !self.halted) else {
            return;
        };
        let hash = fc.hash();
        match self.chain.relation(hash) {
            Relation::Extends => {
                self.unsettled = None;
                self.moved = true;
                self.finalize(&fc, outbox);
            }
            Relation::Final => self.unsettled = None,
            Relation::Conflicts => self.halt_on(&fc, outbox),
            Relation::Unknown => self.fetch_range(fc.statement, outbox),
        }
    }

    fn fetch_range(&mut self, to: Statement, outbox: &mut Outbox) {
        let from = self.chain.tip().height.next();
        // The single header may be under way already; the range answers for all that is missing.
        if self.asked_range != Some(to) {
            self.asked_range = Some(to);
            outbox.push(Output::FetchRange { from, to });
        }
    }

    fn finalize(&mut self, fc: &Certificate<Final>, outbox: &mut Outbox) {
        let blocks = self.chain.finalize(fc.hash());
        self.asked_range = None;
        self.tip_certificate = Some(fc.clone());
        let first = blocks[0].clone();
        outbox.push(Output::Decide {
            blocks,
            certificate: fc.clone(),
        });
        let before = self.epoch().previous().expect("epochs start at 1");
        if first.height.previous() == Some(before.last_height(self.config.epoch_length)) {
            self.ask_for_committee_at(first.l1_finalized, outbox);
        }
        self.try_end_epoch(outbox);
    }

    /// T4: the committee of e+2 is computed at the L1 block of the first block of e.
    fn ask_for_committee_at(&mut self, at: hotshot_types::L1Block, outbox: &mut Outbox) {
        let epoch = self.epoch().next().next();
        self.ask_for_committee_of(epoch, at, outbox);
    }

    fn ask_for_committee_of(
        &mut self,
        epoch: Epoch,
        at: hotshot_types::L1Block,
        outbox: &mut Outbox,
    ) {
        if !self.committees.contains_key(&epoch) {
            outbox.push(Output::NeedCommittee { epoch, at });
        }
    }

    /// After a restart inside an epoch. The host has the headers that say which L1 block it was.
    pub(super) fn ask_for_committee(&mut self, outbox: &mut Outbox) {
        let at = self.chain.tip().l1_finalized;
        // The answer may have been outstanding when the epoch opened.
        self.ask_for_committee_of(self.epoch().next(), at, outbox);
        let started = self.chain.tip().epoch == self.epoch();
        if started {
            self.ask_for_committee_at(at, outbox);
        }
    }

    /// V16: only a finality certificate on the last block of the epoch opens the next, once that
    /// one's committee is known.
    pub(super) fn try_end_epoch(&mut self, outbox: &mut Outbox) {
        let ended = self.epoch();
        let next = ended.next();
        let tip = self.chain.tip();
        let Some(fc) = self.tip_certificate.clone().filter(|fc| {
            fc.round().epoch == ended
                && fc.hash() == tip.hash()
                && self.is_last_of_epoch(fc.height())
                && self.epochs.contains_key(&next)
        }) else {
            return;
        };
        let header = tip.header().clone();
        let seed_after_next = header.randao_mix;
        let end = EpochEnd {
            header,
            certificate: fc.clone(),
        };
        outbox.push(Output::EpochEnded(Box::new(end.clone())));
        self.seeds.insert(next.next(), seed_after_next);
        self.complete_epochs();
        self.record.anchor = Some(end.clone());
        self.record.lock = Lock::Anchor;
        self.record.entry = RoundEntry {
            round: Round::first_of(next),
            certificate: Entry::Anchor(Some(fc.clone())),
        };
        self.persist(outbox);
        for epoch in [ended, next].into_iter().filter(|_| self.me().is_some()) {
            outbox.push(Output::Send(
                Recipients::Committee(epoch),
                Box::new(Message::EpochEnd(Box::new(end.clone()))),
            ));
        }
        self.open_epoch(outbox);
    }

    fn open_epoch(&mut self, outbox: &mut Outbox) {
        let epoch = self.epoch();
        self.rounds.clear();
        self.peers.clear();
        self.timeouts.clear();
        self.newest_vote2.clear();
        self.answered_epoch_end.clear();
        self.reported
            .retain(|accusation| accusation.epoch().next() >= epoch);
        self.unsettled = None;
        self.asked_epoch_end = None;
        self.building = None;
        self.epochs.retain(|known, _| known.next() >= epoch);
        self.committees.retain(|known, _| known.next() >= epoch);
        self.seeds.retain(|known, _| known.next() >= epoch);
        self.me = self.find_me();
        let round = Round::first_of(epoch);
        self.moved = true;
        self.pacemaker.enter(self.now, round, Left::Jumped);
        self.announce_entry(round, false, outbox);
        self.readmit_parked(outbox);
    }

    /// Joins committees and seeds, whichever came last.
    pub(super) fn complete_epochs(&mut self) {
        for (epoch, seed) in &self.seeds {
            if let Some(committee) = self.committees.get(epoch) {
                self.epochs.entry(*epoch).or_insert_with(|| EpochInfo {
                    committee: committee.clone(),
                    seed: *seed,
                });
            }
        }
    }
}
