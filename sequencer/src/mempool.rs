//! Transactions that wait for a block.
//!
//! Guarantees
//! * Bounded in bytes: as a whole, for each namespace and for each source. What does not fit is
//!   refused with a reason and a hint when to come back, never dropped silently.
//! * A transaction is hashed once; block building and forwarding hand out shared bytes.
//! * A block is filled fairly: round robin by bytes between namespaces, first come first served
//!   inside one, and no namespace waits for ever behind others.
//! * A transaction that this node accepted from a client is offered to leader after leader until
//!   it is final or expires. One that a peer forwarded is kept for building only.
//! * A selection holds nothing that is in the block it extends, in a known ancestor of it that is
//!   not final, or in a recent final block. That is a builder's duty and not a rule of validity:
//!   virtual machines have nonces.
//!
//! [`Pool`] is the whole logic with one owner and the time handed in; [`Mempool`] shares one
//! between the API, the network and the consensus host.

mod blocks;
mod by_hash;
mod forward;
mod limits;
mod line;
mod metrics;
mod pool;
mod rejection;
mod select;
mod store;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use da::{NamespaceId, NamespaceTree};
use hotshot_types::{Hash, Height, Round};
use tokio::sync::watch;

pub use self::{
    blocks::BlockContents,
    limits::{ENTRY_BYTES, MempoolLimits},
    metrics::MempoolMetrics,
    pool::Pool,
    rejection::Rejection,
    select::Selection,
};
pub use crate::storage::TransactionPosition;

/// The hash of a transaction's bytes (DA5).
pub type TxHash = da::Hash;

/// Where a transaction came from; the bytes of each source are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A client of this node.
    Client(IpAddr),
    /// A node that forwarded it because this one leads; the host's name for the peer.
    Peer(u64),
    /// A node without stake that passes on what its clients submitted: to be forwarded as our own.
    Follower(u64),
}

impl Source {
    /// A client at this address. Of an IPv6 address the network counts, the first 64 bits: one
    /// customer has them all.
    #[must_use]
    pub fn client(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::Client(address.into()),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                Self::Client(IpAddr::V6(network.into()))
            }
        }
    }
}

/// What is known about a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits.
    Pending {
        /// For a block with this namespace.
        namespace: NamespaceId,
    },
    /// It is in a block that is not final.
    Proposed {
        /// The namespace.
        namespace: NamespaceId,
        /// The block.
        block: Hash,
        /// The block's height.
        height: Height,
    },
    /// It is in a recent final block.
    Final(TransactionPosition),
}

/// An accepted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its hash.
    pub hash: TxHash,
    /// Not always pending: the same transaction may have come before.
    pub status: Status,
}

/// A pool that many may use. Calls hold its lock for as long as they compute, and never wait.
#[derive(Clone)]
pub struct Mempool {
    pool: Arc<Mutex<Pool>>,
    final_height: watch::Sender<Height>,
    arrivals: watch::Sender<u64>,
    transaction_bytes: usize,
}

impl Mempool {
    /// An empty pool.
    #[must_use]
    pub fn new(limits: MempoolLimits) -> Self {
        Self {
            transaction_bytes: limits.transaction_bytes,
            pool: Arc::new(Mutex::new(Pool::new(limits))),
            final_height: watch::Sender::new(Height(0)),
            arrivals: watch::Sender::new(0),
        }
    }

