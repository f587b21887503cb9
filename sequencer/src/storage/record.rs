//! The safety record as it stands on disk (W1): numbered, and sealed with a checksum that binds it
//! to the network and the key.
//!
//! magic (8 bytes) || sequence number (u64, big-endian) || length (u32, big-endian) || record ||
//! keccak(all before || chain domain || key). The magic and the length let [`super::witness`]
//! find records in raw journal files.

use hotshot::Record;
use hotshot_types::{Hash, codec, digest};

use super::{Identity, Storage, StorageError, spaces::Space};

pub(super) const MAGIC: [u8; 8] = *b"SafetyR1";
pub(super) const RECORD_KEY: &[u8] = b"record";
const HEAD: usize = 20;
const CHECKSUM: usize = 32;

/// A record with its number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) sequence: u64,
    pub(super) record: Record,
}

pub(super) fn seal(identity: &Identity, sequence: u64, record: &Record) -> Vec<u8> {
    let body = codec::encode(record);
    let length = u32::try_from(body.len()).expect("a record is a few kilobytes");
    let mut bytes = Vec::with_capacity(HEAD + body.len() + CHECKSUM);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&body);
    let checksum = checksum(identity, &bytes);
    bytes.extend_from_slice(&checksum.0);
    bytes
}

/// Opens the record that `bytes` start with; also returns its length.
pub(super) fn open_prefix(
    identity: &Identity,
    bytes: &[u8],
) -> Result<(Numbered, usize), &'static str> {
    if !bytes.starts_with(&MAGIC) {
        return Err("it does not start like a safety record");
    }
    let head = bytes.get(..HEAD).ok_or("it is cut off")?;
    let sequence = u64::from_be_bytes(head[8..16].try_into().expect("8 bytes"));
    let length = u32::from_be_bytes(head[16..].try_into().expect("4 bytes"));
    let end = usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_add(HEAD))
        .ok_or("its length is impossible")?;
    let sealed = bytes.get(..end).ok_or("it is cut off")?;
    let found = bytes.get(end..end + CHECKSUM).ok_or("it is cut off")?;
    if checksum(identity, sealed).0 != found {
        return Err("its checksum is wrong for this network and key");
    }
    let record = codec::decode(&sealed[HEAD..]).map_err(|_| "it does not decode")?;
    Ok((Numbered { sequence, record }, end + CHECKSUM))
}

fn checksum(identity: &Identity, bytes: &[u8]) -> Hash {
    let key = identity.key.map(|key| key.to_bytes());
    let key = key.as_ref().map_or(&[][..], |key| &key[..]);
    digest::keccak_concat(&[bytes, &identity.chain_domain.0, key])
}

impl Storage {
    /// The safety record; none if this key never wrote one here. It was verified when the storage
    /// was opened and is again now.
    ///
    /// # Errors
    /// A damaged record, or a read that fails.
    pub fn record(&self) -> Result<Option<Record>, StorageError> {
        Ok(self.numbered_record()?.map(|numbered| numbered.record))
    }

    pub(super) fn numbered_record(&self) -> Result<Option<Numbered>, StorageError> {
        let damaged = |reason: String| StorageError::RecordDamaged(reason);
        let bytes = self
            .get(Space::Record, RECORD_KEY)
            .map_err(|error| damaged(error.to_string()))?;
        let Some(bytes) = bytes else {
            return Ok(None);
        };
        let (numbered, length) =
            open_prefix(self.identity(), &bytes).map_err(|reason| damaged(reason.into()))?;
        if length != bytes.len() {
            return Err(damaged("bytes follow it".into()));
        }
        Ok(Some(numbered))
    }
}
