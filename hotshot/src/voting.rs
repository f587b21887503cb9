//! The voting rules: what a key may still sign, and the record of having signed it.
//!
//! Nothing is signed but through these functions. Each `may_*` is the rule; the function beside
//! it asserts the rule and writes the record, which is durable before the signature leaves (W2).

use hotshot_types::{Hash, Lock, QuorumCertificate, Round};

use crate::Record;

/// V3: above every round proposed or timed out in.
pub(crate) fn may_propose(record: &Record, round: Round) -> bool {
    record.last_proposal.is_none_or(|(last, _)| round > last)
        && record.last_timeout.is_none_or(|last| round > last)
}

/// V5: above every round voted in (either phase, V9) or timed out in.
pub(crate) fn may_vote1(record: &Record, round: Round) -> bool {
    record.last_vote1.is_none_or(|(last, _)| round > last)
        && record.last_timeout.is_none_or(|last| round > last)
}

/// V9: above every round voted 2 in, and never at or below a round timed out in.
pub(crate) fn may_vote2(record: &Record, round: Round) -> bool {
    record.last_vote2.is_none_or(|(last, _)| round > last)
        && record.last_timeout.is_none_or(|last| round > last)
}

/// W3: never for a round below the last one timed out in; the same one may be repeated.
pub(crate) fn may_time_out(record: &Record, round: Round) -> bool {
    record.last_timeout.is_none_or(|last| round >= last)
}

pub(crate) fn propose(record: &mut Record, round: Round, hash: Hash) {
    assert!(
        may_propose(record, round),
        "V3: a second proposal in {round}"
    );
    record.last_proposal = Some((round, hash));
}

pub(crate) fn vote1(record: &mut Record, round: Round, hash: Hash) {
    assert!(may_vote1(record, round), "V5: vote 1 in {round} is barred");
    record.last_vote1 = Some((round, Some(hash)));
}

/// Locks the certificate, bars vote 1 up to its round, and records the vote.
pub(crate) fn vote2(record: &mut Record, qc: &QuorumCertificate) {
    let round = qc.round();
    assert!(may_vote2(record, round), "V9: vote 2 in {round} is barred");
    raise_lock(record, qc);
    if record.last_vote1.is_none_or(|(last, _)| round > last) {
        record.last_vote1 = Some((round, None));
    }
    record.last_vote2 = Some((round, qc.hash()));
}

pub(crate) fn time_out(record: &mut Record, round: Round) {
    assert!(
        may_time_out(record, round),
        "W3: a timeout in {round}, below the last"
    );
    record.last_timeout = Some(round);
}

/// V10: the lock rises inside an epoch and never falls.
pub(crate) fn raise_lock(record: &mut Record, qc: &QuorumCertificate) -> bool {
    assert_eq!(
        qc.round().epoch,
        record.epoch(),
        "a lock is of the current epoch"
    );
    let rises = qc.round().view > record.lock.view();
    if rises {
        record.lock = Lock::Quorum(qc.clone());
    }
    rises
}

#[cfg(test)]
mod tests;
