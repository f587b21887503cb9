//! The state while a block is executed: what is stored, under what the block changed so far.
//!
//! An account or slot is read once a block. What is below is either the newest state, which lies flat under its keys,
//! or an older one, read through its trie.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};
use alloy_rlp::Decodable;
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles, TrieAccount};
use revm::{
    Database,
    bytecode::Bytecode,
    database_interface::DBErrorMarker,
    state::{AccountInfo, EvmState},
};
use rollup_types::{State, StateError, Write};

use crate::{
    keys, stored,
    trie::{self, Trie},
};

/// A state that can be read, of the newest block or an older one.
#[derive(Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) state: &'a dyn State,
    /// The root of an older state; none for the newest.
    pub(crate) root: Option<B256>,
}

impl Base<'_> {
    pub(crate) fn account(&self, address: Address) -> Result<Option<TrieAccount>, StateError> {
        let found = match self.root {
            None => self
                .state
                .get(&keys::account(address))?
                .map(|bytes| bytes.to_vec()),
            Some(root) => trie::get(self.state, root, path(address.as_slice()))?,
        };
        found.map(|bytes| decode(&bytes)).transpose()
    }

    pub(crate) fn slot(
        &self,
        address: Address,
        account: &TrieAccount,
        slot: U256,
    ) -> Result<U256, StateError> {
        if account.storage_root == EMPTY_ROOT_HASH {
            return Ok(U256::ZERO);
        }
        match self.root {
            None => {
                let found = self.state.get(&keys::slot(address, slot))?;
                Ok(found.map_or(U256::ZERO, |bytes| U256::from_be_slice(&bytes)))
            }
            Some(_) => {
                let path = path(&slot.to_be_bytes::<32>());
                let found = trie::get(self.state, account.storage_root, path)?;
                found.map_or(Ok(U256::ZERO), |bytes| decode(&bytes))
            }
        }
    }
}

/// An account in the block.
struct Entry {
    /// As before the block.
    before: Option<TrieAccount>,
    now: Option<AccountInfo>,
    slots: BTreeMap<U256, Slot>,
}

struct Slot {
    before: U256,
    now: U256,
}

/// See the module.
pub(crate) struct Overlay<'a> {
    base: Base<'a>,
    accounts: BTreeMap<Address, Entry>,
    codes: BTreeMap<B256, Bytecode>,
    /// Hashes of the codes that the block brought.
    new_codes: BTreeSet<B256>,
}

