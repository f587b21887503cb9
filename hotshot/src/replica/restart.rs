//! Restoring a replica from what was durable (W3).

use std::collections::{BTreeMap, BTreeSet};

use hotshot_types::{
    Entry, Epoch, FinalityCertificate, Height, Lock, QuorumCertificate, Round, TimestampMs,
};

use super::{Config, Replica, Start};
use crate::{
    Outbox, Output,
    chain::Chain,
    l1::L1View,
    pacemaker::{Left, Pacemaker},
    replica::intake::Intake,
    rounds::Rounds,
};

impl Replica {
    /// Restores a replica (W3). The first `handle` should be [`crate::Input::Tick`], at once.
    ///
    /// # Panics
    /// Where `start` lacks the committee of the record's epoch, or the seed of the next one, or its
    /// tip is below the record's anchor: then it is not what a host stored together.
    #[must_use]
    pub fn new(config: Config, start: Start) -> Self {
        let Start {
            record,
            tip,
            certificate,
            history,
            epochs,
            seeds,
            headers,
            recent,
            genesis,
        } = start;
        let epochs: BTreeMap<Epoch, _> = epochs
            .into_iter()
            .map(|info| (info.committee.epoch(), info))
            .collect();
        let epoch = record.epoch();
        let seeds: BTreeMap<Epoch, _> = seeds.into_iter().collect();
        let next = epoch.next();
        assert!(
            epochs.contains_key(&epoch)
                && (epochs.contains_key(&next) || seeds.contains_key(&next)),
            "a start needs the committee of epoch {epoch}, and at least the seed of the next"
        );
        let anchor_height = record
            .anchor
            .as_ref()
            .map_or(Height(0), |end| end.header.height);
        assert!(
            tip.height >= anchor_height,
            "the tip is below the record's anchor"
        );
        let round = restart_round(&record);
        let pacemaker = Pacemaker::new(round, config.view_timeout_ms, config.empty_block_delay_ms);
        let mut replica = Self {
            committees: epochs
                .iter()
                .map(|(epoch, info)| (*epoch, info.committee.clone()))
                .collect(),
            seeds,
            peers: BTreeMap::new(),
            epochs,
            me: None,
            genesis,
            chain: Chain::new(tip, history, &recent),
            rounds: Rounds::default(),
            pacemaker,
            intake: Intake::default(),
            l1: L1View::default(),
            timeouts: BTreeMap::new(),
            newest_vote2: BTreeMap::new(),
            unsettled: None,
            highest_final: certificate.clone(),
            tip_certificate: certificate,
            building: None,
            look_again: None,
            asked_headers: BTreeSet::new(),
            asked_range: None,
            asked_epoch_end: None,
            answered_epoch_end: BTreeMap::new(),
            reported: BTreeSet::new(),
            suspected: BTreeSet::new(),
            started: false,
            halted: false,
            leave: Some(Epoch::FIRST),
            moved: false,
            now: TimestampMs::default(),
            record,
            config,
        };
        replica.me = replica.find_me();
        replica.restore_certificates();
        let mut headers: Vec<_> = headers
            .into_iter()
            .map(hotshot_types::Header::seal)
            .collect();
        headers.sort_by_key(|header| header.height);
        for header in headers {
            // What does not connect is fetched again if it turns out to matter.
            drop(replica.chain.add(header));
        }
        replica
    }

    /// K3, K4: the same replica, which follows and signs nothing until [`crate::Input::Leave`].
    #[must_use]
    pub fn withheld(mut self) -> Self {
        self.leave = None;
        self.me = None;
        self
    }

    /// K3, K4: joins the round as a restart would (W3).
    pub(super) fn on_leave(&mut self, from: Epoch, outbox: &mut Outbox) {
        self.leave = Some(from);
        self.me = self.find_me();
        let round = self.round();
        if self.me.is_some() && self.record.last_timeout == Some(round) {
            self.time_out(round, outbox);
        }
    }

    fn restore_certificates(&mut self) {
        if let Lock::Quorum(qc) = self.record.lock.clone() {
            self.restore_quorum(qc);
        }
        match self.record.entry.certificate.clone() {
            Entry::Quorum(qc) => self.restore_quorum(qc),
            Entry::Final(fc) => self.restore_final(fc),
            Entry::Timeout(tc) => {
                if let Lock::Quorum(qc) = tc.high.clone() {
                    self.restore_quorum(qc);
                }
                let round = tc.round;
                self.rounds.at(round).timeout = Some(tc);
            }
            Entry::Anchor(_) => {}
        }
        if let Some(fc) = self.highest_final.clone()
            && fc.round().epoch == self.record.epoch()
        {
            self.restore_final(fc);
        }
    }

    fn restore_quorum(&mut self, qc: QuorumCertificate) {
        let round = qc.round();
        self.rounds.at(round).quorum = Some(qc);
    }

    fn restore_final(&mut self, fc: FinalityCertificate) {
        let round = fc.round();
        if self
            .highest_final
            .as_ref()
            .is_none_or(|known| known.round() < round)
        {
            self.highest_final = Some(fc.clone());
        }
        self.rounds.at(round).finality = Some(fc);
    }

    /// The first turn: arms the timer, or resumes repeating the Timeout it died with.
    pub(super) fn start(&mut self, outbox: &mut Outbox) {
        self.started = true;
        let round = self.round();
        self.pacemaker.enter(self.now, round, Left::Jumped);
        self.announce_entry(round, false, outbox);
        if self.record.last_timeout == Some(round) {
            self.time_out(round, outbox);
        }
        self.ask_for_committee(outbox);
        let certified: Vec<_> = self
            .rounds
            .iter()
            .flat_map(|(_, state)| {
                let quorum = state.quorum.as_ref().map(|qc| qc.statement);
                let finality = state.finality.as_ref().map(|fc| fc.statement);
                quorum.into_iter().chain(finality)
            })
            .collect();
        let tip = self.chain.tip().clone();
        outbox.push(Output::Retrieve(tip));
        for statement in certified {
            self.note_certified(statement, outbox);
        }
        for (_, state) in self.rounds.iter() {
            if let Some(fc) = &state.finality
                && fc.height() > self.chain.tip().height
            {
                self.unsettled = Some(fc.clone());
            }
        }
        // It may have died between deciding an epoch's last block and opening the next one.
        self.try_end_epoch(outbox);
    }
}

/// W3: the highest of everything signed, the round after the lock, the first of the epoch, and
/// the round that the entry certificate opens. A quorum certificate opens the next round only
/// with a good block, which is not known yet: N1 will tell.
fn restart_round(record: &crate::Record) -> Round {
    let opened = match &record.entry.certificate {
        Entry::Anchor(_) => Round::first_of(record.epoch()),
        Entry::Quorum(qc) => qc.round(),
        Entry::Final(fc) => fc.round().next(),
        Entry::Timeout(tc) => tc.round.next(),
    };
    record.restart_round().max(opened)
}
