//! Checking signatures, several at a time.
//!
//! A certificate costs one pairing check however many signed; what waits at the same time is checked
//! together.

use std::sync::Arc;

use blst::{MultiPoint as _, min_sig};

use super::{
    PointG2, PublicKey, Signature,
    batch::{Claim, hold},
    pad_g2,
    votes::{Aggregate, Aggregation, Decoded},
};
use crate::{Committee, Hash, Signers};

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

impl Check {
    fn claim(&self) -> Option<Claim> {
        Some(Claim {
            digest: self.digest,
            key: self.committee.sum_of_keys(&self.signers)?,
            signature: min_sig::Signature::uncompress(&self.signature.0).ok()?,
        })
    }
}

/// Whether every check holds. Nothing to check holds.
#[must_use]
pub fn verify_all(checks: &[Check]) -> bool {
    let claims: Option<Vec<Claim>> = checks.iter().map(Check::claim).collect();
    claims.is_some_and(|claims| hold(&claims))
}

/// Work that needs pairings.
#[derive(Clone, Debug)]
pub enum Job {
    /// Do all of them hold?
    Verify(Vec<Check>),
    /// Sum the valid ones of each.
    Aggregate(Vec<Aggregate>),
}

/// What came of a [`Job`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Whether all checks hold.
    Verified(bool),
    /// The sums.
    Aggregated(Vec<Aggregation>),
}

/// Does several jobs, in order, for little more than the price of one: as long as nothing is wrong
/// they share one final exponentiation. If something is, each is done by itself.
#[must_use]
pub fn solve(jobs: Vec<Job>) -> Vec<Outcome> {
    let mut claims = Vec::new();
    let prepared: Vec<Prepared> = jobs
        .into_iter()
        .map(|job| Prepared::of(job, &mut claims))
        .collect();
    let all_hold = hold(&claims);
    let is_alone = prepared.len() == 1;
    prepared
        .into_iter()
        .map(|job| job.finish(&claims, all_hold, is_alone))
        .collect()
}

/// A job with its part of the claims of all jobs.
enum Prepared {
    /// Not even well formed.
    Malformed,
    Verify(std::ops::Range<usize>),
    Aggregate(Vec<(Decoded, std::ops::Range<usize>)>),
}

impl Prepared {
    fn of(job: Job, claims: &mut Vec<Claim>) -> Self {
        let start = claims.len();
        match job {
            Job::Verify(checks) => {
                let own: Option<Vec<Claim>> = checks.iter().map(Check::claim).collect();
                let Some(own) = own else {
                    return Self::Malformed;
                };
                claims.extend(own);
                Self::Verify(start..claims.len())
            }
            Job::Aggregate(jobs) => {
                let sums = jobs.iter().map(|job| {
                    let start = claims.len();
                    let votes = Decoded::of(job);
                    claims.extend(votes.claim());
                    (votes, start..claims.len())
                });
                Self::Aggregate(sums.collect())
            }
        }
    }

    fn finish(self, claims: &[Claim], all_hold: bool, is_alone: bool) -> Outcome {
        let holds = |range: std::ops::Range<usize>, is_whole: bool| {
            all_hold || (!is_whole && hold(&claims[range]))
        };
        match self {
            Self::Malformed => Outcome::Verified(false),
            Self::Verify(range) => Outcome::Verified(holds(range, is_alone)),
            Self::Aggregate(sums) => {
                let is_whole = is_alone && sums.len() == 1;
                let sums = sums.into_iter().map(|(votes, range)| {
                    let is_valid = holds(range, is_whole);
                    votes.sum(is_valid)
                });
                Outcome::Aggregated(sums.collect())
            }
        }
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

#[cfg(test)]
mod tests;
