use super::*;
use crate::{
    Epoch, Signer as _, ValidatorIndex,
    vectors::sample::{
        self, SIGNERS, anchor, certificate, domain, finality_certificate, named,
        quorum_certificate, sample_committee, secret, signed_by, statement, timeout_certificate,
        timeout_group,
    },
};

fn signers(of: &[u16]) -> Signers {
    Signers::of(4, of.iter().copied().map(ValidatorIndex))
}

fn verify_timeout(tc: &TimeoutCertificate) -> Result<(), CertificateError> {
    let committee = sample_committee();
    tc.check_shape(&committee, anchor())?;
    if let Lock::Quorum(qc) = &tc.high {
        qc.verify(domain(), &committee)?;
    }
    if bls::verify_all(&tc.checks(domain(), &committee)) {
        Ok(())
    } else {
        Err(CertificateError::Signature)
    }
}

/// A timeout certificate of view 7 with these groups, honestly signed.
fn timeouts(groups: &[(&[u16], (View, Hash))], high: Lock) -> TimeoutCertificate {
    let round = Round::new(2, 7);
    let committee = sample_committee();
    TimeoutCertificate {
        round,
        groups: groups
            .iter()
            .map(|(signers, lock)| timeout_group(&committee, signers, round, *lock))
            .collect(),
        high,
    }
}

