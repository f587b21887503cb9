//! Reading headers, payloads, slots and certificates.

use std::{
    collections::BTreeSet,
    ops::{Bound, RangeBounds},
    sync::{MutexGuard, PoisonError},
};

use bytes::Bytes;
use hotshot_types::{
    FinalityCertificate, Hash, Header, Height, SealedHeader, codec, evidence::Evidence,
};

use super::{
    Durability, Storage, StorageError,
    open::decode,
    spaces::{Space, block_key, block_key_of, height_key, number_at},
};

/// The most headers that one call returns.
pub const MAX_HEADERS: usize = 1_000;

/// Unreadable payloads that are remembered at once.
const MAX_UNREADABLE: usize = 64;

impl Storage {
    /// The highest final block.
    ///
    /// # Errors
    /// No genesis block yet, or a read that fails.
    pub fn tip(&self) -> Result<SealedHeader, StorageError> {
        let (height, _) = self.progress().tip.ok_or(StorageError::Uninitialized)?;
        let header = self.header(height)?;
        header.ok_or_else(|| StorageError::damaged("tip", "its header is missing"))
    }

    /// The final header at a height.
    ///
    /// # Errors
    /// A read that fails.
    pub fn header(&self, height: Height) -> Result<Option<SealedHeader>, StorageError> {
        let bytes = self.get(Space::Headers, height_key(height))?;
        let is_final = || {
            let tip = self.progress().tip;
            tip.is_some_and(|(tip, _)| height <= tip)
        };
        match bytes {
            Some(bytes) => Ok(Some(unseal(&bytes)?)),
            // Final headers are kept for ever: this one was lost, and saying that there is no such
            // block would be wrong.
            None if is_final() => Err(StorageError::damaged(
                "headers",
                format!("the one at height {height} is missing"),
            )),
            None => Ok(None),
        }
    }

    /// The header with this hash, final or pending.
    ///
    /// # Errors
    /// A read that fails.
    pub fn header_by_hash(&self, hash: Hash) -> Result<Option<SealedHeader>, StorageError> {
        let Some(height) = self.height_of(hash)? else {
            return Ok(None);
        };
        let last = self.header(height)?.filter(|header| header.hash() == hash);
        if last.is_some() {
            return Ok(last);
        }
        let pending = self.get(Space::Pending, block_key_of(height, hash))?;
        pending.map(|bytes| unseal(&bytes)).transpose()
    }

    /// Whether the block is final.
    ///
    /// # Errors
    /// A read that fails.
    pub fn is_final(&self, hash: Hash) -> Result<bool, StorageError> {
        let Some(height) = self.height_of(hash)? else {
            return Ok(false);
        };
        Ok(self
            .header(height)?
            .is_some_and(|header| header.hash() == hash))
    }

    pub(super) fn height_of(&self, hash: Hash) -> Result<Option<Height>, StorageError> {
        let bytes = self.get(Space::Heights, hash.0)?;
        bytes
            .map(|bytes| number_at("the height of a block", &bytes, 0).map(Height))
            .transpose()
    }

    /// At most `limit` (and [`MAX_HEADERS`]) final headers, ascending from a height.
    ///
    /// # Errors
    /// A read that fails.
    pub fn headers(&self, from: Height, limit: usize) -> Result<Vec<SealedHeader>, StorageError> {
        self.values(
            Space::Headers,
            height_key(from)..,
            limit.min(MAX_HEADERS),
            unseal,
        )
    }

    /// All headers above the tip, ascending.
    ///
    /// # Errors
    /// A read that fails.
    pub fn pending_headers(&self) -> Result<Vec<SealedHeader>, StorageError> {
        let (tip, _) = self.progress().tip.ok_or(StorageError::Uninitialized)?;
        self.values(Space::Pending, height_key(tip.next()).., usize::MAX, unseal)
    }

    /// The payload of a block. Empty payloads are stored only if somebody put them.
    ///
    /// # Errors
    /// A read that fails.
    pub fn payload(&self, header: &SealedHeader) -> Result<Option<Bytes>, StorageError> {
        self.read_payload(header.height, header.hash())
    }

    fn read_payload(&self, height: Height, hash: Hash) -> Result<Option<Bytes>, StorageError> {
        let found = self.get(Space::Payloads, block_key_of(height, hash));
        if found.is_err() {
            self.note_unreadable(height, hash);
        }
        Ok(found?.map(Bytes::from))
    }

    /// Adds to what [`Self::take_unreadable`] gives; beyond 64 it is forgotten until read again.
    pub fn note_unreadable(&self, height: Height, hash: Hash) {
        let mut unreadable = self.unreadable();
        if unreadable.len() < MAX_UNREADABLE {
            unreadable.insert((height, hash));
        }
    }

