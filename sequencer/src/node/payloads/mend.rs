//! Stored payloads that turned out to be unreadable are fetched again.
//!
//! Whoever asked got an error; the next one is to get the payload. Only what was once stored and
//! is final comes here, so a copy is checked against its header and put over the damaged one.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use da::{CommittedPayload, Limits};
use hotshot_types::{Hash, Height, SealedHeader};
use tokio::sync::watch;

use super::{entry::Decoded, retrieve::fetch_payload};
use crate::{
    node::{fetch::Fetcher, roster::Roster},
    storage::{Durability, Storage, StorageError},
};

/// Between two looks. Doubles up to [`LONGEST`] while peers have nothing of what is missing.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(10);

/// What mending takes.
pub(in crate::node) struct Mender {
    pub(in crate::node) storage: Storage,
    pub(in crate::node) fetcher: Fetcher,
    pub(in crate::node) roster: Arc<Roster>,
    pub(in crate::node) limits: Limits,
}

impl Mender {
    /// Mends until the node stops. What no peer has now is asked for again later: the node may have
    /// just started, and nobody is connected yet.
    pub(in crate::node) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut rest = SHORTEST;
        let mut missing = BTreeSet::new();
        loop {
            let unreadable = self.storage.take_unreadable();
            let known = std::mem::take(&mut missing);
            for (height, hash) in unreadable {
                match self.mend(height, hash).await {
                    Ok(Outcome::Mended) => {
                        tracing::info!(%height, "an unreadable payload was fetched again");
                    }
                    Ok(Outcome::Pruned) => {}
                    Ok(Outcome::Missing) => {
                        if !known.contains(&(height, hash)) {
                            tracing::warn!(
                                %height,
                                "a stored payload can't be read, and no connected peer has it; \
                                 it is asked for again"
                            );
                        }
                        missing.insert((height, hash));
                    }
                    Err(error) => {
                        tracing::error!(%error, %height, "an unreadable payload can't be mended");
                    }
                }
            }
            for (height, hash) in &missing {
                self.storage.note_unreadable(*height, *hash);
            }
            let is_new = missing.is_empty() || missing != known;
            rest = if is_new {
                SHORTEST
            } else {
                LONGEST.min(2 * rest)
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = stop.changed() => return,
            }
        }
    }

    async fn mend(&self, height: Height, hash: Hash) -> Result<Outcome, StorageError> {
        let header = self.storage.header(height)?;
        let Some(header) = header.filter(|header| header.hash() == hash) else {
            return Ok(Outcome::Pruned);
        };
        if !self.storage.has_payload(&header)? {
            return Ok(Outcome::Pruned);
        }
        let seats = self.roster.at_or_before(header.epoch);
        let found = fetch_payload(&self.fetcher, &header, &seats, self.limits).await;
        let Some(Decoded::Right(committed)) = found else {
            return Ok(Outcome::Missing);
        };
        let storage = self.storage.clone();
        let stored = tokio::task::spawn_blocking(move || put(&storage, &header, &committed));
        stored.await.unwrap_or(Err(StorageError::Panicked))?;
        Ok(Outcome::Mended)
    }
}

/// What came of one payload.
enum Outcome {
    /// It is here again.
    Mended,
    /// No connected peer has it.
    Missing,
    /// It is not kept any more, or never became final.
    Pruned,
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
