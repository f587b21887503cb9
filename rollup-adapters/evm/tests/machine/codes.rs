//! Contracts for the tests, by hand.

use alloy_primitives::hex;

/// Stores the second word of its input under the first.
pub(crate) const STORE: &[u8] = &hex!("60203560003555");
/// Hashes as often as the first word of its input says.
pub(crate) const HASH: &[u8] = &hex!("6000355b602060002060005260019003806003 57");
/// Logs the first word of its input with the second and third as topics.
pub(crate) const LOG: &[u8] = &hex!("6000356000526040356020356020 6000a2");
/// Uses all gas that it gets.
pub(crate) const BURN: &[u8] = &hex!("fe");
/// Reverts with the word 42.
pub(crate) const REVERT: &[u8] = &hex!("602a60005260206000fd");
/// Returns the hash of the block before.
pub(crate) const BLOCK_HASH: &[u8] = &hex!("6001430340 60005260206000f3");
/// Returns base fee, time, randao mix and number.
pub(crate) const ENVIRONMENT: &[u8] = &hex!("48600052 42602052 44604052 43606052 60806000f3");
/// Initialisation code that stores a word and destroys the contract right away.
pub(crate) const DESTROY: &[u8] = &hex!("600160015533ff");
