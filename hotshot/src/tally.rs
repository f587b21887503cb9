//! Counting votes of one phase in one round: the first of each signer, by statement (V7).

use std::collections::{BTreeMap, BTreeSet};

use hotshot_types::{
    Certificate, Committee, Hash, Stake, Statement, ValidatorIndex, Vote, VoteKind,
    bls::{Aggregate, Aggregation},
};

/// What a vote did to the count.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Counted<K: VoteKind> {
    /// New.
    Yes,
    /// Seen before, or the signer's signatures are known to be worthless.
    No,
    /// The signer had voted otherwise: here is that vote.
    Conflict(Vote<K>),
}

/// The votes of one phase in one round.
#[derive(Debug)]
pub(crate) struct Tally<K: VoteKind> {
    votes: BTreeMap<ValidatorIndex, Vote<K>>,
    worthless: BTreeSet<ValidatorIndex>,
    summing: bool,
}

impl<K: VoteKind> Default for Tally<K> {
    fn default() -> Self {
        Self {
            votes: BTreeMap::new(),
            worthless: BTreeSet::new(),
            summing: false,
        }
    }
}

impl<K: VoteKind> Tally<K> {
    pub(crate) fn count(&mut self, vote: Vote<K>) -> Counted<K> {
        if self.worthless.contains(&vote.signer) {
            return Counted::No;
        }
        match self.votes.get(&vote.signer) {
            None => {
                self.votes.insert(vote.signer, vote);
                Counted::Yes
            }
            Some(known) if known.statement == vote.statement => Counted::No,
            Some(known) => Counted::Conflict(known.clone()),
        }
    }

    /// The job to sum the votes of a statement that has a quorum, once.
    pub(crate) fn job(
        &mut self,
        domain: Hash,
        committee: &std::sync::Arc<Committee>,
    ) -> Option<(Statement, Aggregate)> {
        if self.summing {
            return None;
        }
        let mut stakes: BTreeMap<Statement, Stake> = BTreeMap::new();
        for vote in self.votes.values() {
            *stakes.entry(vote.statement).or_default() += committee.weight(vote.signer);
        }
        let (statement, _) = stakes
            .into_iter()
            .find(|(_, stake)| *stake >= committee.quorum())?;
        self.summing = true;
        let votes = self
            .votes
            .values()
            .filter(|vote| vote.statement == statement)
            .map(|vote| (vote.signer, vote.signature))
            .collect();
        let job = Aggregate {
            digest: statement.digest::<K>(domain),
            committee: std::sync::Arc::clone(committee),
            votes,
        };
        Some((statement, job))
    }

    /// Takes the sum; a certificate if what was valid is still a quorum.
    pub(crate) fn finish(
        &mut self,
        statement: Statement,
        sum: Aggregation,
        committee: &Committee,
    ) -> Option<Certificate<K>> {
        self.summing = false;
        for signer in sum.invalid {
            self.votes.remove(&signer);
            self.worthless.insert(signer);
        }
        (committee.stake_of(&sum.signers) >= committee.quorum())
            .then(|| Certificate::claimed(statement, sum.signers, sum.signature))
    }
}

#[cfg(test)]
mod tests;
