//! The wire and disk encoding: borsh, decoded strictly.
//!
//! A value has exactly one encoding: all bytes must be consumed, and every type with a choice
//! (bitmaps, points, numbers) refuses the other forms itself. The length of the input bounds what
//! decoding may allocate, so callers cap the frame first.

use borsh::{BorshDeserialize, BorshSerialize};

/// Bytes that are not the canonical encoding of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed encoding: {0}")]
pub struct DecodeError(String);

/// The one encoding of a value.
///
/// # Panics
/// Never for the types of this crate: writing to memory can't fail and no list exceeds `u32`.
#[must_use]
pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("encoding to memory")
}

/// Decodes all of `bytes`.
///
/// # Errors
/// Truncated, trailing or non-canonical bytes.
pub fn decode<T: BorshDeserialize>(bytes: &[u8]) -> Result<T, DecodeError> {
    T::try_from_slice(bytes).map_err(|error| DecodeError(error.to_string()))
}

#[cfg(test)]
mod tests;
