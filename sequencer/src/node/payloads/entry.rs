//! One block's payload, from the first shard to the verdict.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use da::{
    BadEncoding, Commitments, CommittedPayload, CopyError, MapHead, MapUpdate, NamespaceMap,
    Reconstruction, ShardRange,
};
use hotshot::{Input, Verdict};
use hotshot_types::{Hash, Kind, Round, SealedHeader};
use libp2p::PeerId;
use tokio::time::Instant;

use super::{
    Done, FALSE_SHARDS, Payloads,
    overlay::{Layers, Overlay, stamp},
    with_coder,
};
use crate::{
    node::{roster::Seats, wire::Shards},
    storage::{Durability, Storage, StorageError},
};

/// Shards kept of one peer and kind before their header is known.
const MAX_EARLY: usize = 2;

/// What is known of one block's payload.
pub(super) struct Entry {
    pub(super) header: Arc<SealedHeader>,
    /// The committee of its epoch.
    pub(super) seats: Arc<Seats>,
    pub(super) is_inline: bool,
    pub(super) collected: Option<Reconstruction>,
    /// The slots the leader gave us.
    pub(super) own_range: Option<ShardRange>,
    /// Decoding or reading is under way.
    pub(super) working: bool,
    pub(super) committed: Option<Arc<CommittedPayload>>,
    /// There when the payload is good.
    pub(super) overlay: Option<Overlay>,
    pub(super) is_bad: bool,
    /// When to ask peers for the whole payload.
    pub(super) fetch_at: Option<Instant>,
    pub(super) fetching: bool,
}

/// What came of decoding.
pub(super) enum Decoded {
    Right(Box<CommittedPayload>),
    /// The leader's fault, for ever.
    Bad(BadEncoding),
    /// This copy was not the block's payload.
    NotThis,
}

impl Entry {
    pub(super) fn commitments(&self) -> Commitments {
        commitments(&self.header)
    }
}

pub(super) fn commitments(header: &SealedHeader) -> Commitments {
    Commitments {
        payload_len: u64::from(header.payload_len),
        shard_root: header.shard_root.0,
        ns_root: header.ns_root.0,
    }
}

impl Payloads {
    /// The entry of a block above the settled ones.
    pub(super) fn entry(&mut self, header: &Arc<SealedHeader>) -> &mut Entry {
        let roster = &self.parts.roster;
        self.entries.entry(header.hash()).or_insert_with(|| {
            let seats = roster.at_or_before(header.epoch);
            Entry {
                is_inline: da::is_inline(u64::from(header.payload_len), &seats.slots),
                header: Arc::clone(header),
                seats,
                collected: None,
                own_range: None,
                working: false,
                committed: None,
                overlay: None,
                is_bad: false,
                fetch_at: None,
                fetching: false,
            }
        })
    }

    pub(super) async fn on_proposed(
        &mut self,
        _round: Round,
        kind: Kind,
        header: Arc<SealedHeader>,
        inline: Option<Bytes>,
    ) {
        if header.height <= self.base.height() {
            return;
        }
        let hash = header.hash();
        let entry = self.entry(&header);
        let empty = header.payload_len == 0;
        if entry.committed.is_none() && !entry.working {
            if empty || (entry.is_inline && inline.is_some()) {
                self.decode_copy(&header, inline.unwrap_or_default());
            } else if kind == Kind::Repropose {
                self.retrieve(header).await;
            }
        }
        let early: Vec<(PeerId, bool, Shards)> = self
            .early
            .iter_mut()
            .flat_map(|((peer, disperse), waiting)| {
                let (here, rest): (VecDeque<Shards>, VecDeque<Shards>) =
                    waiting.drain(..).partition(|shards| shards.hash == hash);
                *waiting = rest;
                here.into_iter().map(|shards| (*peer, *disperse, shards))
            })
            .collect();
        for (peer, disperse, shards) in early {
            self.on_shards(peer, disperse, shards).await;
        }
    }

