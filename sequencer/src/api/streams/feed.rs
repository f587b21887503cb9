//! One stream: what its reader gets next, and when it ends.
//!
//! A feed has no task and no queue of its own. The connection asks for the next item when it has room for it, so a
//! reader that does not keep up holds back nobody, and costs no more than the event it is taking.

use std::collections::VecDeque;

use futures::{Stream, stream};
use hotshot_types::Height;
use prometheus_client::metrics::gauge::Gauge;
use sequencer_client::types::{Interrupted, ProblemCode};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, sleep_until},
};

use super::{
    event::Event,
    source::{Source, Step},
};
use crate::api::{Context, refusal::Refusal};

/// What a reader gets.
pub(super) enum Item {
    /// The next event.
    Event(Event),
    /// Nothing happened for a while.
    Heartbeat,
    /// The last item: why the stream ends before its reader wanted it to.
    End(Interrupted),
}

/// Why a stream ends before its reader did.
enum End {
    /// The reader does not keep up.
    Slow,
    /// The node stops.
    Stopping,
    /// A block can't be read.
    Failed(Refusal),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal)
    }
}

/// A place among the streams that the node allows, counted while it is taken.
pub(super) struct Place {
    gauge: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    pub(super) fn take(context: &Context, permit: OwnedSemaphorePermit) -> Self {
        let gauge = context.metrics().streams().clone();
        gauge.inc();
        Self {
            gauge,
            _permit: permit,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// One stream.
pub(super) struct Feed {
    context: Context,
    source: Source,
    /// What was read and not yet given.
    ready: VecDeque<Event>,
    /// The height to read on from.
    next: Height,
    /// The height that the reader has to resume from.
    resume: Height,
    /// When to look again even if no block comes.
    again: Option<Instant>,
    heartbeat: Instant,
    /// When the reader got the item that it is taking.
    given: Option<Instant>,
    served: watch::Receiver<Height>,
    stopping: watch::Receiver<bool>,
    _place: Place,
}

impl Feed {
    pub(super) fn new(context: Context, source: Source, next: Height, place: Place) -> Self {
        Self {
            again: source.due(),
            source,
            ready: VecDeque::new(),
            next,
            resume: next,
            heartbeat: Instant::now() + context.bounds().heartbeat,
            given: None,
            served: context.watch_served(),
            stopping: context.stopping(),
            context,
            _place: place,
        }
    }

    /// All items. The last one is an [`Item::End`].
    pub(super) fn into_items(self) -> impl Stream<Item = Item> + Send {
        stream::unfold(Some(self), |feed| async {
            let mut feed = feed?;
            match feed.item().await {
                Ok(item) => Some((item, Some(feed))),
                Err(why) => Some((Item::End(feed.interrupted(why)), None)),
            }
        })
    }

    async fn item(&mut self) -> Result<Item, End> {
        // The connection asks again as soon as it has room.
        let taken = self.given.take().map(|given| given.elapsed());
        if taken.is_some_and(|taken| taken >= self.context.bounds().stream_stall) {
            return Err(End::Slow);
        }
        let item = self.wait().await?;
        let now = Instant::now();
        self.given = Some(now);
        self.heartbeat = now + self.context.bounds().heartbeat;
        Ok(item)
    }

    async fn wait(&mut self) -> Result<Item, End> {
        loop {
            if *self.stopping.borrow() {
                return Err(End::Stopping);
            }
            if let Some(event) = self.ready.pop_front() {
                self.resume = event.height().next();
                return Ok(Item::Event(event));
            }
            self.read().await?;
            if !self.ready.is_empty() {
                continue;
            }
            if Instant::now() >= self.heartbeat {
                return Ok(Item::Heartbeat);
            }
            self.idle().await?;
        }
    }

    /// Reads what there is to send.
    async fn read(&mut self) -> Result<(), End> {
        let served = *self.served.borrow_and_update();
        let now = Instant::now();
        let is_due = self.source.due().is_some_and(|due| due <= now);
        let Step {
            events,
            next,
            again,
        } = if served >= self.next || is_due {
            let (context, next) = (&self.context, self.next);
            self.source.step(context, next, served, now).await?
        } else {
            Step::idle(self.next, self.source.due())
        };
        if events.is_empty() {
            self.resume = next;
        }
        self.ready = events.into();
        (self.next, self.again) = (next, again);
        Ok(())
    }

    /// Waits until there may be something to send.
    async fn idle(&mut self) -> Result<(), End> {
        let wake = self
            .again
            .map_or(self.heartbeat, |again| again.min(self.heartbeat));
        tokio::select! {
            changed = self.served.changed() => changed.map_err(|_| End::Stopping),
            _ = self.stopping.changed() => Ok(()),
            () = sleep_until(wake) => Ok(()),
        }
    }

    fn interrupted(&self, why: End) -> Interrupted {
        let (reason, detail) = match why {
            End::Slow => (
                "slow_reader",
                "events were not taken in time: read faster, or resume".into(),
            ),
            End::Stopping => (
                "shutting_down",
                "this node stops: resume at another one".into(),
            ),
            End::Failed(refusal) => {
                let problem = refusal.problem();
                let reason = if problem.code == ProblemCode::Pruned {
                    "pruned"
                } else {
                    "internal"
                };
                (reason, problem.detail.clone())
            }
        };
        Interrupted {
            reason: reason.into(),
            detail,
            resume_from: self.resume,
        }
    }
}
