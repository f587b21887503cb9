//! The safety record: what this key has signed and must not contradict (W1, W2).

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Entry, EpochEnd, Hash, Lock, Round, View};
use serde::{Deserialize, Serialize};

/// The entry certificate together with the round it opens.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundEntry {
    /// The round that the certificate justified being in.
    pub round: Round,
    /// The certificate.
    pub certificate: Entry,
}

/// What a validator has signed, as far as it binds. Every part moves only upward.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The end of the epoch before the current one; none in the first.
    pub anchor: Option<EpochEnd>,
    /// The last proposal.
    pub last_proposal: Option<(Round, Hash)>,
    /// The last vote 1. Without a hash it is a bar: no vote 1 up to this round, and none to
    /// re-send.
    pub last_vote1: Option<(Round, Option<Hash>)>,
    /// The last vote 2.
    pub last_vote2: Option<(Round, Hash)>,
    /// The last round this node declared timed out.
    pub last_timeout: Option<Round>,
    /// The highest quorum certificate that the node will not contradict.
    pub lock: Lock,
    /// The newest certificate that justified being in a round.
    pub entry: RoundEntry,
}

impl Record {
    /// The record of a key that has never signed on this chain.
    #[must_use]
    pub fn unused() -> Self {
        Self {
            anchor: None,
            last_proposal: None,
            last_vote1: None,
            last_vote2: None,
            last_timeout: None,
            lock: Lock::Anchor,
            entry: RoundEntry {
                round: Round::new(1, 1),
                certificate: Entry::Anchor(None),
            },
        }
    }

    /// The epoch that the record stands in.
    #[must_use]
    pub fn epoch(&self) -> hotshot_types::Epoch {
        self.entry.round.epoch
    }

    /// The round to restart in (W3), before stored certificates are looked at: the highest of
    /// everything signed, the round after the lock, and the first of the epoch.
    #[must_use]
    pub fn restart_round(&self) -> Round {
        let epoch = self.epoch();
        let after_lock = match &self.lock {
            Lock::Anchor => Round::first_of(epoch),
            Lock::Quorum(qc) => qc.round().next(),
        };
        [
            self.last_proposal.map(|(round, _)| round),
            self.last_vote1.map(|(round, _)| round),
            self.last_vote2.map(|(round, _)| round),
            self.last_timeout,
            Some(after_lock),
            Some(Round {
                epoch,
                view: View(1),
            }),
        ]
        .into_iter()
        .flatten()
        .max()
        .expect("the list is not empty")
    }

    /// K3: this record, raised to another one of the same key that stands in no later epoch.
    /// Nothing is lowered.
    ///
    /// # Errors
    /// The two were signed on by two nodes: they name different blocks in one round.
    ///
    /// # Panics
    /// Where the other one stands in a later epoch.
    pub fn raised_to(&self, other: &Self) -> Result<Self, Contradiction> {
        assert!(
            other.epoch() <= self.epoch(),
            "an epoch can only be entered by its certificate"
        );
        let mut raised = self.clone();
        raised.last_proposal = higher(self.last_proposal, other.last_proposal)?;
        raised.last_vote2 = higher(self.last_vote2, other.last_vote2)?;
        raised.last_vote1 = match (self.last_vote1, other.last_vote1) {
            (Some((a, Some(hash))), Some((b, None))) | (Some((b, None)), Some((a, Some(hash))))
                if a == b =>
            {
                Some((a, Some(hash)))
            }
            (ours, theirs) => higher(ours, theirs)?,
        };
        raised.last_timeout = self.last_timeout.max(other.last_timeout);
        if other.epoch() == self.epoch() {
            if other.lock.view() > self.lock.view() {
                raised.lock = other.lock.clone();
            }
            if other.entry.round > self.entry.round {
                raised.entry = other.entry.clone();
            }
        }
        Ok(raised)
    }
}

/// Two records of one key that contradict each other: two nodes have signed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the records name different blocks in round {0}: two nodes have signed with this key")]
pub struct Contradiction(pub Round);

fn higher<H: Copy + PartialEq>(
    a: Option<(Round, H)>,
    b: Option<(Round, H)>,
) -> Result<Option<(Round, H)>, Contradiction> {
    match (a, b) {
        (Some((round, ours)), Some((same, theirs))) if round == same && ours != theirs => {
            Err(Contradiction(round))
        }
        (Some(a), Some(b)) => Ok(Some(if b.0 > a.0 { b } else { a })),
        (a, b) => Ok(a.or(b)),
    }
}
