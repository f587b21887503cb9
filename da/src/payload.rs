//! The bytes of a block: namespaces and their transactions, in the one encoding they have (DA1 to DA5).
//!
//! A [`Payload`] is always canonical: it was laid out by [`Payload::build`] or checked by [`Payload::decode`]. It
//! holds one buffer; namespaces and transactions are slices of it.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::ops::Range;

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

mod body;
#[cfg(test)]
mod tests;

pub use body::NamespaceBody;

/// Bytes that a non-empty payload needs besides its namespaces: the namespace count.
pub const PAYLOAD_OVERHEAD: usize = 4;
/// Bytes that a namespace needs besides its transactions: id, end offset and transaction count.
pub const NAMESPACE_OVERHEAD: usize = 16;
/// Bytes that a transaction needs besides its own: its end offset.
pub const TRANSACTION_OVERHEAD: usize = 4;

const TABLE_ENTRY: usize = 12;

/// DA1: the id of a namespace, usually a rollup's chain id. 0 is reserved and not representable.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(transparent)]
pub struct NamespaceId(NonZeroU64);

impl NamespaceId {
    /// The id with this number; nothing for 0.
    pub const fn new(id: u64) -> Option<Self> {
        match NonZeroU64::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// As in hashed bytes: 8 bytes, big-endian.
    pub(crate) fn to_be_bytes(self) -> [u8; 8] {
        self.get().to_be_bytes()
    }
}

impl From<NamespaceId> for u64 {
    fn from(id: NamespaceId) -> Self {
        id.get()
    }
}

impl fmt::Display for NamespaceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(formatter)
    }
}

/// DA4: the limits of a network; part of its genesis.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The most bytes a payload has.
    pub payload_bytes: u32,
    /// The most namespaces a payload has.
    pub namespaces: u32,
    /// The most bytes a transaction has.
    pub transaction_bytes: u32,
}

impl Default for Limits {
    /// 5 MiB, 256 namespaces, 1 MiB.
    fn default() -> Self {
        Self {
            payload_bytes: 5 << 20,
            namespaces: 256,
            transaction_bytes: 1 << 20,
        }
    }
}

/// Why bytes are not a payload of this network, or cannot be made one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// DA4.
    #[error("payload of {length} bytes, at most {limit}")]
    PayloadTooLarge {
        /// Bytes it has.
        length: u64,
        /// Bytes it may have.
        limit: u32,
    },
    /// DA4.
    #[error("{count} namespaces, at most {limit}")]
    TooManyNamespaces {
        /// Namespaces it has.
        count: u64,
        /// Namespaces it may have.
        limit: u32,
    },
    /// DA4.
    #[error("transaction of {length} bytes, at most {limit}")]
    TransactionTooLarge {
        /// Bytes it has.
        length: u64,
        /// Bytes it may have.
        limit: u32,
    },
    /// DA2: the empty payload has no bytes at all.
    #[error("a payload with bytes has a namespace")]
    NoNamespaces,
    /// DA3.
    #[error("a namespace has a transaction")]
    NoTransactions,
    /// DA3.
    #[error("a transaction has a byte")]
    EmptyTransaction,
    /// DA1.
    #[error("namespace 0 is reserved")]
    ReservedNamespace,
    /// DA2: the id is not above the one before it.
    #[error("namespace {0} is out of order")]
    NamespaceOrder(u64),
    /// An offset points before the previous one or behind the end.
    #[error("an offset is out of order or range")]
    Offset,
    /// The bytes end inside a table.
    #[error("the bytes end inside a table")]
    Truncated,
    /// There are bytes after the last transaction.
    #[error("{0} bytes are left over")]
    Trailing(usize),
}

/// One namespace of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its id.
    pub id: NamespaceId,
    /// Its transactions.
    pub body: NamespaceBody,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    id: NamespaceId,
    range: Range<usize>,
}

/// A canonical payload within the limits of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    bytes: Bytes,
    entries: Vec<Entry>,
}

impl Payload {
    /// The payload without a namespace: zero bytes.
    pub const fn empty() -> Self {
        Self {
            bytes: Bytes::new(),
            entries: Vec::new(),
        }
    }

    /// Lays out the transactions of each namespace in the given order.
    ///
    /// Refuses a namespace without a transaction, an empty transaction and whatever is over a limit.
    pub fn build(
        namespaces: &BTreeMap<NamespaceId, Vec<Bytes>>,
        limits: &Limits,
    ) -> Result<Self, PayloadError> {
        if namespaces.is_empty() {
            return Ok(Self::empty());
        }
        let count = within_namespace_limit(namespaces.len(), limits)?;
        let mut length = PAYLOAD_OVERHEAD;
        for transactions in namespaces.values() {
            length += TABLE_ENTRY + body::built_len(transactions, limits)?;
        }
        within_payload_limit(length, limits)?;

        let mut bytes = BytesMut::with_capacity(length);
        bytes.put_u32_le(count);
        let first = PAYLOAD_OVERHEAD + TABLE_ENTRY * namespaces.len();
        let mut entries = Vec::with_capacity(namespaces.len());
        let mut end = first;
        for (id, transactions) in namespaces {
            let start = end;
            end += body::built_len(transactions, limits)?;
            bytes.put_u64_le(id.get());
            bytes.put_u32_le(within_u32(end - first));
            entries.push(Entry {
                id: *id,
                range: start..end,
            });
        }
        for transactions in namespaces.values() {
            body::write(transactions, &mut bytes);
        }
        Ok(Self {
            bytes: bytes.freeze(),
            entries,
        })
    }

