//! The safety record: what this key has signed and must not contradict (W1, W2).

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Entry, EpochEnd, Hash, Lock, Round, View};

/// The entry certificate together with the round it opens.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RoundEntry {
    /// The round that the certificate justified being in.
    pub round: Round,
    /// The certificate.
    pub certificate: Entry,
}

/// What a validator has signed, as far as it binds. Every part moves only upward.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
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
}
