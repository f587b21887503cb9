//! Who is who: network keys, consensus keys, and the numbers the state machine knows peers by.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use hotshot::Sender;
use hotshot_types::{GenesisDocument, PublicKey};
use libp2p::{Multiaddr, PeerId, identity};

use super::NodeError;
use crate::network::Peer;

/// Peers without stake that are remembered by number; the oldest are forgotten.
const MAX_STRANGERS: u64 = 1_024;

/// The validators' identities, and numbers for everybody heard of.
#[derive(Debug)]
pub(super) struct Directory {
    own: PeerId,
    validators: Vec<(PeerId, PublicKey, Multiaddr)>,
    by_peer: HashMap<PeerId, usize>,
    by_key: HashMap<[u8; PublicKey::LEN], PeerId>,
    strangers: Mutex<Strangers>,
}

#[derive(Debug, Default)]
struct Strangers {
    next: u64,
    numbers: HashMap<PeerId, u64>,
    peers: BTreeMap<u64, PeerId>,
}

impl Directory {
    /// The validators of the genesis document.
    pub(super) fn new(genesis: &GenesisDocument, own: PeerId) -> Result<Self, NodeError> {
        let mut validators = Vec::new();
        for (index, validator) in genesis.validators.iter().enumerate() {
            let key = identity::ed25519::PublicKey::try_from_bytes(&validator.network_key.0)
                .map_err(|_| NodeError::GenesisNetworkKey { index })?;
            let peer = identity::PublicKey::from(key).to_peer_id();
            let address = validator
                .address
                .parse()
                .map_err(|_| NodeError::GenesisAddress { index })?;
            validators.push((peer, validator.key, address));
        }
        Ok(Self {
            own,
            by_peer: validators
                .iter()
                .enumerate()
                .map(|(index, (peer, ..))| (*peer, index))
                .collect(),
            by_key: validators
                .iter()
                .map(|(peer, key, _)| (key.to_bytes(), *peer))
                .collect(),
            validators,
            strangers: Mutex::default(),
        })
    }

    /// Everybody to keep a connection to.
    pub(super) fn peers(&self) -> Vec<Peer> {
        self.validators
            .iter()
            .filter(|(peer, ..)| *peer != self.own)
            .map(|(peer, _, address)| Peer {
                id: *peer,
                addresses: vec![address.clone()],
            })
            .collect()
    }

    /// All validators by index.
    pub(super) fn everybody(&self) -> Vec<PeerId> {
        self.validators.iter().map(|(peer, ..)| *peer).collect()
    }

    /// Whether a peer is one of them.
    pub(super) fn is_validator(&self, peer: &PeerId) -> bool {
        self.by_peer.contains_key(peer)
    }

    /// The network identity of a consensus key.
    pub(super) fn peer_of(&self, key: &PublicKey) -> Option<PeerId> {
        self.by_key.get(&key.to_bytes()).copied()
    }

    /// How the state machine is told of a peer.
    pub(super) fn sender(&self, peer: PeerId) -> Sender {
        match self.by_peer.get(&peer) {
            Some(index) => Sender {
                peer: *index as u64,
                key: Some(self.validators[*index].1),
            },
            None => Sender {
                peer: self.number_stranger(peer),
                key: None,
            },
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
        let number = self.validators.len() as u64 + strangers.next;
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
        let index = usize::try_from(number).ok()?;
        if let Some((peer, ..)) = self.validators.get(index) {
            return Some(*peer);
        }
        let strangers = self
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        strangers.peers.get(&number).copied()
    }
}
