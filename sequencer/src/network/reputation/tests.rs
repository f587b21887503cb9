use std::time::Duration;

use super::*;

const LIMITS: BlameLimits = BlameLimits {
    threshold: 100,
    half_life: Duration::from_secs(60),
    ban: Duration::from_secs(300),
};

#[test]
fn blame_adds_up_to_a_ban_that_ends() {
    let start = Instant::now();
    let peer = PeerId::random();
    let mut reputation = Reputation::new(LIMITS);
    assert_eq!(reputation.blame(start, peer, 60), Verdict::Tolerated);
    assert!(!reputation.is_banned(start, &peer));
    assert_eq!(reputation.blame(start, peer, 60), Verdict::Banned);
    assert_eq!(reputation.blame(start, peer, 60), Verdict::AlreadyBanned);
    assert!(reputation.is_banned(start + Duration::from_secs(299), &peer));
    assert!(!reputation.is_banned(start + Duration::from_secs(300), &peer));
}

#[test]
fn old_blame_is_forgiven() {
    let start = Instant::now();
    let peer = PeerId::random();
    let mut reputation = Reputation::new(LIMITS);
    reputation.blame(start, peer, 80);
    assert_eq!(
        reputation.blame(start + Duration::from_secs(120), peer, 79),
        Verdict::Tolerated
    );
    assert_eq!(
        reputation.blame(start + Duration::from_secs(120), peer, 2),
        Verdict::Banned
    );
}

#[test]
fn the_tables_stay_bounded_and_keep_the_worst() {
    let start = Instant::now();
    let mut reputation = Reputation::new(LIMITS);
    let worst = PeerId::random();
    reputation.blame(start, worst, 99);
    for _ in 0..MAX_REMEMBERED + 10 {
        reputation.blame(start, PeerId::random(), 1);
    }
    assert_eq!(reputation.scores.len(), MAX_REMEMBERED);
    assert_eq!(reputation.blame(start, worst, 1), Verdict::Banned);
    for _ in 0..MAX_REMEMBERED + 10 {
        reputation.blame(start, PeerId::random(), 100);
    }
    assert_eq!(reputation.bans.len(), MAX_REMEMBERED);
}
