//! Blocks of our own: chosen and encoded ahead of the view where there is something to put in.

use std::{sync::Arc, time::Duration};

use da::{BlockStamp, CommittedPayload, MapUpdate, NamespaceTree, Payload};
use hotshot::{Body, Input};
use hotshot_types::{Epoch, Hash, L1Block, Round, SealedHeader};
use tokio::{sync::watch, time::Instant};

use super::{Done, Parts, Payloads, overlay::Overlay, with_coder};
use crate::{
    mempool::Selection,
    node::consensus::{Built, Fact},
};

/// What is being built, and what is ready.
pub(super) struct Builder {
    arrivals: watch::Receiver<u64>,
    order: Option<Building>,
    /// The block under which encoding is under way.
    encoding: Option<Hash>,
    ready: Option<Encoded>,
    /// The last block handed over, until it comes back with its header.
    handed: Option<Handed>,
}

struct Building {
    round: Round,
    parent: Arc<SealedHeader>,
    l1_finalized: L1Block,
    /// When an empty block will do.
    deadline: Instant,
    /// The parent's payload is not here yet, as after a restart, and without its map nothing can be built on it.
    waits_for_parent: bool,
}

struct Handed {
    shard_root: Hash,
    parent: Hash,
    committed: Arc<CommittedPayload>,
    update: MapUpdate,
}

/// A selection and its encoded payload, for a block on `parent`.
pub(super) struct Encoded {
    parent: Hash,
    epoch: Epoch,
    selection: Selection,
    committed: Arc<CommittedPayload>,
}

impl Builder {
    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            arrivals: parts.mempool.arrivals(),
            order: None,
            encoding: None,
            ready: None,
            handed: None,
        }
    }

    pub(super) fn order(
        &mut self,
        round: Round,
        parent: Arc<SealedHeader>,
        l1_finalized: L1Block,
        parts: &Parts,
    ) {
        let delay = Duration::from_millis(parts.parameters.empty_block_delay_ms);
        self.order = Some(Building {
            round,
            parent,
            l1_finalized,
            deadline: Instant::now() + delay,
            waits_for_parent: false,
        });
    }

    /// When the order can wait no longer for transactions.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let order = self.order.as_ref()?;
        if order.waits_for_parent {
            return None;
        }
        (self.encoding != Some(order.parent.hash())).then_some(order.deadline)
    }

    /// Until a transaction arrives that an order waits for.
    pub(super) async fn arrival(&mut self) {
        if self.order.is_none() || self.encoding.is_some() || self.arrivals.changed().await.is_err()
        {
            std::future::pending::<()>().await;
        }
    }
}

impl Payloads {
    /// Hands over what is ready, or encodes what there is.
    pub(super) async fn continue_building(&mut self) {
        let Some(order) = &self.builder.order else {
            return;
        };
        let parent = order.parent.hash();
        if order.waits_for_parent || self.builder.encoding == Some(parent) {
            return;
        }
        let epoch = order.round.epoch;
        let fits = |ready: &mut Encoded| ready.parent == parent && ready.epoch == epoch;
        if let Some(ready) = self.builder.ready.take_if(fits) {
            // A block prepared before its parent was known may repeat the parent's transactions.
            if !self.parts.mempool.overlaps(&ready.selection, parent) {
                return self.hand_over(ready).await;
            }
        }
        if self.parts.mempool.has_transactions(parent) || Instant::now() >= order.deadline {
            self.encode(parent, epoch);
        }
    }

    /// The empty-block delay is over.
    pub(super) fn build_empty(&mut self) {
        if let Some(order) = &self.builder.order {
            let (parent, epoch) = (order.parent.hash(), order.round.epoch);
            self.encode(parent, epoch);
        }
    }

    /// A block on `parent` will probably be ours to build: encode it if there is anything to put in.
    pub(super) fn prepare(&mut self, round: Round, parent: &SealedHeader) {
        let parent = parent.hash();
        if self.builder.encoding.is_none() && self.parts.mempool.has_transactions(parent) {
            self.encode(parent, round.epoch);
        }
    }

