//! Where things stand in the machine's key-value state: one byte for the kind, then what names it (RE16).

use alloy_primitives::{Address, B256, U256};

/// Number of the newest block, 8 bytes.
pub(crate) const HEAD: &[u8] = b"H";
/// The mountain range of withdrawals, as Borsh.
pub(crate) const WITHDRAWALS: &[u8] = b"W";

/// An account as after the newest block: RLP as in the trie.
pub(crate) fn account(address: Address) -> Vec<u8> {
    key(b'a', &[address.as_slice()])
}

/// A storage slot as after the newest block: 32 bytes, never zero.
pub(crate) fn slot(address: Address, slot: U256) -> Vec<u8> {
    key(b's', &[address.as_slice(), &slot.to_be_bytes::<32>()])
}

/// Code by its hash; never deleted.
pub(crate) fn code(hash: B256) -> Vec<u8> {
    key(b'c', &[hash.as_slice()])
}

/// A trie node by its hash; never deleted.
pub(crate) fn node(hash: B256) -> Vec<u8> {
    key(b'n', &[hash.as_slice()])
}

/// A block's hash and header.
pub(crate) fn header(number: u64) -> Vec<u8> {
    key(b'h', &[&number.to_be_bytes()])
}

/// The number of the block that has a hash.
pub(crate) fn number(block_hash: B256) -> Vec<u8> {
    key(b'i', &[block_hash.as_slice()])
}

/// A block's transactions.
pub(crate) fn body(number: u64) -> Vec<u8> {
    key(b'b', &[&number.to_be_bytes()])
}

/// A block's receipts.
pub(crate) fn receipts(number: u64) -> Vec<u8> {
    key(b'r', &[&number.to_be_bytes()])
}

/// Block number and position of a transaction.
pub(crate) fn transaction(hash: B256) -> Vec<u8> {
    key(b't', &[hash.as_slice()])
}

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![kind];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}
