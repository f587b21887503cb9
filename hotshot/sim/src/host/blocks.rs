//! Which slots and payloads a node holds, and what follows from them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use hotshot::Verdict;
use hotshot_types::{Hash, SealedHeader};

use crate::{
    contents::Contents,
    disk::Stored,
    keys::Identity,
    schedule::Schedule,
    wire::{SlotOwners, slots_of},
};

/// A fact about a payload that the state machine waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Finding {
    OwnSlots(Hash),
    Verdict(Hash, Verdict),
    /// The block can be decoded, but judging it takes the namespace map of its parent. The host
    /// gets that on its own account: the state machine does not ask for final blocks below the
    /// highest.
    NeedsParent(Hash),
}

/// In memory; lost at a crash.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    /// Headers that the state machine knows, so that it can be told about their payloads.
    announced: BTreeMap<Hash, Arc<SealedHeader>>,
    /// Headers that this node fetched for its state machine.
    fetched: BTreeMap<Hash, Arc<SealedHeader>>,
    slots: BTreeMap<Hash, SlotOwners>,
    /// Payloads that came inline or as a whole, not judged yet.
    copies: BTreeSet<Hash>,
    bad: BTreeSet<Hash>,
    own_told: BTreeSet<Hash>,
    verdict_told: BTreeSet<Hash>,
    /// Blocks that can be decoded once the map of the parent, the key, is known.
    waiting: BTreeMap<Hash, BTreeSet<Hash>>,
    /// Shard roots of payloads that this node assembled.
    built: BTreeSet<Hash>,
}

impl Blocks {
    /// The state machine asks for what there is to know about this block, perhaps again.
    pub(crate) fn announce(&mut self, header: &Arc<SealedHeader>) {
        let hash = header.hash();
        self.announced.insert(hash, Arc::clone(header));
        self.own_told.remove(&hash);
        self.verdict_told.remove(&hash);
    }

    /// Remembers a header that was fetched.
    pub(crate) fn add_fetched(&mut self, header: SealedHeader) {
        self.fetched.insert(header.hash(), Arc::new(header));
    }

    pub(crate) fn header(&self, hash: &Hash) -> Option<&Arc<SealedHeader>> {
        self.announced.get(hash).or_else(|| self.fetched.get(hash))
    }

    pub(crate) fn add_built(&mut self, shard_root: Hash) {
        self.built.insert(shard_root);
    }

    pub(crate) fn is_built(&self, header: &SealedHeader) -> bool {
        self.built.contains(&header.shard_root)
    }

    pub(crate) fn add_slots(&mut self, hash: Hash, owners: SlotOwners) {
        *self.slots.entry(hash).or_default() |= owners;
    }

    pub(crate) fn add_copy(&mut self, hash: Hash) {
        self.copies.insert(hash);
    }

    /// Takes a payload that came with a proposal, if it is the block's.
    pub(crate) fn add_inline(
        &mut self,
        header: &SealedHeader,
        inline: &Bytes,
        contents: &Contents,
    ) {
        if contents.is_payload_of(header, inline) {
            self.copies.insert(header.hash());
        }
    }

    pub(crate) fn add_bad(&mut self, hash: Hash) {
        self.bad.insert(hash);
    }

    pub(crate) fn is_bad(&self, hash: &Hash) -> bool {
        self.bad.contains(hash)
    }

    /// Whose slots of a block this node can serve.
    pub(crate) fn slots(&self, hash: &Hash, identity: Identity, stored: &Stored) -> SlotOwners {
        let own = if stored.own.contains(hash) {
            slots_of(identity)
        } else {
            0
        };
        own | self.slots.get(hash).copied().unwrap_or_default()
    }

    /// Blocks that waited for the map of `parent`.
    pub(crate) fn woken_by(&mut self, parent: &Hash) -> BTreeSet<Hash> {
        self.waiting.remove(parent).unwrap_or_default()
    }

    /// What has become known about a block and was not told yet. A block that waits for its
    /// parent's map is remembered.
    pub(crate) fn findings(
        &mut self,
        hash: Hash,
        identity: Identity,
        stored: &Stored,
        contents: &Contents,
        schedule: &Schedule,
    ) -> Vec<Finding> {
        let Some(header) = self.announced.get(&hash).cloned() else {
            return Vec::new();
        };
        let slots = self.slots(&hash, identity, stored);
        let is_whole = stored.good.contains(&hash) || self.copies.contains(&hash);
        let mut findings = Vec::new();
        let has_own = is_whole || slots & slots_of(identity) != 0;
        if has_own && contents.exists(&header) && self.own_told.insert(hash) {
            findings.push(Finding::OwnSlots(hash));
        }
        if self.verdict_told.contains(&hash) {
            return findings;
        }
        let may_decode =
            is_whole || schedule.is_third(header.epoch, |owner| slots & slots_of(owner) != 0);
        let verdict = if stored.good.contains(&hash) {
            Some(Verdict::Good)
        } else if self.bad.contains(&hash) {
            Some(Verdict::Bad)
        } else if may_decode && contents.exists(&header) {
            let verdict = contents.verdict(&header, self.map_of(&header.parent_hash, stored));
            if verdict.is_none() {
                self.waiting
                    .entry(header.parent_hash)
                    .or_default()
                    .insert(hash);
                findings.push(Finding::NeedsParent(header.parent_hash));
            }
            verdict
        } else {
            None
        };
        if let Some(verdict) = verdict {
            self.verdict_told.insert(hash);
            findings.push(Finding::Verdict(hash, verdict));
        }
        findings
    }

    /// The namespace map's root after a block, if this node holds that map.
    fn map_of(&self, hash: &Hash, stored: &Stored) -> Option<Hash> {
        let header = stored.headers.get(hash).or_else(|| self.header(hash))?;
        stored.good.contains(hash).then_some(header.ns_acc_root)
    }
}
