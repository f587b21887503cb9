//! The transactions themselves, by order of arrival, and who takes how much room.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasherDefault, Hasher},
    ops::Bound,
    time::Instant,
};

use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::Round;

use super::{
    ENTRY_BYTES, MempoolLimits, Rejection, Source, TxHash, blocks::Holders, by_hash::ByHash,
    line::Line,
};

/// A transaction's place in the order of arrival.
pub(super) type Arrival = u64;

/// Places are given by this pool, one after the other: nobody can choose them, and spreading them
/// is all that a map needs.
#[derive(Debug, Default)]
struct ByArrival(u64);

impl Hasher for ByArrival {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a place is one number");
    }

    fn write_u64(&mut self, arrival: u64) {
        self.0 = arrival.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) hash: TxHash,
    pub(super) namespace: NamespaceId,
    pub(super) bytes: Bytes,
    pub(super) source: Source,
    pub(super) since: Instant,
    /// Known blocks that hold it. Some may not be known any more.
    pub(super) blocks: Holders,
    pub(super) forwarding: Stage,
    /// How often it went to a leader; stops counting where it no longer matters.
    pub(super) times_sent: u8,
}

/// Where a transaction stands on its way to leaders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It came from a peer and is not forwarded.
    Foreign,
    /// To be sent.
    Due,
    /// Sent; due again after this round.
    Sent(Round),
    /// A known block holds it.
    Held,
}

impl Transaction {
    fn cost(&self) -> usize {
        self.bytes.len() + ENTRY_BYTES
    }
}

#[derive(Debug, Default)]
struct Queue {
    arrivals: Line,
    bytes: usize,
}

/// All transactions in the pool.
#[derive(Debug)]
pub(super) struct Store {
    next: Arrival,
    transactions: HashMap<Arrival, Transaction, BuildHasherDefault<ByArrival>>,
    order: Line,
    hashes: ByHash<Arrival>,
    queues: BTreeMap<NamespaceId, Queue>,
    sources: HashMap<Source, usize>,
    bytes: usize,
}

impl Store {
    pub(super) fn new() -> Self {
        Self {
            next: 0,
            transactions: HashMap::default(),
            order: Line::default(),
            hashes: ByHash::new(),
            queues: BTreeMap::new(),
            sources: HashMap::new(),
            bytes: 0,
        }
    }

    /// Whether there is room for `length` more bytes.
    pub(super) fn check_room(
        &self,
        limits: &MempoolLimits,
        source: Source,
        namespace: NamespaceId,
        length: usize,
    ) -> Result<(), Rejection> {
        let cost = length + ENTRY_BYTES;
        let queued = self.queues.get(&namespace).map_or(0, |queue| queue.bytes);
        let sent = self.sources.get(&source).copied().unwrap_or(0);
        if self.bytes + cost > limits.total_bytes {
            return Err(Rejection::PoolFull {
                limit: limits.total_bytes,
            });
        }
        if queued + cost > limits.namespace_bytes {
            return Err(Rejection::NamespaceFull {
                limit: limits.namespace_bytes,
            });
        }
        if sent + cost > limits.source_bytes {
            return Err(Rejection::SourceFull {
                limit: limits.source_bytes,
            });
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, transaction: Transaction) -> Arrival {
        let arrival = self.next;
        self.next += 1;
        let cost = transaction.cost();
        self.bytes += cost;
        *self.sources.entry(transaction.source).or_default() += cost;
        let queue = self.queues.entry(transaction.namespace).or_default();
        queue.bytes += cost;
        queue.arrivals.join(arrival);
        self.order.join(arrival);
        self.hashes
            .insert(transaction.hash, transaction.namespace, arrival);
        self.transactions.insert(arrival, transaction);
        arrival
    }

    pub(super) fn remove(&mut self, arrival: Arrival) -> Option<Transaction> {
        let transaction = self.transactions.remove(&arrival)?;
        let cost = transaction.cost();
        self.bytes -= cost;
        self.hashes.remove(&transaction.hash, transaction.namespace);
        if let Some(used) = self.sources.get_mut(&transaction.source) {
            *used -= cost;
            if *used == 0 {
                self.sources.remove(&transaction.source);
            }
        }
        if let Some(queue) = self.queues.get_mut(&transaction.namespace) {
            queue.bytes -= cost;
            queue
                .arrivals
                .leave(|arrival| self.transactions.contains_key(&arrival));
            if queue.arrivals.is_empty() {
                self.queues.remove(&transaction.namespace);
            }
        }
        self.order
            .leave(|arrival| self.transactions.contains_key(&arrival));
        Some(transaction)
    }

    pub(super) fn get(&self, arrival: Arrival) -> Option<&Transaction> {
        self.transactions.get(&arrival)
    }

    pub(super) fn get_mut(&mut self, arrival: Arrival) -> Option<&mut Transaction> {
        self.transactions.get_mut(&arrival)
    }

    pub(super) fn stage(&self, arrival: Arrival) -> Option<Stage> {
        self.get(arrival).map(|transaction| transaction.forwarding)
    }

    pub(super) fn find(&self, hash: &TxHash, namespace: NamespaceId) -> Option<Arrival> {
        self.hashes.get(hash, namespace)
    }

    /// The first transaction with this hash in any namespace.
    pub(super) fn find_first(&self, hash: &TxHash) -> Option<(NamespaceId, Arrival)> {
        self.hashes.first(hash)
    }

    /// The transaction that has waited longest.
    pub(super) fn oldest(&self) -> Option<(Arrival, &Transaction)> {
        let mut waiting = self.order.iter();
        waiting.find_map(|arrival| Some((arrival, self.transactions.get(&arrival)?)))
    }

    /// The namespaces in ascending order, starting with the first one from `start` on.
    pub(super) fn namespaces_from(
        &self,
        start: NamespaceId,
    ) -> impl Iterator<Item = NamespaceId> + '_ {
        let before = (Bound::Unbounded, Bound::Excluded(start));
        self.queues
            .range(start..)
            .chain(self.queues.range(before))
            .map(|(id, _)| *id)
    }

    /// The transactions of a namespace, first come first.
    pub(super) fn queue(&self, namespace: NamespaceId) -> impl Iterator<Item = &Transaction> + '_ {
        let arrivals = self
            .queues
            .get(&namespace)
            .map(|queue| queue.arrivals.iter());
        arrivals
            .into_iter()
            .flatten()
            .filter_map(|arrival| self.transactions.get(&arrival))
    }

    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    /// How many ever came in.
    pub(super) fn arrivals(&self) -> u64 {
        self.next
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn namespaces(&self) -> usize {
        self.queues.len()
    }

    pub(super) fn sources(&self) -> usize {
        self.sources.len()
    }
}
