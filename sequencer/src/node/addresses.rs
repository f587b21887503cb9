//! Where validators are reached, in their own words.
//!
//! A validator that starts says where, signed by its network key and numbered by the time, and every node passes the
//! newest word of each validator on. A record can be withheld, but neither forged, nor moved to another network, nor
//! replayed over a newer one. The addresses of the genesis document and of the settings stay in use beside it, so a
//! record can at worst add a dial that fails.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::Hash;
use libp2p::{
    Multiaddr, PeerId,
    identity::{self, Keypair, ed25519},
};

use super::directory::Directory;

/// Most addresses in a record.
pub(super) const MAX_ADDRESSES: usize = 4;
/// Longest address as text.
const MAX_ADDRESS_LEN: usize = 256;
/// Signed before everything else, so that the signature means nothing elsewhere.
const TAG: &[u8] = b"sequencer: address record, version 1";
/// How soon a validator may move again; earlier words are heard when they are repeated.
const MIN_PAUSE: Duration = Duration::from_secs(2);

/// What a validator says about where it is reached.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct AddressRecord {
    /// Its Ed25519 network key.
    key: [u8; 32],
    /// Grows with each record: milliseconds since the Unix epoch when it was made, or more.
    number: u64,
    /// Multiaddresses as text.
    addresses: Vec<String>,
    signature: [u8; 64],
}

impl AddressRecord {
    /// Signs a record. None if the key can't sign, which Ed25519 keys always can.
    pub(super) fn sign(
        domain: Hash,
        key: &Keypair,
        number: u64,
        addresses: &[Multiaddr],
    ) -> Option<Self> {
        let addresses = addresses.iter().take(MAX_ADDRESSES);
        let mut record = Self {
            key: key.public().try_into_ed25519().ok()?.to_bytes(),
            number,
            addresses: addresses.map(ToString::to_string).collect(),
            signature: [0; 64],
        };
        let signature = key.sign(&record.signed(domain)).ok()?;
        record.signature = signature.try_into().ok()?;
        Some(record)
    }

    fn signed(&self, domain: Hash) -> Vec<u8> {
        let said = (&self.key, self.number, &self.addresses);
        let mut bytes = TAG.to_vec();
        bytes.extend(domain.0);
        bytes.extend(borsh::to_vec(&said).expect("a vector takes all bytes"));
        bytes
    }

    fn public_key(&self) -> Option<identity::PublicKey> {
        let key = ed25519::PublicKey::try_from_bytes(&self.key).ok()?;
        Some(key.into())
    }

    fn is_well_formed(&self) -> bool {
        let is_short = |address: &String| address.len() <= MAX_ADDRESS_LEN;
        self.addresses.len() <= MAX_ADDRESSES && self.addresses.iter().all(is_short)
    }

    /// Its number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The addresses that can be read.
    pub(super) fn addresses(&self) -> Vec<Multiaddr> {
        let parsed = self.addresses.iter().map(|text| text.parse());
        parsed.filter_map(Result::ok).collect()
    }
}

/// What came of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is newer than what was known.
    News,
    /// Known, older, too soon, or of nobody who matters.
    Nothing,
    /// Somebody has signed a newer one with the key of this node.
    Ours {
        /// Its number.
        number: u64,
    },
    /// Whoever passed it on did what no honest node does.
    Fault(&'static str),
}

/// The newest record of each validator.
#[derive(Debug)]
pub(super) struct Book {
    domain: Hash,
    own: PeerId,
    directory: Arc<Directory>,
    records: BTreeMap<PeerId, (AddressRecord, Instant)>,
}

impl Book {
    pub(super) fn new(domain: Hash, own: PeerId, directory: Arc<Directory>) -> Self {
        Self {
            domain,
            own,
            directory,
            records: BTreeMap::new(),
        }
    }

    /// Takes a record that a peer passed on. What is cheap to see is looked at before the signature.
    pub(super) fn accept(&mut self, now: Instant, record: AddressRecord) -> Outcome {
        let Some(key) = record.public_key().filter(|_| record.is_well_formed()) else {
            return Outcome::Fault("a malformed address record");
        };
        let peer = key.to_peer_id();
        if !self.directory.is_validator(&peer) {
            return Outcome::Nothing;
        }
        if let Some((known, since)) = self.records.get(&peer) {
            let is_soon = peer != self.own && now.saturating_duration_since(*since) < MIN_PAUSE;
            if *known == record || record.number < known.number || is_soon {
                return Outcome::Nothing;
            }
        }
        if !key.verify(&record.signed(self.domain), &record.signature) {
            return Outcome::Fault("a forged address record");
        }
        if peer == self.own {
            let number = record.number;
            return Outcome::Ours { number };
        }
        if self
            .records
            .get(&peer)
            .is_some_and(|(known, _)| known.number == record.number)
        {
            // Two words of one number: the first stays.
            return Outcome::Nothing;
        }
        self.records.insert(peer, (record, now));
        Outcome::News
    }

    /// Keeps the own record.
    pub(super) fn keep_own(&mut self, now: Instant, record: AddressRecord) {
        self.records.insert(self.own, (record, now));
    }

    /// What a peer says about itself.
    pub(super) fn get(&self, peer: &PeerId) -> Option<&AddressRecord> {
        self.records.get(peer).map(|(record, _)| record)
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<AddressRecord> {
        let records = self.records.values();
        records.map(|(record, _)| record.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
