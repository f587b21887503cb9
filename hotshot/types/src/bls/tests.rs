use std::sync::Arc;

use super::*;
use crate::{
    Committee, Epoch, Member, Signers, ValidatorIndex,
    vectors::sample::{committee, domain, named, operator, secret, signed_by},
};

fn g1_sum(a: &min_pk::PublicKey, b: &min_pk::PublicKey) -> min_pk::PublicKey {
    min_pk::AggregatePublicKey::aggregate(&[a, b], false)
        .unwrap()
        .to_public_key()
}

fn difference(a: &PublicKey, b: &PublicKey) -> PublicKey {
    let mut g1 = min_pk::AggregatePublicKey::from_public_key(&a.g1);
    g1.sub_aggregate(&min_pk::AggregatePublicKey::from_public_key(&b.g1));
    let mut g2 = min_sig::AggregatePublicKey::from_public_key(&a.g2);
    g2.sub_aggregate(&min_sig::AggregatePublicKey::from_public_key(&b.g2));
    PublicKey {
        g1: g1.to_public_key(),
        g2: g2.to_public_key(),
    }
}

pub(super) fn negated(signature: Signature) -> Signature {
    let mut bytes = signature.0;
    bytes[0] ^= 0x20;
    Signature(bytes)
}

pub(super) fn plus(a: Signature, b: Signature) -> Signature {
    let [a, b] = [a, b].map(|s| min_sig::Signature::uncompress(&s.0).unwrap());
    let sum = min_sig::AggregateSignature::aggregate(&[&a, &b], false).unwrap();
    Signature(sum.to_signature().compress())
}

fn identity_g1() -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[0] = 0xc0;
    bytes
}

fn identity_g2() -> [u8; 96] {
    let mut bytes = [0; 96];
    bytes[0] = 0xc0;
    bytes
}

/// The first point of the curve with a small x that is outside the subgroup.
fn stray_g1() -> [u8; 48] {
    (1..=255)
        .map(|x| {
            let mut bytes = [0; 48];
            (bytes[0], bytes[47]) = (0x80, x);
            bytes
        })
        .find(|bytes| {
            min_pk::PublicKey::uncompress(bytes).is_ok_and(|point| point.validate().is_err())
        })
        .unwrap()
}

fn stray_g2() -> [u8; 96] {
    (1..=255)
        .map(|x| {
            let mut bytes = [0; 96];
            (bytes[0], bytes[95]) = (0x80, x);
            bytes
        })
        .find(|bytes| {
            min_sig::PublicKey::uncompress(bytes).is_ok_and(|point| point.validate().is_err())
        })
        .unwrap()
}

fn key_of(g1: &[u8; 48], g2: &[u8; 96]) -> Result<PublicKey, KeyError> {
    let mut bytes = [0; PublicKey::LEN];
    bytes[..48].copy_from_slice(g1);
    bytes[48..].copy_from_slice(g2);
    PublicKey::from_bytes(&bytes)
}

fn halves(key: &PublicKey) -> ([u8; 48], [u8; 96]) {
    (key.g1.compress(), key.g2.compress())
}

pub(super) fn check(committee: &Arc<Committee>, signers: &[u16], name: &str) -> Check {
    let digest = named(name);
    let (signers, signature) = signed_by(committee, signers, digest);
    Check {
        digest,
        committee: Arc::clone(committee),
        signers,
        signature,
    }
}

pub(super) fn votes(committee: &Arc<Committee>, digest: Hash) -> Aggregate {
    let votes = (0..committee.len())
        .map(|index| (ValidatorIndex::at(index), secret(index).sign(&digest)))
        .collect();
    Aggregate {
        digest,
        committee: Arc::clone(committee),
        votes,
    }
}

#[test]
fn the_secret_one_has_the_generators_as_public_key_in_eip_2537_order() {
    let key = SecretKey::one().public_key();
    let coordinates = |bytes: &[u8]| -> Vec<String> {
        bytes
            .chunks(64)
            .map(|slot| {
                assert_eq!(slot[..16], [0; 16]);
                hex::encode(&slot[16..])
            })
            .collect()
    };
    assert_eq!(
        coordinates(&key.point_g1().0),
        [
            "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
            "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1",
        ]
    );
    assert_eq!(
        coordinates(&key.point_g2().0),
        [
            "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8",
            "13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e",
            "0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801",
            "0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be",
        ]
    );
}

