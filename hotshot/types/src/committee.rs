//! The validators of one epoch, their weights, and who leads (M1, M2, T2).

use std::{collections::BTreeSet, fmt, io};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Epoch, Hash, PublicKey, Signers, Stake, ValidatorIndex, View,
    bls::{self, KeyError, SumG2},
    bounded,
    digest::{self, Words},
};

/// The design's limit on the size of a committee (M1).
pub const MAX_MEMBERS: usize = 1_000;

/// One validator of a committee.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Member {
    /// Its consensus key.
    pub key: PublicKey,
    /// Its voting weight, above zero.
    pub weight: u64,
}

/// Why a list of members is no committee.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// Nobody, or more than the design allows.
    #[error("a committee has 1 to {MAX_MEMBERS} members, not {0}")]
    Size(usize),
    /// A member without weight.
    #[error("member {0} has no weight")]
    Weightless(ValidatorIndex),
    /// One key twice: it would vote twice.
    #[error("member {0} has the consensus key of an earlier member: it would vote twice")]
    DuplicateKey(ValidatorIndex),
    /// A key whose halves differ.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The validators of one epoch by index.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Committee {
    epoch: Epoch,
    members: Vec<Member>,
    #[serde(skip)]
    total: Stake,
    /// Of everybody: most certificates lack few signers, whose keys are then subtracted.
    #[serde(skip)]
    sum: SumG2,
}

impl Committee {
    /// A committee of members in index order.
    ///
    /// # Errors
    /// An empty or oversized list, a member without weight, a repeated key.
    pub fn new(epoch: Epoch, members: Vec<Member>) -> Result<Self, CommitteeError> {
        if members.is_empty() || members.len() > MAX_MEMBERS {
            return Err(CommitteeError::Size(members.len()));
        }
        let mut keys = BTreeSet::new();
        for (position, member) in members.iter().enumerate() {
            let index = ValidatorIndex::at(position);
            if member.weight == 0 {
                return Err(CommitteeError::Weightless(index));
            }
            // Either half alone: as long as nobody has checked that the halves belong together,
            // one of them could stand in two keys.
            let key = member.key.to_bytes();
            let (g1, g2) = key.split_at(48);
            if !keys.insert(g1.to_vec()) || !keys.insert(g2.to_vec()) {
                return Err(CommitteeError::DuplicateKey(index));
            }
        }
        let total = members
            .iter()
            .map(|member| Stake::from(member.weight))
            .sum();
        let sum = SumG2::of(members.iter().map(|member| &member.key));
        Ok(Self {
            epoch,
            members,
            total,
            sum,
        })
    }

    /// Checks that the halves of each key share one secret; for committees taken from a peer (D7).
    ///
    /// # Errors
    /// A key whose halves differ.
    pub fn check_keys(&self) -> Result<(), CommitteeError> {
        let keys: Vec<PublicKey> = self.members.iter().map(|member| member.key).collect();
        Ok(bls::check_halves(&keys)?)
    }

    /// The same validators in another epoch.
    #[must_use]
    pub fn in_epoch(&self, epoch: Epoch) -> Self {
        Self {
            epoch,
            ..self.clone()
        }
    }

    /// The epoch it votes in.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The members by index.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// How many members there are: n.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a committee is never empty")]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The member at `index`, if there is one.
    #[must_use]
    pub fn member(&self, index: ValidatorIndex) -> Option<&Member> {
        self.members.get(index.position())
    }

    /// The index of the member with this key.
    #[must_use]
    pub fn index_of(&self, key: &PublicKey) -> Option<ValidatorIndex> {
        let position = self.members.iter().position(|member| member.key == *key)?;
        Some(ValidatorIndex::at(position))
    }

    /// The weight of the member at `index`; zero outside the committee.
    #[must_use]
    pub fn weight(&self, index: ValidatorIndex) -> Stake {
        self.member(index)
            .map_or(0, |member| Stake::from(member.weight))
    }

    /// The sum of everybody's G2 halves.
    pub(crate) fn sum(&self) -> &SumG2 {
        &self.sum
    }

    /// The members' weights by index.
    #[must_use]
    pub fn weights(&self) -> Vec<u64> {
        self.members.iter().map(|member| member.weight).collect()
    }

    /// The sum of all weights: S.
    #[must_use]
    pub fn total(&self) -> Stake {
        self.total
    }

