//! Stored payloads that turned out to be unreadable are fetched again.
//!
//! Whoever asked got an error; the next one is to get the payload. Only what was once stored and
//! is final comes here, so a copy is checked against its header and put over the damaged one.

use std::{sync::Arc, time::Duration};

use da::{CommittedPayload, Limits, Slots};
use hotshot_types::{Hash, Height, SealedHeader};
use libp2p::PeerId;
use tokio::sync::watch;

use super::{entry::Decoded, retrieve::fetch_payload};
use crate::{
    node::fetch::Fetcher,
    storage::{Durability, Storage, StorageError},
};

/// How often it is looked for.
const EVERY: Duration = Duration::from_secs(5);

/// What mending takes.
pub(in crate::node) struct Mender {
    pub(in crate::node) storage: Storage,
    pub(in crate::node) fetcher: Fetcher,
    pub(in crate::node) slots: Arc<Slots>,
    /// The keys of the committee by index.
    pub(in crate::node) members: Vec<PeerId>,
    pub(in crate::node) limits: Limits,
}

impl Mender {
    /// Mends until the node stops.
    pub(in crate::node) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut every = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                _ = stop.changed() => return,
            }
            for (height, hash) in self.storage.take_unreadable() {
                match self.mend(height, hash).await {
                    Ok(true) => tracing::info!(%height, "an unreadable payload was fetched again"),
                    Ok(false) => tracing::warn!(
                        %height,
                        "a stored payload can't be read, and no peer has it any more: it counts as pruned"
                    ),
                    Err(error) => {
                        tracing::error!(%error, %height, "an unreadable payload can't be mended");
                    }
                }
            }
        }
    }

    /// Whether the payload is there again.
    async fn mend(&self, height: Height, hash: Hash) -> Result<bool, StorageError> {
        let header = self.storage.header(height)?;
        let Some(header) = header.filter(|header| header.hash() == hash) else {
            return Ok(false);
        };
        let (fetcher, slots) = (&self.fetcher, &self.slots);
        let found = fetch_payload(fetcher, &header, slots, &self.members, self.limits).await;
        let storage = self.storage.clone();
        let stored = tokio::task::spawn_blocking(move || match found {
            Some(Decoded::Right(committed)) => put(&storage, &header, &committed).map(|()| true),
            _ => storage.drop_payload(&header).map(|()| false),
        });
        stored.await.unwrap_or(Err(StorageError::Panicked))
    }
}

fn put(
    storage: &Storage,
    header: &SealedHeader,
    committed: &CommittedPayload,
) -> Result<(), StorageError> {
    let mut batch = storage.batch();
    batch.put_payload(header, committed.payload().bytes().clone());
    // A restart with the damaged one could not index it.
    batch.index_late(header.height, committed.namespaces());
    storage.commit(batch, Durability::Buffered)
}
