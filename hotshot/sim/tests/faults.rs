//! Acceptance of the simulator itself: rules that are broken on purpose are noticed.
//!
//! `cargo test -p hotshot-sim --features faults`. The product never enables that feature.
#![cfg(feature = "faults")]

use hotshot::Broken;
use hotshot_sim::{Failure, Options, Violation, run_with};

/// How many seeds the acceptance grants.
const SEEDS: u64 = 2_000;

fn catch(broken: Broken) -> Box<Failure> {
    let options = Options {
        broken: Some(broken),
    };
    let failure = run_with(options, 0, SEEDS, |_| {}).expect_err("nothing was noticed");
    println!("{broken:?}: {failure}");
    failure
}

#[test]
fn a_vote_2_after_the_own_timeout_is_noticed() {
    let failure = catch(Broken::VoteAfterTimeout);
    assert!(matches!(failure.violation, Violation::Contradiction { .. }));
}

#[test]
fn ignoring_the_lock_of_a_timeout_certificate_is_noticed() {
    catch(Broken::TimeoutLockIgnored);
}

#[test]
fn a_vote_that_leaves_before_it_is_durable_is_noticed() {
    catch(Broken::VoteBeforeDurable);
}