/// RFC 9380, appendix J.9.1.
#[test]
fn hashing_to_the_curve_gives_the_points_of_rfc_9380() {
    const DST: &[u8] = b"QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_";
    let long = format!("q128_{}", "q".repeat(128));
    let longer = format!("a512_{}", "a".repeat(512));
    for (message, x, y) in [
        (
            "",
            "052926add2207b76ca4fa57a8734416c8dc95e24501772c814278700eed6d1e4e8cf62d9c09db0fac349612b759e79a1",
            "08ba738453bfed09cb546dbb0783dbb3a5f1f566ed67bb6be0e8c67e2e81a4cc68ee29813bb7994998f3eae0c9c6a265",
        ),
        (
            "abc",
            "03567bc5ef9c690c2ab2ecdf6a96ef1c139cc0b2f284dca0a9a7943388a49a3aee664ba5379a7655d3c68900be2f6903",
            "0b9c15f3fe6e5cf4211f346271d7b01c8f3b28be689c8429c85b67af215533311f0b8dfaaa154fa6b88176c229f2885d",
        ),
        (
            "abcdef0123456789",
            "11e0b079dea29a68f0383ee94fed1b940995272407e3bb916bbf268c263ddd57a6a27200a784cbc248e84f357ce82d98",
            "03a87ae2caf14e8ee52e51fa2ed8eefe80f02457004ba4d486d6aa1f517c0889501dc7413753f9599b099ebcbbd2d709",
        ),
        (
            &long,
            "15f68eaa693b95ccb85215dc65fa81038d69629f70aeee0d0f677cf22285e7bf58d7cb86eefe8f2e9bc3f8cb84fac488",
            "1807a1d50c29f430b8cafc4f8638dfeeadf51211e1602a5f184443076715f91bb90a48ba1e370edce6ae1062f5e6dd38",
        ),
        (
            &longer,
            "082aabae8b7dedb0e78aeb619ad3bfd9277a2f77ba7fad20ef6aabdc6c31d19ba5a6d12283553294c1825c4b3ca2dcfe",
            "05b84ae5a942248eea39e1d91030458c40153f3b654ab7872d779ad1e942856a20c438e8d99bc8abfbf74729ce1f7ac8",
        ),
    ] {
        let point = hash_to_g1(message.as_bytes(), DST);
        assert_eq!(hex::encode(&point.0[16..64]), x, "{message}");
        assert_eq!(hex::encode(&point.0[80..]), y, "{message}");
    }
}

#[test]
fn keys_survive_their_encodings() {
    let secret = secret(0);
    let key = secret.public_key();
    assert_eq!(PublicKey::from_bytes(&key.to_bytes()), Ok(key));
    assert_eq!(key.to_string().parse(), Ok(key));
    let again = SecretKey::from_bytes(&secret.to_bytes()).unwrap();
    assert_eq!(again.public_key(), key);
}

#[test]
fn zero_and_numbers_above_the_group_order_are_no_secret() {
    assert_eq!(
        SecretKey::from_bytes(&[0; 32]).err(),
        Some(KeyError::Secret)
    );
    assert_eq!(
        SecretKey::from_bytes(&[0xff; 32]).err(),
        Some(KeyError::Secret)
    );
    let mut order = [0; 32];
    hex::decode_to_slice(
        "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001",
        &mut order,
    )
    .unwrap();
    assert_eq!(SecretKey::from_bytes(&order).err(), Some(KeyError::Secret));
    order[31] = 0;
    assert!(SecretKey::from_bytes(&order).is_ok());
}

#[test]
fn debug_output_does_not_show_the_secret() {
    assert_eq!(format!("{:?}", secret(0)), "SecretKey(..)");
}

