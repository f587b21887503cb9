//! Several claims in one product of pairings.

use blst::{
    MultiPoint as _, Pairing, blst_fp12, blst_p1, blst_p1_affine, blst_p2_affine, min_sig,
    p1_affines,
};

use super::{COEFFICIENT_BITS, SIGNATURE_DST, coefficients};
use crate::Hash;

/// The claim that the owners of the secrets behind `key`, a sum of keys, signed `digest`.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) digest: Hash,
    pub(super) key: min_sig::PublicKey,
    pub(super) signature: min_sig::Signature,
}

/// Whether every claim holds. Nothing claimed holds.
///
/// With coefficients r that the claims' author can't choose, e(sum of r S, g2) must be the product
/// over the keys of e(sum of r H(digest), key): a Miller loop for each different key and one for
/// the signatures, and one final exponentiation in all.
pub(super) fn hold(claims: &[Claim]) -> bool {
    // A sum may hide two parts outside the subgroup that cancel, so each is checked.
    if claims
        .iter()
        .any(|claim| claim.signature.validate(true).is_err())
    {
        return false;
    }
    let (signature, messages) = match claims {
        [] => return true,
        [only] => {
            let message = p1_affines::from(&[hash_to_curve(&only.digest)]);
            (only.signature, vec![(only.key, message[0])])
        }
        _ => combine(claims),
    };
    let mut signed = blst_fp12::default();
    Pairing::aggregated(&mut signed, &blst_p1_affine::from(signature));
    let mut product = Pairing::new(true, SIGNATURE_DST);
    for (key, message) in messages {
        product.raw_aggregate(&blst_p2_affine::from(key), &message);
    }
    product.commit();
    product.finalverify(Some(&signed))
}

/// The combined signature, and the combined messages under each key.
fn combine(
    claims: &[Claim],
) -> (
    min_sig::Signature,
    Vec<(min_sig::PublicKey, blst_p1_affine)>,
) {
    let scalars = scalars(claims);
    let signatures: Vec<_> = claims.iter().map(|claim| claim.signature).collect();
    let mut by_key: Vec<(min_sig::PublicKey, Vec<blst_p1>, Vec<u8>)> = Vec::new();
    for (claim, scalar) in claims
        .iter()
        .zip(scalars.chunks_exact(COEFFICIENT_BITS / 8))
    {
        let message = hash_to_curve(&claim.digest);
        match by_key.iter_mut().find(|(key, ..)| *key == claim.key) {
            Some((_, messages, scalars)) => {
                messages.push(message);
                scalars.extend_from_slice(scalar);
            }
            None => by_key.push((claim.key, vec![message], scalar.to_vec())),
        }
    }
    let (keys, sums): (Vec<_>, Vec<_>) = by_key
        .into_iter()
        .map(|(key, messages, scalars)| {
            let messages = p1_affines::from(&messages);
            (key, messages.mult(&scalars, COEFFICIENT_BITS))
        })
        .unzip();
    let sums = p1_affines::from(&sums);
    let messages = keys.into_iter().zip(sums.as_slice().iter().copied());
    let signature = signatures.mult(&scalars, COEFFICIENT_BITS).to_signature();
    (signature, messages.collect())
}

/// One coefficient for each claim, drawn from all of them.
fn scalars(claims: &[Claim]) -> Vec<u8> {
    let mut seed = Vec::with_capacity(176 * claims.len());
    for claim in claims {
        seed.extend_from_slice(&claim.digest.0);
        seed.extend_from_slice(&claim.signature.compress());
        seed.extend_from_slice(&claim.key.compress());
    }
    coefficients(&seed, claims.len())
        .flat_map(|scalar| scalar.b[..COEFFICIENT_BITS / 8].to_vec())
        .collect()
}

#[expect(
    unsafe_code,
    reason = "blst hashes to the curve without signing through its C interface only"
)]
fn hash_to_curve(digest: &Hash) -> blst_p1 {
    let mut point = blst_p1::default();
    // SAFETY: each pointer comes with the length of its buffer; no augmentation is a null of length 0.
    unsafe {
        blst::blst_hash_to_g1(
            &mut point,
            digest.0.as_ptr(),
            digest.0.len(),
            SIGNATURE_DST.as_ptr(),
            SIGNATURE_DST.len(),
            std::ptr::null(),
            0,
        );
    }
    point
}
