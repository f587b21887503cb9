//! The timer of a view and its back-off (T1).

use hotshot_types::{Round, TimestampMs};

/// 1.5^c in thousandths, at most 16.
const BACKOFF: [u64; 8] = [1_000, 1_500, 2_250, 3_375, 5_062, 7_593, 11_390, 16_000];

/// Which round this is, and when patience with it ends.
#[derive(Debug)]
pub(crate) struct Pacemaker {
    round: Round,
    /// When the timer fires, or, once it has, when the Timeout is repeated.
    deadline: TimestampMs,
    backoff: usize,
    view_timeout_ms: u64,
    empty_block_delay_ms: u64,
}

/// How a view was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// By a quorum or finality certificate.
    Done,
    /// By a timeout certificate.
    TimedOut,
    /// An epoch ended, or others were further (F1 rule): says nothing about the timer.
    Jumped,
}

impl Pacemaker {
    pub(crate) fn new(round: Round, view_timeout_ms: u64, empty_block_delay_ms: u64) -> Self {
        Self {
            round,
            deadline: TimestampMs::MAX,
            backoff: 0,
            view_timeout_ms,
            empty_block_delay_ms,
        }
    }

    pub(crate) fn round(&self) -> Round {
        self.round
    }

    pub(crate) fn deadline(&self) -> TimestampMs {
        self.deadline
    }

    /// Moves to a round and arms its timer.
    pub(crate) fn enter(&mut self, now: TimestampMs, round: Round, left: Left) {
        self.round = round;
        self.backoff = match left {
            Left::Done => self.backoff.saturating_sub(1),
            Left::TimedOut => (self.backoff + 1).min(BACKOFF.len() - 1),
            Left::Jumped => self.backoff,
        };
        self.deadline = now
            .plus(self.empty_block_delay_ms.saturating_add(
                self.view_timeout_ms.saturating_mul(BACKOFF[self.backoff]) / 1_000,
            ));
    }

    /// The Timeout of this round was sent: repeat it in T0/2 (V13).
    pub(crate) fn repeat(&mut self, now: TimestampMs) {
        self.deadline = now.plus((self.view_timeout_ms / 2).max(1));
    }
}

#[cfg(test)]
mod tests;
