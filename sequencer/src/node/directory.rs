//! Who is who: network keys, consensus keys, and the numbers the state machine knows peers by.
//!
//! It starts with the validators of the genesis document and learns of others from the stake
//! table. What was once known is kept, bounded by what registration costs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use hotshot::Sender;
use hotshot_types::{GenesisDocument, PublicKey};
use libp2p::{Multiaddr, PeerId, identity};

use super::NodeError;
use crate::network::Peer;

/// Peers without stake that are remembered by number; the oldest are forgotten.
const MAX_STRANGERS: u64 = 1_024;
/// The first number of a peer without stake.
const FIRST_STRANGER: u64 = 1 << 32;

/// A validator as others reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    /// Its consensus key.
    pub(crate) key: PublicKey,
    /// Its network identity.
    pub(crate) peer: PeerId,
    /// Where it listens, if the registered text is an address.
    pub(crate) address: Option<Multiaddr>,
}

impl Contact {
    /// From the bytes of an Ed25519 public key and a multiaddress as text. None if the key is none.
    pub(crate) fn new(key: PublicKey, network_key: &[u8; 32], address: &str) -> Option<Self> {
        let network = identity::ed25519::PublicKey::try_from_bytes(network_key).ok()?;
        Some(Self {
            key,
            peer: identity::PublicKey::from(network).to_peer_id(),
            address: address.parse().ok(),
        })
    }
}

/// The validators' identities, and numbers for everybody heard of.
#[derive(Debug)]
pub(super) struct Directory {
    own: PeerId,
    known: RwLock<Known>,
    strangers: Mutex<Strangers>,
}

#[derive(Debug, Default)]
struct Known {
    /// Peers by number, in the order in which they were heard of.
    validators: Vec<Validator>,
    by_peer: HashMap<PeerId, usize>,
    by_key: HashMap<[u8; PublicKey::LEN], PeerId>,
    /// Keys in one of the newest committees.
    seated_keys: Vec<[u8; PublicKey::LEN]>,
    /// Whose they are.
    seated: BTreeSet<PeerId>,
    /// Counts what was learnt.
    edition: u64,
}

#[derive(Debug)]
struct Validator {
    peer: PeerId,
    /// Its consensus keys, the newest last; those of one committee before those of none.
    keys: Vec<PublicKey>,
    /// The key that a committee has a place for now.
    active: PublicKey,
    address: Option<Multiaddr>,
}

/// Consensus keys of one peer that are remembered.
const MAX_KEYS: usize = 4;

#[derive(Debug, Default)]
struct Strangers {
    next: u64,
    numbers: HashMap<PeerId, u64>,
    peers: BTreeMap<u64, PeerId>,
}

impl Directory {
    /// The validators of the genesis document.
    pub(super) fn new(genesis: &GenesisDocument, own: PeerId) -> Result<Self, NodeError> {
        let directory = Self {
            own,
            known: RwLock::default(),
            strangers: Mutex::default(),
        };
        for (index, validator) in genesis.validators.iter().enumerate() {
            let contact = Contact::new(validator.key, &validator.network_key.0, &validator.address)
                .ok_or(NodeError::GenesisNetworkKey { index })?;
            if contact.address.is_none() {
                return Err(NodeError::GenesisAddress { index });
            }
            directory.learn([contact]);
        }
        directory.seat(genesis.validators.iter().map(|validator| validator.key));
        Ok(directory)
    }

    /// Takes what the stake table says of validators. A later word about a peer or a key replaces
    /// the earlier one.
    pub(super) fn learn(&self, contacts: impl IntoIterator<Item = Contact>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for contact in contacts {
            known.learn(contact);
        }
        known.find_seated();
    }

    /// Which keys the newest committees have places for.
    pub(super) fn seat(&self, keys: impl IntoIterator<Item = PublicKey>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.seated_keys = keys.into_iter().map(|key| key.to_bytes()).collect();
        known.find_seated();
    }

