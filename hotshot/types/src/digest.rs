//! How everything that is signed or committed to is hashed (section 3 of the protocol).
//!
//! A digest is Keccak-256 over 32-byte words; the first word is the Keccak-256 of an ASCII name,
//! so that a signature of one purpose never counts for another. [`Tag`] lists all of them.

use sha3::{Digest as _, Keccak256};

use crate::{
    Address, Hash, Height, Kind, Round, View,
    bls::{PointG1, PointG2},
    ids::Epoch,
};

/// The domain tags, all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tag {
    /// D1, a leader's proposal.
    Proposal,
    /// D2, vote 1 and the quorum certificate.
    Quorum,
    /// D3, vote 2 and the finality certificate: the statement L1 verifies.
    Final,
    /// D4, a timeout vote.
    Timeout,
    /// D5, the randomness reveal.
    Randomness,
    /// D6, the proof of possession.
    Possession,
    /// The name of a network.
    ChainDomain,
    /// T2, the draw of a leader.
    Leader,
    /// D8, a running process that holds a key (K4).
    Instance,
}

impl Tag {
    /// Every tag.
    pub const ALL: [Self; 9] = [
        Self::Proposal,
        Self::Quorum,
        Self::Final,
        Self::Timeout,
        Self::Randomness,
        Self::Possession,
        Self::ChainDomain,
        Self::Leader,
        Self::Instance,
    ];

    /// The ASCII name whose hash is the tag word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposal => "D_prop",
            Self::Quorum => "D_qv",
            Self::Final => "D_fv",
            Self::Timeout => "D_to",
            Self::Randomness => "D_rnd",
            Self::Possession => "D_pop",
            Self::ChainDomain => "chain domain",
            Self::Leader => "leader",
            Self::Instance => "D_inst",
        }
    }
}

/// Keccak-256 of raw bytes.
#[must_use]
pub fn keccak(bytes: &[u8]) -> Hash {
    Hash(Keccak256::digest(bytes).into())
}

/// Keccak-256 of several byte strings, concatenated.
#[must_use]
pub fn keccak_concat(parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// Hashes a sequence of 32-byte words, as `keccak256(abi.encode(..))` does for static types.
pub struct Words(Keccak256);

impl Words {
    /// No words yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Keccak256::new())
    }

    /// Starts with the tag word.
    #[must_use]
    pub fn tagged(tag: Tag) -> Self {
        Self::new().hash(keccak(tag.name().as_bytes()))
    }

    /// Appends a number as a 32-byte big-endian word.
    #[must_use]
    pub fn uint(self, value: impl Into<u128>) -> Self {
        let mut word = [0; 32];
        word[16..].copy_from_slice(&value.into().to_be_bytes());
        self.hash(Hash(word))
    }

    /// Appends a hash, one word.
    #[must_use]
    pub fn hash(mut self, hash: Hash) -> Self {
        self.0.update(hash.0);
        self
    }

    /// Appends an address, left-padded to one word.
    #[must_use]
    pub fn address(self, address: Address) -> Self {
        let mut word = [0; 32];
        word[12..].copy_from_slice(&address.0);
        self.hash(Hash(word))
    }

    /// Appends a G1 point in EIP-2537 padding, four words.
    #[must_use]
    pub fn g1(mut self, point: &PointG1) -> Self {
        self.0.update(point.0);
        self
    }

    /// Appends a G2 point in EIP-2537 padding, eight words.
    #[must_use]
    pub fn g2(mut self, point: &PointG2) -> Self {
        self.0.update(point.0);
        self
    }

    /// The Keccak-256 of the words.
    #[must_use]
    pub fn finish(self) -> Hash {
        Hash(self.0.finalize().into())
    }
}

impl Default for Words {
    fn default() -> Self {
        Self::new()
    }
}

fn in_domain(tag: Tag, domain: Hash, round: Round) -> Words {
    Words::tagged(tag)
        .hash(domain)
        .uint(round.epoch.0)
        .uint(round.view.0)
}

/// The chain domain: names the network in every signature, the same on every L1.
#[must_use]
pub fn chain_domain(l1_chain_id: u64, stake_table: Address, salt: Hash) -> Hash {
    Words::tagged(Tag::ChainDomain)
        .uint(l1_chain_id)
        .address(stake_table)
        .hash(salt)
        .finish()
}

/// D1: what a leader signs.
#[must_use]
pub fn proposal(domain: Hash, round: Round, kind: Kind, height: Height, block: Hash) -> Hash {
    in_domain(Tag::Proposal, domain, round)
        .uint(kind.word())
        .uint(height.0)
        .hash(block)
        .finish()
}

/// D2 or D3: what a vote of the given tag signs.
#[must_use]
pub fn statement(tag: Tag, domain: Hash, round: Round, height: Height, block: Hash) -> Hash {
    in_domain(tag, domain, round)
        .uint(height.0)
        .hash(block)
        .finish()
}

/// D4: what a timeout vote signs. For an anchor `lock_view` is 0 and `lock_hash` the anchor's.
#[must_use]
pub fn timeout(domain: Hash, round: Round, lock_view: View, lock_hash: Hash) -> Hash {
    in_domain(Tag::Timeout, domain, round)
        .uint(lock_view.0)
        .hash(lock_hash)
        .finish()
}

/// D5: what a proposer signs to reveal its randomness.
#[must_use]
pub fn randomness(domain: Hash, epoch: Epoch, height: Height) -> Hash {
    Words::tagged(Tag::Randomness)
        .hash(domain)
        .uint(epoch.0)
        .uint(height.0)
        .finish()
}

/// D6: what proves that the registrant holds the key.
#[must_use]
pub fn possession(domain: Hash, operator: Address, pk1: &PointG1, pk2: &PointG2) -> Hash {
    Words::tagged(Tag::Possession)
        .hash(domain)
        .address(operator)
        .g1(pk1)
        .g2(pk2)
        .finish()
}

/// T2: the draw for a view, to be read as a 256-bit number.
#[must_use]
pub fn leader(seed: Hash, view: View) -> Hash {
    Words::tagged(Tag::Leader).hash(seed).uint(view.0).finish()
}

/// D8: what a process signs to say that it holds a key (K4).
#[must_use]
pub fn instance(domain: Hash, run: u64, id: Hash) -> Hash {
    Words::tagged(Tag::Instance)
        .hash(domain)
        .uint(run)
        .hash(id)
        .finish()
}

#[cfg(test)]
mod tests;
