use hotshot_types::{
    Certificate, Hash, Height, Lock, QuorumCertificate, Round, Signature, Signers, Statement, View,
};

use super::{
    may_propose, may_time_out, may_vote1, may_vote2, propose, raise_lock, time_out, vote1, vote2,
};
use crate::Record;

const BLOCK: Hash = Hash([7; 32]);

fn at(view: u64) -> Round {
    Round::new(1, view)
}

fn qc(round: Round) -> QuorumCertificate {
    let statement = Statement {
        round,
        height: Height(round.view.0),
        hash: BLOCK,
    };
    Certificate::claimed(statement, Signers::none(4), Signature::ZERO)
}

fn with(change: impl FnOnce(&mut Record)) -> Record {
    let mut record = Record::unused();
    change(&mut record);
    record
}

/// V3: above every round proposed or timed out in; votes do not matter.
#[test]
fn a_proposal_is_above_the_last_one_and_the_last_timeout() {
    assert!(may_propose(&Record::unused(), at(1)));
    let record = with(|record| propose(record, at(5), BLOCK));
    assert!(!may_propose(&record, at(5)) && may_propose(&record, at(6)));
    let record = with(|record| time_out(record, at(5)));
    assert!(!may_propose(&record, at(5)) && may_propose(&record, at(6)));
    let record = with(|record| vote1(record, at(5), BLOCK));
    assert!(may_propose(&record, at(5)));
}

/// V5: above every round voted 1, voted 2 or timed out in.
#[test]
fn a_vote_1_is_above_all_earlier_votes_and_timeouts() {
    assert!(may_vote1(&Record::unused(), at(1)));
    let records = [
        with(|record| vote1(record, at(5), BLOCK)),
        with(|record| vote2(record, &qc(at(5)))),
        with(|record| time_out(record, at(5))),
    ];
    for record in records {
        assert!(!may_vote1(&record, at(4)) && !may_vote1(&record, at(5)));
        assert!(may_vote1(&record, at(6)) && may_vote1(&record, Round::new(2, 1)));
    }
}

/// V9: above every round voted 2 or timed out in. A vote 1 in a later round does not stand in the
/// way: its quorum would extend this block or has seen a timeout certificate.
#[test]
fn a_vote_2_is_above_the_last_one_and_the_last_timeout() {
    let records = [
        with(|record| vote2(record, &qc(at(5)))),
        with(|record| time_out(record, at(5))),
    ];
    for record in records {
        assert!(!may_vote2(&record, at(4)) && !may_vote2(&record, at(5)));
        assert!(may_vote2(&record, at(6)));
    }
    let record = with(|record| vote1(record, at(6), BLOCK));
    assert!(may_vote2(&record, at(5)));
}

/// V9, W1: a vote 2 takes its certificate as lock and bars vote 1, and lowers neither.
#[test]
fn a_vote_2_raises_the_lock_and_the_bar() {
    let mut record = with(|record| vote1(record, at(5), BLOCK));
    vote2(&mut record, &qc(at(4)));
    assert_eq!(record.last_vote1, Some((at(5), Some(BLOCK))));
    assert_eq!(record.lock.view(), View(4));
    vote2(&mut record, &qc(at(7)));
    assert_eq!(record.last_vote1, Some((at(7), None)));
    assert_eq!(record.last_vote2, Some((at(7), BLOCK)));
    assert_eq!(record.lock, Lock::Quorum(qc(at(7))));
}

/// V10.
#[test]
fn a_lock_never_falls_inside_an_epoch() {
    let mut record = Record::unused();
    assert!(raise_lock(&mut record, &qc(at(3))));
    assert!(!raise_lock(&mut record, &qc(at(2))) && !raise_lock(&mut record, &qc(at(3))));
    assert_eq!(record.lock.view(), View(3));
}

/// W3: the last Timeout may be repeated, none is signed below it.
#[test]
fn a_timeout_is_repeated_but_never_followed_by_a_lower_one() {
    let record = with(|record| time_out(record, at(5)));
    assert!(!may_time_out(&record, at(4)));
    assert!(may_time_out(&record, at(5)) && may_time_out(&record, at(6)));
}

/// V5: the rule is asserted where the record is written, whatever the caller thought.
#[test]
#[should_panic(expected = "V5")]
fn a_barred_vote_1_cannot_be_signed() {
    let mut record = with(|record| time_out(record, at(5)));
    vote1(&mut record, at(5), BLOCK);
}

/// V9.
#[test]
#[should_panic(expected = "V9")]
fn a_barred_vote_2_cannot_be_signed() {
    let mut record = with(|record| time_out(record, at(5)));
    vote2(&mut record, &qc(at(5)));
}

/// V3.
#[test]
#[should_panic(expected = "V3")]
fn a_second_proposal_cannot_be_signed() {
    let mut record = with(|record| propose(record, at(5), BLOCK));
    propose(&mut record, at(5), Hash::ZERO);
}

/// W3.
#[test]
#[should_panic(expected = "W3")]
fn a_timeout_below_the_last_cannot_be_signed() {
    let mut record = with(|record| time_out(record, at(5)));
    time_out(&mut record, at(4));
}

/// V10: a certificate of another epoch is no lock.
#[test]
#[should_panic(expected = "a lock is of the current epoch")]
fn a_certificate_of_another_epoch_cannot_be_locked() {
    raise_lock(&mut Record::unused(), &qc(Round::new(2, 1)));
}
