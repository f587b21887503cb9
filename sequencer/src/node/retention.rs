//! Dropping what is behind its window (node.md section 9; W4).

use std::time::Duration;

use hotshot_types::Height;
use tokio::sync::watch;

use crate::{
    config::Retention,
    storage::{Cutoffs, Storage},
};

/// How often the windows are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// Deletions in one call.
const STEP: usize = 1_000;

/// Prunes until the node stops. An archive keeps everything but old namespace maps.
pub(super) async fn run(
    storage: Storage,
    retention: Retention,
    epoch_length: u64,
    served: watch::Receiver<Height>,
) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        if served.has_changed().is_err() {
            return;
        }
        let height = *served.borrow();
        let cutoffs = cutoffs(&retention, epoch_length, height);
        let storage = storage.clone();
        let pruning = tokio::task::spawn_blocking(move || prune(&storage, &cutoffs));
        if let Ok(Err(error)) = pruning.await {
            tracing::warn!(%error, "old data can't be dropped");
        }
    }
}

fn prune(storage: &Storage, cutoffs: &Cutoffs) -> Result<(), crate::storage::StorageError> {
    while !storage.prune(cutoffs, STEP)?.done {}
    Ok(())
}

fn cutoffs(retention: &Retention, epoch_length: u64, height: Height) -> Cutoffs {
    let before = |epochs: u64| Height(height.0.saturating_sub(epochs.saturating_mul(epoch_length)));
    let map = before(retention.payload_epochs);
    if retention.is_archive {
        return Cutoffs {
            map,
            ..Cutoffs::default()
        };
    }
    Cutoffs {
        payloads: before(retention.payload_epochs),
        slots: before(retention.slot_epochs),
        transactions: before(retention.slot_epochs),
        map,
    }
}