#[test]
fn the_identity_is_no_public_key_in_either_half() {
    let (g1, g2) = halves(&secret(0).public_key());
    assert_eq!(key_of(&g1, &g2), Ok(secret(0).public_key()));
    assert_eq!(
        key_of(&identity_g1(), &g2),
        Err(KeyError::Point("G1", "the identity"))
    );
    assert_eq!(
        key_of(&g1, &identity_g2()),
        Err(KeyError::Point("G2", "the identity"))
    );
}

#[test]
fn points_outside_the_subgroup_are_no_public_key_in_either_half() {
    let (g1, g2) = halves(&secret(0).public_key());
    assert_eq!(
        key_of(&stray_g1(), &g2),
        Err(KeyError::Point("G1", "not in the subgroup"))
    );
    assert_eq!(
        key_of(&g1, &stray_g2()),
        Err(KeyError::Point("G2", "not in the subgroup"))
    );
}

#[test]
fn a_key_has_no_second_encoding() {
    let key = secret(0).public_key();
    let bytes = key.to_bytes();
    // Every single flipped bit makes it another key or none.
    for bit in 0..8 * PublicKey::LEN {
        let mut other = bytes;
        other[bit / 8] ^= 1 << (bit % 8);
        if let Ok(decoded) = PublicKey::from_bytes(&other) {
            assert_ne!(decoded, key, "bit {bit}");
            assert_eq!(decoded.to_bytes(), other, "bit {bit}");
        }
    }
    // The field's modulus plus a valid coordinate: blst must not reduce it.
    let mut unreduced = identity_g1();
    hex::decode_to_slice(
        "9a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab",
        &mut unreduced,
    )
    .unwrap();
    for x in 0..=0x54 {
        unreduced[47] = 0xab + x;
        assert!(key_of(&unreduced, &halves(&key).1).is_err());
    }
}

#[test]
fn a_signature_holds_for_its_digest_and_key_only() {
    let committee = committee(1, &[1, 1]);
    let good = check(&committee, &[0], "digest");
    assert!(verify_all(std::slice::from_ref(&good)));
    let other_digest = Check {
        digest: named("other"),
        ..good.clone()
    };
    let other_key = Check {
        signers: Signers::of(2, [ValidatorIndex(1)]),
        ..good.clone()
    };
    let negative = Check {
        signature: negated(good.signature),
        ..good
    };
    assert!(!verify_all(&[other_digest]));
    assert!(!verify_all(&[other_key]));
    assert!(!verify_all(&[negative]));
}

#[test]
fn no_signature_is_the_identity_or_outside_the_subgroup_or_no_point() {
    let committee = committee(1, &[1, 1]);
    let good = check(&committee, &[0, 1], "digest");
    let shifted = plus(good.signature, Signature(stray_g1()));
    for bytes in [
        Signature(identity_g1()),
        Signature(stray_g1()),
        shifted,
        Signature::ZERO,
    ] {
        let bad = Check {
            signature: bytes,
            ..good.clone()
        };
        assert!(!verify_all(std::slice::from_ref(&bad)), "{bytes}");
        assert!(!verify_all(&[good.clone(), bad]), "{bytes} in a batch");
        assert!(bytes.point().is_none(), "{bytes}");
    }
    assert!(good.signature.point().is_some());
}

#[test]
fn a_check_without_signers_or_for_another_committee_size_fails() {
    let committee = committee(1, &[1, 1]);
    let good = check(&committee, &[0, 1], "digest");
    for signers in [Signers::none(2), Signers::of(3, [0, 1].map(ValidatorIndex))] {
        assert!(!verify_all(&[Check {
            signers,
            ..good.clone()
        }]));
    }
    assert!(verify_all(&[]));
}