fn groups_error(tc: &TimeoutCertificate) -> &'static str {
    match verify_timeout(tc) {
        Err(CertificateError::Groups(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn certificates_of_a_quorum_verify() {
    let committee = sample_committee();
    quorum_certificate(6).verify(domain(), &committee).unwrap();
    finality_certificate(6)
        .verify(domain(), &committee)
        .unwrap();
    verify_timeout(&timeout_certificate()).unwrap();
}

#[test]
fn a_certificate_below_a_quorum_of_stake_is_refused() {
    let committee = sample_committee();
    // Three of four members, with 27 and 33 of 40: a quorum is 27. Two, with 23: not one.
    certificate::<Quorum>(&committee, &[1, 2, 3], statement(6))
        .verify(domain(), &committee)
        .unwrap();
    assert_eq!(
        certificate::<Quorum>(&committee, &[0, 1], statement(6)).verify(domain(), &committee),
        Err(CertificateError::Stake {
            quorum: 27,
            found: 23
        })
    );
}

#[test]
fn signers_who_did_not_sign_cannot_be_added() {
    let committee = sample_committee();
    let qc = certificate::<Quorum>(&committee, &[0, 1], statement(6));
    let padded = QuorumCertificate::claimed(qc.statement, signers(&[0, 1, 2]), qc.signature);
    assert_eq!(
        padded.verify(domain(), &committee),
        Err(CertificateError::Signature)
    );
}

/// Section 14, item 2.
#[test]
fn a_bitmap_of_another_committee_size_is_refused() {
    let committee = sample_committee();
    let qc = quorum_certificate(6);
    for size in [0, 3, 5, 1_000] {
        let bitmap = Signers::of(size, SIGNERS.map(ValidatorIndex));
        let other = QuorumCertificate::claimed(qc.statement, bitmap, qc.signature);
        assert_eq!(
            other.verify(domain(), &committee),
            Err(CertificateError::CommitteeSize {
                expected: 4,
                found: size
            })
        );
    }
}

/// Section 14, item 11.
#[test]
fn certificates_of_another_network_epoch_or_phase_are_refused() {
    let committee = sample_committee();
    let qc = quorum_certificate(6);
    assert_eq!(
        qc.verify(named("another network"), &committee),
        Err(CertificateError::Signature)
    );
    assert_eq!(
        qc.verify(domain(), &Arc::new(committee.in_epoch(Epoch(3)))),
        Err(CertificateError::Epoch {
            expected: Epoch(3),
            found: Epoch(2)
        })
    );
    let mut relabelled = qc.clone();
    relabelled.statement.round.epoch = Epoch(3);
    assert_eq!(
        relabelled.verify(domain(), &Arc::new(committee.in_epoch(Epoch(3)))),
        Err(CertificateError::Signature)
    );
    let as_final = FinalityCertificate::claimed(qc.statement, qc.signers.clone(), qc.signature);
    assert_eq!(
        as_final.verify(domain(), &committee),
        Err(CertificateError::Signature)
    );
}

#[test]
fn every_part_of_a_statement_is_signed() {
    let committee = sample_committee();
    let qc = quorum_certificate(6);
    for change in [
        |s: &mut Statement| s.round.view = View(7),
        |s: &mut Statement| s.height = s.height.next(),
        |s: &mut Statement| s.hash = named("another block"),
    ] {
        let mut other = qc.clone();
        change(&mut other.statement);
        assert_eq!(
            other.verify(domain(), &committee),
            Err(CertificateError::Signature)
        );
    }
}

#[test]
fn nobody_certifies_a_block_in_view_0() {
    let committee = sample_committee();
    let qc = certificate::<Quorum>(&committee, &SIGNERS, statement(0));
    assert_eq!(
        qc.verify(domain(), &committee),
        Err(CertificateError::AnchorView)
    );
    let mut tc = timeout_certificate();
    tc.round.view = View(0);
    assert_eq!(verify_timeout(&tc), Err(CertificateError::AnchorView));
    // Not even where it names the anchor.
    let mut qc = qc;
    qc.statement.hash = anchor();
    let tc = timeouts(&[(&SIGNERS, (View(0), anchor()))], Lock::Quorum(qc));
    assert_eq!(verify_timeout(&tc), Err(CertificateError::AnchorView));
}

#[test]
fn a_timeout_certificate_at_the_anchor_verifies() {
    let tc = timeouts(&[(&SIGNERS, (View(0), anchor()))], Lock::Anchor);
    verify_timeout(&tc).unwrap();
    assert_eq!(
        tc.check_shape(&sample_committee(), named("another anchor")),
        Err(CertificateError::Groups("an anchor of another epoch"))
    );
}

/// Section 14, item 12.
#[test]
fn a_timeout_signature_covers_network_round_and_lock() {
    let tc = timeout_certificate();
    let committee = sample_committee();
    assert!(!bls::verify_all(
        &tc.checks(named("another network"), &committee)
    ));
    for change in [
        |tc: &mut TimeoutCertificate| tc.round.epoch = Epoch(3),
        |tc: &mut TimeoutCertificate| tc.round.view = View(8),
        |tc: &mut TimeoutCertificate| tc.groups[1].lock_view = View(5),
        |tc: &mut TimeoutCertificate| tc.groups[1].lock_hash = named("another lock"),
        |tc: &mut TimeoutCertificate| tc.groups[0].lock_hash = named("another anchor"),
    ] {
        let mut other = tc.clone();
        change(&mut other);
        assert!(!bls::verify_all(&other.checks(domain(), &committee)));
    }
    // Signed without the lock, or without the epoch: the words of other digests, never D4's.
    let words = |with_epoch: bool| {
        let words = digest::Words::tagged(digest::Tag::Timeout).hash(domain());
        let words = if with_epoch { words.uint(2_u8) } else { words };
        words.uint(7_u8).finish()
    };
    for digest in [words(true), words(false)] {
        let (signers, signature) = signed_by(&committee, &SIGNERS, digest);
        let mut forged = timeouts(&[(&SIGNERS, (View(0), anchor()))], Lock::Anchor);
        (forged.groups[0].signers, forged.groups[0].signature) = (signers, signature);
        assert_eq!(verify_timeout(&forged), Err(CertificateError::Signature));
    }
}

/// Section 14, item 13.
#[test]
fn a_signer_in_two_groups_is_refused() {
    let high = quorum_certificate(6);
    let lock = (View(6), high.hash());
    let tc = timeouts(
        &[(&[0, 3], (View(0), anchor())), (&[0, 1], lock)],
        Lock::Quorum(high),
    );
    assert_eq!(groups_error(&tc), "a signer in two groups");
}

#[test]
fn groups_out_of_order_or_repeated_are_refused() {
    let mut tc = timeout_certificate();
    tc.groups.swap(0, 1);
    assert_eq!(groups_error(&tc), "lock views must rise");
    let mut tc = timeout_certificate();
    tc.groups[0].lock_view = View(6);
    assert_eq!(groups_error(&tc), "lock views must rise");
}

#[test]
fn a_lock_above_the_round_is_refused() {
    let high = quorum_certificate(8);
    let lock = (View(8), high.hash());
    let tc = timeouts(&[(&SIGNERS, lock)], Lock::Quorum(high));
    assert_eq!(groups_error(&tc), "a lock above the round");
    let high = quorum_certificate(7);
    let lock = (View(7), high.hash());
    verify_timeout(&timeouts(&[(&SIGNERS, lock)], Lock::Quorum(high))).unwrap();
}

#[test]
fn the_highest_lock_must_be_the_last_groups() {
    for high in [Lock::Anchor, Lock::Quorum(quorum_certificate(5))] {
        let tc = TimeoutCertificate {
            high,
            ..timeout_certificate()
        };
        assert_eq!(
            groups_error(&tc),
            "the highest lock is not the last group's"
        );
    }
    let mut other_epoch = quorum_certificate(6);
    other_epoch.statement.round.epoch = Epoch(1);
    let tc = TimeoutCertificate {
        high: Lock::Quorum(other_epoch),
        ..timeout_certificate()
    };
    assert_eq!(groups_error(&tc), "a lock of another epoch");
}

#[test]
fn a_group_that_nobody_signed_and_a_certificate_without_groups_are_refused() {
    let mut tc = timeout_certificate();
    tc.groups[0].signers = Signers::none(4);
    assert_eq!(groups_error(&tc), "a group that nobody signed");
    tc.groups.clear();
    assert_eq!(
        verify_timeout(&tc),
        Err(CertificateError::Stake {
            quorum: 27,
            found: 0
        })
    );
}

#[test]
fn timeouts_below_a_quorum_are_refused() {
    let high = quorum_certificate(6);
    let lock = (View(6), high.hash());
    let tc = timeouts(
        &[(&[3], (View(0), anchor())), (&[0], lock)],
        Lock::Quorum(high),
    );
    assert_eq!(
        verify_timeout(&tc),
        Err(CertificateError::Stake {
            quorum: 27,
            found: 20
        })
    );
}

#[test]
fn one_wrong_group_spoils_a_timeout_certificate() {
    let mut tc = timeout_certificate();
    tc.groups[0].signature = secret(3).sign(&named("something else"));
    assert_eq!(verify_timeout(&tc), Err(CertificateError::Signature));
}

/// C3; section 14, item 23.
#[test]
fn every_byte_of_a_certificate_is_in_its_cache_key() {
    let qc = quorum_certificate(6);
    let mut keys = BTreeSet::new();
    let mut insert = |key| assert!(keys.insert(key));
    insert(qc.cache_key());
    insert(
        FinalityCertificate::claimed(qc.statement, qc.signers.clone(), qc.signature).cache_key(),
    );
    insert(quorum_certificate(7).cache_key());
    insert(QuorumCertificate::claimed(qc.statement, signers(&[0, 1, 2]), qc.signature).cache_key());
    insert(
        QuorumCertificate::claimed(qc.statement, qc.signers.clone(), Signature::ZERO).cache_key(),
    );
    let tc = timeout_certificate();
    insert(tc.cache_key());
    insert(
        TimeoutCertificate {
            high: Lock::Anchor,
            ..tc
        }
        .cache_key(),
    );
}

#[test]
fn the_sample_signers_are_what_their_comment_says() {
    let committee = sample_committee();
    assert_eq!(committee.quorum(), 27);
    assert_eq!(committee.total(), 40);
    assert_eq!(committee.stake_of(&signers(&SIGNERS)), 30);
    assert_eq!(committee.weights(), sample::WEIGHTS);
}
