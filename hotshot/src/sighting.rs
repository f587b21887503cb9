//! K4: signatures of a key that somebody has seen, and whether its record accounts for them.

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{
    Epoch, Final, FinalityCertificate, Hash, Height, Kind, Lock, Message, Quorum,
    QuorumCertificate, Round, Signature, Signers, Statement, Status, ValidatorIndex, View, Vote,
    VoteKind, digest,
};

use crate::Record;

/// A signature of one key; a claim until it is verified.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Sighting {
    /// D1.
    Proposal {
        /// The round.
        round: Round,
        /// New or repeated.
        kind: Kind,
        /// Of the block.
        height: Height,
        /// The block.
        hash: Hash,
        /// The leader's.
        signature: Signature,
    },
    /// D2.
    Vote1(Vote<Quorum>),
    /// D3.
    Vote2(Vote<Final>),
    /// D4.
    Timeout {
        /// The round.
        round: Round,
        /// View of the lock.
        lock_view: View,
        /// Block of the lock, or the anchor.
        lock_hash: Hash,
        /// The sender's.
        signature: Signature,
    },
    /// A vote 1 in a sum.
    Quorum(QuorumCertificate),
    /// A vote 2 in a sum.
    Final(FinalityCertificate),
}

/// The newest signature of each kind that came from one validator.
pub type Newest = [Option<Sighting>; 4];

impl Sighting {
    /// What a message of a validator shows of its key. A Timeout with the anchor for its lock
    /// shows nothing unless its entry names that block, which its signature is over.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        match message {
            Message::Proposal(proposal) => Some(Self::Proposal {
                round: proposal.round,
                kind: proposal.kind,
                height: proposal.header.height,
                hash: proposal.header.hash(),
                signature: proposal.signature,
            }),
            Message::Vote1(vote) => Some(Self::Vote1(vote.clone())),
            Message::Vote2(vote) => Some(Self::Vote2(vote.clone())),
            Message::Timeout(timeout) => {
                let lock_hash = match (&timeout.lock, &timeout.entry) {
                    (Lock::Quorum(qc), _) => qc.hash(),
                    (Lock::Anchor, hotshot_types::Entry::Anchor(Some(fc))) => fc.hash(),
                    // Not named in the message: what was signed cannot be shown to anybody.
                    (Lock::Anchor, _) => return None,
                };
                Some(Self::Timeout {
                    round: timeout.round,
                    lock_view: timeout.lock.view(),
                    lock_hash,
                    signature: timeout.signature,
                })
            }
            _ => None,
        }
    }

    /// What a status shows of the key of member `me`.
    #[must_use]
    pub fn in_status(
        status: &Status,
        place_in: impl Fn(Epoch) -> Option<ValidatorIndex>,
    ) -> Vec<Self> {
        let is_in = |epoch: Epoch, signers: &Signers| {
            place_in(epoch).is_some_and(|me| signers.contains(me))
        };
        let lock = match &status.lock {
            Lock::Quorum(qc) if is_in(qc.round().epoch, &qc.signers) => {
                Some(Self::Quorum(qc.clone()))
            }
            _ => None,
        };
        let finality = status.finality.clone();
        let finality = finality.filter(|fc| is_in(fc.round().epoch, &fc.signers));
        lock.into_iter().chain(finality.map(Self::Final)).collect()
    }

    /// The round it was signed in.
    #[must_use]
    pub fn round(&self) -> Round {
        match self {
            Self::Proposal { round, .. } | Self::Timeout { round, .. } => *round,
            Self::Vote1(vote) => vote.round(),
            Self::Vote2(vote) => vote.round(),
            Self::Quorum(qc) => qc.round(),
            Self::Final(fc) => fc.round(),
        }
    }

    /// Where it stands among the newest sightings of each kind; none for one that came in a sum.
    #[must_use]
    pub fn place(&self) -> Option<usize> {
        match self {
            Self::Proposal { .. } => Some(0),
            Self::Vote1(_) => Some(1),
            Self::Vote2(_) => Some(2),
            Self::Timeout { .. } => Some(3),
            Self::Quorum(_) | Self::Final(_) => None,
        }
    }

    /// What has to be verified for it to count: digest, signers of a committee or none for the
    /// key alone, signature.
    #[must_use]
    pub fn claim(&self, domain: Hash) -> (Hash, Option<&Signers>, Signature) {
        match self {
            Self::Proposal {
                round,
                kind,
                height,
                hash,
                signature,
            } => (
                digest::proposal(domain, *round, *kind, *height, *hash),
                None,
                *signature,
            ),
            Self::Vote1(vote) => (
                vote.statement.digest::<Quorum>(domain),
                None,
                vote.signature,
            ),
            Self::Vote2(vote) => (vote.statement.digest::<Final>(domain), None, vote.signature),
            Self::Timeout {
                round,
                lock_view,
                lock_hash,
                signature,
            } => (
                digest::timeout(domain, *round, *lock_view, *lock_hash),
                None,
                *signature,
            ),
            Self::Quorum(qc) => sum::<Quorum>(&qc.statement, domain, &qc.signers, qc.signature),
            Self::Final(fc) => sum::<Final>(&fc.statement, domain, &fc.signers, fc.signature),
        }
    }
}

fn sum<'a, K: VoteKind>(
    statement: &Statement,
    domain: Hash,
    signers: &'a Signers,
    signature: Signature,
) -> (Hash, Option<&'a Signers>, Signature) {
    (statement.digest::<K>(domain), Some(signers), signature)
}

/// What a node knows of what its key has signed.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its safety record.
    pub record: Record,
    /// Nothing is signed before this epoch (K3), and what was signed there does not bind.
    pub from: Epoch,
}

impl Standing {
    /// K4: whether this node may have made the signature itself. What was signed in an epoch in
    /// which the key signs nothing any more can't be contradicted, so it is accounted for.
    #[must_use]
    pub fn accounts_for(&self, sighting: &Sighting) -> bool {
        let round = sighting.round();
        if round.epoch < self.record.epoch().max(self.from) {
            return true;
        }
        let named = |last: Option<(Round, Hash)>, hash: Hash| {
            last.is_some_and(|(last, known)| round < last || (round == last && known == hash))
        };
        let vote1 = |hash: Hash| {
            self.record.last_vote1.is_some_and(|(last, known)| {
                // A bar without a hash stands above every vote 1 of this record.
                round < last || (round == last && known == Some(hash))
            })
        };
        match sighting {
            Sighting::Proposal { hash, .. } => named(self.record.last_proposal, *hash),
            Sighting::Vote1(vote) => vote1(vote.hash()),
            Sighting::Quorum(qc) => vote1(qc.hash()),
            Sighting::Vote2(vote) => named(self.record.last_vote2, vote.hash()),
            Sighting::Final(fc) => named(self.record.last_vote2, fc.hash()),
            Sighting::Timeout { lock_view, .. } => {
                self.record.last_timeout.is_some_and(|last| round <= last)
                    && (round.epoch != self.record.epoch() || *lock_view <= self.record.lock.view())
            }
        }
    }
}
