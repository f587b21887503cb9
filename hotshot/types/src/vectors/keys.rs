//! Vectors of keys, signatures and the hash to the curve.

use serde_json::{Value, json};

use super::sample::{self, hex_of};
use crate::{
    Signer as _,
    bls::{POSSESSION_DST, SIGNATURE_DST, hash_to_g1},
};

pub(super) fn keys() -> Value {
    let digest = sample::named("message");
    let cases: Vec<Value> = (0..4)
        .map(|index| {
            let secret = sample::secret(index);
            let key = secret.public_key();
            let bytes = key.to_bytes();
            let operator = sample::operator(index);
            let signature = secret.sign(&digest);
            let possession = secret.prove_possession(sample::domain(), operator);
            json!({
                "secret": hex_of(&secret.to_bytes()),
                "pk1_compressed": hex_of(&bytes[..48]),
                "pk2_compressed": hex_of(&bytes[48..]),
                "pk1": hex_of(&key.point_g1().0),
                "pk2": hex_of(&key.point_g2().0),
                "signature": {
                    "digest": digest,
                    "compressed": signature,
                    "point": signature.point().map(|point| hex_of(&point.0)),
                },
                "possession": {
                    "chain_domain": sample::domain(),
                    "operator": operator,
                    "compressed": possession,
                    "point": possession.point().map(|point| hex_of(&point.0)),
                },
            })
        })
        .collect();
    json!({
        "about": "pk1 and signatures in G1, pk2 in G2; uncompressed points as in EIP-2537",
        "signature_ciphersuite": String::from_utf8_lossy(SIGNATURE_DST),
        "possession_ciphersuite": String::from_utf8_lossy(POSSESSION_DST),
        "cases": cases,
    })
}

pub(super) fn hash_to_curve() -> Value {
    let cases: Vec<Value> = [SIGNATURE_DST, POSSESSION_DST]
        .into_iter()
        .flat_map(|dst| {
            ["message", "another message"].map(|name| {
                let digest = sample::named(name);
                json!({
                    "dst": String::from_utf8_lossy(dst),
                    "message": digest,
                    "point": hex_of(&hash_to_g1(&digest.0, dst).0),
                })
            })
        })
        .collect();
    json!({
        "about": "hash_to_curve of RFC 9380 for BLS12381G1_XMD:SHA-256_SSWU_RO_",
        "cases": cases,
    })
}