    /// Takes a transaction. One that is known already is accepted with the status it has.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn submit(
        &self,
        source: Source,
        namespace: u64,
        bytes: Bytes,
    ) -> Result<Submitted, Rejection> {
        let checked = self.check(namespace, bytes);
        let mut pool = self.lock();
        let (namespace, bytes, hash) = checked.inspect_err(|why| pool.count(why))?;
        let submitted = pool.insert(source, namespace, bytes, hash, Instant::now())?;
        let arrivals = pool.arrivals();
        drop(pool);
        self.arrived(arrivals);
        Ok(submitted)
    }

    /// Takes transactions that came together, each on its own merits, in one turn at the lock.
    /// Slices of a larger buffer should be copied before, at least those of a client.
    pub fn submit_many<N: Into<u64>>(
        &self,
        source: Source,
        transactions: impl IntoIterator<Item = (N, Bytes)>,
    ) -> Vec<Result<Submitted, Rejection>> {
        let checked: Vec<_> = transactions
            .into_iter()
            .map(|(namespace, bytes)| self.check(namespace.into(), bytes))
            .collect();
        let now = Instant::now();
        let mut pool = self.lock();
        let results = checked
            .into_iter()
            .map(|checked| {
                let (namespace, bytes, hash) = checked.inspect_err(|why| pool.count(why))?;
                pool.insert(source, namespace, bytes, hash, now)
            })
            .collect();
        let arrivals = pool.arrivals();
        drop(pool);
        self.arrived(arrivals);
        results
    }

    /// What can be told without the pool, and the hash: outside the lock.
    fn check(
        &self,
        namespace: u64,
        bytes: Bytes,
    ) -> Result<(NamespaceId, Bytes, TxHash), Rejection> {
        let (namespace, bytes) = pool::check(namespace, bytes, self.transaction_bytes)?;
        let hash = da::tx_hash(&bytes);
        Ok((namespace, bytes, hash))
    }

    fn arrived(&self, arrivals: u64) {
        self.arrivals.send_if_modified(|last| {
            let more = arrivals > *last;
            *last = arrivals.max(*last);
            more
        });
    }

    /// What the pool and the recent blocks know about a transaction: the first with this hash, in
    /// whatever namespace.
    #[must_use]
    pub fn status(&self, hash: &TxHash) -> Option<Status> {
        self.lock().status(hash)
    }

    /// The same about the transaction in one namespace.
    #[must_use]
    pub fn status_in(&self, hash: &TxHash, namespace: NamespaceId) -> Option<Status> {
        self.lock().status_in(hash, namespace)
    }

    /// Waits until a transaction is final. None once it is unknown: never submitted, or expired.
    /// It may take for ever; put a time limit around it.
    pub async fn wait_final(
        &self,
        hash: &TxHash,
        namespace: NamespaceId,
    ) -> Option<TransactionPosition> {
        let mut heights = self.final_height.subscribe();
        loop {
            match self.status_in(hash, namespace)? {
                Status::Final(position) => return Some(position),
                Status::Pending { .. } | Status::Proposed { .. } => {}
            }
            heights.changed().await.ok()?;
        }
    }

    /// The height of the last final block that was reported.
    #[must_use]
    pub fn final_height(&self) -> watch::Receiver<Height> {
        self.final_height.subscribe()
    }

    /// How many transactions ever came in; changes when one does.
    #[must_use]
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }

    /// As [`Pool::select`].
    #[must_use]
    pub fn select(&self, parent: Hash, max_payload_bytes: u32, max_namespaces: u32) -> Selection {
        self.lock()
            .select(parent, max_payload_bytes, max_namespaces)
    }

    /// As [`Pool::overlaps`].
    #[must_use]
    pub fn overlaps(&self, selection: &Selection, parent: Hash) -> bool {
        self.lock().overlaps(selection, parent)
    }

    /// As [`Pool::has_transactions`].
    #[must_use]
    pub fn has_transactions(&self, parent: Hash) -> bool {
        self.lock().has_transactions(parent)
    }

    /// A good block that is not final: its transactions are not selected on top of it.
    pub fn block_known(&self, hash: Hash, parent: Hash, height: Height, payload: &NamespaceTree) {
        let contents = BlockContents::of(payload);
        self.lock().block_known(hash, parent, height, contents);
    }

    /// A final block, by ascending height: its transactions leave the pool and are remembered for
    /// a while. Wakes those who wait.
    pub fn block_final(&self, height: Height, payload: &NamespaceTree) {
        self.lock().block_final(height, payload);
        self.final_height.send_if_modified(|last| {
            let higher = height > *last;
            *last = height.max(*last);
            higher
        });
    }

    /// As [`Pool::batch_for`].
    #[must_use]
    pub fn batch_for(&self, round: Round, max_bytes: usize) -> Vec<(NamespaceId, Bytes)> {
        self.lock().batch_for(round, max_bytes)
    }

    /// As [`Pool::round_passed`].
    pub fn round_passed(&self, round: Round) {
        self.lock().round_passed(round);
    }

    /// As [`Pool::expire`].
    pub fn expire(&self, now: Instant) -> Vec<TxHash> {
        self.lock().expire(now)
    }

    /// What is in the pool, and what was refused.
    #[must_use]
    pub fn metrics(&self) -> MempoolMetrics {
        self.lock().metrics()
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Mempool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mempool")
    }
}

#[cfg(test)]
mod tests;
