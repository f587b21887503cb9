//! The state as it was after a block: what it holds, and proofs of it.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, Sealed, U256};
use alloy_trie::TrieAccount;
use rollup_types::{State, StateError};

use super::{CallFailure, CallRequest, CallResult, call};
use crate::{
    Evm,
    overlay::{Base, path},
    stored, trie,
};

/// The state as it was after a block.
pub struct StateAt<'a> {
    evm: &'a Evm,
    base: Base<'a>,
    header: Sealed<Header>,
}

/// What `eth_getProof` answers: an account and slots of it, with the trie nodes from the root down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// Whose.
    pub address: Address,
    /// The account; that of an unused address if there is none.
    pub account: TrieAccount,
    /// Nodes of the state trie on the path of the address; they prove absence too.
    pub proof: Vec<Bytes>,
    /// In the order asked.
    pub slots: Vec<SlotProof>,
}

/// A storage slot, with nodes of the account's storage trie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotProof {
    /// Which slot.
    pub slot: B256,
    /// What it holds; 0 if it was never written.
    pub value: U256,
    /// Nodes on its path from the storage root down; empty for an account without storage.
    pub proof: Vec<Bytes>,
}

impl<'a> StateAt<'a> {
    pub(super) fn new(
        evm: &'a Evm,
        state: &'a dyn State,
        header: Sealed<Header>,
        is_newest: bool,
    ) -> Self {
        // The newest state lies flat under its keys, which is faster to read.
        let root = (!is_newest).then_some(header.state_root);
        let base = Base { state, root };
        Self { evm, base, header }
    }

    /// The header of the block.
    #[must_use]
    pub fn header(&self) -> &Sealed<Header> {
        &self.header
    }

    /// An account; none if the address was never used.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn account(&self, address: Address) -> Result<Option<TrieAccount>, StateError> {
        self.base.account(address)
    }

    /// Code of an account; empty if it has none.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn code(&self, address: Address) -> Result<Bytes, StateError> {
        let account = self.account(address)?.unwrap_or_default();
        if account.code_hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        stored::code(self.base.state, account.code_hash)
    }

    /// A storage slot; 0 if it was never written.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn storage(&self, address: Address, slot: B256) -> Result<U256, StateError> {
        let account = self.account(address)?.unwrap_or_default();
        self.base.slot(address, &account, slot.into())
    }

    /// Proves an account and slots of it under the block's state root.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn proof(&self, address: Address, slots: &[B256]) -> Result<AccountProof, StateError> {
        let account = self.account(address)?.unwrap_or_default();
        let state = self.base.state;
        let slots = slots.iter().map(|&slot| {
            Ok(SlotProof {
                slot,
                value: self.base.slot(address, &account, slot.into())?,
                proof: trie::prove(state, account.storage_root, path(slot.as_slice()))?,
            })
        });
        Ok(AccountProof {
            address,
            account,
            proof: trie::prove(state, self.header.state_root, path(address.as_slice()))?,
            slots: slots.collect::<Result<_, _>>()?,
        })
    }

    /// Executes a call on top of this block, in its environment, and forgets what it changed.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn call(
        &self,
        request: &CallRequest,
    ) -> Result<Result<CallResult, CallFailure>, StateError> {
        call::call(self.evm.config(), self.base, &self.header, request)
    }

    /// A gas limit with which a call succeeds on top of this block: above the least one by a 64th at most.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn estimate_gas(
        &self,
        request: &CallRequest,
    ) -> Result<Result<u64, CallFailure>, StateError> {
        call::estimate_gas(self.evm.config(), self.base, &self.header, request)
    }
}
