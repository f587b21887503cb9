//! Getting payloads that did not come by themselves.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use da::Reconstruction;
use hotshot::{Input, Verdict};
use hotshot_types::{Hash, SealedHeader};
use tokio::time::Instant;

use super::{
    Done, Payloads,
    entry::{Decoded, commitments, keep},
    with_coder,
};
use crate::node::{
    fetch::{Answer, Fetcher, decoded},
    roster::Seats,
    wire::Request,
};

/// How many payloads of final blocks are fetched at the same time.
const MAX_FETCHES: usize = 8;
/// Pause between rounds through all peers.
const PAUSE: Duration = Duration::from_millis(200);

impl Payloads {
    /// A certified block: from here, from shards that are on their way, or from peers.
    pub(super) async fn retrieve(&mut self, header: Arc<SealedHeader>) {
        let hash = header.hash();
        if hash == self.base.hash() {
            self.tell(Input::Payload(hash, Verdict::Good)).await;
            return;
        }
        if header.height <= self.base.height() {
            return;
        }
        // Nobody sends shards to a node without stake.
        let grace = match self.seats(header.epoch).me {
            Some(_) => Duration::from_millis(self.parts.parameters.view_timeout_ms / 4),
            None => Duration::ZERO,
        };
        let entry = self.entry(&header);
        if entry.committed.is_some() || entry.working || entry.is_bad {
            return;
        }
        entry.fetch_at.get_or_insert(Instant::now() + grace);
        self.read_stored(&header);
    }

    /// A block that is decoded but waits for its parent's map: nobody else may ask for the parent.
    pub(super) async fn pursue_parent(&mut self, hash: Hash) {
        let Some(entry) = self.entries.get(&hash) else {
            return;
        };
        let parent = entry.header.parent_hash;
        if entry.committed.is_none() || entry.overlay.is_some() || parent == self.base.hash() {
            return;
        }
        if let Some(known) = self.entries.get(&parent) {
            let header = Arc::clone(&known.header);
            return self.retrieve(header).await;
        }
        match self.parts.storage.header_by_hash(parent) {
            Ok(Some(header)) => self.retrieve(Arc::new(header)).await,
            // The state machine fetches it, or it is final and pursued in order.
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a stored header can't be read"),
        }
    }

