//! Signatures without pairings.
//!
//! A signature is the digest, mixed with the signer's number; a sum of signatures is their
//! exclusive or. That is no cryptography: nobody in the world tries to compute another's. Honest nodes
//! sign through [`SimSigner`], and a Byzantine behaviour is handed the keys of the coalition only
//! ([`crate::byzantine::Den`]). The public keys are real ones, since the type admits no others.

use std::{collections::BTreeSet, sync::OnceLock};

use hotshot_types::{
    Hash, PublicKey, SecretKey, Signature, Signer, Signers,
    bls::{Aggregate, Aggregation, Check},
};

use crate::dice;

/// Which key: 0 .. n - 1. Twins share one.
pub(crate) type Identity = usize;

/// How many keys there are at most.
pub(crate) const MAX_IDENTITIES: usize = 8;

fn public_keys() -> &'static [PublicKey] {
    static KEYS: OnceLock<Vec<PublicKey>> = OnceLock::new();
    KEYS.get_or_init(|| {
        (0..MAX_IDENTITIES)
            .map(|identity| SecretKey::derive(&entropy(identity)).public_key())
            .collect()
    })
}

fn entropy(identity: Identity) -> [u8; 32] {
    let mut entropy = [7; 32];
    entropy[0] = u8::try_from(identity).expect("identities are few");
    entropy
}

/// The public key of an identity.
pub(crate) fn public_key(identity: Identity) -> PublicKey {
    public_keys()[identity]
}

/// Whose key this is.
pub(crate) fn identity_of(key: &PublicKey) -> Option<Identity> {
    public_keys().iter().position(|known| known == key)
}

/// The signature of an identity on a digest.
pub(crate) fn sign(identity: Identity, digest: &Hash) -> Signature {
    let mut state = u64::try_from(identity).expect("identities are few") + 1;
    let mut signature = [0; 48];
    for (place, word) in signature
        .chunks_exact_mut(8)
        .zip(digest.0.chunks_exact(8).cycle())
    {
        let word = word.try_into().expect("chunks of eight bytes");
        state = dice::mix(state ^ u64::from_be_bytes(word));
        place.copy_from_slice(&state.to_be_bytes());
    }
    Signature(signature)
}

fn add(sum: &mut Signature, part: &Signature) {
    for (sum, part) in sum.0.iter_mut().zip(&part.0) {
        *sum ^= part;
    }
}

/// Signs with one identity's key.
#[derive(Debug)]
pub(crate) struct SimSigner(pub(crate) Identity);

impl Signer for SimSigner {
    fn sign(&self, digest: &Hash) -> Signature {
        sign(self.0, digest)
    }
}

/// The sum that all signers of the check would make; none if there are no signers.
fn expected(check: &Check) -> Option<Signature> {
    if check.signers.committee_len() != check.committee.len() {
        return None;
    }
    let mut sum = Signature::ZERO;
    let mut anybody = false;
    for index in check.signers.iter() {
        let member = check.committee.member(index)?;
        add(&mut sum, &sign(identity_of(&member.key)?, &check.digest));
        anybody = true;
    }
    anybody.then_some(sum)
}

/// Whether every check holds.
pub(crate) fn verify(checks: &[Check]) -> bool {
    checks
        .iter()
        .all(|check| expected(check).is_some_and(|sum| sum == check.signature))
}

/// Sums the valid signatures of a job.
pub(crate) fn aggregate(job: &Aggregate) -> Aggregation {
    let mut signature = Signature::ZERO;
    let mut invalid = BTreeSet::new();
    let mut signers = Signers::none(job.committee.len());
    for (index, vote) in &job.votes {
        let identity = job
            .committee
            .member(*index)
            .and_then(|member| identity_of(&member.key));
        if identity.is_some_and(|identity| sign(identity, &job.digest) == *vote) {
            add(&mut signature, vote);
            signers.insert(*index);
        } else {
            invalid.insert(*index);
        }
    }
    Aggregation {
        signers,
        signature,
        invalid,
    }
}
