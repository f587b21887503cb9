//! How far a long job is, on standard error.

use std::time::{Duration, Instant};

use crate::storage::Step;

/// At most one line in this time.
const EVERY: Duration = Duration::from_secs(1);

/// Says now and then how far it is.
pub(super) struct Progress {
    last: Instant,
}

impl Progress {
    pub(super) fn start() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    pub(super) fn report(&mut self, step: Step) {
        if self.last.elapsed() < EVERY {
            return;
        }
        self.last = Instant::now();
        let Step { what, done, of } = step;
        match of {
            Some(of) => eprintln!("{what}: {done} of {of}"),
            None => eprintln!("{what}: {done}"),
        }
    }
}
