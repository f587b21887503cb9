//! Signals that ask the node to stop, and how long it may take to.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::sleep,
};

use crate::Exit;

/// After this long the process ends even if something still hangs. Nothing is lost by that: what
/// binds a node is durable before anybody is told. Service managers should wait a little longer
/// before they kill.
const LIMIT: Duration = Duration::from_secs(10);

/// Resolves when the process is asked to stop; asked again, the process exits at once.
///
/// Signals are watched from this call on, whether or not the future is polled yet.
///
/// # Errors
/// The operating system lets us watch no signals.
pub fn requested() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
    };
    let (ask, asked) = oneshot::channel();
    tokio::spawn(watch(signals, ask));
    Ok(async move {
        if asked.await.is_err() {
            tracing::error!("signals are no longer watched");
        }
    })
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// The next one: its name, and the exit code of a process that it ends.
    async fn next(&mut self) -> (&'static str, u8) {
        tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", 130),
            _ = self.terminate.recv() => ("SIGTERM", 143),
        }
    }
}

async fn watch(mut signals: Signals, ask: oneshot::Sender<()>) {
    let (signal, _) = signals.next().await;
    tracing::info!(
        signal,
        limit_s = LIMIT.as_secs(),
        "stopping; a second signal stops at once"
    );
    if ask.send(()).is_err() {
        tracing::debug!("the node has stopped by itself");
    }
    let code = tokio::select! {
        (signal, code) = signals.next() => {
            tracing::warn!(signal, "stopped at once");
            code
        }
        () = sleep(LIMIT) => {
            tracing::error!(limit_s = LIMIT.as_secs(), "something hangs; stopped without it");
            Exit::Timeout.code()
        }
    };
    std::process::exit(code.into());
}
