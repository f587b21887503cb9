//! Summing votes. They are never checked one by one: culprits are searched for only if the check of
//! the sum fails.

use std::{collections::BTreeSet, sync::Arc};

use blst::{MultiPoint as _, min_sig};

use super::{
    IDENTITY_FLAG, Signature,
    batch::{Claim, hold},
};
use crate::{Committee, Hash, Signers, ValidatorIndex};

/// Signatures over one digest, to be summed.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// What was signed.
    pub digest: Hash,
    /// Whose indices the votes carry.
    pub committee: Arc<Committee>,
    /// One signature of each member; a second one of a member is left out.
    pub votes: Vec<(ValidatorIndex, Signature)>,
}

/// The sum of those signatures that are valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// Whose signatures are in the sum.
    pub signers: Signers,
    /// The sum; meaningless if nobody's signature was valid.
    pub signature: Signature,
    /// Whose signatures were invalid.
    pub invalid: BTreeSet<ValidatorIndex>,
}

/// Sums signatures over one digest, leaving out the invalid ones.
///
/// One pairing check if all are valid; otherwise the culprits are found by bisection.
#[must_use]
pub fn aggregate(job: &Aggregate) -> Aggregation {
    let votes = Decoded::of(job);
    let is_valid = votes.claim().is_none_or(|claim| hold(&[claim]));
    votes.sum(is_valid)
}

/// The votes of an [`Aggregate`] that are points: three lists of one length, side by side because
/// blst sums lists.
pub(super) struct Decoded {
    digest: Hash,
    members: usize,
    signers: Vec<ValidatorIndex>,
    signatures: Vec<min_sig::Signature>,
    keys: Vec<min_sig::PublicKey>,
    invalid: BTreeSet<ValidatorIndex>,
}

impl Decoded {
    pub(super) fn of(job: &Aggregate) -> Self {
        let count = job.votes.len();
        let mut seen = Signers::none(job.committee.len());
        let mut votes = Self {
            digest: job.digest,
            members: job.committee.len(),
            signers: Vec::with_capacity(count),
            signatures: Vec::with_capacity(count),
            keys: Vec::with_capacity(count),
            invalid: BTreeSet::new(),
        };
        for (index, signature) in &job.votes {
            let Some(member) = job.committee.member(*index) else {
                votes.invalid.insert(*index);
                continue;
            };
            if !seen.insert(*index) {
                continue;
            }
            match decode(signature) {
                Some(signature) => {
                    votes.signers.push(*index);
                    votes.signatures.push(signature);
                    votes.keys.push(member.key.g2);
                }
                None => {
                    votes.invalid.insert(*index);
                }
            }
        }
        votes
    }

    /// That the sum is valid; none if there is nothing to sum.
    pub(super) fn claim(&self) -> Option<Claim> {
        self.all().claim()
    }

    /// The sum of the valid votes: all of them if their claim is known to hold.
    pub(super) fn sum(mut self, is_valid: bool) -> Aggregation {
        let mut invalid = std::mem::take(&mut self.invalid);
        let sum = if self.signers.is_empty() {
            None
        } else if is_valid {
            Some(self.signatures.add())
        } else {
            self.all().bisect(&mut invalid)
        };
        let valid = self
            .signers
            .iter()
            .copied()
            .filter(|index| !invalid.contains(index));
        Aggregation {
            signers: Signers::of(self.members, valid),
            signature: sum.map_or(Signature::ZERO, |sum| {
                Signature(sum.to_signature().compress())
            }),
            invalid,
        }
    }

    fn all(&self) -> Votes<'_> {
        Votes {
            digest: self.digest,
            signers: &self.signers,
            signatures: &self.signatures,
            keys: &self.keys,
        }
    }
}

/// A single signature as a point. The identity is nobody's; subgroups are checked on the sum.
fn decode(signature: &Signature) -> Option<min_sig::Signature> {
    let is_identity = signature.0[0] & IDENTITY_FLAG != 0;
    if is_identity {
        return None;
    }
    min_sig::Signature::uncompress(&signature.0).ok()
}

/// Some of the votes.
#[derive(Clone, Copy)]
struct Votes<'a> {
    digest: Hash,
    signers: &'a [ValidatorIndex],
    signatures: &'a [min_sig::Signature],
    keys: &'a [min_sig::PublicKey],
}

impl Votes<'_> {
    fn claim(self) -> Option<Claim> {
        (!self.signers.is_empty()).then(|| Claim {
            digest: self.digest,
            key: self.keys.add().to_public_key(),
            signature: self.signatures.add().to_signature(),
        })
    }

    /// The sum of the valid signatures, none if no one is; the others go to `invalid`.
    fn sum_of_valid(
        self,
        invalid: &mut BTreeSet<ValidatorIndex>,
    ) -> Option<min_sig::AggregateSignature> {
        let claim = self.claim()?;
        if hold(&[claim]) {
            Some(self.signatures.add())
        } else {
            self.bisect(invalid)
        }
    }

    /// As [`Self::sum_of_valid`], for votes whose sum is known to be invalid.
    fn bisect(self, invalid: &mut BTreeSet<ValidatorIndex>) -> Option<min_sig::AggregateSignature> {
        if let [culprit] = self.signers {
            invalid.insert(*culprit);
            return None;
        }
        let (left, right) = self.halves();
        let known = invalid.len();
        let left = left.sum_of_valid(invalid);
        let right = if invalid.len() == known {
            // The left half is faultless, so the fault is in the right one.
            right.bisect(invalid)
        } else {
            right.sum_of_valid(invalid)
        };
        match (left, right) {
            (Some(mut left), Some(right)) => {
                left.add_aggregate(&right);
                Some(left)
            }
            (left, right) => left.or(right),
        }
    }

    fn halves(self) -> (Self, Self) {
        let middle = self.signers.len() / 2;
        let (signers, signatures, keys) = (
            self.signers.split_at(middle),
            self.signatures.split_at(middle),
            self.keys.split_at(middle),
        );
        let left = Self {
            signers: signers.0,
            signatures: signatures.0,
            keys: keys.0,
            ..self
        };
        let right = Self {
            signers: signers.1,
            signatures: signatures.1,
            keys: keys.1,
            ..self
        };
        (left, right)
    }
}
