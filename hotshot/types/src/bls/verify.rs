//! The only places where pairings are computed for signatures.
//!
//! A certificate costs one pairing check however many signed; several certificates of one message
//! are checked together. Votes are never checked one by one: [`aggregate`] checks their sum and
//! searches for culprits only if it fails.

use std::{collections::BTreeSet, sync::Arc};

use blst::{BLST_ERROR, MultiPoint as _, blst_scalar, min_sig};

use super::{
    COEFFICIENT_BITS, IDENTITY_FLAG, PointG2, PublicKey, SIGNATURE_DST, Signature, coefficients,
    pad_g2,
};
use crate::{Committee, Hash, Signers, ValidatorIndex};

/// The claim that all `signers` of `committee` signed `digest`, and `signature` is the sum.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was signed.
    pub digest: Hash,
    /// Whose indices `signers` are.
    pub committee: Arc<Committee>,
    /// Who signed.
    pub signers: Signers,
    /// The sum of their signatures.
    pub signature: Signature,
}

/// Whether every check holds. Nothing to check holds.
#[must_use]
pub fn verify_all(checks: &[Check]) -> bool {
    let mut seed = Vec::with_capacity(80 * checks.len());
    let mut keys = Vec::with_capacity(checks.len());
    let mut signatures = Vec::with_capacity(checks.len());
    for check in checks {
        let Some(key) = check.committee.sum_of_keys(&check.signers) else {
            return false;
        };
        let Ok(signature) = min_sig::Signature::uncompress(&check.signature.0) else {
            return false;
        };
        seed.extend_from_slice(&check.digest.0);
        seed.extend_from_slice(&check.signature.0);
        seed.extend_from_slice(&key.compress());
        keys.push(key);
        signatures.push(signature);
    }
    match checks {
        [] => true,
        [check] => is_valid(&signatures[0], &check.digest, &keys[0]),
        _ => {
            let scalars: Vec<blst_scalar> = coefficients(&seed, checks.len()).collect();
            let messages: Vec<&[u8]> = checks.iter().map(|c| c.digest.0.as_slice()).collect();
            min_sig::Signature::verify_multiple_aggregate_signatures(
                &messages,
                SIGNATURE_DST,
                &keys.iter().collect::<Vec<_>>(),
                false,
                &signatures.iter().collect::<Vec<_>>(),
                true,
                &scalars,
                COEFFICIENT_BITS,
            ) == BLST_ERROR::BLST_SUCCESS
        }
    }
}

fn is_valid(signature: &min_sig::Signature, digest: &Hash, key: &min_sig::PublicKey) -> bool {
    signature.verify(true, &digest.0, SIGNATURE_DST, &[], key, false) == BLST_ERROR::BLST_SUCCESS
}

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
    let mut seen = Signers::none(job.committee.len());
    let mut invalid = BTreeSet::new();
    let mut signers = Vec::with_capacity(job.votes.len());
    let mut signatures = Vec::with_capacity(job.votes.len());
    let mut keys = Vec::with_capacity(job.votes.len());
    for (index, signature) in &job.votes {
        let Some(member) = job.committee.member(*index) else {
            invalid.insert(*index);
            continue;
        };
        if !seen.insert(*index) {
            continue;
        }
        match decode(signature) {
            Some(signature) => {
                signers.push(*index);
                signatures.push(signature);
                keys.push(member.key.g2);
            }
            None => {
                invalid.insert(*index);
            }
        }
    }
    let votes = Votes {
        signers: &signers,
        signatures: &signatures,
        keys: &keys,
    };
    let sum = votes.sum_of_valid(&job.digest, &mut invalid);
    let valid = signers
        .iter()
        .copied()
        .filter(|index| !invalid.contains(index));
    Aggregation {
        signers: Signers::of(job.committee.len(), valid),
        signature: sum.map_or(Signature::ZERO, |sum| {
            Signature(sum.to_signature().compress())
        }),
        invalid,
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

/// Decoded votes over one digest: three lists of one length, side by side because blst sums lists.
#[derive(Clone, Copy)]
struct Votes<'a> {
    signers: &'a [ValidatorIndex],
    signatures: &'a [min_sig::Signature],
    keys: &'a [min_sig::PublicKey],
}

impl Votes<'_> {
    /// The sum of the valid signatures, none if no one is; the others go to `invalid`.
    fn sum_of_valid(
        self,
        digest: &Hash,
        invalid: &mut BTreeSet<ValidatorIndex>,
    ) -> Option<min_sig::AggregateSignature> {
        if self.signers.is_empty() {
            return None;
        }
        let signature = self.signatures.add();
        let key = self.keys.add().to_public_key();
        if is_valid(&signature.to_signature(), digest, &key) {
            Some(signature)
        } else {
            self.bisect(digest, invalid)
        }
    }

    /// As [`Self::sum_of_valid`], for votes whose sum is known to be invalid.
    fn bisect(
        self,
        digest: &Hash,
        invalid: &mut BTreeSet<ValidatorIndex>,
    ) -> Option<min_sig::AggregateSignature> {
        if let [culprit] = self.signers {
            invalid.insert(*culprit);
            return None;
        }
        let (left, right) = self.halves();
        let known = invalid.len();
        let left = left.sum_of_valid(digest, invalid);
        let right = if invalid.len() == known {
            // The left half is faultless, so the fault is in the right one.
            right.bisect(digest, invalid)
        } else {
            right.sum_of_valid(digest, invalid)
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
        };
        let right = Self {
            signers: signers.1,
            signatures: signatures.1,
            keys: keys.1,
        };
        (left, right)
    }
}

/// A sum of G2 halves; unlike a key it may be the identity, which no signature verifies under.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SumG2(min_sig::PublicKey);

impl SumG2 {
    pub(crate) fn of<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> Self {
        let keys: Vec<min_sig::PublicKey> = keys.into_iter().map(|key| key.g2).collect();
        if keys.is_empty() {
            return Self(min_sig::PublicKey::default());
        }
        Self(keys.add().to_public_key())
    }

    pub(super) fn point(&self) -> PointG2 {
        pad_g2(&self.0.serialize())
    }
}

impl Committee {
    /// The sum of the signers' G2 halves; none if there are no signers, or the bitmap is of
    /// another committee size. Adds or subtracts, whichever is less work.
    fn sum_of_keys(&self, signers: &Signers) -> Option<min_sig::PublicKey> {
        let signed = signers.count();
        if signers.committee_len() != self.len() || signed == 0 {
            return None;
        }
        if signed == self.len() {
            return Some(self.sum().0);
        }
        if signed <= self.len() / 2 {
            return Some(self.keys_of(signers).add().to_public_key());
        }
        let mut sum = min_sig::AggregatePublicKey::from_public_key(&self.sum().0);
        sum.sub_aggregate(&self.keys_of(&signers.complement()).add());
        Some(sum.to_public_key())
    }

    fn keys_of(&self, signers: &Signers) -> Vec<min_sig::PublicKey> {
        signers
            .iter()
            .filter_map(|index| Some(self.member(index)?.key.g2))
            .collect()
    }
}
