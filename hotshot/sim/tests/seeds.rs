//! A few seeds in every test run; `cargo xtask sim` runs as many as one likes.

use hotshot_sim::{Progress, run, trace};

#[test]
fn sixty_seeds_violate_nothing() {
    let mut done = 0;
    let report = run(0, 60, |progress: Progress| done = progress.done).unwrap();
    assert_eq!((done, report.seeds), (60, 60));
    assert!(report.blocks > 0 && report.epochs > 0 && report.timeouts > 0);
    assert!(report.crashes > 0 && report.evidence > 0);
}

#[test]
fn the_same_seeds_have_the_same_digest() {
    let first = run(1_000, 6, |_| {}).unwrap();
    let second = run(1_000, 6, |_| {}).unwrap();
    assert_eq!(first, second);
    let others = run(2_000, 6, |_| {}).unwrap();
    assert_ne!(first.digest, others.digest);
}

#[test]
fn a_trace_shows_what_happened_and_ends_as_the_run_does() {
    let mut text = Vec::new();
    let traced = trace(3, &mut text).unwrap().unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("decides"));
    assert_eq!(traced.events, run(3, 1, |_| {}).unwrap().events);
}
