//! Which transactions are in blocks: known ones that are not final, and recent final ones.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use da::{NamespaceId, NamespaceTree};
use hotshot_types::{Hash, Height};

use super::{
    Status, TransactionPosition, TxHash,
    by_hash::{ByHash, Key},
};

/// The transactions of one block, as a set.
#[derive(Debug)]
pub struct BlockContents(HashSet<(Key, NamespaceId)>);

impl BlockContents {
    /// Those of a payload.
    #[must_use]
    pub fn of(payload: &NamespaceTree) -> Self {
        Self(
            transactions(payload)
                .map(|(namespace, _, hash)| (Key(hash), namespace))
                .collect(),
        )
    }

    pub(super) fn has(&self, hash: &TxHash, namespace: NamespaceId) -> bool {
        self.0.contains(&(Key(*hash), namespace))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&TxHash, NamespaceId)> + '_ {
        self.0.iter().map(|(hash, namespace)| (&hash.0, *namespace))
    }
}

/// The transactions of a payload: namespace, position, hash.
pub(super) fn transactions(
    payload: &NamespaceTree,
) -> impl Iterator<Item = (NamespaceId, u32, TxHash)> + '_ {
    payload.leaves().iter().flat_map(move |leaf| {
        let hashes = payload.tx_hashes(leaf.id).unwrap_or_default();
        (0_u32..)
            .zip(hashes)
            .map(move |(index, hash)| (leaf.id, index, *hash))
    })
}

/// The number of a known block, by which transactions name the blocks that hold them.
pub(super) type BlockNumber = u64;

/// Some numbers of blocks; nearly always none or one, which takes no allocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders {
    first: Option<BlockNumber>,
    others: Vec<BlockNumber>,
}

impl Holders {
    pub(super) fn iter(&self) -> impl Iterator<Item = BlockNumber> + '_ {
        self.first.into_iter().chain(self.others.iter().copied())
    }

    /// Adds a number and drops those that are not known any more.
    fn add(&mut self, number: BlockNumber, known: &BTreeSet<BlockNumber>) {
        self.others.retain(|other| known.contains(other));
        match self.first {
            Some(first) if known.contains(&first) => self.others.push(number),
            _ => self.first = Some(number),
        }
    }
}

#[derive(Debug)]
struct Known {
    number: BlockNumber,
    parent: Hash,
    height: Height,
    contents: BlockContents,
}

/// Blocks that are not final, by hash.
#[derive(Debug, Default)]
pub(super) struct KnownBlocks {
    next: BlockNumber,
    blocks: HashMap<Hash, Known>,
    /// The numbers of those blocks.
    numbers: BTreeSet<BlockNumber>,
}

impl KnownBlocks {
    /// Adds a block, unless it is known; above `limit` the lowest gives way.
    pub(super) fn insert(
        &mut self,
        hash: Hash,
        parent: Hash,
        height: Height,
        contents: BlockContents,
        limit: usize,
    ) -> Option<BlockNumber> {
        if self.blocks.contains_key(&hash) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let known = Known {
            number,
            parent,
            height,
            contents,
        };
        self.blocks.insert(hash, known);
        self.numbers.insert(number);
        if self.blocks.len() > limit {
            let lowest = self
                .blocks
                .iter()
                .min_by_key(|(hash, known)| (known.height, **hash));
            if let Some(lowest) = lowest.map(|(hash, _)| *hash) {
                self.remove(&lowest);
            }
        }
        Some(number)
    }

    fn remove(&mut self, hash: &Hash) {
        if let Some(known) = self.blocks.remove(hash) {
            self.numbers.remove(&known.number);
        }
    }

    /// Forgets the blocks up to a final height: they are final or lost.
    pub(super) fn finalize(&mut self, height: Height) {
        let numbers = &mut self.numbers;
        self.blocks.retain(|_, known| {
            let stays = known.height > height;
            if !stays {
                numbers.remove(&known.number);
            }
            stays
        });
    }

    /// The numbers of a block and of its known ancestors, and how many transactions they hold.
    pub(super) fn chain(&self, tip: Hash) -> (Vec<BlockNumber>, usize) {
        let mut chain = Vec::new();
        let mut transactions = 0;
        let mut next = self.blocks.get(&tip);
        while let Some(known) = next {
            chain.push(known.number);
            transactions += known.contents.0.len();
            // Heights fall, so that a circle of hashes, which can't be, would not be followed.
            next = self
                .blocks
                .get(&known.parent)
                .filter(|parent| parent.height < known.height);
        }
        (chain, transactions)
    }

    /// Whether any of these blocks is still known.
    pub(super) fn has_any(&self, numbers: &Holders) -> bool {
        numbers.iter().any(|number| self.numbers.contains(&number))
    }

    /// Notes that a transaction is also in the block with this number.
    pub(super) fn note(&self, holders: &mut Holders, number: BlockNumber) {
        holders.add(number, &self.numbers);
    }

    /// The numbers of the known blocks that hold the transaction.
    pub(super) fn holders(&self, hash: &TxHash, namespace: NamespaceId) -> Holders {
        let mut holders = Holders::default();
        for known in self.blocks.values() {
            if known.contents.has(hash, namespace) {
                holders.add(known.number, &self.numbers);
            }
        }
        holders
    }

    /// The contents of the block with this number.
    pub(super) fn contents(&self, number: BlockNumber) -> Option<&BlockContents> {
        let mut blocks = self.blocks.values();
        blocks
            .find(|known| known.number == number)
            .map(|known| &known.contents)
    }

    /// The lowest of these blocks that is still known.
    pub(super) fn status(&self, numbers: &Holders, namespace: NamespaceId) -> Option<Status> {
        let mut holders: Vec<_> = self
            .blocks
            .iter()
            .filter(|(_, known)| numbers.iter().any(|number| number == known.number))
            .map(|(block, known)| (known.height, *block))
            .collect();
        holders.sort_unstable();
        let (height, block) = *holders.first()?;
        Some(Status::Proposed {
            namespace,
            block,
            height,
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
            if self.positions.insert(hash, namespace, (height, index)) {
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
        self.positions
            .get(hash, namespace)
            .map(|position| status(namespace, position))
    }

    pub(super) fn find(&self, hash: &TxHash) -> Option<Status> {
        self.positions
            .first(hash)
            .map(|(namespace, position)| status(namespace, position))
    }
}

fn status(namespace: NamespaceId, (height, index): (Height, u32)) -> Status {
    Status::Final(TransactionPosition {
        height,
        namespace,
        index,
    })
}
