use super::*;

const MIN: Duration = Duration::from_millis(100);
const MAX: Duration = Duration::from_secs(2);
const MIDDLE: u32 = 50;

fn two_ids() -> (PeerId, PeerId) {
    let (a, b) = (PeerId::random(), PeerId::random());
    if a < b { (a, b) } else { (b, a) }
}

fn dialer(local: PeerId, peer: PeerId, now: Instant) -> Dialer {
    let mut dialer = Dialer::new(local, MIN, MAX);
    dialer.configure(
        now,
        &BTreeMap::from([(peer, vec![Multiaddr::empty()])]),
        |_| false,
    );
    dialer
}

#[test]
fn the_lower_id_dials_first() {
    let now = Instant::now();
    let (low, high) = two_ids();
    assert_eq!(dialer(low, high, now).deadline(), Some(now));
    assert_eq!(dialer(high, low, now).deadline(), Some(now + HEAD_START));
}

#[test]
fn pauses_double_up_to_the_cap_and_start_over_after_a_stable_connection() {
    let now = Instant::now();
    let (low, high) = two_ids();
    let mut dialer = dialer(low, high, now);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let at = dialer.deadline().unwrap();
        assert_eq!(dialer.take_due(at).len(), 1);
        assert_eq!(dialer.deadline(), None);
        dialer.on_failure(at, &high, MIDDLE);
        pauses.push((dialer.deadline().unwrap() - at).as_millis());
    }
    assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
    dialer.on_connected(&high);
    assert_eq!(dialer.deadline(), None);
    dialer.on_disconnected(now, &high, true, MIDDLE);
    assert_eq!(dialer.deadline(), Some(now));
}

#[test]
fn a_peer_that_hangs_up_at_once_is_not_dialed_in_a_tight_loop() {
    let now = Instant::now();
    let (low, high) = two_ids();
    let mut dialer = dialer(low, high, now);
    for expected in [100, 200, 400] {
        dialer.on_connected(&high);
        dialer.on_disconnected(now, &high, false, MIDDLE);
        assert_eq!(
            dialer.deadline(),
            Some(now + Duration::from_millis(expected))
        );
    }
}

#[test]
fn a_failed_dial_does_not_hide_that_the_peer_connected_to_us() {
    let now = Instant::now();
    let (low, high) = two_ids();
    let mut dialer = dialer(low, high, now);
    dialer.take_due(now);
    dialer.on_connected(&high);
    dialer.on_failure(now, &high, MIDDLE);
    assert_eq!(dialer.deadline(), None);
}

#[test]
fn a_new_address_is_tried_at_once_and_a_removed_peer_is_reported() {
    let now = Instant::now();
    let (low, high) = two_ids();
    let mut dialer = dialer(low, high, now);
    dialer.take_due(now);
    dialer.on_failure(now, &high, MIDDLE);
    let moved: Vec<Multiaddr> = vec!["/ip4/10.0.0.1/tcp/1".parse().unwrap()];
    assert!(
        dialer
            .configure(now, &BTreeMap::from([(high, moved.clone())]), |_| false)
            .is_empty()
    );
    assert_eq!(dialer.take_due(now), [(high, moved)]);
    assert_eq!(dialer.configure(now, &BTreeMap::new(), |_| false), [high]);
}