    /// The least stake that makes a certificate: Q = floor(2S/3) + 1 (M2).
    #[must_use]
    pub fn quorum(&self) -> Stake {
        2 * self.total / 3 + 1
    }

    /// The least stake that holds an honest member: F1 = floor((S-1)/3) + 1 (M2).
    #[must_use]
    pub fn one_honest(&self) -> Stake {
        (self.total - 1) / 3 + 1
    }

    /// The stake of a set of signers. A bitmap of another size has none.
    #[must_use]
    pub fn stake_of(&self, signers: &Signers) -> Stake {
        if signers.committee_len() != self.len() {
            return 0;
        }
        signers.iter().map(|index| self.weight(index)).sum()
    }

    /// The leader of a view, drawn by stake with the epoch's seed (T2).
    #[must_use]
    pub fn leader(&self, seed: Hash, view: View) -> ValidatorIndex {
        let mut draw = scale(&digest::leader(seed, view), self.total);
        for (position, member) in self.members.iter().enumerate() {
            match draw.checked_sub(Stake::from(member.weight)) {
                Some(rest) => draw = rest,
                None => return ValidatorIndex::at(position),
            }
        }
        unreachable!("the draw is below the total weight")
    }

    /// The commitment that a light client stores: Keccak-256 of the words epoch, n, S, the sum of
    /// the G1 halves and the root over (index, G1 half, weight).
    #[must_use]
    pub fn commitment(&self) -> Hash {
        Words::new()
            .uint(self.epoch.0)
            .uint(self.len() as u128)
            .uint(self.total)
            .g1(&bls::sum_g1(self.members.iter().map(|member| &member.key)))
            .hash(self.root())
            .finish()
    }

    /// The Merkle root over the members by index: leaf = Keccak-256 of the words index, G1 half,
    /// weight; padded with zero words to a power of two.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.levels().pop().expect("a tree has a root")[0]
    }

    /// The levels of the tree under [`Self::root`], the leaves first, padding included.
    pub(crate) fn levels(&self) -> Vec<Vec<Hash>> {
        let mut leaves: Vec<Hash> = self
            .members
            .iter()
            .enumerate()
            .map(|(index, member)| {
                Words::new()
                    .uint(index as u128)
                    .g1(&member.key.point_g1())
                    .uint(member.weight)
                    .finish()
            })
            .collect();
        leaves.resize(leaves.len().next_power_of_two(), Hash::ZERO);
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let level = below
                .chunks_exact(2)
                .map(|pair| digest::keccak_concat(&[&[1], &pair[0].0, &pair[1].0]))
                .collect();
            levels.push(level);
        }
        levels
    }
}

/// floor(draw * total / 2^256), the product taken in full.
fn scale(draw: &Hash, total: Stake) -> Stake {
    // Schoolbook multiplication over 32-bit limbs, least significant first.
    let limb = |chunk: &[u8]| {
        chunk
            .iter()
            .fold(0, |limb, byte| limb << 8 | u64::from(*byte))
    };
    let draw: Vec<u64> = draw.0.rchunks(4).map(limb).collect();
    let total: Vec<u64> = total.to_be_bytes().rchunks(4).map(limb).collect();
    let mut product = vec![0_u64; draw.len() + total.len()];
    for (i, a) in draw.iter().enumerate() {
        let mut carry = 0;
        for (j, b) in total.iter().enumerate() {
            let sum = product[i + j] + a * b + carry;
            product[i + j] = sum & 0xffff_ffff;
            carry = sum >> 32;
        }
        product[i + total.len()] = carry;
    }
    product[draw.len()..]
        .iter()
        .rev()
        .fold(0, |high, limb| high << 32 | Stake::from(*limb))
}

impl BorshSerialize for Committee {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        BorshSerialize::serialize(&self.epoch, writer)?;
        BorshSerialize::serialize(&self.members, writer)
    }
}

impl BorshDeserialize for Committee {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let epoch = Epoch::deserialize_reader(reader)?;
        let members = bounded::read::<_, _, MAX_MEMBERS>(reader)?;
        Self::new(epoch, members).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

impl fmt::Debug for Committee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committee")
            .field("epoch", &self.epoch)
            .field("members", &self.members)
            .finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for Committee {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            epoch: Epoch,
            #[serde(deserialize_with = "bounded::list::<_, _, MAX_MEMBERS>")]
            members: Vec<Member>,
        }
        let Fields { epoch, members } = Fields::deserialize(deserializer)?;
        Self::new(epoch, members).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
