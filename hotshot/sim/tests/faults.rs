//! Acceptance of the simulator itself: rules that are broken on purpose are noticed.
//!
//! `cargo test -p hotshot-sim --features faults`. The product never enables that feature.
#![cfg(feature = "faults")]

use hotshot::Broken;
use hotshot_sim::{Failure, Options, Violation, run_with};

/// How many seeds the acceptance grants.
const SEEDS: u64 = 2_000;

/// The first seed that shows the expected kind of harm. Others may show another kind before.
#[expect(
    clippy::print_stdout,
    reason = "the note of acceptance names the seeds"
)]
fn catch(broken: Broken, is_expected: fn(&Violation) -> bool) -> Box<Failure> {
    let options = Options {
        broken: Some(broken),
    };
    let mut from = 0;
    loop {
        let failure = run_with(options, from, SEEDS - from, |_| {})
            .expect_err("the seeds that are left must show it");
        println!("{broken:?}: {failure}");
        if is_expected(&failure.violation) {
            return failure;
        }
        from = failure.seed + 1;
    }
}

fn is_contradiction(violation: &Violation) -> bool {
    matches!(violation, Violation::Contradiction { .. })
}

fn is_fork(violation: &Violation) -> bool {
    matches!(violation, Violation::Fork { .. } | Violation::Halted { .. })
}

#[test]
fn a_vote_2_after_the_own_timeout_is_noticed() {
    catch(Broken::VoteAfterTimeout, is_contradiction);
}

#[test]
fn ignoring_the_lock_of_a_timeout_certificate_is_noticed() {
    catch(Broken::TimeoutLockIgnored, is_fork);
}

#[test]
fn a_vote_that_leaves_before_it_is_durable_is_noticed() {
    catch(Broken::VoteBeforeDurable, is_contradiction);
}
