//! Vectors of certificates and messages.

use serde_json::{Value, json};

use super::sample::{self, hex_of};
use crate::{
    Committee, Final, Hash, Quorum, Signature, Signers,
    bls::{self, PointG1, PointG2},
    digest,
};

/// What a verifier computes for one signature check.
fn check(committee: &Committee, digest: Hash, signers: &Signers, signature: &Signature) -> Value {
    let keys = || {
        signers
            .iter()
            .filter_map(|index| Some(&committee.member(index)?.key))
    };
    let (apk1, apk2): (PointG1, PointG2) = (bls::sum_g1(keys()), bls::sum_g2(keys()));
    json!({
        "digest": digest,
        "apk1": hex_of(&apk1.0),
        "apk2": hex_of(&apk2.0),
        "signature": signature.point().map(|point| hex_of(&point.0)),
    })
}

pub(super) fn certificates() -> Value {
    let domain = sample::domain();
    let committee = sample::sample_committee();
    let (qc, fc, tc) = (
        sample::quorum_certificate(6),
        sample::finality_certificate(6),
        sample::timeout_certificate(),
    );
    let tc_checks: Vec<Value> = tc
        .groups
        .iter()
        .map(|group| {
            let digest = digest::timeout(domain, tc.round, group.lock_view, group.lock_hash);
            check(&committee, digest, &group.signers, &group.signature)
        })
        .collect();
    json!({
        "about": "signers: bit i mod 8, least significant first, of byte i / 8; apk1 and apk2 are the sums of the signers' halves",
        "chain_domain": domain,
        "committee": *committee,
        "anchor": sample::anchor(),
        "quorum": {
            "certificate": qc,
            "encoding": sample::encoded(&qc),
            "cache_key": qc.cache_key(),
            "check": check(&committee, qc.statement.digest::<Quorum>(domain), &qc.signers, &qc.signature),
        },
        "finality": {
            "certificate": fc,
            "encoding": sample::encoded(&fc),
            "cache_key": fc.cache_key(),
            "check": check(&committee, fc.statement.digest::<Final>(domain), &fc.signers, &fc.signature),
        },
        "timeout": {
            "certificate": tc,
            "encoding": sample::encoded(&tc),
            "cache_key": tc.cache_key(),
            "checks": tc_checks,
        },
    })
}

pub(super) fn messages() -> Value {
    let cases: Vec<Value> = sample::messages()
        .into_iter()
        .map(|(name, message)| json!({ "name": name, "encoding": sample::encoded(&message) }))
        .collect();
    json!({ "about": "the wire encoding of one message of each kind", "cases": cases })
}
