//! Typed reading of what the machine stored: blocks, transactions, receipts, logs, and the state at any block. What an
//! Ethereum JSON-RPC needs, without its formats and its block tags.
//!
//! Everything is read from one snapshot, so what one [`View`] tells fits together.

mod at;
mod call;
mod logs;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, Sealed};
use rollup_types::{State, StateError};

pub use at::{AccountProof, SlotProof, StateAt};
pub use call::{CallFailure, CallRequest, CallResult};
pub use logs::{FoundLog, LogFilter};

use crate::{
    DEPOSIT_TYPE, Evm,
    block::next_base_fee,
    keys,
    stored::{self, StoredTransaction},
};
pub use crate::{
    receipt::Receipt,
    transaction::{DepositTransaction, Transaction},
};

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
        stored::head(self.state)
    }

    /// A block's header with the block's hash; none above the head.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn header(&self, number: u64) -> Result<Option<Sealed<Header>>, StateError> {
        stored::header(self.state, number)
    }

    /// Number of the block that has a hash.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn number_of(&self, block_hash: B256) -> Result<Option<u64>, StateError> {
        stored::number_of(self.state, block_hash)
    }

    /// The transactions of a block, in order; none above the head.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn transactions(&self, number: u64) -> Result<Option<Vec<Included>>, StateError> {
        let (Some(header), Some(body), Some(receipts)) = (
            self.header(number)?,
            stored::body(self.state, number)?,
            self.receipts(number)?,
        ) else {
            return Ok(None);
        };
        let included = (0_u64..)
            .zip(body.into_iter().zip(receipts))
            .map(|(position, (stored, receipt))| included(&header, position, stored, &receipt));
        included.collect::<Result<_, _>>().map(Some)
    }

    /// Block number and position of a transaction.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn position(&self, transaction: B256) -> Result<Option<(u64, u64)>, StateError> {
        stored::position(self.state, transaction)
    }

    /// A transaction by its hash.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn transaction(&self, hash: B256) -> Result<Option<Included>, StateError> {
        let Some((number, position)) = self.position(hash)? else {
            return Ok(None);
        };
        let place = usize::try_from(position).unwrap_or(usize::MAX);
        let (Some(header), Some(stored), Some(receipt)) = (
            self.header(number)?,
            stored::body(self.state, number)?.and_then(|body| body.into_iter().nth(place)),
            self.receipts(number)?
                .and_then(|receipts| receipts.into_iter().nth(place)),
        ) else {
            return Ok(None);
        };
        included(&header, position, stored, &receipt).map(Some)
    }

    /// The receipts of a block, one for each of its transactions; none above the head.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn receipts(&self, number: u64) -> Result<Option<Vec<Receipt>>, StateError> {
        stored::receipts(self.state, number)
    }

    /// The logs of a block that a filter wants, in order; nothing above the head. A block whose bloom rules the filter
    /// out costs one read.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn logs(&self, number: u64, filter: &LogFilter) -> Result<Vec<FoundLog>, StateError> {
        let Some(header) = self.header(number)? else {
            return Ok(Vec::new());
        };
        if !filter.may_match(&header.logs_bloom) {
            return Ok(Vec::new());
        }
        let receipts = self.receipts(number)?.unwrap_or_default();
        let mut found = Vec::new();
        let mut log_position = 0;
        for (transaction_position, receipt) in (0_u64..).zip(receipts) {
            for log in receipt.logs {
                if filter.matches(&log) {
                    found.push(FoundLog {
                        log,
                        block_number: number,
                        block_hash: header.hash(),
                        block_timestamp: header.timestamp,
                        transaction_hash: receipt.transaction_hash,
                        transaction_position,
                        log_position,
                    });
                }
                log_position += 1;
            }
        }
        Ok(found)
    }

    /// Accounts, code, storage and calls as after a block; none above the head.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn at(&self, number: u64) -> Result<Option<StateAt<'a>>, StateError> {
        let Some(header) = self.header(number)? else {
            return Ok(None);
        };
        let is_newest = self.head()? == number;
        Ok(Some(StateAt::new(self.evm, self.state, header, is_newest)))
    }

    /// Of each signed transaction of a block the tip per gas, and the gas that it used; from the lowest tip on.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn tips(&self, header: &Header) -> Result<Vec<(u128, u64)>, StateError> {
        let base_fee = header.base_fee_per_gas.unwrap_or_default();
        let receipts = self.receipts(header.number)?.unwrap_or_default();
        let mut tips: Vec<_> = (receipts.iter())
            .filter(|receipt| receipt.transaction_type != DEPOSIT_TYPE)
            .map(|receipt| {
                let tip = receipt.effective_gas_price.saturating_sub(base_fee.into());
                (tip, receipt.gas_used)
            })
            .collect();
        tips.sort_unstable();
        Ok(tips)
    }

    /// The base fee of the block after the newest.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn next_base_fee(&self) -> Result<u64, StateError> {
        let head = self.head()?;
        let header = self.header(head)?;
        header
            .map(|header| next_base_fee(&header))
            .ok_or_else(|| StateError(format!("the header of block {head} is missing")))
    }

    /// A contract's code by its hash.
    ///
    /// # Errors
    /// The state could not be read.
    pub fn code_by_hash(&self, hash: B256) -> Result<Option<Bytes>, StateError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Some(Bytes::new()));
        }
        let code = self.state.get(&keys::code(hash))?;
        Ok(code.map(Bytes::from))
    }
}

fn included(
    header: &Sealed<Header>,
    position: u64,
    stored: StoredTransaction,
    receipt: &Receipt,
) -> Result<Included, StateError> {
    let transaction = Transaction::decode(&stored.bytes)
        .ok_or_else(|| StateError(format!("the transaction {} is broken", stored.hash)))?;
    Ok(Included {
        transaction,
        hash: stored.hash,
        sender: stored.sender,
        block_number: header.number,
        block_hash: header.hash(),
        position,
        effective_gas_price: receipt.effective_gas_price,
    })
}
