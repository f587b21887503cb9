//! The blocks above the highest final one, and what is known of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hotshot_types::{Hash, Height, Round, SealedHeader, mountain_range::MountainRange};

use crate::Verdict;

/// How many final hashes are kept to notice a conflict with final history.
const RECENT: usize = 4_096;
/// How many headers may wait for their parent.
const MAX_ORPHANS: usize = 128;

/// What is known of a block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) header: Arc<SealedHeader>,
    /// The mountain range up to and including this block.
    pub(crate) history: MountainRange,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) own_slots: bool,
    /// A child of it has a quorum certificate, so honest voters found it good (P1).
    pub(crate) vouched: bool,
    /// It has a certificate itself; its payload has been ordered.
    pub(crate) certified: bool,
}

/// A header whose parent is unknown, and what was told of its block meanwhile.
#[derive(Debug)]
struct Orphan {
    header: SealedHeader,
    verdict: Option<Verdict>,
    own_slots: bool,
}

/// The tree of blocks above the highest final one.
#[derive(Debug)]
pub(crate) struct Chain {
    tip: Hash,
    blocks: BTreeMap<Hash, Block>,
    orphans: BTreeMap<Hash, Orphan>,
    recent: BTreeMap<Height, Hash>,
}

/// How a block relates to final history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// Final already.
    Final,
    /// It extends the highest final block.
    Extends,
    /// It contradicts final history.
    Conflicts,
    /// Its ancestors are not all known, or it is too old to tell.
    Unknown,
}

impl Chain {
    pub(crate) fn new(tip: SealedHeader, history: MountainRange, recent: &[Hash]) -> Self {
        let mut heights = BTreeMap::new();
        for (below, hash) in recent.iter().rev().take(RECENT).enumerate() {
            let below = u64::try_from(below).expect("at most RECENT");
            if let Some(height) = tip.height.0.checked_sub(below) {
                heights.insert(Height(height), *hash);
            }
        }
        heights.insert(tip.height, tip.hash());
        let hash = tip.hash();
        let block = Block {
            header: Arc::new(tip),
            history,
            verdict: None,
            own_slots: false,
            vouched: true,
            certified: true,
        };
        Self {
            tip: hash,
            blocks: BTreeMap::from([(hash, block)]),
            orphans: BTreeMap::new(),
            recent: heights,
        }
    }

    pub(crate) fn tip(&self) -> &Arc<SealedHeader> {
        &self.blocks[&self.tip].header
    }

    pub(crate) fn get(&self, hash: Hash) -> Option<&Block> {
        self.blocks.get(&hash)
    }

    pub(crate) fn get_mut(&mut self, hash: Hash) -> Option<&mut Block> {
        self.blocks.get_mut(&hash)
    }

    /// Whether the header is known, connected or not.
    pub(crate) fn has_header(&self, hash: Hash) -> bool {
        self.blocks.contains_key(&hash) || self.orphans.contains_key(&hash)
    }

    pub(crate) fn is_good(&self, hash: Hash) -> bool {
        self.get(hash)
            .is_some_and(|block| block.verdict == Some(Verdict::Good))
    }

    pub(crate) fn is_bad(&self, hash: Hash) -> bool {
        self.get(hash)
            .is_some_and(|block| block.verdict == Some(Verdict::Bad))
    }

    pub(crate) fn is_final(&self, hash: Hash) -> bool {
        self.relation(hash) == Relation::Final
    }

    /// The own slots of a block are proven.
    pub(crate) fn prove_slots(&mut self, hash: Hash) {
        if let Some(block) = self.blocks.get_mut(&hash) {
            block.own_slots = true;
        } else if let Some(orphan) = self.orphans.get_mut(&hash) {
            orphan.own_slots = true;
        }
    }

    /// The verdict on a payload. The first one stands: it is permanent.
    pub(crate) fn judge(&mut self, hash: Hash, verdict: Verdict) {
        if let Some(block) = self.blocks.get_mut(&hash) {
            block.verdict.get_or_insert(verdict);
        } else if let Some(orphan) = self.orphans.get_mut(&hash) {
            orphan.verdict.get_or_insert(verdict);
        }
    }

    /// P1, as a parent: good itself, final, or vouched for by a certified child.
    pub(crate) fn may_be_parent(&self, hash: Hash) -> bool {
        self.is_good(hash)
            || self.is_final(hash)
            || self.get(hash).is_some_and(|block| block.vouched)
    }

