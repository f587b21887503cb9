//! Which members of a committee signed (C3).

use std::{fmt, io};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{ValidatorIndex, committee::MAX_MEMBERS};

/// A bitmap of exactly n bits: signer i is bit (i mod 8), least significant first, of byte i/8;
/// padding bits are zero.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize)]
pub struct Signers {
    len: u16,
    bits: Vec<u8>,
}

impl Signers {
    /// Nobody of a committee of `len`.
    ///
    /// # Panics
    /// Where `len` is above the largest committee.
    #[must_use]
    pub fn none(len: usize) -> Self {
        assert!(
            len <= MAX_MEMBERS,
            "a committee has at most {MAX_MEMBERS} members"
        );
        Self {
            len: ValidatorIndex::at(len).0,
            bits: vec![0; len.div_ceil(8)],
        }
    }

    /// The given members of a committee of `len`; indices outside it are left out.
    ///
    /// # Panics
    /// Where `len` is above the largest committee.
    #[must_use]
    pub fn of(len: usize, signers: impl IntoIterator<Item = ValidatorIndex>) -> Self {
        let mut set = Self::none(len);
        for signer in signers {
            set.insert(signer);
        }
        set
    }

    /// Adds a member and returns whether the set changed: it does not where the member is in it
    /// already or the index is outside the committee.
    pub fn insert(&mut self, signer: ValidatorIndex) -> bool {
        let added = signer.0 < self.len && !self.contains(signer);
        if added {
            self.bits[signer.position() / 8] |= 1 << (signer.0 % 8);
        }
        added
    }

    /// Whether the member is in the set.
    #[must_use]
    pub fn contains(&self, signer: ValidatorIndex) -> bool {
        signer.0 < self.len && self.bits[signer.position() / 8] & (1 << (signer.0 % 8)) != 0
    }

    /// The members in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = ValidatorIndex> + '_ {
        (0..self.len)
            .map(ValidatorIndex)
            .filter(|index| self.contains(*index))
    }

    /// How many signed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bits
            .iter()
            .map(|byte| byte.count_ones() as usize)
            .sum()
    }

    /// The size of the committee this set is drawn from.
    #[must_use]
    pub fn committee_len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether no member is in both sets.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.bits.iter().zip(&other.bits).all(|(a, b)| a & b == 0)
    }

    /// The members outside the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut absent = Self::none(self.committee_len());
        for index in (0..self.len).map(ValidatorIndex) {
            if !self.contains(index) {
                absent.insert(index);
            }
        }
        absent
    }

    fn checked(len: u16, bits: Vec<u8>) -> Result<Self, &'static str> {
        if bits.len() != Self::bytes_for(len)? {
            return Err("signer bitmap of the wrong length");
        }
        let used = len % 8;
        if used != 0 && bits.last().is_some_and(|last| last >> used != 0) {
            return Err("signer bitmap with padding bits set");
        }
        Ok(Self { len, bits })
    }

    fn bytes_for(len: u16) -> Result<usize, &'static str> {
        let len = usize::from(len);
        if len > MAX_MEMBERS {
            return Err("signer bitmap above the largest committee");
        }
        Ok(len.div_ceil(8))
    }
}

impl BorshDeserialize for Signers {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let malformed = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let len = u16::deserialize_reader(reader)?;
        let bytes = Self::bytes_for(len).map_err(malformed)?;
        // Both lengths are known before anything is allocated.
        if u32::deserialize_reader(reader)? as usize != bytes {
            return Err(malformed("signer bitmap of the wrong length"));
        }
        let mut bits = vec![0; bytes];
        reader.read_exact(&mut bits)?;
        Self::checked(len, bits).map_err(malformed)
    }
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count(), self.len)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Readable {
    committee: u16,
    bitmap: String,
}

impl Serialize for Signers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Readable {
            committee: self.len,
            bitmap: format!("0x{}", hex::encode(&self.bits)),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Readable { committee, bitmap } = Readable::deserialize(deserializer)?;
        let bits =
            hex::decode(bitmap.strip_prefix("0x").unwrap_or(&bitmap)).map_err(D::Error::custom)?;
        Self::checked(committee, bits).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
