//! A namespace as it grows, read from one of several servers and watched with the others.

use std::collections::VecDeque;

use futures::{FutureExt as _, future::BoxFuture};
use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::{Attempt, Servers, latest};
use crate::{
    Cursor, Follower,
    client::{ClientError, Fault, NamespaceEvent, NamespaceStream, VerifiedBlock},
};

/// Blocks, and bytes of them, that wait for the proof that none is missing before them.
const HELD_BLOCKS: usize = 1_024;
const HELD_BYTES: usize = 16 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A reader of one namespace.
///
/// Blocks are returned once it is proven that none is missing before them, so a server that is left has done no
/// harm: the next one goes on where the last proof ended, without gap and without repeat. Only where servers no
/// longer keep the namespace maps of old blocks, and more than 1,024 of them or 16 MiB come without a proof, are they
/// returned before it; if one then turns out to be missing, the stream fails, and the cursor stands before them.
pub struct ServersStream<'a> {
    servers: &'a Servers,
    /// Up to here nothing is missing.
    confirmed: Follower,
    /// The confirmed position that the caller has reached.
    delivered: Follower,
    source: Option<Source>,
    /// Received and not yet confirmed.
    held: VecDeque<(NamespaceEvent, Follower)>,
    held_bytes: usize,
    /// Whether unconfirmed blocks were returned.
    is_exposed: bool,
    /// To be returned, with the position after it if that is confirmed.
    ready: VecDeque<(NamespaceEvent, Option<Follower>)>,
    watch: Watch<'a>,
    progress: Instant,
    /// Failures since the last event, and when they began.
    failures: usize,
    failing: Option<Instant>,
    pause: Duration,
}

struct Source {
    server: usize,
    stream: NamespaceStream,
    since: Instant,
}

/// Asks other servers for their heads now and then.
struct Watch<'a> {
    next: Instant,
    turn: usize,
    running: Option<BoxFuture<'a, Attempt<VerifiedBlock>>>,
}

/// What happened first.
enum Happened {
    Event(Result<Option<NamespaceEvent>, ClientError>),
    Seen(Attempt<VerifiedBlock>),
    Watch,
}

impl<'a> ServersStream<'a> {
    pub(super) fn new(servers: &'a Servers, start: Follower) -> Self {
        Self {
            watch: Watch {
                next: Instant::now() + servers.config.stale / 2,
                turn: 0,
                running: None,
            },
            servers,
            delivered: start.clone(),
            confirmed: start,
            source: None,
            held: VecDeque::new(),
            held_bytes: 0,
            is_exposed: false,
            ready: VecDeque::new(),
            progress: Instant::now(),
            failures: 0,
            failing: None,
            pause: FIRST_PAUSE,
        }
    }

    /// The position up to which everything was returned, and proven to be everything.
    #[must_use]
    pub fn follower(&self) -> &Follower {
        &self.delivered
    }