    /// After a restart the payload may be on disk; an empty one always is.
    fn read_stored(&mut self, header: &Arc<SealedHeader>) {
        if header.payload_len == 0 {
            return self.decode_copy(header, Bytes::new());
        }
        match self.parts.storage.payload(header) {
            Ok(Some(bytes)) => self.decode_copy(header, bytes),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, height = header.height.0, "a stored payload can't be read and is fetched again");
                let storage = self.parts.storage.clone();
                let header = Arc::clone(header);
                self.work_unheard(move || storage.drop_payload(&header));
            }
        }
    }

    /// Final blocks need their payloads in order, or a copy of the map beyond them.
    pub(super) async fn pursue_finals(&mut self) {
        self.settle();
        self.snapshot_if_far();
        if self.snapshotting {
            return;
        }
        let wanted: Vec<Arc<SealedHeader>> =
            self.finals.iter().take(4 * MAX_FETCHES).cloned().collect();
        for header in wanted {
            self.retrieve(header).await;
        }
    }

    /// Starts the fetches that are due.
    pub(super) async fn look_after(&mut self) {
        let now = Instant::now();
        let under_way = self.entries.values().filter(|entry| entry.fetching).count();
        let mut due: Vec<Arc<SealedHeader>> = self
            .entries
            .values()
            .filter(|entry| {
                entry.committed.is_none()
                    && !entry.working
                    && !entry.is_bad
                    && !entry.fetching
                    && entry.fetch_at.is_some_and(|at| at <= now)
            })
            .map(|entry| Arc::clone(&entry.header))
            .collect();
        due.sort_by_key(|header| header.height);
        for header in due.into_iter().take(MAX_FETCHES.saturating_sub(under_way)) {
            self.fetch(header);
        }
        if !self.finals.is_empty() {
            self.pursue_finals().await;
        }
    }

    fn fetch(&mut self, header: Arc<SealedHeader>) {
        let entry = self.entry(&header);
        entry.fetching = true;
        let seats = Arc::clone(&entry.seats);
        let fetcher = self.parts.fetcher.clone();
        let limits = self.limits;
        let done = self.done.clone();
        tokio::spawn(async move {
            let found = fetch_payload(&fetcher, &header, &seats, limits).await;
            let result = match found {
                Some(decoded) => Done::Fetched(header.hash(), decoded),
                None => Done::Gone(header.hash()),
            };
            if done.send(result).await.is_err() {
                tracing::debug!("the payload task has stopped");
            }
        });
    }

    /// A copy from peers; shards may have been faster.
    pub(super) async fn on_fetched(&mut self, hash: Hash, decoded: Decoded) {
        let Some(entry) = self.entries.get_mut(&hash) else {
            return;
        };
        entry.fetching = false;
        if entry.committed.is_none() && !entry.is_bad {
            self.keep_fetched(hash, decoded);
        }
    }

    fn keep_fetched(&mut self, hash: Hash, decoded: Decoded) {
        let Some(entry) = self.entries.get_mut(&hash) else {
            return;
        };
        entry.working = true;
        let header = Arc::clone(&entry.header);
        let own = entry.seats.own_slots();
        let storage = self.parts.storage.clone();
        self.work(move || keep(&storage, &header, decoded, own));
    }

    /// No peer had it. A final block may be behind everybody's window: then a copy of the map
    /// leads past it. Otherwise it is asked for again.
    pub(super) async fn on_gone(&mut self, hash: Hash) {
        let Some(entry) = self.entries.get_mut(&hash) else {
            return;
        };
        entry.fetching = false;
        entry.fetch_at = Some(Instant::now() + PAUSE);
        let is_final = self.finals.iter().any(|header| header.hash() == hash);
        if is_final {
            self.gone.insert(hash);
            self.pursue_finals().await;
        }
    }
}

/// One round through all peers: a whole copy from one of them, else enough slots from all.
pub(super) async fn fetch_payload(
    fetcher: &Fetcher,
    header: &SealedHeader,
    seats: &Seats,
    limits: da::Limits,
) -> Option<Decoded> {
    let commitments = commitments(header);
    let slots = &seats.slots;
    let mut collected = Reconstruction::new(commitments, slots).ok()?;
    for peer in fetcher.everybody() {
        let request = Request::Payload(header.hash());
        let answer = fetcher.ask(peer, &request, |body| {
            (body.len() as u64 == commitments.payload_len).then(|| body.clone())
        });
        if let Answer::Right(_, bytes) = answer.await {
            let slots = Arc::clone(slots);
            let copy = tokio::task::spawn_blocking(move || {
                with_coder(|coder| {
                    da::CommittedPayload::from_copy(coder, &slots, &commitments, &bytes, &limits)
                })
            });
            match copy.await.ok()? {
                Ok(committed) => return Some(Decoded::Right(Box::new(committed))),
                Err(da::CopyError::Bad(bad)) => return Some(Decoded::Bad(bad)),
                Err(da::CopyError::NotThisBlock) => {}
            }
        }
        let range = seats
            .place(peer)
            .and_then(|place| slots.range(place.position()));
        let Some(range) = range else {
            continue;
        };
        let request = Request::Slots(header.hash());
        let answer = fetcher.ask(peer, &request, |body| {
            let shards: da::ShardRange = decoded(body)?;
            shards
                .check(
                    &commitments.shard_root,
                    slots,
                    range.clone(),
                    commitments.payload_len,
                )
                .ok()
        });
        if let Answer::Right(_, checked) = answer.await
            && collected.add(&checked).is_ok()
            && collected.is_ready()
        {
            let decode = tokio::task::spawn_blocking(move || {
                with_coder(|coder| collected.decode(coder, &limits))
            });
            return match decode.await.ok()?? {
                Ok(committed) => Some(Decoded::Right(Box::new(committed))),
                Err(bad) => Some(Decoded::Bad(bad)),
            };
        }
    }
    None
}
