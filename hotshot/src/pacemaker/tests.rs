use hotshot_types::{Round, TimestampMs, View};

use super::{Left, Pacemaker};

const T0: u64 = 1_000;
const EMPTY_MS: u64 = 100;

struct Views {
    pacemaker: Pacemaker,
    view: u64,
}

impl Views {
    fn new() -> Self {
        let pacemaker = Pacemaker::new(Round::new(1, 1), T0, EMPTY_MS);
        Self { pacemaker, view: 1 }
    }

    /// Enters the next view and returns how long its timer is.
    fn next(&mut self, left: Left) -> u64 {
        self.view += 1;
        let now = TimestampMs(5_000);
        self.pacemaker.enter(now, Round::new(1, self.view), left);
        assert_eq!(self.pacemaker.round().view, View(self.view));
        self.pacemaker.deadline().above(now)
    }
}

/// T1.
#[test]
fn each_lost_view_lengthens_the_next_by_half_up_to_sixteen_times() {
    let mut views = Views::new();
    let timers: Vec<u64> = (0..9)
        .map(|_| views.next(Left::TimedOut) - EMPTY_MS)
        .collect();
    let expected = [
        1_500, 2_250, 3_375, 5_062, 7_593, 11_390, 16_000, 16_000, 16_000,
    ];
    assert_eq!(timers, expected);
}

/// T1: patience is not saved up, and a long partition is forgotten in seven good views.
#[test]
fn back_off_remembers_neither_a_thousand_good_views_nor_a_long_partition() {
    let mut views = Views::new();
    for _ in 0..1_000 {
        assert_eq!(views.next(Left::Done), T0 + EMPTY_MS);
    }
    assert_eq!(views.next(Left::TimedOut), T0 * 3 / 2 + EMPTY_MS);
    for _ in 0..1_000 {
        views.next(Left::TimedOut);
    }
    for _ in 0..6 {
        assert!(views.next(Left::Done) > T0 + EMPTY_MS);
    }
    assert_eq!(views.next(Left::Done), T0 + EMPTY_MS);
}

/// T1: where others were further, or an epoch ended, nothing is learnt about the timer.
#[test]
fn a_jump_leaves_the_back_off_as_it_is() {
    let mut views = Views::new();
    views.next(Left::TimedOut);
    assert_eq!(views.next(Left::Jumped), T0 * 3 / 2 + EMPTY_MS);
}

/// V13.
#[test]
fn a_timeout_is_repeated_after_half_t0_whatever_the_back_off() {
    let mut views = Views::new();
    views.next(Left::TimedOut);
    views.pacemaker.repeat(TimestampMs(9_000));
    assert_eq!(views.pacemaker.deadline(), TimestampMs(9_000 + T0 / 2));
}

/// T1: parameters at their limits neither overflow nor fire for ever in one instant.
#[test]
fn extreme_parameters_are_survived() {
    let mut pacemaker = Pacemaker::new(Round::new(1, 1), u64::MAX, u64::MAX);
    pacemaker.enter(TimestampMs(1), Round::new(1, 2), Left::TimedOut);
    assert_eq!(pacemaker.deadline(), TimestampMs::MAX);
    let mut pacemaker = Pacemaker::new(Round::new(1, 1), 0, 0);
    pacemaker.enter(TimestampMs(1), Round::new(1, 2), Left::Done);
    assert_eq!(pacemaker.deadline(), TimestampMs(1));
    pacemaker.repeat(TimestampMs(1));
    assert_eq!(pacemaker.deadline(), TimestampMs(2));
}
