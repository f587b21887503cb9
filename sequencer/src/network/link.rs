//! The life of one connection: opens our streams, serves the peer's, and ends with the reason why it is over.
//!
//! Each stream has a task of its own, so a slow stream delays no other; all of them end with the link. Readers take
//! the next frame only when the host has taken the last and the peer is within its quota.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures::{AsyncReadExt as _, AsyncWriteExt as _, io::BufWriter};
use libp2p::{Stream, swarm::ConnectionId};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    budget::Budgets,
    config::{Lane, NetworkConfig},
    directory::{PeerEntry, PulseRecord, Traffic},
    frame::{FrameError, read_length, read_payload, write_frame},
    handler::{LinkEnds, OpenError},
    inbound::{HostChannels, InboundMessage},
    metrics::{Metrics, Rejection},
    protocol::StreamKind,
    pulse, request,
};

/// Small frames are joined up to this many bytes; larger payloads are written without a copy.
const WRITE_BUFFER: usize = 16 * 1024;

/// A stream cut within a frame is held against the peer only if its connection outlives it by this much: a crash of
/// the peer cuts frames as well.
const TRUNCATION_GRACE: Duration = Duration::from_secs(1);

/// What the driver wants a link to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Read, but do not write frames yet: another connection may be in use.
    Pending,
    /// Read and write: this is the connection in use.
    Active,
    /// Another connection took over: finish the frame under way, keep reading for a moment.
    Retired,
    /// The node shuts down: write what still waits, then end.
    Draining,
}

/// Why a link is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the connection closed")]
    Closed,
    #[error("all that waited was sent")]
    Drained,
    #[error("the streams were not opened in time")]
    NotOpened,
    #[error("the peer is on another network")]
    WrongNetwork,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("the peer fell silent")]
    Silent,
    #[error("the peer left a frame unfinished")]
    Stalled,
    #[error("the peer echoed what was never sent")]
    ForeignEcho,
    #[error("the peer broke the protocol: {}", .0.label())]
    Violation(Rejection),
}

/// What a link tells the driver.
#[derive(Debug)]
pub(crate) enum Report {
    /// Our streams are open.
    Ready,
    /// The link is over.
    Over(Fault),
}

/// What the tasks of one link share.
pub(crate) struct LinkContext {
    pub(crate) entry: Arc<PeerEntry>,
    pub(crate) config: Arc<NetworkConfig>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) host: HostChannels,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) pulse: Arc<PulseRecord>,
}

pub(crate) struct Link {
    pub(crate) connection: ConnectionId,
    pub(crate) context: Arc<LinkContext>,
    pub(crate) ends: LinkEnds,
    pub(crate) role: watch::Receiver<Role>,
    pub(crate) reports: mpsc::Sender<(ConnectionId, Report)>,
}

/// What a finished task of a link was.
enum Finished {
    Writer,
    Other,
}

type Tasks = JoinSet<Result<Finished, Fault>>;

impl Link {
    pub(crate) async fn run(mut self) {
        let fault = match self.serve().await {
            Err(fault) => fault,
            Ok(never) => match never {},
        };
        self.report(Report::Over(fault)).await;
    }

    async fn report(&self, report: Report) {
        // The driver is gone only when the node shuts down.
        drop(self.reports.send((self.connection, report)).await);
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, Fault> {
        let mut tasks = JoinSet::new();
        self.open_streams(&mut tasks).await?;
        self.report(Report::Ready).await;
        let acceptor = Acceptor::new(Arc::clone(&self.context));
        let mut writers = Lane::ALL.len();
        loop {
            tokio::select! {
                inbound = self.ends.inbound.recv() => match inbound {
                    Some((kind, stream)) => acceptor.accept(&mut tasks, kind, stream)?,
                    None => {
                        finish_reading(tasks, self.context.config.last_words).await;
                        return Err(Fault::Closed);
                    }
                },
                Some(finished) = tasks.join_next() => {
                    match finished.unwrap_or_else(|error| Err(Fault::Broken(io::Error::other(error)))) {
                        Ok(Finished::Writer) => writers -= 1,
                        Ok(Finished::Other) => {}
                        Err(fault @ Fault::Broken(_)) => {
                            // As a rule the connection is gone, and one of its streams was first to notice.
                            finish_reading(tasks, self.context.config.last_words).await;
                            return Err(fault);
                        }
                        Err(fault) => return Err(fault),
                    }
                    if writers == 0 && *self.role.borrow() == Role::Draining {
                        return Err(Fault::Drained);
                    }
                }
            }
        }
    }

    async fn open_streams(&self, tasks: &mut Tasks) -> Result<(), Fault> {
        let opener = &self.ends.opener;
        let open = async {
            tokio::try_join!(
                opener.open(StreamKind::Lane(Lane::Control)),
                opener.open(StreamKind::Lane(Lane::Bulk)),
                opener.open(StreamKind::Pulse),
            )
        };
        let opened = timeout(self.context.config.handshake_timeout, open)
            .await
            .map_err(|_| Fault::NotOpened)?;
        let (control, bulk, pulse) = opened.map_err(|error| match error {
            OpenError::Closed => Fault::Closed,
            OpenError::Unsupported => Fault::WrongNetwork,
            OpenError::Failed(_) => Fault::NotOpened,
        })?;
        for (lane, stream) in [(Lane::Control, control), (Lane::Bulk, bulk)] {
            let (context, role) = (Arc::clone(&self.context), self.role.clone());
            tasks.spawn(async move {
                write_lane(&context, lane, stream, role)
                    .await
                    .map_err(Fault::Broken)?;
                Ok(Finished::Writer)
            });
        }
        let context = Arc::clone(&self.context);
        tasks.spawn(async move {
            pulse::probe(&context, pulse)
                .await
                .map(|()| Finished::Other)
        });
        Ok(())
    }
}

/// The connection is gone: lets the readers hand over what had come in by then.
async fn finish_reading(mut tasks: Tasks, limit: Duration) {
    let finished = async { while tasks.join_next().await.is_some() {} };
    // Tasks that do not end by themselves, such as a request the host does not answer, end here.
    timeout(limit, finished).await.ok();
}

/// Starts a task for each stream the peer opens; lanes and the pulse have one stream at a time.
struct Acceptor {
    context: Arc<LinkContext>,
    lanes: [Arc<AtomicBool>; Lane::ALL.len()],
    pulse: Arc<AtomicBool>,
}

impl Acceptor {
    fn new(context: Arc<LinkContext>) -> Self {
        Self {
            context,
            lanes: Default::default(),
            pulse: Arc::default(),
        }
    }

