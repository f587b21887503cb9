//! One simulated node: a replica, its disk, and what its host would do around it.

use hotshot::Replica;
use hotshot_types::{Epoch, Hash, Height, Statement};

use std::{collections::BTreeSet, sync::Arc};

use hotshot_types::SealedHeader;

use crate::{byzantine::Behaviour, disk::Disk, keys::Identity, wire::Wire};

mod blocks;

pub(crate) use blocks::{Blocks, Finding};

/// A node.
pub(crate) struct Host {
    pub(crate) identity: Identity,
    /// By how much its clock is ahead.
    pub(crate) skew_ms: u64,
    /// None while it is down.
    pub(crate) replica: Option<Replica>,
    /// Counts its starts, so that what an earlier life had under way is dropped.
    pub(crate) life: u64,
    pub(crate) disk: Disk,
    pub(crate) blocks: Blocks,
    pub(crate) wants: Wants,
    /// When the replica wants to be woken, in world time.
    pub(crate) tick_ms: Option<u64>,
    /// Names the newest order to build; earlier ones are void.
    pub(crate) build: u64,
    /// What makes it Byzantine; none for an honest node.
    pub(crate) behaviour: Option<Box<dyn Behaviour>>,
    pub(crate) is_honest: bool,
}

impl Host {
    pub(crate) fn new(
        identity: Identity,
        skew_ms: u64,
        genesis: &Arc<SealedHeader>,
        behaviour: Option<Box<dyn Behaviour>>,
    ) -> Self {
        Self {
            identity,
            skew_ms,
            replica: None,
            life: 0,
            disk: Disk::new(genesis),
            blocks: Blocks::default(),
            wants: Wants::default(),
            tick_ms: None,
            build: 0,
            is_honest: behaviour.is_none(),
            behaviour,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.replica.is_some()
    }

    /// Everything in memory is gone, and so are unsynced writes.
    pub(crate) fn forget(&mut self) {
        self.replica = None;
        self.life += 1;
        self.blocks = Blocks::default();
        self.wants = Wants::default();
        self.tick_ms = None;
    }
}

/// What a node keeps asking its peers for.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    pub(crate) headers: BTreeSet<Hash>,
    pub(crate) range: Option<(Height, Statement)>,
    pub(crate) ends: BTreeSet<Epoch>,
    pub(crate) payloads: BTreeSet<Hash>,
}

impl Wants {
    /// The requests to send now, each to one peer.
    pub(crate) fn requests(&self) -> Vec<Wire> {
        let headers = self.headers.iter().map(|hash| Wire::AskHeader(*hash));
        let range = self.range.map(|(from, to)| Wire::AskRange { from, to });
        let ends = self.ends.iter().map(|epoch| Wire::AskEpochEnd(*epoch));
        let payloads = self.payloads.iter().map(|hash| Wire::AskPayload(*hash));
        headers.chain(range).chain(ends).chain(payloads).collect()
    }
}
