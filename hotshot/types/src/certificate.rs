//! Certificates: a quorum's word in one signature (C1, C2, C3).
//!
//! Each has two checks: the shape, which costs no pairing (`check_shape`), and the signatures,
//! which are handed out as [`Check`]s so that whoever verifies may do so elsewhere and in batches.

use std::{collections::BTreeSet, marker::PhantomData, sync::Arc};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Committee, Final, Hash, Height, Lock, Quorum, Round, Signature, Signers, Statement, View,
    VoteKind,
    bls::{self, Check},
    bounded, codec,
    committee::MAX_MEMBERS,
    digest,
};

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Another epoch's committee.
    #[error("the certificate is of epoch {found}, the committee of epoch {expected}")]
    Epoch {
        /// The committee's epoch.
        expected: crate::Epoch,
        /// The certificate's.
        found: crate::Epoch,
    },
    /// View 0 is the epoch's anchor: nobody votes there.
    #[error("nobody votes in view 0")]
    AnchorView,
    /// The bitmap is not of this committee's size.
    #[error("the bitmap is for {found} members, the committee has {expected}")]
    CommitteeSize {
        /// The committee's size.
        expected: usize,
        /// The bitmap's.
        found: usize,
    },
    /// Too little stake.
    #[error("signed by stake {found}, a quorum is {quorum}")]
    Stake {
        /// The least that suffices.
        quorum: crate::Stake,
        /// What signed.
        found: crate::Stake,
    },
    /// Groups out of order, overlapping, above the round, or not matching the highest lock.
    #[error("the timeout certificate is malformed: {0}")]
    Groups(&'static str),
    /// A signature is wrong.
    #[error("the signature does not verify")]
    Signature,
}

/// A quorum's votes of one kind for one statement, summed (C1).
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(bound = "")]
pub struct Certificate<K: VoteKind> {
    /// What the quorum voted for.
    pub statement: Statement,
    /// Who voted.
    pub signers: Signers,
    /// The sum of the votes' signatures.
    pub signature: Signature,
    #[borsh(skip, bound(serialize = "", deserialize = ""))]
    #[serde(skip)]
    kind: PhantomData<K>,
}

/// A quorum of first votes.
pub type QuorumCertificate = Certificate<Quorum>;
/// A quorum of second votes: its block and all ancestors are final (T5).
pub type FinalityCertificate = Certificate<Final>;

impl<K: VoteKind> Certificate<K> {
    /// A certificate that nobody has checked.
    #[must_use]
    pub fn claimed(statement: Statement, signers: Signers, signature: Signature) -> Self {
        Self {
            statement,
            signers,
            signature,
            kind: PhantomData,
        }
    }

    /// The round voted in.
    #[must_use]
    pub fn round(&self) -> Round {
        self.statement.round
    }

    /// The block's height.
    #[must_use]
    pub fn height(&self) -> Height {
        self.statement.height
    }

    /// The block's hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.statement.hash
    }

    /// Names every byte of the certificate, its kind included; the key of caches (C3).
    #[must_use]
    pub fn cache_key(&self) -> Hash {
        digest::keccak_concat(&[K::TAG.name().as_bytes(), &codec::encode(self)])
    }

    /// Checks all but the signature: round, committee size, stake.
    ///
    /// # Errors
    /// The first of these that is wrong.
    pub fn check_shape(&self, committee: &Committee) -> Result<(), CertificateError> {
        check_round(self.round(), committee)?;
        check_signers(&self.signers, committee)?;
        check_stake(committee.stake_of(&self.signers), committee)
    }

    /// The signature check that is left after [`Self::check_shape`].
    #[must_use]
    pub fn check(&self, domain: Hash, committee: &Arc<Committee>) -> Check {
        Check {
            digest: self.statement.digest::<K>(domain),
            committee: Arc::clone(committee),
            signers: self.signers.clone(),
            signature: self.signature,
        }
    }

    /// Verifies everything: shape, then one pairing check.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, domain: Hash, committee: &Arc<Committee>) -> Result<(), CertificateError> {
        self.check_shape(committee)?;
        if bls::verify_all(&[self.check(domain, committee)]) {
            Ok(())
        } else {
            Err(CertificateError::Signature)
        }
    }
}

