//! What one honest key has signed, over all its restarts.
//!
//! The checks are those of evidence (X1 to X4) and the order that the handlers keep: nothing new
//! in or below a round that the key has declared timed out or voted 2 in, and locks that only
//! rise. The same statement may be sent again.

use std::collections::BTreeMap;

use hotshot_types::{Hash, Height, Kind, Message, Proposal, Round, Statement, Timeout, View};

/// The round of an offence and what it is.
type Offence = (Round, &'static str);

#[derive(Debug, Default)]
pub(super) struct Signed {
    proposals: BTreeMap<Round, (Kind, Height, Hash)>,
    votes1: BTreeMap<Round, Statement>,
    votes2: BTreeMap<Round, Statement>,
    /// The lowest lock of all timeouts of a round.
    timeouts: BTreeMap<Round, View>,
    /// The highest lock of all timeouts, with its epoch.
    lock: Round,
}

fn last<T>(signed: &BTreeMap<Round, T>) -> Option<Round> {
    signed.last_key_value().map(|(round, _)| *round)
}

/// Records what was signed in a round. Some(true) if it is new, none if it is not what was
/// signed before.
fn record<T: PartialEq>(signed: &mut BTreeMap<Round, T>, round: Round, what: T) -> Option<bool> {
    match signed.get(&round) {
        Some(before) if *before == what => Some(false),
        Some(_) => None,
        None => {
            signed.insert(round, what);
            Some(true)
        }
    }
}

impl Signed {
    /// Adds a message that the key's node sends.
    pub(super) fn add(&mut self, message: &Message) -> Result<(), Offence> {
        match message {
            Message::Proposal(proposal) => self.propose(proposal),
            Message::Vote1(vote) => self.vote1(vote.statement),
            Message::Vote2(vote) => self.vote2(vote.statement),
            Message::Timeout(timeout) => self.time_out(timeout),
            _ => Ok(()),
        }
    }

    fn propose(&mut self, proposal: &Proposal) -> Result<(), Offence> {
        let round = proposal.round;
        let highest = last(&self.proposals);
        let what = (
            proposal.kind,
            proposal.header.height,
            proposal.header.hash(),
        );
        match record(&mut self.proposals, round, what) {
            None => Err((round, "two proposals (X1)")),
            Some(true) if highest > Some(round) => Err((round, "a proposal below an earlier one")),
            Some(true) if last(&self.timeouts) >= Some(round) => {
                Err((round, "a proposal after its own timeout (V3)"))
            }
            _ => Ok(()),
        }
    }

    fn vote1(&mut self, statement: Statement) -> Result<(), Offence> {
        let round = statement.round;
        let highest = last(&self.votes1);
        match record(&mut self.votes1, round, statement) {
            None => Err((round, "two different votes 1 (X2)")),
            Some(true) if highest > Some(round) => Err((round, "a vote 1 below an earlier one")),
            Some(true) if last(&self.timeouts) >= Some(round) => {
                Err((round, "a vote 1 after its own timeout (V5)"))
            }
            Some(true) if last(&self.votes2) >= Some(round) => {
                Err((round, "a vote 1 after a vote 2 (V9)"))
            }
            _ => Ok(()),
        }
    }

    fn vote2(&mut self, statement: Statement) -> Result<(), Offence> {
        let round = statement.round;
        let highest = last(&self.votes2);
        let lost = self
            .timeouts
            .range(round..)
            .take_while(|(timeout, _)| timeout.epoch == round.epoch)
            .any(|(_, lock)| *lock < round.view);
        match record(&mut self.votes2, round, statement) {
            None => Err((round, "two different votes 2 (X3)")),
            Some(_) if lost => Err((round, "a vote 2, and a timeout with a lower lock (X4)")),
            Some(true) if highest > Some(round) => Err((round, "a vote 2 below an earlier one")),
            Some(true) if last(&self.timeouts) >= Some(round) => {
                Err((round, "a vote 2 after its own timeout (V9)"))
            }
            _ => Ok(()),
        }
    }

    fn time_out(&mut self, timeout: &Timeout) -> Result<(), Offence> {
        let round = timeout.round;
        let lock = timeout.lock.view();
        let lock_round = Round {
            epoch: round.epoch,
            view: lock,
        };
        if last(&self.timeouts) > Some(round) {
            return Err((round, "a timeout below an earlier one (W3)"));
        }
        if self.lock > lock_round {
            return Err((round, "a timeout with a lock that fell (V10)"));
        }
        let above_lock = lock_round.next()..=round;
        if lock < round.view && self.votes2.range(above_lock).next().is_some() {
            return Err((round, "a timeout with a lock below its vote 2 (X4)"));
        }
        self.lock = lock_round;
        let lowest = self.timeouts.entry(round).or_insert(lock);
        *lowest = lock.min(*lowest);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