    /// Checks that the bytes are the canonical encoding of a payload within the limits. Copies nothing.
    pub fn decode(bytes: Bytes, limits: &Limits) -> Result<Self, PayloadError> {
        if bytes.is_empty() {
            return Ok(Self::empty());
        }
        within_payload_limit(bytes.len(), limits)?;
        let count = usize::try_from(read_u32(&bytes, 0)?).map_err(|_| PayloadError::Truncated)?;
        if count == 0 {
            return Err(PayloadError::NoNamespaces);
        }
        within_namespace_limit(count, limits)?;
        let first = PAYLOAD_OVERHEAD + TABLE_ENTRY * count;
        if bytes.len() < first {
            return Err(PayloadError::Truncated);
        }

        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        for position in (PAYLOAD_OVERHEAD..first).step_by(TABLE_ENTRY) {
            let id = read_u64(&bytes, position)?;
            let end = first
                + usize::try_from(read_u32(&bytes, position + 8)?)
                    .map_err(|_| PayloadError::Offset)?;
            let start = entries.last().map_or(first, |last| last.range.end);
            if entries.last().is_some_and(|last| last.id.get() >= id) {
                return Err(PayloadError::NamespaceOrder(id));
            }
            if end < start || end > bytes.len() {
                return Err(PayloadError::Offset);
            }
            let id = NamespaceId::new(id).ok_or(PayloadError::ReservedNamespace)?;
            body::check(&bytes[start..end], limits.transaction_bytes)?;
            entries.push(Entry {
                id,
                range: start..end,
            });
        }
        let end = entries.last().map_or(first, |last| last.range.end);
        if end != bytes.len() {
            return Err(PayloadError::Trailing(bytes.len() - end));
        }
        Ok(Self { bytes, entries })
    }

    /// The encoding.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The length of the encoding in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no namespace.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number of namespaces.
    pub fn namespace_count(&self) -> usize {
        self.entries.len()
    }

    /// The number of transactions in all namespaces.
    pub fn transaction_count(&self) -> usize {
        self.namespaces()
            .map(|namespace| namespace.body.len())
            .sum()
    }

    /// The namespaces in ascending order.
    pub fn namespaces(&self) -> impl ExactSizeIterator<Item = Namespace> + '_ {
        self.entries.iter().map(|entry| Namespace {
            id: entry.id,
            body: NamespaceBody::of_checked(self.bytes.slice(entry.range.clone())),
        })
    }

    /// The body of a namespace, or nothing when the payload has no such namespace.
    pub fn namespace(&self, id: NamespaceId) -> Option<NamespaceBody> {
        Some(NamespaceBody::of_checked(
            self.bytes.slice(self.body_range(id)?),
        ))
    }

    /// Where the body of a namespace lies in [`Self::bytes`].
    pub fn body_range(&self, id: NamespaceId) -> Option<Range<usize>> {
        let index = self
            .entries
            .binary_search_by_key(&id, |entry| entry.id)
            .ok()?;
        Some(self.entries[index].range.clone())
    }

    /// The same payload in another buffer that holds the same bytes, so that the first one can be freed.
    pub(crate) fn moved_into(self, bytes: Bytes) -> Self {
        debug_assert_eq!(self.len(), bytes.len(), "the buffer holds the same payload");
        Self {
            bytes,
            entries: self.entries,
        }
    }
}

fn within_payload_limit(length: usize, limits: &Limits) -> Result<(), PayloadError> {
    match u32::try_from(length) {
        Ok(length) if length <= limits.payload_bytes => Ok(()),
        _ => Err(PayloadError::PayloadTooLarge {
            length: length as u64,
            limit: limits.payload_bytes,
        }),
    }
}

fn within_namespace_limit(count: usize, limits: &Limits) -> Result<u32, PayloadError> {
    match u32::try_from(count) {
        Ok(count) if count <= limits.namespaces => Ok(count),
        _ => Err(PayloadError::TooManyNamespaces {
            count: count as u64,
            limit: limits.namespaces,
        }),
    }
}

/// Lengths and counts inside a payload, whose whole length was checked to be within a `u32`.
fn within_u32(length: usize) -> u32 {
    u32::try_from(length).expect("the payload limit is a u32")
}

fn read_u32(bytes: &[u8], position: usize) -> Result<u32, PayloadError> {
    let field = bytes
        .get(position..)
        .and_then(<[u8]>::first_chunk)
        .ok_or(PayloadError::Truncated)?;
    Ok(u32::from_le_bytes(*field))
}

fn read_u64(bytes: &[u8], position: usize) -> Result<u64, PayloadError> {
    let field = bytes
        .get(position..)
        .and_then(<[u8]>::first_chunk)
        .ok_or(PayloadError::Truncated)?;
    Ok(u64::from_le_bytes(*field))
}
