use super::*;

const COST: usize = 256;
const RATE: Rate = Rate {
    bytes_per_second: 1_000_000,
    burst: 100_000,
};

#[test]
fn a_burst_is_free_and_the_rest_waits_for_the_rate() {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(start);
    assert_eq!(bucket.charge(start, 100_000 - COST, &RATE), Duration::ZERO);
    assert_eq!(
        bucket.charge(start, 50_000 - COST, &RATE),
        Duration::from_millis(50)
    );
    assert_eq!(
        bucket.charge(start + Duration::from_millis(150), 100_000 - COST, &RATE),
        Duration::ZERO
    );
}

#[test]
fn empty_frames_are_not_free() {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(start);
    let wait = (0..1_000)
        .map(|_| bucket.charge(start, 0, &RATE))
        .max()
        .unwrap();
    assert_eq!(wait, Duration::from_millis(156));
}

#[test]
fn idle_time_is_not_saved_up_beyond_the_burst() {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(start);
    let later = start + Duration::from_secs(3600);
    assert_eq!(
        bucket.charge(later, 200_000 - COST, &RATE),
        Duration::from_millis(100)
    );
}
