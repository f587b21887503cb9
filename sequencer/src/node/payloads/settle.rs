//! What becomes of final blocks: their map and index are stored in order, and the pool forgets
//! their transactions.

use std::sync::Arc;

use da::CommittedPayload;
use hotshot_types::SealedHeader;

use super::{
    Done, Payloads,
    entry::write_payload,
    overlay::{Base, Overlay},
};
use crate::storage::{Durability, Storage, StorageError};

/// Blocks settled in one batch.
const MAX_SETTLED: usize = 32;

impl Payloads {
    /// Settles the final blocks that are good, up to the first that is not.
    pub(super) fn settle(&mut self) {
        // A copy of the map on its way will move the base past all this.
        if self.settling || self.snapshotting {
            return;
        }
        while self
            .finals
            .front()
            .is_some_and(|header| header.height <= self.base.height())
        {
            self.finals.pop_front();
        }
        let mut ready = Vec::new();
        for header in self.finals.iter().take(MAX_SETTLED) {
            let Some(entry) = self.entries.get(&header.hash()) else {
                break;
            };
            let (Some(committed), Some(overlay)) = (&entry.committed, &entry.overlay) else {
                break;
            };
            ready.push(Ready {
                header: Arc::clone(header),
                committed: Arc::clone(committed),
                overlay: overlay.clone(),
                own: entry.seats.own_slots(),
            });
        }
        if ready.is_empty() {
            return;
        }
        self.settling = true;
        let storage = self.parts.storage.clone();
        let mempool = self.parts.mempool.clone();
        self.work(move || match store(&storage, &ready) {
            Ok(()) => {
                for Ready {
                    header, committed, ..
                } in &ready
                {
                    mempool.block_final(header.height, committed.namespaces());
                }
                Done::Settled(ready.into_iter().map(|ready| ready.header).collect())
            }
            Err(error) => Done::Failed(error),
        });
    }

    pub(super) async fn on_settled(&mut self, blocks: &[Arc<SealedHeader>]) {
        self.settling = false;
        let Some(last) = blocks.last() else {
            return;
        };
        let head = self
            .entries
            .get(&last.hash())
            .and_then(|entry| entry.overlay.as_ref())
            .map(|overlay| overlay.update.head);
        let Some(head) = head else {
            return;
        };
        self.move_base(Base::new(last.height, last.hash(), head))
            .await;
    }

    /// Everything up to this block is stored; what is not above it is dropped.
    pub(super) async fn move_base(&mut self, base: Base) {
        self.base = base;
        let height = self.base.height();
        self.entries.retain(|_, entry| entry.header.height > height);
        self.gone.clear();
        self.parts.served.send_replace(height);
        self.build_if_waiting().await;
        self.pursue_finals().await;
    }
}

/// A final block that is good.
struct Ready {
    header: Arc<SealedHeader>,
    committed: Arc<CommittedPayload>,
    overlay: Overlay,
    /// The slots of it that this node has to keep.
    own: Option<std::ops::Range<u32>>,
}

fn store(storage: &Storage, ready: &[Ready]) -> Result<(), StorageError> {
    for block in ready {
        write_payload(storage, &block.header, &block.committed, block.own.clone())?;
    }
    let mut batch = storage.batch();
    for block in ready {
        batch.advance_map(block.header.height, &block.overlay.update)?;
        batch.index_block(block.header.height, block.committed.namespaces())?;
    }
    storage.commit(batch, Durability::Buffered)
}
