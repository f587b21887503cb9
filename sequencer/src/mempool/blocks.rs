//! Which transactions are in blocks: known ones that are not final, and recent final ones.

use std::collections::{HashMap, HashSet, VecDeque};

use da::{NamespaceId, NamespaceTree};
use hotshot_types::{Hash, Height};

use super::{Status, TransactionPosition, TxHash, by_hash::ByHash};

/// The transactions of one block.
#[derive(Debug, Default)]
pub(super) struct Contents(HashSet<(TxHash, NamespaceId)>);

impl Contents {
    pub(super) fn of(payload: &NamespaceTree) -> Self {
        Self(transactions(payload).map(|(namespace, _, hash)| (hash, namespace)).collect())
    }

    pub(super) fn has(&self, hash: &TxHash, namespace: NamespaceId) -> bool {
        self.0.contains(&(*hash, namespace))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The transactions of a payload: namespace, position, hash.
pub(super) fn transactions(
    payload: &NamespaceTree,
) -> impl Iterator<Item = (NamespaceId, u32, TxHash)> + '_ {
    payload.leaves().iter().flat_map(move |leaf| {
        let hashes = payload.tx_hashes(leaf.id).unwrap_or_default();
        (0_u32..).zip(hashes).map(move |(index, hash)| (leaf.id, index, *hash))
    })
}

#[derive(Debug)]
struct Known {
    parent: Hash,
    height: Height,
    contents: Contents,
}

/// Blocks that are not final, by hash.
#[derive(Debug, Default)]
pub(super) struct KnownBlocks(HashMap<Hash, Known>);

impl KnownBlocks {
    /// Adds a block; above `limit` the lowest gives way.
    pub(super) fn insert(
        &mut self,
        hash: Hash,
        parent: Hash,
        height: Height,
        contents: Contents,
        limit: usize,
    ) {
        let known = Known {
            parent,
            height,
            contents,
        };
        self.0.insert(hash, known);
        if self.0.len() > limit {
            let lowest = self.0.iter().min_by_key(|(hash, known)| (known.height, **hash));
            if let Some(lowest) = lowest.map(|(hash, _)| *hash) {
                self.0.remove(&lowest);
            }
        }
    }

    /// Forgets the blocks up to a final height: they are final or lost.
    pub(super) fn finalize(&mut self, height: Height) {
        self.0.retain(|_, known| known.height > height);
    }

    /// The contents of a block and of its known ancestors.
    pub(super) fn chain(&self, tip: Hash) -> Vec<&Contents> {
        let mut chain = Vec::new();
        let mut next = self.0.get(&tip);
        while let Some(known) = next {
            chain.push(&known.contents);
            // Heights fall, so that a circle of hashes, which can't be, would not be followed.
            next = self.0.get(&known.parent).filter(|parent| parent.height < known.height);
        }
        chain
    }

    /// Whether any known block holds the transaction.
    pub(super) fn has(&self, hash: &TxHash, namespace: NamespaceId) -> bool {
        self.0.values().any(|known| known.contents.has(hash, namespace))
    }

    /// The lowest known block that holds the transaction.
    pub(super) fn status(&self, hash: &TxHash, namespace: NamespaceId) -> Option<Status> {
        let holders = self.0.iter().filter(|(_, known)| known.contents.has(hash, namespace));
        let (block, known) = holders.min_by_key(|(block, known)| (known.height, **block))?;
        Some(Status::Proposed {
            namespace,
            block: *block,
            height: known.height,
        })
    }
}

/// The transactions of the newest final blocks.
#[derive(Debug)]
pub(super) struct RecentBlocks {
    positions: ByHash<(Height, u32)>,
    blocks: VecDeque<(Height, Vec<(TxHash, NamespaceId)>)>,
    transactions: usize,
}

impl RecentBlocks {
    pub(super) fn new() -> Self {
        Self {
            positions: ByHash::new(),
            blocks: VecDeque::new(),
            transactions: 0,
        }
    }

    pub(super) fn push(&mut self, height: Height, payload: &NamespaceTree) {
        let mut block = Vec::new();
        for (namespace, index, hash) in transactions(payload) {
            if self.positions.get(&hash, namespace).is_none() {
                self.positions.insert(hash, namespace, (height, index));
                block.push((hash, namespace));
            }
        }
        self.transactions += block.len();
        self.blocks.push_back((height, block));
    }

    /// Forgets the oldest blocks beyond the limits.
    pub(super) fn trim(&mut self, blocks: usize, transactions: usize) {
        while self.blocks.len() > blocks || self.transactions > transactions {
            let Some((_, block)) = self.blocks.pop_front() else {
                return;
            };
            self.transactions -= block.len();
            for (hash, namespace) in block {
                self.positions.remove(&hash, namespace);
            }
        }
    }

    pub(super) fn get(&self, hash: &TxHash, namespace: NamespaceId) -> Option<Status> {
        self.positions.get(hash, namespace).map(|position| status(namespace, position))
    }

    pub(super) fn find(&self, hash: &TxHash) -> Option<Status> {
        self.positions.first(hash).map(|(namespace, position)| status(namespace, position))
    }
}

fn status(namespace: NamespaceId, (height, index): (Height, u32)) -> Status {
    Status::Final(TransactionPosition {
        height,
        namespace,
        index,
    })
}
