//! Choosing the transactions of a block.
//!
//! Deficit round robin: in each round every namespace may take a quantum of bytes more, so that
//! small ones get all they have and the rest is split evenly. The namespace whose turn it is takes
//! its first transaction before all others. A namespace that got nothing for lack of room has the
//! next turn, so even one with the largest transactions gets into a block.

use std::{collections::BTreeMap, iter::Peekable};

use bytes::Bytes;
use da::{NAMESPACE_OVERHEAD, NamespaceId, PAYLOAD_OVERHEAD, TRANSACTION_OVERHEAD};
use hotshot_types::Hash;

use super::{Pool, TxHash, blocks::BlockNumber, store::Transaction};

/// Bytes that a namespace may take more in a round.
const QUANTUM: usize = 16 << 10;

/// The transactions of a block to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// By namespace, in the order they came.
    pub namespaces: BTreeMap<NamespaceId, Vec<(TxHash, Bytes)>>,
    payload_len: usize,
}

impl Selection {
    /// The length of the payload made of it.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.payload_len
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }

    /// How many transactions there are.
    #[must_use]
    pub fn transaction_count(&self) -> usize {
        self.namespaces.values().map(Vec::len).sum()
    }

    /// What [`da::Payload::build`] and [`da::NamespaceTree::with_hashes`] take.
    #[must_use]
    pub fn into_parts(self) -> (BTreeMap<NamespaceId, Vec<Bytes>>, Vec<Vec<TxHash>>) {
        let mut hashes = Vec::with_capacity(self.namespaces.len());
        let mut bytes = BTreeMap::new();
        for (namespace, transactions) in self.namespaces {
            let (these, those) = transactions.into_iter().unzip();
            hashes.push(these);
            bytes.insert(namespace, those);
        }
        (bytes, hashes)
    }
}

/// A namespace's part of the block.
struct Lane<'a, I: Iterator<Item = &'a Transaction>> {
    namespace: NamespaceId,
    waiting: Peekable<I>,
    taken: Vec<(TxHash, Bytes)>,
    credit: usize,
    is_open: bool,
}

impl<'a, I: Iterator<Item = &'a Transaction>> Lane<'a, I> {
    /// What the next transaction adds to the payload.
    fn next_cost(&mut self) -> Option<usize> {
        let transaction = self.waiting.peek()?;
        let table = if self.taken.is_empty() {
            NAMESPACE_OVERHEAD
        } else {
            0
        };
        Some(transaction.bytes.len() + TRANSACTION_OVERHEAD + table)
    }

    /// Takes what the credit and the room allow.
    fn fill(&mut self, room: &mut usize) {
        while let Some(cost) = self.next_cost() {
            if cost > *room {
                self.is_open = false;
                return;
            }
            if cost > self.credit {
                return;
            }
            self.credit -= cost;
            *room -= cost;
            if let Some(transaction) = self.waiting.next() {
                self.taken
                    .push((transaction.hash, transaction.bytes.clone()));
            }
        }
        self.is_open = false;
    }
}

impl Pool {
    /// Chooses the transactions of a block on `parent`, so that [`da::Payload::build`] stays
    /// within the limits. Calling it passes the turn on, nothing else changes.
    pub fn select(
        &mut self,
        parent: Hash,
        max_payload_bytes: u32,
        max_namespaces: u32,
    ) -> Selection {
        let limit = usize::try_from(max_payload_bytes).unwrap_or(usize::MAX);
        let max_lanes = usize::try_from(max_namespaces).unwrap_or(usize::MAX);
        let Some(mut room) = limit.checked_sub(PAYLOAD_OVERHEAD) else {
            return Selection::default();
        };
        let (chain, _) = self.known.chain(parent);
        let mut lanes = Vec::new();
        let mut unheard = None;
        for namespace in self.store.namespaces_from(self.turn) {
            if lanes.len() >= max_lanes {
                unheard = Some(namespace);
                break;
            }
            let mut waiting = self
                .store
                .queue(namespace)
                .filter(|transaction| !is_in(&chain, transaction))
                .peekable();
            if waiting.peek().is_some() {
                lanes.push(Lane {
                    namespace,
                    waiting,
                    taken: Vec::new(),
                    credit: 0,
                    is_open: true,
                });
            }
        }

        if let Some(first) = lanes.first_mut() {
            first.credit = first.next_cost().unwrap_or(0);
            first.fill(&mut room);
        }
        while lanes.iter().any(|lane| lane.is_open) {
            for lane in lanes.iter_mut().filter(|lane| lane.is_open) {
                lane.credit += QUANTUM;
                lane.fill(&mut room);
            }
        }

        let starved = lanes.iter().skip(1).find(|lane| lane.taken.is_empty());
        let second = lanes.get(1).map(|lane| lane.namespace);
        let next = starved.map(|lane| lane.namespace).or(unheard).or(second);
        let namespaces: BTreeMap<_, _> = lanes
            .into_iter()
            .filter(|lane| !lane.taken.is_empty())
            .map(|lane| (lane.namespace, lane.taken))
            .collect();
        self.turn = next.unwrap_or(self.turn);
        Selection {
            payload_len: if namespaces.is_empty() {
                0
            } else {
                limit - room
            },
            namespaces,
        }
    }

    /// Whether a block on `parent` must not be made of this selection, because the parent, one of
    /// its known ancestors or a recent final block holds one of the transactions.
    #[must_use]
    pub fn overlaps(&self, selection: &Selection, parent: Hash) -> bool {
        let (chain, _) = self.known.chain(parent);
        let chain: Vec<_> = chain
            .iter()
            .filter_map(|block| self.known.contents(*block))
            .collect();
        selection
            .namespaces
            .iter()
            .any(|(namespace, transactions)| {
                transactions.iter().any(|(hash, _)| {
                    chain.iter().any(|contents| contents.has(hash, *namespace))
                        || self.recent.get(hash, *namespace).is_some()
                })
            })
    }

    /// Whether a selection on `parent` would hold anything.
    #[must_use]
    pub fn has_transactions(&self, parent: Hash) -> bool {
        let (chain, in_blocks) = self.known.chain(parent);
        self.store.len() > in_blocks
            || self
                .store
                .namespaces_from(self.turn)
                .flat_map(|namespace| self.store.queue(namespace))
                .any(|transaction| !is_in(&chain, transaction))
    }
}

fn is_in(chain: &[BlockNumber], transaction: &Transaction) -> bool {
    transaction
        .blocks
        .iter()
        .any(|block| chain.contains(&block))
}
