//! Points of BLS12-381 between the forms of this project and of the contracts.
//!
//! The stake table takes coordinates as EIP-2537 does, big-endian and padded to 64 bytes. This project's keys and
//! signatures are compressed: the x coordinate with three flags.

use hotshot_types::{
    PublicKey,
    bls::{PointG1, PointG2},
};

use crate::abi::U256;

/// Bytes of a coordinate.
const COORDINATE: usize = 48;
/// Half of the field's modulus, rounded down: above it a number is the larger of a root and its negative.
const HALF: [u8; COORDINATE] = [
    0x0d, 0x00, 0x88, 0xf5, 0x1c, 0xbf, 0xf3, 0x4d, 0x25, 0x8d, 0xd3, 0xdb, 0x21, 0xa5, 0xd6, 0x6b,
    0xb2, 0x3b, 0xa5, 0xc2, 0x79, 0xc2, 0x89, 0x5f, 0xb3, 0x98, 0x69, 0x50, 0x7b, 0x58, 0x7b, 0x12,
    0x0f, 0x55, 0xff, 0xff, 0x58, 0xa9, 0xff, 0xff, 0xdc, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xd5, 0x55,
];

/// A key's half in G1 as words.
#[must_use]
pub fn words_g1(point: &PointG1) -> [U256; 4] {
    words(&point.0)
}

/// A key's half in G2 as words.
#[must_use]
pub fn words_g2(point: &PointG2) -> [U256; 8] {
    words(&point.0)
}

fn words<const N: usize>(bytes: &[u8]) -> [U256; N] {
    std::array::from_fn(|index| U256::from_be_slice(&bytes[32 * index..][..32]))
}

/// The key of these two halves. None if a word is no coordinate, or a point is none, the identity or outside its
/// subgroup. That the halves share a secret is not checked: the contract did.
#[must_use]
pub fn key(pk1: &[U256; 4], pk2: &[U256; 8]) -> Option<PublicKey> {
    let g1 = bytes(pk1);
    let g2 = bytes(pk2);
    let (x1, y1) = g1.split_at(64);
    let mut compressed = [0; PublicKey::LEN];
    compressed[..48].copy_from_slice(x1.get(16..)?);
    compressed[0] |= flags(&[&y1[16..]]);
    // EIP-2537 has c0 before c1, the compressed form c1 before c0.
    let (x0, rest) = g2.split_at(64);
    let (x1, y) = rest.split_at(64);
    let (y0, y1) = y.split_at(64);
    compressed[48..96].copy_from_slice(&x1[16..]);
    compressed[96..].copy_from_slice(&x0[16..]);
    compressed[48] |= flags(&[&y1[16..], &y0[16..]]);
    let key = PublicKey::from_bytes(&compressed).ok()?;
    // A coordinate that is not reduced, or the wrong y, gives another point.
    let same = key.point_g1().0[..] == g1[..] && key.point_g2().0[..] == g2[..];
    same.then_some(key)
}

fn bytes(words: &[U256]) -> Vec<u8> {
    words
        .iter()
        .flat_map(|word| word.to_be_bytes::<32>())
        .collect()
}

/// Compressed, and whether y is the larger root, by its first coordinate that is not zero.
fn flags(y: &[&[u8]]) -> u8 {
    let decides = y.iter().find(|part| part.iter().any(|byte| *byte != 0));
    let is_larger = decides.is_some_and(|part| **part > HALF[..]);
    0x80 | if is_larger { 0x20 } else { 0 }
}

#[cfg(test)]
mod tests;