    /// The cursor to go on with after what was returned.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.servers.cursor(&self.delivered)
    }

    /// The server that is being read from.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        let source = self.source.as_ref()?;
        Some(self.servers.url(source.server))
    }

    /// The next event. May be dropped and called again.
    ///
    /// # Errors
    /// All servers fail, for as long as the client's patience if that may be temporary.
    pub async fn next(&mut self) -> Result<NamespaceEvent, ClientError> {
        loop {
            if let Some((event, position)) = self.ready.pop_front() {
                if let Some(position) = position {
                    self.delivered = position;
                }
                return Ok(event);
            }
            match self.happens().await? {
                Happened::Event(Ok(Some(event))) => self.take(event),
                Happened::Event(Ok(None)) => {
                    let ended = self.ended();
                    self.fail(ended).await?;
                }
                Happened::Event(Err(error)) => self.fail(error).await?,
                Happened::Seen(attempt) => self.compare(attempt),
                Happened::Watch => self.look(),
            }
        }
    }

    async fn happens(&mut self) -> Result<Happened, ClientError> {
        if self.source.is_none() {
            self.source = Some(self.open()?);
        }
        let Self { source, watch, .. } = self;
        let source = source.as_mut().expect("it was just opened");
        let (is_watching, next) = (watch.running.is_some(), watch.next);
        let seen = async {
            match &mut watch.running {
                Some(running) => running.await,
                None => std::future::pending().await,
            }
        };
        Ok(tokio::select! {
            event = source.stream.attempt() => Happened::Event(event),
            seen = seen => Happened::Seen(seen),
            () = sleep_until(next), if !is_watching => Happened::Watch,
        })
    }

    /// The best server, from the confirmed position.
    fn open(&mut self) -> Result<Source, ClientError> {
        let order = self.servers.order();
        let server = *order.first().ok_or_else(|| self.servers.all_left())?;
        self.held.clear();
        self.held_bytes = 0;
        let client = self.servers.recorded(server);
        Ok(Source {
            server,
            stream: NamespaceStream::resume(client, self.confirmed.clone()),
            since: Instant::now(),
        })
    }

    fn take(&mut self, event: NamespaceEvent) {
        let Some(source) = &self.source else { return };
        let position = source.stream.follower().clone();
        let is_confirmed = source.stream.is_confirmed();
        if position.height() > self.confirmed.height() {
            self.progress = Instant::now();
        }
        self.servers.standings()[source.server].answered();
        (self.failures, self.failing, self.pause) = (0, None, FIRST_PAUSE);
        if let NamespaceEvent::Block(_, body) = &event {
            self.held_bytes += body.bytes().len();
        }
        self.held.push_back((event, position.clone()));
        let is_full = self.held.len() > HELD_BLOCKS || self.held_bytes > HELD_BYTES;
        if is_confirmed {
            self.confirmed = position;
            self.is_exposed = false;
        } else if is_full {
            self.is_exposed = true;
        } else {
            return;
        }
        let held = self.held.drain(..);
        let held = held.map(|(event, position)| (event, is_confirmed.then_some(position)));
        self.ready.extend(held);
        self.held_bytes = 0;
    }

    /// A connection that came to its end, as an error.
    fn ended(&self) -> ClientError {
        ClientError::Unreachable {
            url: self.server().unwrap_or_default().into(),
            reason: "the stream ended".into(),
        }
    }

    async fn fail(&mut self, error: ClientError) -> Result<(), ClientError> {
        let Some(source) = self.source.take() else {
            return Err(error);
        };
        let is_lie = Fault::of(&error).is_some();
        let answers = source.stream.client().api().transcript().exchanges();
        self.servers.judge(source.server, &error, answers);
        self.failures += 1;
        let failing = *self.failing.get_or_insert_with(Instant::now);
        let left = self.servers.order().len();
        let is_over = if is_lie {
            // What was returned without proof can't be taken back.
            left == 0 || self.is_exposed
        } else if error.is_transient() {
            failing.elapsed() > source.stream.client().api().config().patience
        } else {
            self.servers.standings()[source.server].rest(Instant::now());
            self.failures >= left
        };
        if is_over {
            return Err(error);
        }
        if !is_lie && self.failures >= left {
            sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    /// Asks the next of the other servers for its head.
    fn look(&mut self) {
        self.watch.next = Instant::now() + self.servers.config.stale / 2;
        let current = self.source.as_ref().map(|source| source.server);
        let mut others = self.servers.order();
        others.retain(|server| Some(*server) != current);
        if others.is_empty() {
            return;
        }
        self.watch.turn += 1;
        let other = others[self.watch.turn % others.len()];
        let servers = self.servers;
        let attempt = async move { servers.attempt(other, &latest).await };
        self.watch.running = Some(attempt.boxed());
    }

    /// Leaves a server that has shown nothing new for long while another one proves newer blocks.
    fn compare(&mut self, seen: Attempt<VerifiedBlock>) {
        self.watch.running = None;
        let block = match seen.outcome {
            Ok(block) => block,
            Err(error) => {
                self.servers.judge(seen.server, &error, seen.transcript);
                return;
            }
        };
        let stale = self.servers.config.stale;
        let Some(source) = &self.source else { return };
        let shown = source.stream.follower().height();
        let is_quiet = self.progress.elapsed() > stale && source.since.elapsed() > stale;
        if is_quiet && block.header.height > shown {
            let server = source.server;
            let proven = block.header.height;
            self.servers.behind(server, shown, proven, seen.transcript);
            self.source = None;
            self.servers
                .first
                .store(seen.server, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send<T: Send>(_: T) {}

    /// Readers run as tasks of their own.
    #[expect(dead_code, reason = "that it compiles is the test")]
    fn what_next_returns_is_sent_between_threads(stream: &mut ServersStream<'static>) {
        is_send(stream.next());
    }
}