    /// V6: proves slots against the header and decodes as soon as there are enough.
    pub(super) async fn on_shards(&mut self, peer: PeerId, disperse: bool, shards: Shards) {
        let Some(entry) = self.entries.get_mut(&shards.hash) else {
            let seats = self.parts.roster.of(shards.round.epoch);
            if seats.is_none_or(|seats| seats.place(peer).is_none()) {
                // It may know of a committee that this node has not seen yet.
                return;
            }
            let waiting = self.early.entry((peer, disperse)).or_default();
            if waiting.len() >= MAX_EARLY {
                waiting.pop_front();
            }
            waiting.push_back(shards);
            return;
        };
        let Some(sender) = entry.seats.place(peer) else {
            return self.parts.network.blame(
                peer,
                FALSE_SHARDS,
                "shards from outside the committee",
            );
        };
        if entry.is_inline {
            return self
                .parts
                .network
                .blame(peer, FALSE_SHARDS, "shards of an inline payload");
        }
        if entry.committed.is_some() && (!disperse || entry.own_range.is_some()) {
            return;
        }
        let expected = if disperse && sender == entry.header.proposer {
            entry.seats.own_slots()
        } else {
            entry.seats.slots.range(sender.position())
        };
        let Some(expected) = expected else {
            return;
        };
        let length = u64::from(entry.header.payload_len);
        let checked = shards.range.check(
            &entry.header.shard_root.0,
            &entry.seats.slots,
            expected,
            length,
        );
        let checked = match checked {
            Ok(checked) => checked,
            Err(error) => {
                tracing::debug!(%peer, %error, "false shards");
                return self
                    .parts
                    .network
                    .blame(peer, FALSE_SHARDS, "shards that prove nothing");
            }
        };
        if entry.collected.is_none() {
            match Reconstruction::new(entry.commitments(), &entry.seats.slots) {
                Ok(collection) => entry.collected = Some(collection),
                Err(error) => {
                    return tracing::error!(%error, "a header that passed can't be decoded");
                }
            }
        }
        if let Some(collection) = &mut entry.collected
            && let Err(error) = collection.add(&checked)
        {
            return tracing::error!(%error, "checked shards do not fit their block");
        }
        if disperse && entry.own_range.is_none() {
            entry.own_range = Some(shards.range.clone());
            let header = Arc::clone(&entry.header);
            self.keep_own_slots(header, shards.range);
        }
        self.decode_if_ready(shards.hash);
    }

    /// Writes the own slots and then tells the state machine.
    fn keep_own_slots(&self, header: Arc<SealedHeader>, range: ShardRange) {
        let storage = self.parts.storage.clone();
        let facts = self.parts.facts.clone();
        let done = self.done.clone();
        tokio::task::spawn_blocking(move || {
            let sent = match write_slots(&storage, &header, &range) {
                Ok(()) => {
                    let input = Box::new(Input::OwnSlotsProven(header.hash()));
                    facts
                        .blocking_send(crate::node::consensus::Fact::Input(input))
                        .is_ok()
                }
                Err(error) => done.blocking_send(Done::Failed(error)).is_ok(),
            };
            if !sent {
                tracing::debug!("the node is stopping");
            }
        });
    }

    fn decode_if_ready(&mut self, hash: Hash) {
        let Some(entry) = self.entries.get_mut(&hash) else {
            return;
        };
        let ready = entry
            .collected
            .as_ref()
            .is_some_and(Reconstruction::is_ready);
        if !ready || entry.working || entry.committed.is_some() || entry.is_bad {
            return;
        }
        let Some(collected) = entry.collected.clone() else {
            return;
        };
        entry.working = true;
        let header = Arc::clone(&entry.header);
        let limits = self.limits;
        let own = entry.seats.own_slots();
        let storage = self.parts.storage.clone();
        self.work(move || {
            let decoded = match with_coder(|coder| collected.decode(coder, &limits)) {
                Some(Ok(committed)) => Decoded::Right(Box::new(committed)),
                Some(Err(bad)) => Decoded::Bad(bad),
                None => Decoded::NotThis,
            };
            keep(&storage, &header, decoded, own)
        });
    }

    /// Checks a whole copy: inline, stored, fetched or empty.
    pub(super) fn decode_copy(&mut self, header: &Arc<SealedHeader>, bytes: Bytes) {
        let entry = self.entry(header);
        entry.working = true;
        let commitments = entry.commitments();
        let (slots, own) = (Arc::clone(&entry.seats.slots), entry.seats.own_slots());
        let header = Arc::clone(header);
        let limits = self.limits;
        let storage = self.parts.storage.clone();
        self.work(move || {
            let copy = with_coder(|coder| {
                CommittedPayload::from_copy(coder, &slots, &commitments, &bytes, &limits)
            });
            let decoded = match copy {
                Ok(committed) => Decoded::Right(Box::new(committed)),
                Err(CopyError::NotThisBlock) => Decoded::NotThis,
                Err(CopyError::Bad(bad)) => Decoded::Bad(bad),
            };
            keep(&storage, &header, decoded, own)
        });
    }

    pub(super) async fn on_decoded(&mut self, hash: Hash, decoded: Decoded) {
        let Some(entry) = self.entries.get_mut(&hash) else {
            return;
        };
        entry.working = false;
        match decoded {
            Decoded::Right(committed) => {
                entry.committed = Some(Arc::from(committed));
                entry.collected = None;
                self.tell(Input::OwnSlotsProven(hash)).await;
                self.judge_from(hash).await;
            }
            Decoded::Bad(bad) => {
                tracing::warn!(%hash, %bad, "badly encoded payload");
                entry.is_bad = true;
                self.verdict(hash, Verdict::Bad).await;
            }
            Decoded::NotThis if entry.header.payload_len == 0 => {
                // There is only one empty payload, and its roots are not the header's.
                entry.is_bad = true;
                self.verdict(hash, Verdict::Bad).await;
            }
            Decoded::NotThis => entry.fetch_at = Some(Instant::now()),
        }
    }

