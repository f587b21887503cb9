//! The node's time: the wall clock at start, moved on by the monotonic one, so that a step of the
//! wall clock fires no timer and never goes backwards.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hotshot_types::TimestampMs;

/// Milliseconds since the Unix epoch that never step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    wall_ms: u64,
}

impl Clock {
    pub(super) fn start() -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub(super) fn now(&self) -> TimestampMs {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        TimestampMs(self.wall_ms).plus(elapsed)
    }

    /// When this clock shows `time`.
    pub(super) fn instant_of(&self, time: TimestampMs) -> Instant {
        let ahead = time.above(TimestampMs(self.wall_ms));
        // A far future is as good as never.
        self.started + std::time::Duration::from_millis(ahead.min(1 << 32))
    }
}
