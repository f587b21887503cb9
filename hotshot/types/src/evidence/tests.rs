use super::*;
use crate::{
    bls::verify_all,
    vectors::sample::{
        anchor, certificate, domain, evidence, finality_certificate, other_statement,
        sample_committee, signed_proposal, signed_timeout, statement, timeout_certificate, vote,
    },
};

fn indices(guilty: &[u16]) -> Vec<ValidatorIndex> {
    guilty.iter().copied().map(ValidatorIndex).collect()
}

fn guilty_timeout(timeout: Round, lock: View) -> Vec<ValidatorIndex> {
    let signed = signed_timeout(3, timeout, (lock, anchor()));
    Evidence::LostLock(vote(3, statement(6)), signed).guilty()
}

#[test]
fn true_evidence_verifies_and_names_the_guilty() {
    let committee = sample_committee();
    for (name, evidence) in evidence() {
        let guilty: &[u16] = match name {
            "proposals" => &[1],
            "votes 1" | "votes 2" | "lost lock" => &[3],
            "quorums" | "finals" => &[0, 1],
            "lost locks" => &[3],
            "fork" => &[],
            other => panic!("{other}"),
        };
        assert_eq!(evidence.guilty(), indices(guilty), "{name}");
        assert_eq!(evidence.epoch(), Epoch(2), "{name}");
        assert!(verify_all(&evidence.checks(domain(), &committee)), "{name}");
        assert_eq!(evidence.is_fork(), name == "fork");
    }
}

#[test]
fn evidence_whose_parts_agree_names_nobody() {
    let (a, b) = (statement(6), statement(7));
    let proposal = |signer, statement| signed_proposal(signer, Kind::Fresh, statement);
    let harmless = [
        Evidence::Proposals(proposal(1, a), proposal(1, a)),
        Evidence::Proposals(proposal(1, a), proposal(1, b)),
        Evidence::Proposals(proposal(1, a), proposal(2, other_statement(6))),
        Evidence::Votes1(vote(3, a), vote(3, a)),
        Evidence::Votes1(vote(3, a), vote(3, b)),
        Evidence::Votes1(vote(3, a), vote(2, other_statement(6))),
        Evidence::Votes2(vote(3, a), vote(3, other_statement(7))),
        Evidence::Finals(finality_certificate(6), finality_certificate(7)),
        Evidence::Finals(finality_certificate(6), finality_certificate(6)),
    ];
    for evidence in harmless {
        assert_eq!(evidence.guilty(), [], "{evidence:?}");
    }
}

#[test]
fn one_round_with_two_kinds_of_proposal_is_evidence() {
    let evidence = Evidence::Proposals(
        signed_proposal(1, Kind::Fresh, statement(6)),
        signed_proposal(1, Kind::Repropose, statement(6)),
    );
    assert_eq!(evidence.guilty(), indices(&[1]));
}

/// X4: a vote 2 at (e,v) and a timeout at (e,u) with u >= v and a lock below v.
#[test]
fn a_lost_lock_needs_a_timeout_at_or_above_the_vote_with_a_lock_below_it() {
    assert_eq!(guilty_timeout(Round::new(2, 6), View(5)), indices(&[3]));
    assert_eq!(guilty_timeout(Round::new(2, 9), View(0)), indices(&[3]));
    assert_eq!(guilty_timeout(Round::new(2, 5), View(0)), []);
    assert_eq!(guilty_timeout(Round::new(2, 6), View(6)), []);
    assert_eq!(guilty_timeout(Round::new(3, 6), View(0)), []);
    let other = signed_timeout(2, Round::new(2, 6), (View(5), anchor()));
    assert_eq!(
        Evidence::LostLock(vote(3, statement(6)), other).guilty(),
        []
    );
}

#[test]
fn a_signer_in_two_lost_groups_is_named_once() {
    let mut tc = timeout_certificate();
    tc.groups[1] = tc.groups[0].clone();
    let evidence = Evidence::LostLocks(finality_certificate(6), Box::new(tc));
    assert_eq!(evidence.guilty(), indices(&[3]));
}

#[test]
fn forged_evidence_does_not_verify() {
    let committee = sample_committee();
    let mut forged = vote::<Quorum>(3, other_statement(6));
    forged.signature = vote::<Quorum>(2, other_statement(6)).signature;
    let evidence = Evidence::Votes1(vote(3, statement(6)), forged);
    assert_eq!(evidence.guilty(), indices(&[3]));
    assert!(!verify_all(&evidence.checks(domain(), &committee)));
}

#[test]
fn evidence_against_an_index_outside_the_committee_does_not_verify() {
    let committee = sample_committee();
    for outsider in [4, u16::MAX] {
        let vote = |statement| {
            let mut vote: Vote<Quorum> = vote(0, statement);
            vote.signer = ValidatorIndex(outsider);
            vote
        };
        let evidence = Evidence::Votes1(vote(statement(6)), vote(other_statement(6)));
        assert!(!verify_all(&evidence.checks(domain(), &committee)));
    }
}

/// Section 14, item 37: a re-proposed last block has several, and that is honest.
#[test]
fn two_finality_certificates_of_one_hash_are_no_fork() {
    let same = Evidence::Fork(finality_certificate(6), finality_certificate(8));
    assert!(!same.is_fork());
    assert_eq!(same.guilty(), []);
    let mut higher = other_statement(8);
    higher.height = higher.height.next();
    let committee = sample_committee();
    let above = Evidence::Fork(
        finality_certificate(6),
        certificate(&committee, &[0, 1, 2], higher),
    );
    assert!(!above.is_fork());
}
