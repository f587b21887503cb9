//! Joining beyond what peers keep: a copy of the namespace map, proven by a final header (K2).

use std::{sync::Arc, time::Duration};

use da::{AccumulatorEntry, MapUpdate, NamespaceId};
use hotshot::{Input, Verdict};
use hotshot_types::{Hash, Height, SealedHeader};

use super::{Done, Payloads, overlay::Base};
use crate::{
    node::{
        fetch::{Answer, Fetcher, decoded},
        wire::{MapChunk, Request},
    },
    storage::{Cutoffs, Durability},
};

/// How far below the tip the copy is taken, so that the payloads from there on can be fetched.
const BELOW_TIP: u64 = 16;
/// Above this many missing blocks a copy is cheaper than replaying them.
const MAX_REPLAYED: u64 = 256;
/// Most entries a map may have: what a node is ready to hold in memory while it joins.
const MAX_ENTRIES: usize = 16 << 20;
/// Pause before trying again.
const PAUSE: Duration = Duration::from_millis(300);

impl Payloads {
    /// Starts a copy where replaying would take too long or cannot work.
    pub(super) fn snapshot_if_far(&mut self) {
        let Some(tip) = self.finals.back().map(|header| header.height) else {
            return;
        };
        let far =
            tip.above(self.base.height()) > MAX_REPLAYED.min(self.parts.parameters.epoch_length);
        let next_is_gone = self
            .finals
            .front()
            .is_some_and(|header| self.gone.contains(&header.hash()));
        if self.snapshotting || self.settling || !(far || next_is_gone) {
            return;
        }
        let height = Height(tip.0.saturating_sub(BELOW_TIP)).max(self.base.height().next());
        let target = self
            .finals
            .iter()
            .find(|header| header.height == height)
            .cloned();
        let Some(target) = target else {
            return;
        };
        self.snapshotting = true;
        tracing::info!(height = height.0, "copying the namespace map from peers");
        let fetcher = self.parts.fetcher.clone();
        let done = self.done.clone();
        tokio::spawn(async move {
            let copy = copy_map(&fetcher, &target).await;
            let result = match copy {
                Some(update) => Done::Snapshot(target, Box::new(update)),
                None => {
                    tokio::time::sleep(PAUSE).await;
                    Done::NoSnapshot
                }
            };
            if done.send(result).await.is_err() {
                tracing::debug!("the payload task has stopped");
            }
        });
    }

    pub(super) async fn on_snapshot(&mut self, header: Arc<SealedHeader>, update: MapUpdate) {
        self.snapshotting = false;
        let mut batch = self.parts.storage.batch();
        let head = update.head;
        let stored = batch
            .advance_map(header.height, &update)
            .and_then(|()| self.parts.storage.commit(batch, Durability::Buffered))
            // What came before is not indexed here: the API must say so, not leave blocks out.
            .and_then(|()| self.parts.storage.prune(&unindexed_below(header.height), 1));
        if let Err(error) = stored {
            return self.on_failure(error).await;
        }
        tracing::info!(
            height = header.height.0,
            "joined with a copy of the namespace map"
        );
        self.tell(Input::Payload(header.hash(), Verdict::Good))
            .await;
        self.move_base(Base::new(header.height, header.hash(), head))
            .await;
        let hash = self.base.hash();
        let children: Vec<Hash> = self
            .entries
            .values()
            .filter(|entry| entry.header.parent_hash == hash)
            .map(|entry| entry.header.hash())
            .collect();
        for child in children {
            self.judge_from(child).await;
        }
    }

    async fn on_failure(&self, error: crate::storage::StorageError) {
        if self.parts.failure.send(error).await.is_err() {
            tracing::debug!("the node is stopping already");
        }
    }
}

fn unindexed_below(height: Height) -> Cutoffs {
    Cutoffs {
        transactions: height.next(),
        ..Cutoffs::default()
    }
}

/// All entries from one peer; the root tells whether they are the map.
async fn copy_map(fetcher: &Fetcher, header: &SealedHeader) -> Option<MapUpdate> {
    for peer in fetcher.everybody() {
        if let Some(entries) = all_entries(fetcher, peer, header.height).await {
            let version = header.height.0;
            let update =
                tokio::task::spawn_blocking(move || MapUpdate::of_entries(version, &entries));
            match update.await.ok()? {
                Ok(update) if update.head.root == header.ns_acc_root.0 => return Some(update),
                _ => tracing::warn!(%peer, "a peer's namespace map is not the block's"),
            }
        }
    }
    None
}

async fn all_entries(
    fetcher: &Fetcher,
    peer: libp2p::PeerId,
    height: Height,
) -> Option<Vec<(NamespaceId, AccumulatorEntry)>> {
    let mut entries = Vec::new();
    let mut from = Hash::ZERO;
    loop {
        let request = Request::Map { height, from };
        let Answer::Right(_, chunk) = fetcher.ask(peer, &request, decoded::<MapChunk>).await else {
            return None;
        };
        let progress = !chunk.entries.is_empty() || chunk.next.is_none();
        entries.extend(chunk.entries);
        match chunk.next {
            None => return Some(entries),
            Some(next) if progress && next > from && entries.len() < MAX_ENTRIES => from = next,
            Some(_) => return None,
        }
    }
}