    fn encode(&mut self, parent: Hash, epoch: Epoch) {
        let slots = Arc::clone(&self.seats(epoch).slots);
        self.builder.encoding = Some(parent);
        let mempool = self.parts.mempool.clone();
        let limits = self.limits;
        self.work(move || {
            let selection = mempool.select(parent, limits.payload_bytes, limits.namespaces);
            let (transactions, hashes) = selection.clone().into_parts();
            let payload = Payload::build(&transactions, &limits)
                .expect("the pool selects within the limits of a payload");
            let namespaces = NamespaceTree::with_hashes(&payload, hashes)
                .expect("one hash for each selected transaction");
            let committed = with_coder(|coder| {
                CommittedPayload::with_namespaces(coder, &slots, payload, namespaces)
            });
            Done::Encoded(Encoded {
                parent,
                epoch,
                selection,
                committed: Arc::new(committed),
            })
        });
    }

    pub(super) async fn on_encoded(&mut self, encoded: Encoded) {
        if self.builder.encoding == Some(encoded.parent) {
            self.builder.encoding = None;
        }
        let wanted = self.builder.order.as_ref().map(|order| order.parent.hash());
        if wanted == Some(encoded.parent) {
            let overlaps = self
                .parts
                .mempool
                .overlaps(&encoded.selection, encoded.parent);
            if overlaps {
                self.encode(encoded.parent, encoded.epoch);
            } else {
                self.hand_over(encoded).await;
            }
        } else {
            self.builder.ready = Some(encoded);
            self.continue_building().await;
        }
    }

    async fn hand_over(&mut self, encoded: Encoded) {
        let Some(order) = self.builder.order.take() else {
            return;
        };
        let timestamp_ms = self.parts.clock.now().max(order.parent.timestamp_ms.next());
        let stamp = BlockStamp {
            height: order.parent.height.next().0,
            timestamp_ms: timestamp_ms.0,
            l1_number: order.l1_finalized.number,
        };
        let parent = order.parent.hash();
        if !self.has_map(parent) {
            return self.wait_for_parent(order, encoded).await;
        }
        let Some(update) = self.map_after(parent, &encoded.committed, &stamp) else {
            return; // The node stops, and has said why.
        };
        let commitments = encoded.committed.commitments();
        let payload = encoded.committed.payload().bytes().clone();
        let shard_root = Hash(commitments.shard_root);
        let slots = &self.seats(order.round.epoch).slots;
        let inline = da::is_inline(commitments.payload_len, slots);
        let body = Body {
            timestamp_ms,
            payload_len: u32::try_from(commitments.payload_len).expect("within the limit"),
            shard_root,
            ns_root: Hash(commitments.ns_root),
            ns_acc_root: Hash(update.head.root),
            inline: inline.then(|| payload.clone()),
        };
        self.builder.handed = Some(Handed {
            shard_root,
            parent,
            committed: encoded.committed,
            update,
        });
        let input = Box::new(Input::Built {
            round: order.round,
            parent,
            body,
        });
        let built = Built {
            shard_root,
            payload,
        };
        if self
            .parts
            .facts
            .send(Fact::Built(input, built))
            .await
            .is_err()
        {
            tracing::debug!("consensus has stopped");
        }
    }

    /// Keeps order and block until the parent's map is here, and sees to it that it comes.
    async fn wait_for_parent(&mut self, order: Building, encoded: Encoded) {
        let parent = Arc::clone(&order.parent);
        if parent.height <= self.base.height() {
            return; // Another block is final there: the order is out of date.
        }
        tracing::debug!(parent = %parent.hash(), "the block waits for its parent's payload");
        self.builder.ready = Some(encoded);
        self.builder.order = Some(Building {
            waits_for_parent: true,
            ..order
        });
        self.retrieve(parent).await;
    }

    /// More maps are here than before.
    pub(super) async fn build_if_waiting(&mut self) {
        let waiting = self.builder.order.take_if(|order| order.waits_for_parent);
        let Some(mut order) = waiting else {
            return;
        };
        order.waits_for_parent = !self.has_map(order.parent.hash());
        self.builder.order = Some(order);
        self.continue_building().await;
    }

    /// Our block was proposed: it is good, and its payload is in the batch of the proposal.
    pub(super) async fn on_own(&mut self, header: Arc<SealedHeader>) {
        let handed = self.builder.handed.take_if(|handed| {
            handed.shard_root == header.shard_root && handed.parent == header.parent_hash
        });
        let Some(handed) = handed else {
            return;
        };
        let entry = self.entry(&header);
        entry.committed = Some(Arc::clone(&handed.committed));
        entry.overlay = Some(Overlay::new(handed.update));
        self.parts.mempool.block_known(
            header.hash(),
            header.parent_hash,
            header.height,
            handed.committed.namespaces(),
        );
    }
}
