//! Pairs of signatures that no honest validator makes (section 10).

use std::{collections::BTreeSet, sync::Arc};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Committee, Epoch, Final, FinalityCertificate, Hash, Height, Kind, Quorum, QuorumCertificate,
    Round, Signature, Signers, TimeoutCertificate, ValidatorIndex, View, Vote, VoteKind,
    bls::Check, codec, digest,
};

/// What a leader signed for one round.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SignedProposal {
    /// The round led.
    pub round: Round,
    /// New or repeated block.
    pub kind: Kind,
    /// The block's height.
    pub height: Height,
    /// The block.
    pub hash: Hash,
    /// The leader.
    pub signer: ValidatorIndex,
    /// Over D1.
    pub signature: Signature,
}

impl SignedProposal {
    fn digest(&self, domain: Hash) -> Hash {
        digest::proposal(domain, self.round, self.kind, self.height, self.hash)
    }
}

/// What a validator signed when its timer ran out.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct SignedTimeout {
    /// The round that timed out.
    pub round: Round,
    /// View of its lock.
    pub lock_view: View,
    /// Block of its lock.
    pub lock_hash: Hash,
    /// Who signed.
    pub signer: ValidatorIndex,
    /// Over D4.
    pub signature: Signature,
}

impl SignedTimeout {
    fn digest(&self, domain: Hash) -> Hash {
        digest::timeout(domain, self.round, self.lock_view, self.lock_hash)
    }
}

/// Proof of misbehaviour. Which signatures it rests on is [`Evidence::checks`]; what it means is
/// [`Evidence::guilty`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub enum Evidence {
    /// EV1 (X1): two proposals of one round.
    Proposals(SignedProposal, SignedProposal),
    /// EV2 (X2): two first votes of one round.
    Votes1(Vote<Quorum>, Vote<Quorum>),
    /// EV3 (X3): two second votes of one round.
    Votes2(Vote<Final>, Vote<Final>),
    /// EV4 (X4): a second vote, and a timeout at or above its round with a lock below it.
    LostLock(Vote<Final>, SignedTimeout),
    /// X5: two quorum certificates of one round.
    Quorums(QuorumCertificate, QuorumCertificate),
    /// X5: two finality certificates of one round.
    Finals(FinalityCertificate, FinalityCertificate),
    /// X5: a finality certificate, and a timeout certificate at or above its round with a group
    /// whose lock is below it.
    LostLocks(FinalityCertificate, Box<TimeoutCertificate>),
    /// EV5 (X6): two finality certificates that no single chain holds. Punishes nobody by itself.
    Fork(FinalityCertificate, FinalityCertificate),
}

fn votes_conflict<K: VoteKind>(a: &Vote<K>, b: &Vote<K>) -> Option<ValidatorIndex> {
    (a.signer == b.signer && a.round() == b.round() && a.statement != b.statement)
        .then_some(a.signer)
}

fn vote_check<K: VoteKind>(vote: &Vote<K>, domain: Hash, committee: &Arc<Committee>) -> Check {
    single(
        vote.statement.digest::<K>(domain),
        vote.signer,
        vote.signature,
        committee,
    )
}

fn single(
    digest: Hash,
    signer: ValidatorIndex,
    signature: Signature,
    committee: &Arc<Committee>,
) -> Check {
    let known = signer.position() < committee.len();
    Check {
        digest,
        committee: Arc::clone(committee),
        // An unknown signer leaves nobody, which never verifies.
        signers: Signers::of(committee.len(), known.then_some(signer)),
        signature,
    }
}

impl Evidence {
    /// Names it: the hash of its one encoding.
    #[must_use]
    pub fn id(&self) -> Hash {
        digest::keccak(&codec::encode(self))
    }

