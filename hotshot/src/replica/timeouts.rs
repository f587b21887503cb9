//! Timers and timeouts (V13, V14, and V2's Timeout).

use std::{collections::BTreeMap, sync::Arc};

use hotshot_types::{
    Hash, Lock, Message, Round, Stake, Timeout, TimeoutCertificate, TimeoutGroup, View,
    bls::{Aggregate, Aggregation},
    digest,
};

use super::{Replica, intake::Job};
use crate::{Outbox, Output, pacemaker::Left, voting};

/// The locks of a timeout certificate in the making.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    pub(super) round: Round,
    locks: Vec<Lock>,
}

impl Replica {
    /// V13: the timer of the view, or the next repetition of its Timeout; or its leader proposed a
    /// bad payload.
    pub(super) fn check_timer(&mut self, outbox: &mut Outbox) {
        let round = self.round();
        if self.now < self.pacemaker.deadline() && !self.is_spoiled(round) {
            return;
        }
        if self.me().is_some() {
            self.time_out(round, outbox);
        } else {
            self.pacemaker.repeat(self.now);
        }
    }

    /// Whether waiting for this round's block is in vain, and nobody was told yet.
    fn is_spoiled(&self, round: Round) -> bool {
        self.me().is_some()
            && self.record.last_timeout != Some(round)
            && self.rounds.get(round).is_some_and(|state| {
                let mut proposed = state.proposals.keys();
                proposed.any(|hash| self.chain.is_bad(*hash))
            })
    }

    /// V13: declares the round timed out, or repeats it with the current lock.
    pub(super) fn time_out(&mut self, round: Round, outbox: &mut Outbox) {
        self.pacemaker.repeat(self.now);
        self.send_timeout(round, outbox);
    }

    pub(super) fn send_timeout(&mut self, round: Round, outbox: &mut Outbox) {
        let Some(me) = self.me() else {
            return;
        };
        voting::time_out(&mut self.record, round);
        self.moved = true;
        self.persist(outbox);
        let lock = self.record.lock.clone();
        let signed = digest::timeout(
            self.config.domain,
            round,
            lock.view(),
            lock.hash(self.anchor()),
        );
        let timeout = Timeout {
            round,
            lock,
            signer: me,
            signature: self.sign(&signed),
            entry: self.record.entry.certificate.clone(),
        };
        self.timeouts.insert(me, timeout.clone());
        self.broadcast(Message::Timeout(Box::new(timeout)), outbox);
    }

    /// Keeps the newest verified Timeout of each member; a repeat may carry a higher lock.
    pub(super) fn store_member_timeout(&mut self, timeout: Timeout, outbox: &mut Outbox) {
        self.watch_timeout(&timeout, outbox);
        let newer = self.timeouts.get(&timeout.signer).is_none_or(|known| {
            (timeout.round, timeout.lock.view()) > (known.round, known.lock.view())
        });
        if newer {
            self.moved = true;
            self.timeouts.insert(timeout.signer, timeout);
        }
    }

    /// V14: the F1 rule, then the Q rule.
    pub(super) fn follow_timeouts(&mut self, outbox: &mut Outbox) {
        let current = self.round();
        if let Some(reached) = self.reached_by_one_honest()
            && reached >= current
            && self.record.last_timeout.is_none_or(|last| reached > last)
            && self.me().is_some()
        {
            if reached > current {
                self.building = None;
                self.pacemaker.enter(self.now, reached, Left::Jumped);
                self.announce_entry(reached, true, outbox);
                self.forget_old_rounds();
            }
            self.time_out(reached, outbox);
        }
        let mut rounds: Vec<Round> = self
            .timeouts
            .values()
            .map(|timeout| timeout.round)
            .collect();
        rounds.sort_unstable();
        rounds.dedup();
        for round in rounds {
            self.try_certify_timeout(round, outbox);
        }
    }

    /// The highest round that senders of F1 stake have reached.
    fn reached_by_one_honest(&self) -> Option<Round> {
        let mut newest: Vec<(Round, Stake)> = self
            .timeouts
            .values()
            .map(|timeout| (timeout.round, self.committee().weight(timeout.signer)))
            .collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let mut stake = 0;
        for (round, weight) in newest {
            stake += weight;
            if stake >= self.committee().one_honest() {
                return Some(round);
            }
        }
        None
    }

