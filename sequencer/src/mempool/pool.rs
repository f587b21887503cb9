//! The pool with one owner: admission, status, expiry.

use std::time::Instant;

use bytes::Bytes;
use da::{NamespaceId, NamespaceTree};
use hotshot_types::{Hash, Height};

use super::{
    MempoolLimits, MempoolMetrics, Rejection, Source, Status, Submitted, TxHash,
    blocks::{BlockContents, KnownBlocks, RecentBlocks, transactions},
    forward::Forwarding,
    store::{Arrival, Stage, Store, Transaction},
};

/// The most transactions that one call of [`Pool::expire`] drops.
const EXPIRED_AT_ONCE: usize = 10_000;

/// See [`super`].
#[derive(Debug)]
pub struct Pool {
    pub(super) limits: MempoolLimits,
    pub(super) store: Store,
    pub(super) known: KnownBlocks,
    pub(super) recent: RecentBlocks,
    pub(super) forwarding: Forwarding,
    /// The namespace that the next selection starts with.
    pub(super) turn: NamespaceId,
    pub(super) rejected: [u64; Rejection::CODES.len()],
}

/// What can be told about a transaction without a pool.
pub(super) fn check(
    namespace: u64,
    bytes: Bytes,
    limit: usize,
) -> Result<(NamespaceId, Bytes), Rejection> {
    let namespace = NamespaceId::new(namespace).ok_or(Rejection::ReservedNamespace)?;
    match bytes.len() {
        0 => Err(Rejection::Empty),
        length if length > limit => Err(Rejection::TooLarge { length, limit }),
        _ => Ok((namespace, bytes)),
    }
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(limits: MempoolLimits) -> Self {
        Self {
            limits,
            store: Store::new(),
            known: KnownBlocks::default(),
            recent: RecentBlocks::new(),
            forwarding: Forwarding::default(),
            turn: NamespaceId::new(1).expect("1 is not 0"),
            rejected: [0; Rejection::CODES.len()],
        }
    }

    /// Takes a transaction that came at `now`. One that is known already is accepted with the
    /// status it has.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn submit(
        &mut self,
        source: Source,
        namespace: u64,
        bytes: Bytes,
        now: Instant,
    ) -> Result<Submitted, Rejection> {
        let checked = check(namespace, bytes, self.limits.transaction_bytes);
        let (namespace, bytes) = checked.inspect_err(|why| self.count(why))?;
        let hash = da::tx_hash(&bytes);
        self.insert(source, namespace, bytes, hash, now)
    }

    /// Takes a transaction whose form is right and whose hash is known.
    pub(super) fn insert(
        &mut self,
        source: Source,
        namespace: NamespaceId,
        bytes: Bytes,
        hash: TxHash,
        now: Instant,
    ) -> Result<Submitted, Rejection> {
        let submitted = |status| Submitted { hash, status };
        if let Some(status) = self.recent.get(&hash, namespace) {
            return Ok(submitted(status));
        }
        let is_local = !matches!(source, Source::Peer(_));
        if let Some(arrival) = self.store.find(&hash, namespace) {
            if is_local {
                self.adopt(arrival);
            }
            return Ok(submitted(self.waiting(arrival, namespace)));
        }
        self.store
            .check_room(&self.limits, source, namespace, bytes.len())
            .inspect_err(|why| self.count(why))?;
        let bytes = match source {
            Source::Client(_) => bytes,
            // A slice of a forwarded batch would keep the whole batch in memory.
            Source::Peer(_) | Source::Follower(_) => Bytes::copy_from_slice(&bytes),
        };
        let arrival = self.store.insert(Transaction {
            hash,
            namespace,
            bytes,
            source,
            since: now,
            blocks: self.known.holders(&hash, namespace),
            forwarding: Stage::Foreign,
            times_sent: 0,
        });
        if is_local {
            self.set_stage(arrival, Stage::Due);
        }
        Ok(submitted(self.waiting(arrival, namespace)))
    }

    /// The status of a transaction in the pool.
    fn waiting(&self, arrival: Arrival, namespace: NamespaceId) -> Status {
        let transaction = self.store.get(arrival);
        let proposed =
            transaction.and_then(|transaction| self.known.status(&transaction.blocks, namespace));
        proposed.unwrap_or(Status::Pending { namespace })
    }

    /// A client asks for a transaction that a peer had forwarded: from now on it is also ours.
    fn adopt(&mut self, arrival: Arrival) {
        if self.store.stage(arrival) == Some(Stage::Foreign) {
            self.set_stage(arrival, Stage::Due);
        }
    }

    pub(super) fn count(&mut self, why: &Rejection) {
        self.rejected[why.position()] += 1;
    }

    /// What the pool and the recent blocks know about a transaction: the first with this hash, in
    /// whatever namespace.
    #[must_use]
    pub fn status(&self, hash: &TxHash) -> Option<Status> {
        if let Some(status) = self.recent.find(hash) {
            return Some(status);
        }
        let (namespace, arrival) = self.store.find_first(hash)?;
        Some(self.waiting(arrival, namespace))
    }

    /// The same about the transaction in one namespace.
    #[must_use]
    pub fn status_in(&self, hash: &TxHash, namespace: NamespaceId) -> Option<Status> {
        self.recent.get(hash, namespace).or_else(|| {
            let arrival = self.store.find(hash, namespace)?;
            Some(self.waiting(arrival, namespace))
        })
    }

    /// A good block that is not final: its transactions are not selected on top of it.
    pub fn block_known(
        &mut self,
        hash: Hash,
        parent: Hash,
        height: Height,
        contents: BlockContents,
    ) {
        let limit = self.limits.known_blocks;
        let Some(number) = self.known.insert(hash, parent, height, contents, limit) else {
            return;
        };
        let Some(contents) = self.known.contents(number) else {
            return;
        };
        for (hash, namespace) in contents.iter() {
            let arrival = self.store.find(hash, namespace);
            if let Some(transaction) = arrival.and_then(|arrival| self.store.get_mut(arrival)) {
                self.known.note(&mut transaction.blocks, number);
            }
        }
    }

    /// A final block, by ascending height: its transactions leave the pool and are remembered.
    pub fn block_final(&mut self, height: Height, payload: &NamespaceTree) {
        for (namespace, _, hash) in transactions(payload) {
            if let Some(arrival) = self.store.find(&hash, namespace) {
                self.remove(arrival);
            }
        }
        self.recent.push(height, payload);
        self.recent
            .trim(self.limits.recent_blocks, self.limits.recent_transactions);
        self.known.finalize(height);
    }

    pub(super) fn remove(&mut self, arrival: Arrival) -> Option<Transaction> {
        let transaction = self.store.remove(arrival)?;
        self.leave_stage(transaction.forwarding);
        Some(transaction)
    }

    /// Drops what has waited too long, some of it at a time; returns the hashes.
    pub fn expire(&mut self, now: Instant) -> Vec<TxHash> {
        let mut expired = Vec::new();
        while expired.len() < EXPIRED_AT_ONCE {
            let Some((arrival, transaction)) = self.store.oldest() else {
                break;
            };
            if now.saturating_duration_since(transaction.since) < self.limits.expiry {
                break;
            }
            expired.push(transaction.hash);
            self.remove(arrival);
        }
        expired
    }

    /// How many transactions ever came in.
    #[must_use]
    pub fn arrivals(&self) -> u64 {
        self.store.arrivals()
    }

    /// What is in the pool, and what was refused.
    #[must_use]
    pub fn metrics(&self) -> MempoolMetrics {
        MempoolMetrics {
            transactions: self.store.len(),
            bytes: self.store.bytes(),
            namespaces: self.store.namespaces(),
            sources: self.store.sources(),
            accepted: self.store.arrivals(),
            rejected: self.rejected,
        }
    }
}
