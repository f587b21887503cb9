//! Many transactions in one request.
//!
//! As `application/octet-stream` a batch is one record after the other: the namespace (u64), the length of the
//! transaction (u32), both little-endian, and the transaction.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{ProblemCode, SubmitRequest};

/// Bytes of a record before its transaction.
pub const RECORD_HEAD: usize = 12;

/// Body of `POST /v1/transactions/batch` in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// The transactions, in the order in which they are taken.
    pub transactions: Vec<SubmitRequest>,
}

/// Answer to a batch: each transaction was taken or refused on its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSubmitted {
    /// How many were taken. Those that were known before count.
    pub accepted: u32,
    /// The others, by rising index.
    pub refused: Vec<RefusedTransaction>,
    /// When to send those again that were refused with `pool_full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// A transaction of a batch that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedTransaction {
    /// Its place in the batch, from 0.
    pub index: u32,
    /// Why.
    pub code: ProblemCode,
}

/// A batch whose bytes are not records. Nothing of it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end within a record.
    #[error(
        "record {index} at byte {offset} is cut off: a record is the namespace (8 bytes), the length (4 bytes, both little-endian) and that many bytes"
    )]
    CutOff {
        /// The record, from 0.
        index: u32,
        /// Where it starts.
        offset: usize,
    },
    /// More records than allowed.
    #[error("over {limit} transactions: send several batches")]
    TooMany {
        /// The limit.
        limit: u32,
    },
}

/// Appends a record. The namespace may be any number; the node refuses those that are none.
///
/// # Panics
/// A transaction of 4 GiB and more, which no network takes.
pub fn push_record(batch: &mut Vec<u8>, namespace: u64, transaction: &[u8]) {
    let length = u32::try_from(transaction.len()).expect("a transaction is below 4 GiB");
    batch.reserve(RECORD_HEAD + transaction.len());
    batch.extend_from_slice(&namespace.to_le_bytes());
    batch.extend_from_slice(&length.to_le_bytes());
    batch.extend_from_slice(transaction);
}

/// Takes records apart. The transactions are slices of `batch`.
///
/// # Errors
/// Bytes that are no records, or more than `limit` of them.
pub fn read_records(batch: &Bytes, limit: u32) -> Result<Vec<(u64, Bytes)>, BatchError> {
    let mut records = Vec::new();
    let (mut offset, mut index) = (0, 0);
    while offset < batch.len() {
        if index == limit {
            return Err(BatchError::TooMany { limit });
        }
        let cut_off = BatchError::CutOff { index, offset };
        let rest = &batch[offset..];
        let (namespace, rest) = rest.split_first_chunk().ok_or(cut_off)?;
        let (length, rest) = rest.split_first_chunk().ok_or(cut_off)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut_off)?;
        if length > rest.len() {
            return Err(cut_off);
        }
        let start = offset + RECORD_HEAD;
        records.push((
            u64::from_le_bytes(*namespace),
            batch.slice(start..start + length),
        ));
        offset = start + length;
        index += 1;
    }
    Ok(records)
}

#[cfg(test)]
mod tests;