    /// Payloads that could not be read since this was asked last, for whoever can get them again.
    #[must_use]
    pub fn take_unreadable(&self) -> BTreeSet<(Height, Hash)> {
        std::mem::take(&mut self.unreadable())
    }

    fn unreadable(&self) -> MutexGuard<'_, BTreeSet<(Height, Hash)>> {
        let unreadable = self.0.unreadable.lock();
        unreadable.unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a payload that can't be read, so that another copy can be stored.
    ///
    /// # Errors
    /// A write that fails.
    pub fn drop_payload(&self, header: &SealedHeader) -> Result<(), StorageError> {
        let mut batch = self.batch();
        batch.remove(Space::Payloads, block_key(header));
        self.commit(batch, Durability::Buffered)
    }

    /// Whether the payload of a block is stored.
    ///
    /// # Errors
    /// A read that fails.
    pub fn has_payload(&self, header: &SealedHeader) -> Result<bool, StorageError> {
        self.has(Space::Payloads, block_key(header))
    }

    /// The payload of the block with this hash.
    ///
    /// # Errors
    /// A read that fails.
    pub fn payload_by_hash(&self, hash: Hash) -> Result<Option<Bytes>, StorageError> {
        let Some(height) = self.height_of(hash)? else {
            return Ok(None);
        };
        self.read_payload(height, hash)
    }

    /// Whether this node's own slots of a block are here.
    ///
    /// # Errors
    /// A read that fails.
    pub fn has_slots(&self, header: &SealedHeader) -> Result<bool, StorageError> {
        self.has(Space::Slots, block_key(header))
    }

    /// This node's own slots of a block.
    ///
    /// # Errors
    /// A read that fails.
    pub fn slots(&self, header: &SealedHeader) -> Result<Option<da::ShardRange>, StorageError> {
        let Some(bytes) = self.get(Space::Slots, block_key(header))? else {
            return Ok(None);
        };
        let slots = da::ShardRange::decode(&Bytes::from(bytes));
        slots
            .map(Some)
            .map_err(|error| StorageError::damaged("slots", error.to_string()))
    }

    /// The finality certificate on the block at this height, if one was made for it.
    ///
    /// # Errors
    /// A read that fails.
    pub fn certificate(&self, at: Height) -> Result<Option<FinalityCertificate>, StorageError> {
        let bytes = self.get(Space::Certificates, height_key(at))?;
        bytes
            .map(|bytes| decode("a certificate", &bytes))
            .transpose()
    }

    /// The first finality certificate at or above a height: it makes that block final.
    ///
    /// # Errors
    /// A read that fails.
    pub fn certificate_at_or_above(
        &self,
        height: Height,
    ) -> Result<Option<FinalityCertificate>, StorageError> {
        let first = self.values(Space::Certificates, height_key(height).., 1, |bytes| {
            decode("a certificate", bytes)
        });
        Ok(first?.pop())
    }

    /// The finality certificate on the highest block.
    ///
    /// # Errors
    /// A read that fails.
    pub fn newest_certificate(&self) -> Result<Option<FinalityCertificate>, StorageError> {
        let last = self.0.spaces.get(Space::Certificates).last_key_value();
        let bytes = last
            .map(fjall::Guard::value)
            .transpose()
            .map_err(StorageError::Read)?;
        bytes
            .map(|bytes| decode("a certificate", &bytes))
            .transpose()
    }

    /// At most `limit` pieces of evidence, by rising [`Evidence::id`], those after one or the first.
    ///
    /// # Errors
    /// A read that fails.
    pub fn evidence(
        &self,
        after: Option<Hash>,
        limit: usize,
    ) -> Result<Vec<Evidence>, StorageError> {
        let start = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.0.to_vec()));
        self.values(Space::Evidence, (start, Bound::Unbounded), limit, |bytes| {
            decode("evidence", bytes)
        })
    }

    /// The decoded values of a range of keys.
    pub(super) fn values<T, K: AsRef<[u8]>>(
        &self,
        space: Space,
        range: impl RangeBounds<K>,
        limit: usize,
        decode: impl Fn(&[u8]) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let bound = |bound: Bound<&K>| bound.map(|key| key.as_ref().to_vec());
        let range = (bound(range.start_bound()), bound(range.end_bound()));
        let mut values = Vec::new();
        for guard in self.0.spaces.get(space).range(range).take(limit) {
            values.push(decode(&guard.value().map_err(StorageError::Read)?)?);
        }
        Ok(values)
    }
}

fn unseal(bytes: &[u8]) -> Result<SealedHeader, StorageError> {
    let header: Header =
        codec::decode(bytes).map_err(|error| StorageError::undecodable("a header", &error))?;
    Ok(header.seal())
}
