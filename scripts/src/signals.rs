//! Signals that end a task.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

/// Waits until somebody wants the task to end, and names the signal.
pub(crate) async fn received() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
        _ = hangup.recv() => "SIGHUP",
    })
}
