//! A disk that loses what was not synced.
//!
//! Writes are staged in order; a sync makes all of them durable; a crash keeps any number of the
//! first ones and loses the rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hotshot::Record;
use hotshot_types::{Epoch, EpochEnd, FinalityCertificate, Hash, Height, SealedHeader};

use crate::dice::Dice;

/// What a node has stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) record: Record,
    /// The final blocks by height, genesis first.
    pub(crate) chain: Vec<Arc<SealedHeader>>,
    /// On the last of them.
    pub(crate) certificate: Option<FinalityCertificate>,
    /// Every stored header, final or not.
    pub(crate) headers: BTreeMap<Hash, Arc<SealedHeader>>,
    pub(crate) ends: BTreeMap<Epoch, EpochEnd>,
    /// Blocks whose own slots are stored.
    pub(crate) own: BTreeSet<Hash>,
    /// Blocks whose payload and namespace map are stored.
    pub(crate) good: BTreeSet<Hash>,
}

impl Stored {
    fn genesis(genesis: &Arc<SealedHeader>) -> Self {
        Self {
            record: Record::unused(),
            chain: vec![Arc::clone(genesis)],
            certificate: None,
            headers: BTreeMap::from([(genesis.hash(), Arc::clone(genesis))]),
            ends: BTreeMap::new(),
            own: BTreeSet::new(),
            good: BTreeSet::from([genesis.hash()]),
        }
    }

    /// The highest final block.
    pub(crate) fn tip(&self) -> &Arc<SealedHeader> {
        self.chain.last().expect("the chain starts with genesis")
    }

    /// The headers from a height up to a known block, ascending; none if one is missing.
    pub(crate) fn range(&self, from: Height, to: Hash) -> Option<Vec<Arc<SealedHeader>>> {
        let mut headers = Vec::new();
        let mut hash = to;
        loop {
            let header = self.headers.get(&hash)?;
            if header.height < from {
                break;
            }
            headers.push(Arc::clone(header));
            if header.height.0 == 0 {
                break;
            }
            hash = header.parent_hash;
        }
        headers.reverse();
        Some(headers)
    }

    fn apply(&mut self, write: &Write) {
        match write {
            Write::Record(record) => self.record = Record::clone(record),
            Write::Header(header) => {
                self.headers.insert(header.hash(), Arc::clone(header));
            }
            Write::Decided(blocks, certificate) => {
                for block in blocks {
                    if block.height.0 == self.tip().height.0 + 1 {
                        self.headers.insert(block.hash(), Arc::clone(block));
                        self.chain.push(Arc::clone(block));
                    }
                }
                self.certificate = Some(certificate.clone());
            }
            Write::EpochEnded(end) => {
                self.ends.insert(end.header.epoch, EpochEnd::clone(end));
            }
            Write::OwnSlots(hash) => {
                self.own.insert(*hash);
            }
            Write::Payload(hash) => {
                self.own.insert(*hash);
                self.good.insert(*hash);
            }
        }
    }
}

/// A write.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Record(Box<Record>),
    Header(Arc<SealedHeader>),
    Decided(Vec<Arc<SealedHeader>>, FinalityCertificate),
    EpochEnded(Box<EpochEnd>),
    OwnSlots(Hash),
    Payload(Hash),
}

/// One node's disk.
#[derive(Debug)]
pub(crate) struct Disk {
    /// What a restart will find.
    pub(crate) durable: Stored,
    /// What the running node sees.
    pub(crate) live: Stored,
    staged: Vec<Write>,
}

impl Disk {
    pub(crate) fn new(genesis: &Arc<SealedHeader>) -> Self {
        let stored = Stored::genesis(genesis);
        Self {
            durable: stored.clone(),
            live: stored,
            staged: Vec::new(),
        }
    }

    pub(crate) fn stage(&mut self, write: Write) {
        self.live.apply(&write);
        self.staged.push(write);
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.staged.is_empty()
    }

    pub(crate) fn sync(&mut self) {
        for write in self.staged.drain(..) {
            self.durable.apply(&write);
        }
    }

    /// Loses all staged writes but the first few.
    pub(crate) fn crash(&mut self, dice: &mut Dice) {
        if !self.staged.is_empty() {
            let kept = dice.index(self.staged.len() + 1);
            self.staged.truncate(kept);
            self.sync();
        }
        self.live = self.durable.clone();
    }
}

#[cfg(test)]
mod tests;
