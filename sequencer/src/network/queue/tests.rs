use super::*;

const TTL: Duration = Duration::from_secs(10);

fn queue(queue_frames: usize, queue_bytes: usize) -> LaneQueue {
    LaneQueue::new(
        &LaneLimits {
            max_frame: 1024,
            unknown_max_frame: 1024,
            queue_frames,
            queue_bytes,
            inbound_frames: 1,
            inbound_bytes: 1024,
            unknown_inbound_bytes: 1024,
        },
        TTL,
    )
}

fn drain(queue: &LaneQueue, now: Instant) -> Vec<Bytes> {
    std::iter::from_fn(|| queue.try_pop(now).0).collect()
}

#[test]
fn a_full_queue_drops_its_oldest_frames() {
    let now = Instant::now();
    let queue = queue(3, 1024);
    let dropped: usize = (0..5u8)
        .map(|n| queue.push(now, Bytes::from(vec![n])))
        .sum();
    assert_eq!(dropped, 2);
    assert_eq!(drain(&queue, now), [vec![2u8], vec![3], vec![4]]);
}

#[test]
fn the_byte_bound_holds_as_well() {
    let now = Instant::now();
    let queue = queue(100, 10);
    assert_eq!(queue.push(now, Bytes::from(vec![1; 6])), 0);
    assert_eq!(queue.push(now, Bytes::from(vec![2; 4])), 0);
    assert_eq!(queue.push(now, Bytes::from(vec![3; 5])), 1);
    assert_eq!(drain(&queue, now), [vec![2u8; 4], vec![3; 5]]);
    assert_eq!(queue.push(now, Bytes::from(vec![4; 11])), 1);
    assert!(drain(&queue, now).is_empty());
}

#[test]
fn a_frame_expires_after_its_time_to_live() {
    let start = Instant::now();
    let queue = queue(10, 1024);
    queue.push(start, Bytes::from_static(b"old"));
    queue.push(start + TTL, Bytes::from_static(b"new"));
    let (frame, expired) = queue.try_pop(start + TTL + Duration::from_millis(1));
    assert_eq!(frame.unwrap(), "new");
    assert_eq!(expired, 1);
}