/// Those timeouts of a round that carry one lock (C2).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct TimeoutGroup {
    /// View of the lock; 0 for the anchor.
    pub lock_view: View,
    /// Block of the lock; the anchor's hash for the anchor.
    pub lock_hash: Hash,
    /// Who signed this lock.
    pub signers: Signers,
    /// The sum of their signatures.
    pub signature: Signature,
}

/// A quorum's timeouts of one round, with the highest lock among them (C2).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct TimeoutCertificate {
    /// The round that timed out.
    pub round: Round,
    /// One group for each lock, by ascending lock view; at most as many as a committee has members.
    #[borsh(deserialize_with = "bounded::read::<_, _, MAX_MEMBERS>")]
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_MEMBERS>")]
    pub groups: Vec<TimeoutGroup>,
    /// The lock of the last group.
    pub high: Lock,
}

impl TimeoutCertificate {
    /// Names every byte of the certificate; the key of caches (C3).
    #[must_use]
    pub fn cache_key(&self) -> Hash {
        digest::keccak_concat(&[b"TC", &codec::encode(self)])
    }

    /// Checks all but the signatures and the shape of `high`; `anchor` is the hash of the
    /// epoch's anchor.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_shape(&self, committee: &Committee, anchor: Hash) -> Result<(), CertificateError> {
        use CertificateError::Groups;
        check_round(self.round, committee)?;
        let mut signed = BTreeSet::new();
        let mut last: Option<View> = None;
        for group in &self.groups {
            check_signers(&group.signers, committee)?;
            if last.is_some_and(|last| group.lock_view <= last) {
                return Err(Groups("lock views must rise"));
            }
            if group.lock_view > self.round.view {
                return Err(Groups("a lock above the round"));
            }
            if group.lock_view == View(0) && group.lock_hash != anchor {
                return Err(Groups("an anchor of another epoch"));
            }
            if group.signers.count() == 0 {
                return Err(Groups("a group that nobody signed"));
            }
            if group.signers.iter().any(|signer| !signed.insert(signer)) {
                return Err(Groups("a signer in two groups"));
            }
            last = Some(group.lock_view);
        }
        let stake = signed.iter().map(|signer| committee.weight(*signer)).sum();
        check_stake(stake, committee)?;
        let top = self.groups.last().ok_or(Groups("no group"))?;
        let high = match &self.high {
            Lock::Anchor => (View(0), anchor),
            Lock::Quorum(qc) if qc.round().epoch != self.round.epoch => {
                return Err(Groups("a lock of another epoch"));
            }
            // View 0 is the anchor's alone.
            Lock::Quorum(qc) if qc.round().view == View(0) => {
                return Err(CertificateError::AnchorView);
            }
            Lock::Quorum(qc) => (qc.round().view, qc.hash()),
        };
        if high != (top.lock_view, top.lock_hash) {
            return Err(Groups("the highest lock is not the last group's"));
        }
        Ok(())
    }

    /// The signature checks of the groups; `high` is checked as a certificate of its own.
    #[must_use]
    pub fn checks(&self, domain: Hash, committee: &Arc<Committee>) -> Vec<Check> {
        self.groups
            .iter()
            .map(|group| Check {
                digest: digest::timeout(domain, self.round, group.lock_view, group.lock_hash),
                committee: Arc::clone(committee),
                signers: group.signers.clone(),
                signature: group.signature,
            })
            .collect()
    }
}

fn check_round(round: Round, committee: &Committee) -> Result<(), CertificateError> {
    if round.epoch != committee.epoch() {
        return Err(CertificateError::Epoch {
            expected: committee.epoch(),
            found: round.epoch,
        });
    }
    if round.view == View(0) {
        return Err(CertificateError::AnchorView);
    }
    Ok(())
}

fn check_signers(signers: &Signers, committee: &Committee) -> Result<(), CertificateError> {
    if signers.committee_len() == committee.len() {
        Ok(())
    } else {
        Err(CertificateError::CommitteeSize {
            expected: committee.len(),
            found: signers.committee_len(),
        })
    }
}

fn check_stake(found: crate::Stake, committee: &Committee) -> Result<(), CertificateError> {
    let quorum = committee.quorum();
    if found >= quorum {
        Ok(())
    } else {
        Err(CertificateError::Stake { quorum, found })
    }
}

#[cfg(test)]
mod tests;
