use hotshot_types::{Hash, L1Block, TimestampMs};

use super::{KEPT, L1View, Opinion, STALE_MS};

const SETTLED_MS: u64 = 60_000;

fn block(number: u64) -> L1Block {
    L1Block {
        number,
        hash: Hash([u8::try_from(number % 251).unwrap(); 32]),
        timestamp: number,
    }
}

/// P3: the parent's is always accepted, above it only what this node has seen finalized.
#[test]
fn an_l1_block_is_the_parents_or_higher_and_seen() {
    let mut view = L1View::default();
    view.saw(block(110), TimestampMs(1));
    let parent = block(100);
    assert_eq!(view.judge(parent, parent), Opinion::Agrees);
    assert_eq!(view.judge(block(110), parent), Opinion::Agrees);
    assert_eq!(view.judge(block(105), parent), Opinion::Unknown);
    assert_eq!(view.judge(block(111), parent), Opinion::Unknown);
    assert_eq!(view.judge(block(99), parent), Opinion::Contradicts);
    let false_ones = [parent, block(110)].map(|block| L1Block {
        hash: Hash::ZERO,
        ..block
    });
    for block in false_ones {
        assert_eq!(view.judge(block, parent), Opinion::Contradicts);
    }
}

/// P3: a leader names the newest block that it has seen for long enough, never a lower one than
/// its parent's.
#[test]
fn a_leader_names_what_voters_have_seen_too() {
    let mut view = L1View::default();
    for (number, seen) in [(101, 0), (102, 10), (103, 20)] {
        view.saw(block(number), TimestampMs(seen));
    }
    let at = |view: &L1View, now| view.choose(TimestampMs(now), SETTLED_MS, block(100)).number;
    assert_eq!(at(&view, SETTLED_MS - 1), 100);
    assert_eq!(at(&view, SETTLED_MS), 101);
    assert_eq!(at(&view, SETTLED_MS + 19), 102);
    assert_eq!(
        view.choose(TimestampMs(SETTLED_MS + 19), SETTLED_MS, block(105)),
        block(105)
    );
}

/// P3: a leader whose view stands still keeps its parent's block until it sees a newer one.
#[test]
fn a_leader_whose_view_stands_still_names_nothing_new() {
    let mut view = L1View::default();
    view.saw(block(101), TimestampMs(1));
    let at = |view: &L1View, now| view.choose(TimestampMs(now), SETTLED_MS, block(100)).number;
    assert_eq!(at(&view, STALE_MS + 1), 101);
    assert_eq!(at(&view, STALE_MS + 2), 100);
    view.saw(block(102), TimestampMs(STALE_MS + 2));
    assert_eq!(at(&view, STALE_MS + SETTLED_MS + 2), 102);
}

/// B1: of the blocks seen, the newest are kept.
#[test]
fn the_blocks_seen_are_bounded() {
    let mut view = L1View::default();
    for number in 0..1_000 {
        view.saw(block(number), TimestampMs(1));
    }
    assert_eq!(view.blocks.len(), KEPT);
    assert_eq!(view.judge(block(999), block(0)), Opinion::Agrees);
}
