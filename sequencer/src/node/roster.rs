//! Who sits where in the committee of each epoch: index, peer and slots.
//!
//! The consensus loop seats a committee as soon as it is known and before it orders anything for
//! its epoch; everybody else looks up the epoch of the header at hand. Committees of epochs long
//! past are read from the database.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use da::Slots;
use hotshot_types::{Committee, Epoch, PublicKey, ValidatorIndex};
use libp2p::PeerId;

use super::directory::Directory;
use crate::storage::Storage;

/// Epochs that are kept in memory.
const KEPT: usize = 8;

/// The committee of one epoch with what follows from it.
#[derive(Debug)]
pub(super) struct Seats {
    pub(super) committee: Arc<Committee>,
    pub(super) slots: Arc<Slots>,
    /// This node's place.
    pub(super) me: Option<ValidatorIndex>,
    directory: Arc<Directory>,
    by_key: HashMap<[u8; PublicKey::LEN], ValidatorIndex>,
}

impl Seats {
    fn new(committee: Arc<Committee>, key: Option<&PublicKey>, directory: Arc<Directory>) -> Self {
        let slots = Slots::new(&committee.weights())
            .expect("a committee is not empty, not too large, and each member has weight");
        let by_key = committee
            .members()
            .iter()
            .enumerate()
            .map(|(position, member)| (member.key.to_bytes(), ValidatorIndex::at(position)))
            .collect();
        Self {
            me: key.and_then(|key| committee.index_of(key)),
            slots: Arc::new(slots),
            committee,
            directory,
            by_key,
        }
    }

    /// The peer that holds a place, if its network key is known.
    pub(super) fn peer(&self, place: ValidatorIndex) -> Option<PeerId> {
        let member = self.committee.member(place)?;
        self.directory.peer_of(&member.key)
    }

    /// The place of a peer.
    pub(super) fn place(&self, peer: PeerId) -> Option<ValidatorIndex> {
        self.directory
            .keys_of(&peer)
            .iter()
            .find_map(|key| self.by_key.get(&key.to_bytes()).copied())
    }

    /// The slots that this node has to keep.
    pub(super) fn own_slots(&self) -> Option<std::ops::Range<u32>> {
        self.slots.range(self.me?.position())
    }
}

/// The committees that are known.
#[derive(Debug)]
pub(super) struct Roster {
    key: Option<PublicKey>,
    directory: Arc<Directory>,
    storage: Storage,
    seats: RwLock<BTreeMap<Epoch, Arc<Seats>>>,
}

impl Roster {
    /// The committees that the database holds.
    pub(super) fn new(
        key: Option<PublicKey>,
        directory: Arc<Directory>,
        storage: Storage,
        known: impl IntoIterator<Item = Arc<Committee>>,
    ) -> Self {
        let roster = Self {
            key,
            directory,
            storage,
            seats: RwLock::default(),
        };
        for committee in known {
            roster.seat(committee);
        }
        roster
    }

    /// A committee is known from here on.
    pub(super) fn seat(&self, committee: Arc<Committee>) {
        let epoch = committee.epoch();
        let seats = Seats::new(committee, self.key.as_ref(), Arc::clone(&self.directory));
        {
            let mut known = self.seats.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(epoch, Arc::new(seats));
            while known.len() > KEPT {
                known.pop_first();
            }
        }
        let known = self.seats.read().unwrap_or_else(PoisonError::into_inner);
        let newest = known.values().rev().take(4);
        let seated = newest.flat_map(|seats| seats.committee.members().iter().map(|m| m.key));
        self.directory.seat(seated);
    }

    /// The seats of an epoch; the genesis block has those of the first. None before the epoch's
    /// committee is known.
    pub(super) fn of(&self, epoch: Epoch) -> Option<Arc<Seats>> {
        let epoch = epoch.max(Epoch::FIRST);
        {
            let known = self.seats.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(seats) = known.get(&epoch) {
                return Some(Arc::clone(seats));
            }
        }
        match self.storage.epoch(epoch) {
            Ok(info) => info.map(|info| {
                let directory = Arc::clone(&self.directory);
                Arc::new(Seats::new(info.committee, self.key.as_ref(), directory))
            }),
            Err(error) => {
                tracing::error!(%error, %epoch, "the committee of an epoch can't be read");
                None
            }
        }
    }

    /// The committee of an epoch, if known.
    pub(super) fn committee(&self, epoch: Epoch) -> Option<Arc<Committee>> {
        self.of(epoch).map(|seats| Arc::clone(&seats.committee))
    }

    /// The seats of an epoch, or those of the newest epoch known before it.
    pub(super) fn at_or_before(&self, epoch: Epoch) -> Arc<Seats> {
        if let Some(seats) = self.of(epoch) {
            return seats;
        }
        let known = self.seats.read().unwrap_or_else(PoisonError::into_inner);
        let before = known.range(..=epoch).next_back().or(known.iter().next());
        let (_, seats) = before.expect("the committees of the first epochs are always known");
        Arc::clone(seats)
    }

    /// The committee of the highest epoch that is known.
    pub(super) fn newest(&self) -> Arc<Committee> {
        let known = self.seats.read().unwrap_or_else(PoisonError::into_inner);
        let (_, seats) = known
            .last_key_value()
            .expect("the committees of the first epochs are always known");
        Arc::clone(&seats.committee)
    }

    /// Whether this node has a key that any committee known now has a place for.
    pub(super) fn is_seated(&self) -> bool {
        let known = self.seats.read().unwrap_or_else(PoisonError::into_inner);
        known.values().any(|seats| seats.me.is_some())
    }
}