    /// Adds a header and every waiting one that it connects; returns those now connected. A header
    /// whose parent is unknown waits; the error is its parent's hash, and its own height.
    pub(crate) fn add(
        &mut self,
        header: SealedHeader,
    ) -> Result<Vec<Arc<SealedHeader>>, (Hash, Height)> {
        if self.blocks.contains_key(&header.hash()) {
            return Ok(Vec::new());
        }
        if !self.blocks.contains_key(&header.parent_hash) {
            let missing = (header.parent_hash, header.height);
            if header.height > self.tip().height.next() {
                self.orphans.entry(header.hash()).or_insert(Orphan {
                    header,
                    verdict: None,
                    own_slots: false,
                });
                if self.orphans.len() > MAX_ORPHANS {
                    self.forget_highest_orphan();
                }
                return Err(missing);
            }
            // Its parent is not the tip though it stands right above it, or lower: a dead fork.
            return Ok(Vec::new());
        }
        let mut added = Vec::new();
        let mut ready = vec![self.orphans.remove(&header.hash()).unwrap_or(Orphan {
            header,
            verdict: None,
            own_slots: false,
        })];
        while let Some(orphan) = ready.pop() {
            if let Some(header) = self.connect(orphan) {
                let waiting: Vec<Hash> = self
                    .orphans
                    .iter()
                    .filter(|(_, orphan)| orphan.header.parent_hash == header.hash())
                    .map(|(hash, _)| *hash)
                    .collect();
                ready.extend(waiting.iter().filter_map(|hash| self.orphans.remove(hash)));
                added.push(header);
            }
        }
        Ok(added)
    }

    fn forget_highest_orphan(&mut self) {
        let highest = self
            .orphans
            .iter()
            .max_by_key(|(_, orphan)| orphan.header.height)
            .map(|(hash, _)| *hash);
        if let Some(hash) = highest {
            self.orphans.remove(&hash);
        }
    }

    fn connect(&mut self, orphan: Orphan) -> Option<Arc<SealedHeader>> {
        let header = orphan.header;
        let parent = self.blocks.get(&header.parent_hash)?;
        if header.height != parent.header.height.next() {
            return None;
        }
        let mut history = parent.history.clone();
        history.append(header.hash());
        let header = Arc::new(header);
        self.blocks.insert(
            header.hash(),
            Block {
                header: Arc::clone(&header),
                history,
                verdict: orphan.verdict,
                own_slots: orphan.own_slots,
                vouched: false,
                certified: false,
            },
        );
        Some(header)
    }

    pub(crate) fn relation(&self, hash: Hash) -> Relation {
        let Some(block) = self.get(hash) else {
            return if self.recent.values().any(|known| *known == hash) {
                Relation::Final
            } else {
                Relation::Unknown
            };
        };
        let tip = self.tip();
        let mut walk = block;
        while walk.header.height > tip.height {
            match self.get(walk.header.parent_hash) {
                Some(parent) => walk = parent,
                None => return Relation::Unknown,
            }
        }
        if walk.header.hash() != self.tip {
            Relation::Conflicts
        } else if hash == self.tip {
            Relation::Final
        } else {
            Relation::Extends
        }
    }

    /// The final hash at a height, if it is recent enough to be known.
    pub(crate) fn final_hash(&self, height: Height) -> Option<Hash> {
        self.recent.get(&height).copied()
    }

    /// Finalises a block that extends the tip and everything between; returns them ascending.
    pub(crate) fn finalize(&mut self, hash: Hash) -> Vec<Arc<SealedHeader>> {
        assert_eq!(
            self.relation(hash),
            Relation::Extends,
            "T5: only what extends the tip"
        );
        let mut path = Vec::new();
        let mut walk = hash;
        while walk != self.tip {
            let header = Arc::clone(&self.blocks[&walk].header);
            walk = header.parent_hash;
            path.push(header);
        }
        path.reverse();
        for header in &path {
            self.recent.insert(header.height, header.hash());
        }
        while self.recent.len() > RECENT {
            self.recent.pop_first();
        }
        self.tip = hash;
        self.drop_dead_forks();
        path
    }

    fn drop_dead_forks(&mut self) {
        let height = self.tip().height;
        let mut alive = BTreeSet::from([self.tip]);
        let mut above: Vec<_> = self
            .blocks
            .values()
            .map(|block| &block.header)
            .filter(|header| header.height > height)
            .cloned()
            .collect();
        above.sort_by_key(|header| header.height);
        for header in above {
            if alive.contains(&header.parent_hash) {
                alive.insert(header.hash());
            }
        }
        self.blocks.retain(|hash, _| alive.contains(hash));
        self.orphans
            .retain(|_, orphan| orphan.header.height > height.next());
    }

    /// Forgets uncertified blocks first proposed before `round` that nothing known extends.
    pub(crate) fn forget_before(&mut self, round: Round) {
        let parents: BTreeSet<Hash> = self
            .blocks
            .values()
            .map(|block| block.header.parent_hash)
            .collect();
        let tip = self.tip;
        self.blocks.retain(|hash, block| {
            let header = &block.header;
            let origin = Round {
                epoch: header.epoch,
                view: header.origin_view,
            };
            *hash == tip || block.certified || origin >= round || parents.contains(hash)
        });
    }
}

#[cfg(test)]
mod tests;