    /// The epoch whose committee it concerns.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Proposals(a, _) => a.round.epoch,
            Self::Votes1(a, _) => a.round().epoch,
            Self::Votes2(a, _) | Self::LostLock(a, _) => a.round().epoch,
            Self::Quorums(a, _) => a.round().epoch,
            Self::Finals(a, _) | Self::LostLocks(a, _) | Self::Fork(a, _) => a.round().epoch,
        }
    }

    /// Whether no chain holds both certificates of a [`Self::Fork`]: two blocks at one height. Two
    /// certificates of one hash are honest, of a re-proposed last block.
    #[must_use]
    pub fn is_fork(&self) -> bool {
        match self {
            Self::Fork(a, b) => {
                a.round().epoch == b.round().epoch
                    && a.height() == b.height()
                    && a.hash() != b.hash()
            }
            _ => false,
        }
    }

    /// Who is guilty if the signatures hold, ascending; nobody if the parts don't contradict each other.
    #[must_use]
    pub fn guilty(&self) -> Vec<ValidatorIndex> {
        match self {
            Self::Proposals(a, b) => (a.signer == b.signer
                && a.round == b.round
                && (a.kind, a.height, a.hash) != (b.kind, b.height, b.hash))
                .then_some(a.signer)
                .into_iter()
                .collect(),
            Self::Votes1(a, b) => votes_conflict(a, b).into_iter().collect(),
            Self::Votes2(a, b) => votes_conflict(a, b).into_iter().collect(),
            Self::LostLock(vote, timeout) => (vote.signer == timeout.signer
                && lock_lost(vote.round(), timeout.round, timeout.lock_view))
            .then_some(vote.signer)
            .into_iter()
            .collect(),
            Self::Quorums(a, b) => {
                let conflict = a.round() == b.round() && a.statement != b.statement;
                common(conflict, &a.signers, &b.signers)
            }
            Self::Finals(a, b) => {
                let conflict = a.round() == b.round() && a.statement != b.statement;
                common(conflict, &a.signers, &b.signers)
            }
            Self::LostLocks(fc, tc) => {
                let guilty: BTreeSet<_> = tc
                    .groups
                    .iter()
                    .flat_map(|group| {
                        let lost = lock_lost(fc.round(), tc.round, group.lock_view);
                        common(lost, &fc.signers, &group.signers)
                    })
                    .collect();
                guilty.into_iter().collect()
            }
            Self::Fork(..) => Vec::new(),
        }
    }

    /// The signatures it rests on.
    #[must_use]
    pub fn checks(&self, domain: Hash, committee: &Arc<Committee>) -> Vec<Check> {
        match self {
            Self::Proposals(a, b) => [a, b]
                .map(|p| single(p.digest(domain), p.signer, p.signature, committee))
                .to_vec(),
            Self::Votes1(a, b) => [a, b].map(|v| vote_check(v, domain, committee)).to_vec(),
            Self::Votes2(a, b) => [a, b].map(|v| vote_check(v, domain, committee)).to_vec(),
            Self::LostLock(vote, timeout) => vec![
                vote_check(vote, domain, committee),
                single(
                    timeout.digest(domain),
                    timeout.signer,
                    timeout.signature,
                    committee,
                ),
            ],
            Self::Quorums(a, b) => [a, b].map(|c| c.check(domain, committee)).to_vec(),
            Self::Finals(a, b) | Self::Fork(a, b) => {
                [a, b].map(|c| c.check(domain, committee)).to_vec()
            }
            Self::LostLocks(fc, tc) => {
                let mut checks = tc.checks(domain, committee);
                checks.push(fc.check(domain, committee));
                checks
            }
        }
    }
}

fn lock_lost(vote: Round, timeout: Round, lock_view: View) -> bool {
    vote.epoch == timeout.epoch && timeout.view >= vote.view && lock_view < vote.view
}

fn common(conflict: bool, a: &Signers, b: &Signers) -> Vec<ValidatorIndex> {
    if conflict {
        a.iter().filter(|signer| b.contains(*signer)).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
