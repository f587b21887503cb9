use super::*;
use crate::{
    Signer as _,
    bls::{Check, verify_all},
    vectors::sample::{
        anchor, domain, named, proposal, quorum_certificate, sample_committee, secret, statement,
        vote,
    },
};

#[test]
fn a_lock_is_the_anchor_at_view_0_or_its_certificate() {
    let qc = quorum_certificate(6);
    assert_eq!(Lock::Anchor.view(), View(0));
    assert_eq!(Lock::Anchor.hash(anchor()), anchor());
    assert_eq!(Lock::Quorum(qc.clone()).view(), View(6));
    assert_eq!(Lock::Quorum(qc.clone()).hash(anchor()), qc.hash());
}

#[test]
fn a_leader_signs_the_kind_and_the_block_of_its_proposal() {
    let proposal = proposal();
    let committee = sample_committee();
    let check = |proposal: &Proposal| {
        verify_all(&[Check {
            digest: proposal.digest(domain(), proposal.header.hash()),
            committee: committee.clone(),
            signers: crate::Signers::of(4, [ValidatorIndex(2)]),
            signature: proposal.signature,
        }])
    };
    assert!(check(&proposal));
    let mut repeated = proposal.clone();
    repeated.kind = Kind::Repropose;
    assert!(!check(&repeated));
    let mut other = proposal;
    other.header.payload_len += 1;
    assert!(!check(&other));
}

#[test]
fn votes_of_both_phases_are_signed_apart() {
    let one: Vote<Quorum> = vote(2, statement(6));
    let two: Vote<Final> = vote(2, statement(6));
    assert_ne!(one.signature, two.signature);
    assert_eq!(
        two.signature,
        secret(2).sign(&statement(6).digest::<Final>(domain()))
    );
    assert_eq!(
        (one.round(), one.hash()),
        (statement(6).round, statement(6).hash)
    );
    assert_ne!(one.hash(), named("another block"));
}
