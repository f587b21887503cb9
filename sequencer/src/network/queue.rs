//! The frames that wait for one peer on one lane.
//!
//! Overflow policy: drop the oldest. A peer that was slow or away gets the newest messages, which is what consensus
//! can still use; a frame that waited longer than its time to live is dropped as well. Pushing never waits.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::config::LaneLimits;

pub(crate) struct LaneQueue {
    waiting: Mutex<Waiting>,
    ready: Notify,
    max_frames: usize,
    max_bytes: usize,
    ttl: Duration,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<(Instant, Bytes)>,
    bytes: usize,
}

impl Waiting {
    fn take_oldest(&mut self) -> Option<(Instant, Bytes)> {
        let (queued, frame) = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some((queued, frame))
    }
}

impl LaneQueue {
    pub(crate) fn new(limits: &LaneLimits, ttl: Duration) -> Self {
        Self {
            waiting: Mutex::default(),
            ready: Notify::new(),
            max_frames: limits.queue_frames,
            max_bytes: limits.queue_bytes,
            ttl,
        }
    }

    /// Appends a frame and returns how many had to go for it. A frame larger than the whole queue is itself dropped.
    pub(crate) fn push(&self, now: Instant, frame: Bytes) -> usize {
        let mut waiting = self.lock();
        waiting.bytes += frame.len();
        waiting.frames.push_back((now, frame));
        let mut dropped = 0;
        while waiting.frames.len() > self.max_frames || waiting.bytes > self.max_bytes {
            waiting.take_oldest();
            dropped += 1;
        }
        drop(waiting);
        self.wake();
        dropped
    }

    /// Lets whoever waits look at the queue.
    pub(crate) fn wake(&self) {
        self.ready.notify_one();
    }

    /// Takes the oldest frame that is still worth sending, and says how many expired before it.
    pub(crate) fn try_pop(&self, now: Instant) -> (Option<Bytes>, usize) {
        let mut waiting = self.lock();
        let mut expired = 0;
        while let Some((queued, frame)) = waiting.take_oldest() {
            if now.saturating_duration_since(queued) <= self.ttl {
                return (Some(frame), expired);
            }
            expired += 1;
        }
        (None, expired)
    }

    /// Waits until a frame was pushed since the last wait; cancel safe.
    pub(crate) async fn wait(&self) {
        self.ready.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // The state is consistent between statements, so a panic elsewhere does not spoil it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
