//! Several jobs at once.

use super::{Job, Outcome, solve, verify_all};
use crate::{
    ValidatorIndex,
    bls::{
        Signer as _, aggregate,
        tests::{check, negated, plus, votes},
    },
    vectors::sample::{committee, named, secret},
};

/// Section 14, item 26: two signatures of one key, as a proposal has them, share a Miller loop.
#[test]
fn errors_that_cancel_under_one_key_are_refused() {
    let committee = committee(1, &[1; 4]);
    let mut pair = [check(&committee, &[2], "a"), check(&committee, &[2], "b")];
    assert!(verify_all(&pair));
    let error = secret(9).sign(&named("error"));
    pair[0].signature = plus(pair[0].signature, error);
    pair[1].signature = plus(pair[1].signature, negated(error));
    assert!(!verify_all(&pair));
}

#[test]
fn two_signatures_of_one_key_hold_for_their_own_digests_only() {
    let committee = committee(1, &[1; 4]);
    let mut pair = [check(&committee, &[2], "a"), check(&committee, &[2], "b")];
    (pair[0].signature, pair[1].signature) = (pair[1].signature, pair[0].signature);
    assert!(!verify_all(&pair));
}

/// Jobs of every sort, good and bad, come out as each by itself would.
#[test]
fn jobs_done_together_come_out_as_alone() {
    let committee = committee(1, &[1; 5]);
    let good = Job::Verify(vec![
        check(&committee, &[0], "a"),
        check(&committee, &[0], "b"),
    ]);
    let mut wrong = check(&committee, &[1, 2], "c");
    wrong.digest = named("d");
    let nobody = check(&committee, &[], "e");
    let sum = votes(&committee, named("f"));
    let mut forged = votes(&committee, named("g"));
    forged.votes[3].1 = forged.votes[2].1;
    let jobs = [
        good,
        Job::Verify(vec![check(&committee, &[3], "h"), wrong]),
        Job::Verify(vec![nobody]),
        Job::Verify(Vec::new()),
        Job::Aggregate(vec![sum.clone()]),
        Job::Aggregate(vec![sum.clone(), forged.clone()]),
        Job::Aggregate(vec![forged.clone()]),
    ];
    let expected = [
        Outcome::Verified(true),
        Outcome::Verified(false),
        Outcome::Verified(false),
        Outcome::Verified(true),
        Outcome::Aggregated(vec![aggregate(&sum)]),
        Outcome::Aggregated(vec![aggregate(&sum), aggregate(&forged)]),
        Outcome::Aggregated(vec![aggregate(&forged)]),
    ];
    assert_eq!(
        aggregate(&forged).invalid,
        [ValidatorIndex(3)].into(),
        "the forged vote is found"
    );
    for (job, outcome) in jobs.iter().zip(&expected) {
        assert_eq!(solve(vec![job.clone()]), std::slice::from_ref(outcome));
    }
    for start in 0..jobs.len() {
        assert_eq!(solve(jobs[start..].to_vec()), expected[start..]);
    }
    let good = [jobs[0].clone(), jobs[3].clone(), jobs[4].clone()];
    assert_eq!(
        solve(good.to_vec()),
        [
            expected[0].clone(),
            expected[3].clone(),
            expected[4].clone()
        ]
    );
    assert_eq!(solve(Vec::new()), []);
}
