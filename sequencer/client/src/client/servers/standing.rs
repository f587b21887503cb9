//! What a client thinks of a server.

use std::time::Duration;

use tokio::time::Instant;

const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Whether a server is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// It answers.
    #[default]
    Good,
    /// It failed and is asked after all others until a moment; the next rest is twice as long.
    Resting { until: Instant, rest: Duration },
    /// It lied.
    Left,
}

impl Standing {
    pub(super) fn is_left(self) -> bool {
        self == Self::Left
    }

    /// When its rest ends; nothing if it has none.
    pub(super) fn rests_until(self, now: Instant) -> Option<Instant> {
        match self {
            Self::Resting { until, .. } if until > now => Some(until),
            _ => None,
        }
    }

    pub(super) fn is_away(self, now: Instant) -> bool {
        self.is_left() || self.rests_until(now).is_some()
    }

    pub(super) fn leave(&mut self) {
        *self = Self::Left;
    }

    pub(super) fn rest(&mut self, now: Instant) {
        let rest = match *self {
            Self::Good => FIRST_REST,
            Self::Resting { rest, .. } => (rest * 2).min(LONGEST_REST),
            Self::Left => return,
        };
        *self = Self::Resting {
            until: now + rest,
            rest,
        };
    }

    pub(super) fn answered(&mut self) {
        if !self.is_left() {
            *self = Self::Good;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_and_end_with_an_answer() {
        let now = Instant::now();
        let mut standing = Standing::default();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            standing.rest(now);
            let until = now + Duration::from_secs(seconds);
            assert_eq!(standing.rests_until(now), Some(until));
            assert_eq!(standing.rests_until(until), None);
        }
        standing.answered();
        assert_eq!(standing, Standing::Good);
    }

    #[test]
    fn a_server_that_was_left_stays_left() {
        let mut standing = Standing::default();
        standing.leave();
        standing.answered();
        standing.rest(Instant::now());
        assert!(standing.is_left());
    }
}
