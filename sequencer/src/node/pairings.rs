//! Signature work, off the loop's thread. What waits at the same time is done together, so that the
//! price of a check falls as the load rises.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use hotshot::{Input, Ticket};
use hotshot_types::bls::{self, Job, Outcome};
use prometheus_client::metrics::counter::Counter;
use tokio::{runtime::Handle, sync::mpsc};

use super::consensus::Fact;

/// How long a job that may wait does so for company: less than a fast view.
const WAIT: Duration = Duration::from_millis(6);
/// Jobs done together; a false signature among them costs each a check of its own.
const MAX_BATCH: usize = 16;

/// Gives signature work to the blocking threads. How much can wait is bounded by the state machine.
#[derive(Clone)]
pub(super) struct Pairings {
    queue: Arc<Mutex<Queue>>,
    most_threads: usize,
    workers: Handle,
    facts: mpsc::Sender<Fact>,
    checks: Counter<u64, AtomicU64>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Ticket, Job)>,
    threads: usize,
}

impl Pairings {
    pub(super) fn new(
        workers: Handle,
        facts: mpsc::Sender<Fact>,
        checks: Counter<u64, AtomicU64>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            queue: Arc::default(),
            most_threads: (cores / 2).max(1),
            workers,
            facts,
            checks,
        }
    }

    /// Does a job and tells the loop what came of it; one that may wait, with the next that may not.
    pub(super) fn give(&self, ticket: Ticket, job: Job, may_wait: bool) {
        self.queue().waiting.push_back((ticket, job));
        if !may_wait {
            return self.start();
        }
        let this = self.clone();
        self.workers.spawn(async move {
            tokio::time::sleep(WAIT).await;
            this.start();
        });
    }

    /// Sees to it that what waits is done.
    fn start(&self) {
        let mut queue = self.queue();
        if !queue.waiting.is_empty() && queue.threads < self.most_threads {
            queue.threads += 1;
            let this = self.clone();
            self.workers.spawn_blocking(move || this.work());
        }
    }

    fn work(&self) {
        while let Some((tickets, jobs)) = self.take() {
            self.checks.inc();
            for (ticket, outcome) in tickets.into_iter().zip(bls::solve(jobs)) {
                let input = match outcome {
                    Outcome::Verified(valid) => Input::Verified { ticket, valid },
                    Outcome::Aggregated(results) => Input::Aggregated { ticket, results },
                };
                if self
                    .facts
                    .blocking_send(Fact::Input(Box::new(input)))
                    .is_err()
                {
                    tracing::debug!("consensus has stopped");
                }
            }
        }
    }

    /// What waits, or none, and then this thread has left.
    fn take(&self) -> Option<(Vec<Ticket>, Vec<Job>)> {
        let mut queue = self.queue();
        let count = queue.waiting.len().min(MAX_BATCH);
        if count == 0 {
            queue.threads -= 1;
            return None;
        }
        Some(queue.waiting.drain(..count).unzip())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