    /// Which keys speak in the current epoch, where a peer has several.
    pub(super) fn activate(&self, keys: impl IntoIterator<Item = PublicKey>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            let Some(peer) = known.by_key.get(&key.to_bytes()).copied() else {
                continue;
            };
            if let Some(index) = known.by_peer.get(&peer).copied() {
                known.validators[index].active = key;
            }
        }
    }

    /// Rises whenever [`Self::peers`] may have changed.
    pub(super) fn edition(&self) -> u64 {
        self.known().edition
    }

    /// Everybody to keep a connection to.
    pub(super) fn peers(&self) -> Vec<Peer> {
        let known = self.known();
        known
            .validators
            .iter()
            .filter(|validator| known.seated.contains(&validator.peer))
            .filter(|validator| validator.peer != self.own)
            .map(|validator| Peer {
                id: validator.peer,
                addresses: validator.address.iter().cloned().collect(),
            })
            .collect()
    }

    /// All validators of the newest committees.
    pub(super) fn everybody(&self) -> Vec<PeerId> {
        self.known().seated.iter().copied().collect()
    }

    /// Whether a peer is a validator, of a committee or not.
    pub(super) fn is_validator(&self, peer: &PeerId) -> bool {
        self.known().by_peer.contains_key(peer)
    }

    /// The network identity of a consensus key.
    pub(super) fn peer_of(&self, key: &PublicKey) -> Option<PeerId> {
        self.known().by_key.get(&key.to_bytes()).copied()
    }

    /// The consensus keys of a peer.
    pub(super) fn keys_of(&self, peer: &PeerId) -> Vec<PublicKey> {
        let known = self.known();
        let index = known.by_peer.get(peer);
        index.map_or_else(Vec::new, |index| known.validators[*index].keys.clone())
    }

    /// How the state machine is told of a peer.
    pub(super) fn sender(&self, peer: PeerId) -> Sender {
        {
            let known = self.known();
            if let Some(index) = known.by_peer.get(&peer) {
                return Sender {
                    peer: *index as u64,
                    key: Some(known.validators[*index].active),
                };
            }
        }
        Sender {
            peer: self.number_stranger(peer),
            key: None,
        }
    }

    fn number_stranger(&self, peer: PeerId) -> u64 {
        let mut strangers = self
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = strangers.numbers.get(&peer) {
            return *number;
        }
        let number = FIRST_STRANGER + strangers.next;
        strangers.next += 1;
        strangers.numbers.insert(peer, number);
        strangers.peers.insert(number, peer);
        if strangers.peers.len() as u64 > MAX_STRANGERS
            && let Some((_, forgotten)) = strangers.peers.pop_first()
        {
            strangers.numbers.remove(&forgotten);
        }
        number
    }

    /// The peer behind a number.
    pub(super) fn peer_numbered(&self, number: u64) -> Option<PeerId> {
        if number >= FIRST_STRANGER {
            let strangers = self
                .strangers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            return strangers.peers.get(&number).copied();
        }
        let index = usize::try_from(number).ok()?;
        let known = self.known();
        Some(known.validators.get(index)?.peer)
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn find_seated(&mut self) {
        let peers = self.seated_keys.iter();
        let seated = peers
            .filter_map(|key| self.by_key.get(key).copied())
            .collect();
        if seated != self.seated {
            self.seated = seated;
            self.edition += 1;
        }
    }

    fn learn(&mut self, contact: Contact) {
        let Contact { key, peer, address } = contact;
        // A key that moved to another network identity is no longer the old one's.
        if let Some(before) = self.by_key.insert(key.to_bytes(), peer)
            && before != peer
            && let Some(index) = self.by_peer.get(&before)
        {
            let old = &mut self.validators[*index];
            old.keys.retain(|known| *known != key);
            match old.keys.last() {
                Some(last) => old.active = *last,
                None => {
                    self.by_peer.remove(&before);
                }
            }
        }
        let Some(index) = self.by_peer.get(&peer) else {
            self.by_peer.insert(peer, self.validators.len());
            self.validators.push(Validator {
                peer,
                keys: vec![key],
                active: key,
                address,
            });
            return;
        };
        let validator = &mut self.validators[*index];
        if address.is_some() && validator.address != address {
            validator.address = address;
            self.edition += 1;
        }
        if !validator.keys.contains(&key) {
            validator.keys.push(key);
            if validator.keys.len() > MAX_KEYS {
                validator.keys.remove(0);
            }
        }
    }
}
