//! What the demo is doing now.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    report::{bytes, grouped},
    traffic::load::Counters,
};

/// A line for each step, and below them, on a terminal, what moves.
pub(super) struct Progress {
    start: Instant,
    moving: ProgressBar,
}

impl Progress {
    pub(super) fn start() -> Self {
        let style = ProgressStyle::with_template("        {spinner} {msg}")
            .expect("the template is valid")
            .tick_chars("|/-\\ ");
        let moving = ProgressBar::new_spinner().with_style(style);
        moving.enable_steady_tick(Duration::from_millis(120));
        Self {
            start: Instant::now(),
            moving,
        }
    }

    /// The next step begins.
    pub(super) fn step(&mut self, what: &str) {
        let seconds = self.start.elapsed().as_secs_f64();
        self.moving.suspend(|| println!("{seconds:6.1} s  {what}"));
    }

    /// Traffic so far.
    pub(super) fn traffic(&self, counters: &Counters) {
        let (count, size) = (
            counters.delivered.load(Relaxed),
            counters.bytes.load(Relaxed),
        );
        self.moving.set_message(format!(
            "{} transactions final, {}",
            grouped(count),
            bytes(size)
        ));
    }

    /// Nothing moves any more.
    pub(super) fn done(&self) {
        self.moving.finish_and_clear();
    }
}
