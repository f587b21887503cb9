//! Account and storage proofs, as `eth_getProof` answers them.

use alloy_primitives::{B256, Bytes, U64, U256, keccak256};
use alloy_rlp::Encodable as _;
use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY, Nibbles, proof::verify_proof};
use hotshot_types::{Address, Hash};
use serde::{Deserialize, Deserializer};

/// An account, its place in the state trie, and some of its slots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountProof {
    /// Its nonce.
    #[serde(deserialize_with = "read_number")]
    pub nonce: u64,
    /// Its balance in wei, big-endian.
    #[serde(deserialize_with = "read_word")]
    pub balance: Hash,
    /// Root of its storage.
    #[serde(rename = "storageHash")]
    pub storage_root: Hash,
    /// Keccak-256 of its code.
    pub code_hash: Hash,
    /// Nodes of the state trie from the root down, each in RLP.
    #[serde(rename = "accountProof", deserialize_with = "read_nodes")]
    pub nodes: Vec<bytes::Bytes>,
    /// Slots of its storage.
    #[serde(rename = "storageProof")]
    pub slots: Vec<SlotProof>,
}

/// A slot and its place in the account's storage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct SlotProof {
    /// Its key.
    #[serde(rename = "key", deserialize_with = "read_word")]
    pub slot: Hash,
    /// What it holds.
    #[serde(deserialize_with = "read_word")]
    pub value: Hash,
    /// Nodes of the storage trie from the root down, each in RLP.
    #[serde(rename = "proof", deserialize_with = "read_nodes")]
    pub nodes: Vec<bytes::Bytes>,
}

impl AccountProof {
    /// Whether the account stands in the state as it is described; one without code, nonce and balance may also be absent.
    pub(super) fn is_proven(&self, state_root: Hash, address: Address) -> bool {
        let key = Nibbles::unpack(keccak256(address.0));
        let nodes = nodes(&self.nodes);
        let has_no_code = self.code_hash == Hash::ZERO || self.code_hash.0 == KECCAK_EMPTY.0;
        if has_no_code && self.nonce == 0 && self.balance == Hash::ZERO {
            let is_absent = verify_proof(word(state_root), key, None, &nodes).is_ok();
            if is_absent {
                return self.slots.iter().all(|slot| slot.value == Hash::ZERO);
            }
        }
        let account = self.account();
        verify_proof(word(state_root), key, Some(account), &nodes).is_ok()
            && self
                .slots
                .iter()
                .all(|slot| slot.is_proven(self.storage_root))
    }

    /// The account in RLP: nonce, balance, storage root, code hash.
    fn account(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        self.nonce.encode(&mut fields);
        U256::from_be_bytes(self.balance.0).encode(&mut fields);
        word(self.storage_root).encode(&mut fields);
        word(self.code_hash).encode(&mut fields);
        let head = alloy_rlp::Header {
            list: true,
            payload_length: fields.len(),
        };
        let mut account = Vec::new();
        head.encode(&mut account);
        account.extend(fields);
        account
    }
}

impl SlotProof {
    fn is_proven(&self, storage_root: Hash) -> bool {
        let key = Nibbles::unpack(keccak256(self.slot.0));
        let value = U256::from_be_bytes(self.value.0);
        if storage_root.0 == EMPTY_ROOT_HASH.0 && value.is_zero() {
            return true;
        }
        let nodes = nodes(&self.nodes);
        let is_there = |value| verify_proof(word(storage_root), key, value, &nodes).is_ok();
        // Slots with 0 are not in the trie; anvil keeps those in it that had another value before.
        value.is_zero() && is_there(None) || is_there(Some(alloy_rlp::encode(value)))
    }
}

fn word(hash: Hash) -> B256 {
    B256::new(hash.0)
}

fn nodes(nodes: &[bytes::Bytes]) -> Vec<Bytes> {
    nodes.iter().cloned().map(Bytes::from).collect()
}

fn read_number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    U64::deserialize(from).map(|number| number.to())
}

/// Numbers may come with or without leading zeros.
fn read_word<'de, D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
    U256::deserialize(from).map(|number| Hash(number.to_be_bytes()))
}

fn read_nodes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<bytes::Bytes>, D::Error> {
    let nodes = Vec::<Bytes>::deserialize(from)?;
    Ok(nodes.into_iter().map(|node| node.0).collect())
}
