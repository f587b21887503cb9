//! The three hash functions of this layer and how integers enter them (DA1).

use sha2::{Digest as _, Sha256};
use sha3::Keccak256;

/// A 32-byte digest.
pub type Hash = [u8; 32];

/// DA5: the identity of a transaction inside its namespace, SHA-256 of its bytes.
///
/// The mempool, the API and `tx_root` use the same hash, so each transaction is hashed once.
pub fn tx_hash(transaction: &[u8]) -> Hash {
    Sha256::digest(transaction).into()
}

/// SHA-256 of the parts, concatenated.
pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Keccak-256 of the parts, concatenated.
pub(crate) fn keccak(parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// BLAKE3 of the parts, concatenated.
pub(crate) fn blake3(parts: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// One static word of Solidity's `abi.encode` for an unsigned integer.
pub(crate) fn abi_word(value: u64) -> Hash {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}