/// Section 14, item 1.
#[test]
fn a_rogue_key_has_no_proof_of_possession() {
    let (victim, attacker) = (secret(0), secret(1));
    let rogue = difference(&attacker.public_key(), &victim.public_key());
    check_halves(&[rogue]).unwrap();

    // What the proof is for: with the rogue key in a committee, the attacker alone makes a
    // signature that counts for both.
    let member = |key| Member { key, weight: 1 };
    let members = vec![member(victim.public_key()), member(rogue)];
    let duped = Arc::new(Committee::new(Epoch(1), members).unwrap());
    let digest = named("digest");
    assert!(verify_all(&[Check {
        digest,
        signers: Signers::of(2, [0, 1].map(ValidatorIndex)),
        signature: attacker.sign(&digest),
        committee: duped,
    }]));

    let proof = attacker.prove_possession(domain(), operator(1));
    assert!(
        attacker
            .public_key()
            .has_possession(domain(), operator(1), &proof)
    );
    assert!(!rogue.has_possession(domain(), operator(1), &proof));
    let over_the_rogue_key =
        digest::possession(domain(), operator(1), &rogue.point_g1(), &rogue.point_g2());
    let forged = Signature(
        attacker
            .inner
            .sign(&over_the_rogue_key.0, POSSESSION_DST, &[])
            .compress(),
    );
    assert!(!rogue.has_possession(domain(), operator(1), &forged));
    assert!(!rogue.has_possession(domain(), operator(1), &Signature(identity_g1())));
}

#[test]
fn a_proof_of_possession_is_bound_to_operator_network_and_ciphersuite() {
    let secret = secret(0);
    let key = secret.public_key();
    let proof = secret.prove_possession(domain(), operator(0));
    assert!(key.has_possession(domain(), operator(0), &proof));
    assert!(!key.has_possession(domain(), operator(1), &proof));
    assert!(!key.has_possession(named("another network"), operator(0), &proof));
    let digest = digest::possession(domain(), operator(0), &key.point_g1(), &key.point_g2());
    assert!(!key.has_possession(domain(), operator(0), &secret.sign(&digest)));
}

#[test]
fn halves_of_different_secrets_are_found_in_a_batch() {
    let mut keys: Vec<PublicKey> = (0..20).map(|index| secret(index).public_key()).collect();
    check_halves(&keys).unwrap();
    check_halves(&[]).unwrap();
    check_halves(&keys[..1]).unwrap();
    keys[7].g1 = secret(30).public_key().g1;
    assert_eq!(check_halves(&keys), Err(KeyError::HalvesDiffer));
    assert_eq!(check_halves(&keys[7..8]), Err(KeyError::HalvesDiffer));
}

#[test]
fn halves_whose_differences_cancel_are_found() {
    let [mut a, mut b, d] = [0, 1, 2].map(|index| secret(index).public_key());
    let minus_d = difference(&secret(0).public_key(), &g1_and(&a, &d)).g1;
    let plain_sum = g1_sum(&a.g1, &b.g1);
    (a.g1, b.g1) = (g1_sum(&a.g1, &d.g1), g1_sum(&b.g1, &minus_d));
    assert!(
        g1_sum(&a.g1, &b.g1) == plain_sum,
        "a check without coefficients sees nothing"
    );
    assert_eq!(check_halves(&[a, b]), Err(KeyError::HalvesDiffer));
}

/// The key whose G1 half is the sum of both; its G2 half means nothing.
fn g1_and(a: &PublicKey, b: &PublicKey) -> PublicKey {
    PublicKey {
        g1: g1_sum(&a.g1, &b.g1),
        g2: a.g2,
    }
}

#[test]
fn a_batch_holds_only_if_each_check_holds() {
    let committee = committee(1, &[1; 5]);
    let batch = [
        check(&committee, &[0, 1, 2], "a"),
        check(&committee, &[3], "b"),
        check(&committee, &[0, 1, 2, 3, 4], "c"),
    ];
    assert!(verify_all(&batch));
    for broken in 0..batch.len() {
        let mut batch = batch.clone();
        batch[broken].signature = batch[(broken + 1) % 3].signature;
        assert!(!verify_all(&batch));
    }
}

/// Section 14, item 26.
#[test]
fn a_batch_whose_errors_cancel_is_refused() {
    let committee = committee(1, &[1; 4]);
    let mut batch = [
        check(&committee, &[0, 1], "a"),
        check(&committee, &[2, 3], "b"),
    ];
    let error = secret(9).sign(&named("error"));
    let honest_sum = plus(batch[0].signature, batch[1].signature);
    batch[0].signature = plus(batch[0].signature, error);
    batch[1].signature = plus(batch[1].signature, negated(error));
    assert_eq!(
        plus(batch[0].signature, batch[1].signature),
        honest_sum,
        "a check without coefficients sees nothing"
    );
    assert!(!verify_all(&batch));
}