/// What a block changes.
pub(crate) struct Changes {
    pub(crate) state_root: B256,
    pub(crate) writes: Vec<Write>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: Base<'a>) -> Self {
        Self {
            base,
            accounts: BTreeMap::new(),
            codes: BTreeMap::new(),
            new_codes: BTreeSet::new(),
        }
    }

    pub(crate) fn account(&mut self, address: Address) -> Result<Option<&AccountInfo>, StateError> {
        Ok(self.entry(address)?.now.as_ref())
    }

    /// Adds to a balance out of nothing.
    pub(crate) fn credit(&mut self, address: Address, amount: U256) -> Result<(), StateError> {
        if amount.is_zero() {
            return Ok(()); // An unused address stays unused.
        }
        let account = self.entry(address)?.now.get_or_insert_with(|| AccountInfo {
            code: None,
            ..AccountInfo::default()
        });
        account.balance = account.balance.saturating_add(amount);
        Ok(())
    }

    /// Takes over what a transaction changed.
    pub(crate) fn apply(&mut self, changes: EvmState) -> Result<(), StateError> {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            let is_gone = account.is_selfdestructed() || account.is_empty();
            let code = account.info.code.clone().filter(|code| !code.is_empty());
            let entry = self.entry(address)?;
            if is_gone {
                // Only what was created in the same transaction can be destroyed, so nothing is stored of it.
                entry.now = None;
                entry
                    .slots
                    .values_mut()
                    .for_each(|slot| slot.now = U256::ZERO);
                continue;
            }
            for (key, slot) in account.changed_storage_slots() {
                let before = slot.original_value;
                entry
                    .slots
                    .entry(*key)
                    .or_insert(Slot {
                        before,
                        now: before,
                    })
                    .now = slot.present_value;
            }
            let hash = account.info.code_hash;
            let is_same_code = (entry.now.as_ref()).is_some_and(|old| old.code_hash == hash);
            entry.now = Some(AccountInfo {
                code: None,
                account_id: None,
                ..account.info
            });
            if let Some(code) = code
                && !is_same_code
                && hash != KECCAK256_EMPTY
            {
                self.new_codes.insert(hash);
                self.codes.insert(hash, code);
            }
        }
        Ok(())
    }

    /// Puts an account as it is to be at genesis.
    pub(crate) fn place(
        &mut self,
        address: Address,
        (balance, nonce): (U256, u64),
        code: Bytecode,
        slots: impl IntoIterator<Item = (U256, U256)>,
    ) -> Result<(), StateError> {
        let code_hash = code.hash_slow();
        let entry = self.entry(address)?;
        entry.now = Some(AccountInfo {
            balance,
            nonce,
            code_hash,
            account_id: None,
            code: None,
        });
        for (key, now) in slots {
            let before = U256::ZERO;
            entry.slots.insert(key, Slot { before, now });
        }
        if code_hash != KECCAK256_EMPTY {
            self.new_codes.insert(code_hash);
            self.codes.insert(code_hash, code);
        }
        Ok(())
    }

    /// What all of it changes against the state below, whose root is `state_root`.
    pub(crate) fn finish(self, state_root: B256) -> Result<Changes, StateError> {
        let state = self.base.state;
        let mut writes = Vec::new();
        let mut nodes = BTreeMap::new();
        let mut accounts = Trie::new(state, state_root);
        for (address, entry) in self.accounts {
            let root = (entry.before).map_or(EMPTY_ROOT_HASH, |account| account.storage_root);
            let mut storage = Trie::new(state, root);
            for (key, slot) in entry.slots {
                if slot.now == slot.before {
                    continue;
                }
                let path = path(&key.to_be_bytes::<32>());
                let value = if slot.now.is_zero() {
                    storage.remove(path)?;
                    None
                } else {
                    storage.put(path, alloy_rlp::encode(slot.now))?;
                    Some(slot.now.to_be_bytes_vec().into())
                };
                writes.push((keys::slot(address, key), value));
            }
            let (storage_root, storage_nodes) = storage.finish();
            nodes.extend(storage_nodes);
            let now = entry.now.map(|account| TrieAccount {
                nonce: account.nonce,
                balance: account.balance,
                storage_root,
                code_hash: account.code_hash,
            });
            if now == entry.before {
                continue;
            }
            let path = path(address.as_slice());
            let value = match now {
                Some(account) => {
                    let bytes = alloy_rlp::encode(account);
                    accounts.put(path, bytes.clone())?;
                    Some(bytes.into())
                }
                None => {
                    accounts.remove(path)?;
                    None
                }
            };
            writes.push((keys::account(address), value));
        }
        let (state_root, account_nodes) = accounts.finish();
        nodes.extend(account_nodes);
        writes.extend(
            nodes
                .into_iter()
                .map(|(hash, bytes)| (keys::node(hash), Some(bytes.into()))),
        );
        for hash in self.new_codes {
            if let Some(code) = self.codes.get(&hash) {
                let bytes = bytes::Bytes::from(code.original_bytes());
                writes.push((keys::code(hash), Some(bytes)));
            }
        }
        Ok(Changes { state_root, writes })
    }

    fn entry(&mut self, address: Address) -> Result<&mut Entry, StateError> {
        use std::collections::btree_map::Entry as Place;
        match self.accounts.entry(address) {
            Place::Occupied(place) => Ok(place.into_mut()),
            Place::Vacant(place) => {
                let before = self.base.account(address)?;
                let now = before.map(|account| AccountInfo {
                    balance: account.balance,
                    nonce: account.nonce,
                    code_hash: account.code_hash,
                    account_id: None,
                    code: None,
                });
                Ok(place.insert(Entry {
                    before,
                    now,
                    slots: BTreeMap::new(),
                }))
            }
        }
    }
}

/// A [`StateError`] on its way through revm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Failure(#[from] pub(crate) StateError);

impl DBErrorMarker for Failure {}

impl Database for Overlay<'_> {
    type Error = Failure;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Failure> {
        Ok(self.entry(address)?.now.clone())
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Failure> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.codes.get(&hash) {
            return Ok(code.clone());
        }
        let code = stored::code(self.base.state, hash)?;
        let code = Bytecode::new_raw_checked(code)
            .map_err(|error| StateError(format!("the code {hash} is broken: {error}")))?;
        self.codes.insert(hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, key: U256) -> Result<U256, Failure> {
        let base = self.base;
        let entry = self.entry(address)?;
        if let Some(slot) = entry.slots.get(&key) {
            return Ok(slot.now);
        }
        let now = match &entry.before {
            Some(account) => base.slot(address, account, key)?,
            None => U256::ZERO,
        };
        entry.slots.insert(key, Slot { before: now, now });
        Ok(now)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Failure> {
        Ok(stored::block_hash(self.base.state, number)?.unwrap_or_default())
    }
}

/// Where something stands in a trie: under the hash of its name.
pub(crate) fn path(name: &[u8]) -> Nibbles {
    Nibbles::unpack(keccak256(name))
}

fn decode<T: Decodable>(mut bytes: &[u8]) -> Result<T, StateError> {
    T::decode(&mut bytes).map_err(|error| StateError(format!("an account is broken: {error}")))
}
