//! The state as it was after a block: what it holds, and proofs of it.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, Sealed, U256};
use alloy_trie::TrieAccount;
use rollup_types::{State, StateError};

use super::{CallFailure, CallRequest, CallResult};
use crate::Evm;

/// The state as it was after a block.
pub struct StateAt<'a> {
    evm: &'a Evm,
    state: &'a dyn State,
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

impl StateAt<'_> {
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
        todo!()
    }

    /// Code of an account; empty if it has none.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn code(&self, address: Address) -> Result<Bytes, StateError> {
        todo!()
    }

    /// A storage slot; 0 if it was never written.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn storage(&self, address: Address, slot: B256) -> Result<U256, StateError> {
        todo!()
    }

    /// Proves an account and slots of it under the block's state root.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn proof(&self, address: Address, slots: &[B256]) -> Result<AccountProof, StateError> {
        todo!()
    }

    /// Executes a call on top of this block, in its environment, and forgets what it changed.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn call(
        &self,
        request: &CallRequest,
    ) -> Result<Result<CallResult, CallFailure>, StateError> {
        todo!()
    }

    /// The least gas limit with which a call succeeds on top of this block.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn estimate_gas(
        &self,
        request: &CallRequest,
    ) -> Result<Result<u64, CallFailure>, StateError> {
        todo!()
    }
}