    /// Judges a block whose payload is there, and then the children that waited for its map.
    pub(super) async fn judge_from(&mut self, hash: Hash) {
        let mut ready = vec![hash];
        while let Some(hash) = ready.pop() {
            let Some(good) = self.judge(hash) else {
                self.pursue_parent(hash).await;
                continue;
            };
            let verdict = if good { Verdict::Good } else { Verdict::Bad };
            self.verdict(hash, verdict).await;
            if good {
                ready.extend(
                    self.entries
                        .values()
                        .filter(|entry| entry.header.parent_hash == hash && entry.overlay.is_none())
                        .map(|entry| entry.header.hash()),
                );
            }
        }
        self.build_if_waiting().await;
        self.settle();
    }

    /// P1's last part, `ns_acc_root` from the parent's map. None while something is missing.
    fn judge(&mut self, hash: Hash) -> Option<bool> {
        let entry = self.entries.get(&hash)?;
        let committed = Arc::clone(entry.committed.as_ref()?);
        if entry.overlay.is_some() || entry.is_bad {
            return None;
        }
        let header = Arc::clone(&entry.header);
        let update = self.map_after(header.parent_hash, &committed, &stamp(&header))?;
        let good = update.head.root == header.ns_acc_root.0;
        let entry = self.entries.get_mut(&hash)?;
        if good {
            entry.overlay = Some(Overlay::new(update));
            self.parts.mempool.block_known(
                hash,
                header.parent_hash,
                header.height,
                committed.namespaces(),
            );
        } else {
            entry.is_bad = true;
        }
        Some(good)
    }

    /// The map after a block on `parent`. None if the parent's map is not here.
    pub(super) fn map_after(
        &self,
        parent: Hash,
        committed: &CommittedPayload,
        stamp: &da::BlockStamp,
    ) -> Option<MapUpdate> {
        let (head, overlays) = self.map_of(parent)?;
        let layers = Layers {
            overlays,
            stored: self.parts.storage.map_store(),
        };
        let map = NamespaceMap::new(&layers, head);
        match map.update(stamp, committed.namespaces().leaves()) {
            Ok(update) => Some(update),
            Err(error) => {
                // Without its map a node can judge no block: better that it stops and says why.
                let error = match error {
                    da::MapError::Store(error) => error,
                    error => StorageError::damaged("the namespace map", error.to_string()),
                };
                tracing::error!(%error, "the namespace map can't be read");
                if self.parts.failure.try_send(error).is_err() {
                    tracing::debug!("the node is stopping already");
                }
                None
            }
        }
    }

    /// Whether a block's map can be read.
    pub(super) fn has_map(&self, hash: Hash) -> bool {
        self.map_of(hash).is_some()
    }

    /// The head of a block's map and the layers to read it through.
    fn map_of(&self, hash: Hash) -> Option<(MapHead, Vec<Overlay>)> {
        let mut overlays = Vec::new();
        let mut at = hash;
        while at != self.base.hash() {
            let entry = self.entries.get(&at)?;
            overlays.push(entry.overlay.clone()?);
            at = entry.header.parent_hash;
        }
        let head = overlays
            .first()
            .map_or(self.base.head(), |overlay| overlay.update.head);
        Some((head, overlays))
    }
}

/// Writes a payload and the own slots before anybody hears that it is good.
pub(super) fn keep(
    storage: &Storage,
    header: &Arc<SealedHeader>,
    decoded: Decoded,
    own: Option<std::ops::Range<u32>>,
) -> Done {
    if let Decoded::Right(committed) = &decoded
        && let Err(error) = write_payload(storage, header, committed, own)
    {
        return Done::Failed(error);
    }
    Done::Decoded(header.hash(), decoded)
}

pub(super) fn write_payload(
    storage: &Storage,
    header: &SealedHeader,
    committed: &CommittedPayload,
    own: Option<std::ops::Range<u32>>,
) -> Result<(), StorageError> {
    if header.payload_len == 0 {
        return Ok(());
    }
    let mut batch = storage.batch();
    if !storage.has_payload(header)? {
        batch.put_payload(header, committed.payload().bytes().clone());
    }
    if let Some(range) = own.and_then(|own| committed.encoded().range(own))
        && !storage.has_slots(header)?
    {
        batch.put_slots(header, &range)?;
    }
    storage.commit(batch, Durability::Buffered)
}

fn write_slots(
    storage: &Storage,
    header: &SealedHeader,
    range: &ShardRange,
) -> Result<(), StorageError> {
    let mut batch = storage.batch();
    batch.put_slots(header, range)?;
    storage.commit(batch, Durability::Buffered)
}
