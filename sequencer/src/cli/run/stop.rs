//! Signals that ask the node to stop.

use std::{future::Future, io};

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::exit::Exit;

/// Resolves when the process is asked to stop; asked again, the process exits at once.
///
/// # Errors
/// The operating system lets us watch no signals.
pub(super) fn requested() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        tracing::info!(
            signal = name,
            "stopping; the same signal again stops at once"
        );
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::warn!("stopped at once");
            std::process::exit(Exit::Internal.code().into());
        });
    })
}
