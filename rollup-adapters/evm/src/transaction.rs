//! Transactions, as they stand in a block.

use alloy_consensus::TxEnvelope;
use alloy_primitives::{Address, U256};

/// The transaction type of a deposit.
pub const DEPOSIT_TYPE: u8 = 0x7e;

/// A transaction of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// Somebody signed it.
    Signed(TxEnvelope),
    /// Money from the home L1.
    Deposit(DepositTransaction),
}

/// Money from the home L1: nobody signs it and nobody pays for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositTransaction {
    /// Place of the message in the queue.
    pub index: u64,
    /// The L1 block that enqueued it.
    pub l1_block: u64,
    /// Who called the queue.
    pub sender: Address,
    /// The ERC-20 token on the L1; the zero address for ether.
    pub token: Address,
    /// In the token's smallest unit.
    pub amount: U256,
    /// Who gets it.
    pub recipient: Address,
    /// Decimals of the token.
    pub decimals: u8,
}
