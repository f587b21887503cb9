//! Accepting connections and driving them, within bounds.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use program::stalling::Stalling;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{interval, sleep, timeout},
};
use tracing::{debug, warn};

use super::{
    Context,
    crowd::{Crowd, Place},
    permits, router,
};

/// Largest head of a request in bytes.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// Bytes of an answer that wait in the kernel before they are sent.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 << 10;
/// One source may hold this part of all connections.
const SHARE_OF_SOURCE: u32 = 4;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;

/// Whose connection a request came by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller(pub(super) IpAddr);

/// The place of a request's connection among those that are counted. Whoever keeps it keeps the place.
#[derive(Clone)]
pub(super) struct Held {
    _permit: Arc<(OwnedSemaphorePermit, Place)>,
}

/// How connections are driven.
#[derive(Clone, Copy)]
pub(super) struct Driving {
    pub(super) head_timeout: Duration,
    pub(super) stall_timeout: Duration,
    pub(super) drain: Duration,
    pub(super) connections: u32,
}

/// The listening API.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens. Connections wait until [`Self::run`].
    ///
    /// # Errors
    /// The address is taken, or not this machine's.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is true or its sender is gone, then lets running requests end.
    pub async fn run(self, context: Context, shutdown: watch::Receiver<bool>) {
        let bounds = context.bounds();
        let driving = Driving {
            head_timeout: bounds.head_timeout,
            stall_timeout: bounds.stall_timeout,
            drain: bounds.drain,
            connections: bounds.connections,
        };
        let router = router::router(context.clone());
        let ticks = async {
            let mut tick = interval(Duration::from_secs(1));
            loop {
                tick.tick().await;
                context.note_pace();
            }
        };
        let stop = {
            let mut shutdown = shutdown.clone();
            let context = context.clone();
            async move {
                stopped(&mut shutdown).await;
                context.stop();
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = serve(self.listener, router, driving, shutdown) => {}
            () = ticks => {}
            () = stop => {}
        }
    }
}

/// Waits for the word to stop.
pub(super) async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say it.
    if shutdown.wait_for(|stop| *stop).await.is_err() {
        debug!("the sender of the shutdown signal is gone");
    }
}

/// Accepts and drives connections until the word to stop, then drains them.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    driving: Driving,
    mut shutdown: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(permits(driving.connections)));
    let crowd = Crowd::default();
    let most = (driving.connections / SHARE_OF_SOURCE).max(1);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut shutdown) => break,
            accepted = accept(&listener, &slots) => accepted,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    warn!(%error, "a connection's task failed");
                }
                continue;
            }
        };
        let Some((stream, peer, permit)) = accepted else {
            continue;
        };
        let Some(place) = crowd.enter(peer.ip(), most) else {
            debug!(%peer, "a connection refused: its source has too many");
            continue;
        };
        let (router, shutdown) = (router.clone(), shutdown.clone());
        let held = Held {
            _permit: Arc::new((permit, place)),
        };
        connections.spawn(drive(stream, peer, held, router, driving, shutdown));
    }
    drop(listener);
    let drained = timeout(driving.drain, async {
        while connections.join_next().await.is_some() {}
        // Connections that became WebSockets have tasks of their own; they end with their places.
        slots.acquire_many(driving.connections).await.is_ok()
    });
    if drained.await.is_err() {
        let left = permits(driving.connections) - slots.available_permits();
        warn!(left, "requests are cut off at shutdown");
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) => {
            // Out of file descriptors, most often: trying at once would only spin.
            warn!(%error, "can't accept a connection");
            sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// What waits in the kernel for a slow reader is bounded, and a reader that vanished is noticed.
fn tune(stream: &TcpStream, patience: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(stream);
        socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
        socket.set_tcp_user_timeout(Some(patience))?;
    }
    Ok(())
}

async fn drive(
    stream: TcpStream,
    peer: SocketAddr,
    held: Held,
    router: Router,
    driving: Driving,
    mut shutdown: watch::Receiver<bool>,
) {
    if let Err(error) = tune(&stream, driving.stall_timeout) {
        debug!(%error, "a connection ended before it began");
        return;
    }
    let io = TokioIo::new(Stalling::new(stream, driving.stall_timeout));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Caller(peer.ip()));
        request.extensions_mut().insert(held.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(driving.head_timeout)
        .max_buf_size(MAX_HEAD_BYTES.max(64 << 10))
        .max_headers(MAX_HEADERS)
        .serve_connection(io, service)
        .with_upgrades();
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stopped(&mut shutdown) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        debug!(%peer, %error, "a connection broke");
    }
}
