//! The numbers of the protocol as types of their own.
//!
//! A value that decodes is at most `MAX`, so `next` on a received number can't overflow.

use std::{fmt, io};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// A number from outside that no honest node reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} above 2^62")]
pub struct AboveMax(&'static str);

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, Serialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The largest value that is accepted from outside: 2^62.
            pub const MAX: Self = Self(1 << 62);

            /// The number after this one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0.checked_add(1).expect("numbers from outside are at most MAX"))
            }

            /// The number before this one, none before zero.
            #[must_use]
            pub fn previous(self) -> Option<Self> {
                self.0.checked_sub(1).map(Self)
            }

            /// This number plus `n`, stopping at [`Self::MAX`].
            #[must_use]
            pub fn plus(self, n: u64) -> Self {
                Self(self.0.saturating_add(n).min(Self::MAX.0))
            }

            /// How far this number is above `other`; zero if it is not.
            #[must_use]
            pub fn above(self, other: Self) -> u64 {
                self.0.saturating_sub(other.0)
            }
        }

        impl TryFrom<u64> for $name {
            type Error = AboveMax;

            fn try_from(value: u64) -> Result<Self, AboveMax> {
                if value > Self::MAX.0 {
                    Err(AboveMax(stringify!($name)))
                } else {
                    Ok(Self(value))
                }
            }
        }

        impl BorshDeserialize for $name {
            fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
                Self::try_from(u64::deserialize_reader(reader)?)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = <u64 as Deserialize>::deserialize(deserializer)?;
                Self::try_from(value).map_err(D::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// Counts the attempts to extend the chain; restarts at 1 in each epoch (R1).
    View
}
number! {
    /// A span of heights with one committee; the first is 1 (R1).
    Epoch
}
number! {
    /// Position of a block in the chain; genesis is 0.
    Height
}
number! {
    /// Milliseconds since the Unix epoch.
    TimestampMs
}

/// Sum of voting weights. A member's weight is a `u64`; sums are taken in `u128` (M1).
pub type Stake = u128;

impl Epoch {
    /// The first epoch.
    pub const FIRST: Self = Self(1);

    /// The epoch that `height` belongs to (R1). Genesis counts as the last block of epoch 0.
    ///
    /// # Panics
    /// Where `epoch_length` is zero, which [`crate::GenesisDocument::check`] refuses.
    #[must_use]
    pub fn of(height: Height, epoch_length: u64) -> Self {
        Self(height.0.div_ceil(epoch_length))
    }

    /// The last height of this epoch (R1).
    #[must_use]
    pub fn last_height(self, epoch_length: u64) -> Height {
        Height(0).plus(self.0.saturating_mul(epoch_length))
    }
}

/// A validator's position in its committee, from 0.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct ValidatorIndex(pub u16);

impl ValidatorIndex {
    /// As an index into a slice of members.
    #[must_use]
    pub fn position(self) -> usize {
        usize::from(self.0)
    }

    /// The index of the member at `position`.
    ///
    /// # Panics
    /// Where `position` is beyond 2^16; committees have at most 1,000 members.
    #[must_use]
    pub fn at(position: usize) -> Self {
        Self(u16::try_from(position).expect("a committee has at most 1,000 members"))
    }
}

impl fmt::Display for ValidatorIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One attempt to extend the chain, ordered by epoch, then view (R1).
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct Round {
    /// The epoch.
    pub epoch: Epoch,
    /// The view inside the epoch; 0 is the epoch's anchor.
    pub view: View,
}

impl Round {
    /// The round (epoch, view).
    #[must_use]
    pub const fn new(epoch: u64, view: u64) -> Self {
        Self {
            epoch: Epoch(epoch),
            view: View(view),
        }
    }

    /// The round in which `epoch` starts voting.
    #[must_use]
    pub const fn first_of(epoch: Epoch) -> Self {
        Self {
            epoch,
            view: View(1),
        }
    }

    /// The next view of the same epoch.
    #[must_use]
    pub fn next(self) -> Self {
        Self {
            view: self.view.next(),
            ..self
        }
    }

    /// The view before in the same epoch; none for the anchor.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        Some(Self {
            view: self.view.previous()?,
            ..self
        })
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.epoch, self.view)
    }
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