    fn accept(&self, tasks: &mut Tasks, kind: StreamKind, stream: Stream) -> Result<(), Fault> {
        let context = Arc::clone(&self.context);
        match kind {
            StreamKind::Lane(lane) => {
                let place = Place::take(&self.lanes[lane.index()])?;
                tasks.spawn(async move {
                    let end = read_lane(&context, lane, stream).await;
                    drop(place);
                    judge(end).await
                });
            }
            StreamKind::Pulse => {
                let place = Place::take(&self.pulse)?;
                tasks.spawn(async move {
                    pulse::echo(&context, stream).await?;
                    drop(place);
                    Ok(Finished::Other)
                });
            }
            StreamKind::Request => {
                tasks.spawn(async move {
                    match request::serve(&context, stream).await {
                        // A requester may give up at any time, also within its request.
                        Err(FrameError::Truncated | FrameError::Io(_)) => Ok(Finished::Other),
                        end => judge(end).await,
                    }
                });
            }
        }
        Ok(())
    }
}

/// The place of a stream that may exist once.
struct Place(Arc<AtomicBool>);

impl Place {
    fn take(place: &Arc<AtomicBool>) -> Result<Self, Fault> {
        if place.swap(true, Relaxed) {
            return Err(Fault::Violation(Rejection::ExtraStream));
        }
        Ok(Self(Arc::clone(place)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

/// Decides whether the end of a stream was the peer's fault.
async fn judge(end: Result<(), FrameError>) -> Result<Finished, Fault> {
    match end {
        Ok(()) => Ok(Finished::Other),
        Err(FrameError::Oversized { .. }) => Err(Fault::Violation(Rejection::OversizedFrame)),
        Err(FrameError::Truncated) => {
            tokio::time::sleep(TRUNCATION_GRACE).await;
            Err(Fault::Violation(Rejection::TruncatedFrame))
        }
        Err(FrameError::Stalled) => Err(Fault::Stalled),
        Err(FrameError::Io(error)) => Err(Fault::Broken(error)),
    }
}

async fn read_lane(
    context: &LinkContext,
    lane: Lane,
    mut stream: Stream,
) -> Result<(), FrameError> {
    let limits = context.config.lane(lane);
    let messages = &context.host.lanes[lane.index()];
    while let Some(size) = read_length(&mut stream).await? {
        let is_configured = context.entry.is_configured();
        let cap = match is_configured {
            true => limits.max_frame,
            false => limits.unknown_max_frame,
        };
        let payload = read_payload(&mut stream, size, cap);
        let bytes = timeout(context.config.time_for(size.min(cap)), payload)
            .await
            .map_err(|_| FrameError::Stalled)??;
        context.pulse.hear();
        context.metrics.lane(lane).count_in(size);
        let Some(held) = context.budgets.inbound(lane, is_configured, size).await else {
            return Ok(());
        };
        let message = InboundMessage {
            peer: context.entry.id,
            lane,
            bytes,
            _held: held,
        };
        if messages.send(message).await.is_err() {
            // The host does not listen to this lane any more.
            return Ok(());
        }
        context
            .entry
            .charge(Traffic::Lane(lane), size, &context.config)
            .await;
    }
    Ok(())
}

async fn write_lane(
    context: &LinkContext,
    lane: Lane,
    stream: Stream,
    mut role: watch::Receiver<Role>,
) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(WRITE_BUFFER, stream);
    let (queue, counters) = (context.entry.queue(lane), context.metrics.lane(lane));
    loop {
        let now_role = *role.borrow_and_update();
        let frame = match now_role {
            Role::Pending => None,
            Role::Retired => {
                // A frame may have woken this writer; it is the successor's to send.
                queue.wake();
                break;
            }
            Role::Active | Role::Draining => {
                let (frame, expired) = queue.try_pop(Instant::now());
                counters.count_dropped(expired);
                frame
            }
        };
        if let Some(frame) = frame {
            write_frame(&mut writer, &frame).await?;
            counters.count_out(frame.len());
            continue;
        }
        if now_role == Role::Draining {
            writer.close().await?;
            // The peer closes its end when it has read everything. A socket closed before that would
            // be reset, and what it still had to send be lost.
            return match writer.read(&mut [0]).await? {
                0 => Ok(()),
                _ => Err(io::ErrorKind::InvalidData.into()),
            };
        }
        writer.flush().await?;
        tokio::select! {
            changed = role.changed() => {
                if changed.is_err() {
                    break;
                }
            }
            () = queue.wait(), if now_role == Role::Active => {}
        }
    }
    writer.close().await
}