/// Section 14, item 26.
#[test]
fn one_bad_signature_among_many_is_found_wherever_it_stands() {
    let committee = committee(1, &[1; 7]);
    let digest = named("digest");
    let good = votes(&committee, digest);
    let all = aggregate(&good);
    assert_eq!(all.signers.count(), 7);
    assert!(all.invalid.is_empty());
    for culprit in 0..7 {
        let mut job = good.clone();
        job.votes[culprit].1 = secret(culprit).sign(&named("other"));
        let result = aggregate(&job);
        assert_eq!(result.invalid, [ValidatorIndex::at(culprit)].into());
        assert_eq!(result.signers.count(), 6);
        assert!(!result.signers.contains(ValidatorIndex::at(culprit)));
        assert!(verify_all(&[Check {
            digest,
            committee: Arc::clone(&committee),
            signers: result.signers,
            signature: result.signature,
        }]));
    }
}

#[test]
fn bad_signatures_of_every_sort_are_found_together() {
    let committee = committee(1, &[1; 9]);
    let digest = named("digest");
    let mut job = votes(&committee, digest);
    job.votes[0].1 = Signature(identity_g1());
    job.votes[2].1 = Signature(stray_g1());
    job.votes[3].1 = plus(job.votes[3].1, Signature(stray_g1()));
    job.votes[5].1 = Signature::ZERO;
    job.votes[8].1 = negated(job.votes[8].1);
    let result = aggregate(&job);
    assert_eq!(result.invalid, [0, 2, 3, 5, 8].map(ValidatorIndex).into());
    let check = Check {
        digest,
        committee,
        signers: result.signers,
        signature: result.signature,
    };
    assert_eq!(
        check.signers,
        Signers::of(9, [1, 4, 6, 7].map(ValidatorIndex))
    );
    assert!(verify_all(&[check]));
}

#[test]
fn if_every_signature_is_bad_nobody_has_signed() {
    let committee = committee(1, &[1; 4]);
    let mut job = votes(&committee, named("digest"));
    job.digest = named("other");
    let result = aggregate(&job);
    assert_eq!(result.signers, Signers::none(4));
    assert_eq!(result.signature, Signature::ZERO);
    assert_eq!(result.invalid.len(), 4);
    job.votes.clear();
    assert_eq!(aggregate(&job).signers, Signers::none(4));
}

/// Section 14, item 2.
#[test]
fn a_repeated_vote_counts_once_and_one_from_outside_not_at_all() {
    let committee = committee(1, &[1; 3]);
    let digest = named("digest");
    let mut job = votes(&committee, digest);
    job.votes.push(job.votes[1]);
    job.votes.push((ValidatorIndex(3), secret(3).sign(&digest)));
    job.votes
        .push((ValidatorIndex(u16::MAX), secret(3).sign(&digest)));
    let result = aggregate(&job);
    assert_eq!(result.signers.count(), 3);
    assert_eq!(result.invalid, [3, u16::MAX].map(ValidatorIndex).into());
    assert!(verify_all(&[Check {
        digest,
        committee,
        signers: result.signers,
        signature: result.signature,
    }]));
}

#[test]
fn a_sum_with_a_signer_counted_twice_does_not_verify() {
    let committee = committee(1, &[1; 3]);
    let good = check(&committee, &[0, 1], "digest");
    let doubled = plus(good.signature, secret(0).sign(&good.digest));
    assert!(!verify_all(&[Check {
        signature: doubled,
        ..good
    }]));
}

#[test]
fn certificates_verify_for_any_number_of_signers() {
    let committee = committee(1, &[1; 34]);
    for count in 1..=34 {
        let signers: Vec<u16> = (0..count).map(|i| (i * 5) % 34).collect();
        assert!(
            verify_all(&[check(&committee, &signers, "digest")]),
            "{count}"
        );
    }
}