    /// The Q rule. A leader that holds a certificate whose lock it can't extend makes another
    /// from those Timeouts whose locks it can (V3).
    fn try_certify_timeout(&mut self, round: Round, outbox: &mut Outbox) {
        let known = self.rounds.get(round);
        if known.is_some_and(|state| state.summing_timeouts) {
            return;
        }
        let replace = match known.and_then(|state| state.timeout.as_ref()) {
            None => false,
            Some(tc) => {
                let poisoned = round.next() == self.round()
                    && self.leads(round.next())
                    && !self.is_usable_lock(&tc.high);
                if !poisoned {
                    return;
                }
                true
            }
        };
        let usable = self.groups_of(round, |lock| self.is_usable_lock(lock));
        let groups = match usable {
            Some(groups) => groups,
            None if replace => return,
            None => match self.groups_of(round, |_| true) {
                Some(groups) => groups,
                None => return,
            },
        };
        let jobs = self.timeout_jobs(round, &groups);
        let locks = groups.into_values().map(|(lock, _)| lock).collect();
        self.rounds.at(round).summing_timeouts = true;
        self.moved = true;
        let ticket = self.intake.ticket(Job::Timeouts(Groups { round, locks }));
        outbox.push(Output::Aggregate {
            ticket,
            sums: jobs,
            may_wait: false,
        });
    }

    /// The Timeouts of a round by lock, if those that pass are a quorum. Two locks of one view
    /// can't both be in a certificate; the one with more stake is.
    fn groups_of(
        &self,
        round: Round,
        passes: impl Fn(&Lock) -> bool,
    ) -> Option<BTreeMap<View, (Lock, Vec<&Timeout>)>> {
        let mut by_lock: BTreeMap<(View, Hash), Vec<&Timeout>> = BTreeMap::new();
        for timeout in self
            .timeouts
            .values()
            .filter(|timeout| timeout.round == round)
        {
            let key = (timeout.lock.view(), timeout.lock.hash(self.anchor()));
            by_lock.entry(key).or_default().push(timeout);
        }
        let committee = self.committee();
        let weigh = |timeouts: &[&Timeout]| -> Stake {
            timeouts
                .iter()
                .map(|timeout| committee.weight(timeout.signer))
                .sum()
        };
        let mut groups: BTreeMap<View, (Lock, Vec<&Timeout>)> = BTreeMap::new();
        for ((view, _), timeouts) in by_lock {
            let lock = timeouts[0].lock.clone();
            let heavier = groups
                .get(&view)
                .is_none_or(|(_, known)| weigh(&timeouts) > weigh(known));
            if heavier && passes(&lock) {
                groups.insert(view, (lock, timeouts));
            }
        }
        let stake: Stake = groups.values().map(|(_, timeouts)| weigh(timeouts)).sum();
        (stake >= committee.quorum()).then_some(groups)
    }

    fn timeout_jobs(
        &self,
        round: Round,
        groups: &BTreeMap<View, (Lock, Vec<&Timeout>)>,
    ) -> Vec<Aggregate> {
        groups
            .iter()
            .map(|(view, (lock, timeouts))| Aggregate {
                digest: digest::timeout(self.config.domain, round, *view, lock.hash(self.anchor())),
                committee: Arc::clone(self.committee()),
                votes: timeouts
                    .iter()
                    .map(|timeout| (timeout.signer, timeout.signature))
                    .collect(),
            })
            .collect()
    }

    pub(super) fn on_timeouts_summed(
        &mut self,
        groups: Groups,
        sums: Vec<Aggregation>,
        outbox: &mut Outbox,
    ) {
        let round = groups.round;
        if round.epoch != self.epoch() {
            return;
        }
        self.rounds.at(round).summing_timeouts = false;
        let mut certified = Vec::new();
        let mut high = Lock::Anchor;
        let mut stake = 0;
        for (lock, sum) in groups.locks.into_iter().zip(sums) {
            self.blame_signers(&sum, outbox);
            for signer in &sum.invalid {
                self.timeouts.remove(signer);
            }
            let signed = self.committee().stake_of(&sum.signers);
            if signed > 0 {
                stake += signed;
                certified.push(TimeoutGroup {
                    lock_view: lock.view(),
                    lock_hash: lock.hash(self.anchor()),
                    signers: sum.signers,
                    signature: sum.signature,
                });
                high = lock;
            }
        }
        if stake >= self.committee().quorum() {
            let tc = TimeoutCertificate {
                round,
                groups: certified,
                high,
            };
            self.store_timeout(tc, outbox);
        }
    }
}
