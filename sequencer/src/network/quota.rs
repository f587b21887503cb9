//! A token bucket that lets a frame in first and makes its sender wait afterwards.
//!
//! A bucket may go into debt by one frame, so a frame larger than the burst is slow and not impossible.

use std::time::{Duration, Instant};

use super::config::Rate;

/// What a frame costs besides its bytes, so that a flood of empty frames is bounded too.
const FRAME_COST: u64 = 256;

#[derive(Debug)]
pub(crate) struct TokenBucket {
    /// Bytes spent and not yet refilled; at most the burst is free.
    spent: u128,
    refilled: Instant,
}

impl TokenBucket {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            spent: 0,
            refilled: now,
        }
    }

    /// Charges a frame and returns how long to wait before the next may be read.
    pub(crate) fn charge(&mut self, now: Instant, bytes: usize, rate: &Rate) -> Duration {
        let per_second = u128::from(rate.bytes_per_second.max(1));
        let elapsed = now.saturating_duration_since(self.refilled);
        let refill = elapsed.as_micros() * per_second / 1_000_000;
        if refill > 0 {
            self.spent = self.spent.saturating_sub(refill);
            self.refilled = now;
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.spent += u128::from(bytes.saturating_add(FRAME_COST));
        let debt = self.spent.saturating_sub(u128::from(rate.burst));
        Duration::from_micros(u64::try_from(debt * 1_000_000 / per_second).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;
