//! Typed reading of what the machine stored: blocks, transactions, receipts, logs, and the state at any block. What an
//! Ethereum JSON-RPC needs, without its formats and its block tags.
//!
//! Everything is read from one snapshot, so what one [`View`] tells fits together.

mod at;
mod call;
mod logs;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, Sealed};
use rollup_types::{State, StateError};

pub use at::{AccountProof, SlotProof, StateAt};
pub use call::{CallFailure, CallRequest, CallResult};
pub use logs::{FoundLog, LogFilter};

pub use crate::{
    receipt::Receipt,
    transaction::{DepositTransaction, Transaction},
};
use crate::Evm;

/// Reads what an [`Evm`] stored.
#[derive(Clone, Copy)]
pub struct View<'a> {
    evm: &'a Evm,
    state: &'a dyn State,
}

/// A transaction with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// The transaction.
    pub transaction: Transaction,
    /// What users know it by: of a deposit the hash of its L1 message.
    pub hash: B256,
    /// Who signed it; of a deposit who called the queue on the L1.
    pub sender: Address,
    /// Number of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Its place among the block's transactions, from 0.
    pub position: u64,
    /// What it paid for a unit of gas; 0 for a deposit.
    pub effective_gas_price: u128,
}

/// What a block tells about fees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockFees {
    /// Its base fee.
    pub base_fee: u64,
    /// Gas that its transactions used.
    pub gas_used: u64,
    /// Gas that it had.
    pub gas_limit: u64,
    /// Of each signed transaction the tip per gas, and the gas that it used; from the lowest tip on.
    pub tips: Vec<(u128, u64)>,
}

impl<'a> View<'a> {
    /// Reads `state`, which `evm` wrote.
    #[must_use]
    pub fn new(evm: &'a Evm, state: &'a dyn State) -> Self {
        Self { evm, state }
    }

    /// Number of the newest block.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn head(&self) -> Result<u64, StateError> {
        todo!()
    }

    /// A block's header with the block's hash; none above the head.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn header(&self, number: u64) -> Result<Option<Sealed<Header>>, StateError> {
        todo!()
    }

    /// Number of the block that has a hash.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn number_of(&self, block_hash: B256) -> Result<Option<u64>, StateError> {
        todo!()
    }

    /// The transactions of a block, in order; none above the head.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn transactions(&self, number: u64) -> Result<Option<Vec<Included>>, StateError> {
        todo!()
    }

    /// Block number and position of a transaction.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn position(&self, transaction: B256) -> Result<Option<(u64, u64)>, StateError> {
        todo!()
    }

    /// A transaction by its hash.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn transaction(&self, hash: B256) -> Result<Option<Included>, StateError> {
        todo!()
    }

    /// The receipts of a block, one for each of its transactions; none above the head.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn receipts(&self, number: u64) -> Result<Option<Vec<Receipt>>, StateError> {
        todo!()
    }

    /// The logs of a block that a filter wants, in order; nothing above the head. A block whose bloom rules the filter
    /// out costs one read.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn logs(&self, number: u64, filter: &LogFilter) -> Result<Vec<FoundLog>, StateError> {
        todo!()
    }

    /// Accounts, code, storage and calls as after a block; none above the head.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn at(&self, number: u64) -> Result<Option<StateAt<'a>>, StateError> {
        todo!()
    }

    /// What a block tells about fees; none above the head.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn fees(&self, number: u64) -> Result<Option<BlockFees>, StateError> {
        todo!()
    }

    /// The base fee of the block after the newest.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn next_base_fee(&self) -> Result<u64, StateError> {
        todo!()
    }

    /// A contract's code by its hash.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn code_by_hash(&self, hash: B256) -> Result<Option<Bytes>, StateError> {
        todo!()
    }
}
