//! Transactions, as they stand in a block.

use alloy_consensus::TxEnvelope;
use alloy_eips::Decodable2718;
use alloy_primitives::{Address, U256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

/// The transaction type of a deposit.
pub const DEPOSIT_TYPE: u8 = 0x7e;

/// A transaction of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are of the large variant"
)]
pub enum Transaction {
    /// Somebody signed it.
    Signed(TxEnvelope),
    /// Money from the home L1.
    Deposit(DepositTransaction),
}

/// Money from the home L1: nobody signs it and nobody pays for it. RE7
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct DepositTransaction {
    /// Place of the message in the queue.
    pub index: u64,
    /// The L1 block that enqueued it.
    pub l1_block: u64,
    /// Who called the queue.
    pub sender: Address,
    /// The ERC-20 token on the L1; the zero address for ether.
    pub token: Address,
    /// In the token's smallest unit; at most 128 bits.
    pub amount: U256,
    /// Who gets it.
    pub recipient: Address,
    /// Decimals of the token.
    pub decimals: u8,
}

impl DepositTransaction {
    /// As the header commits to it: `0x7e || rlp([index, l1 block, sender, token, amount, recipient, decimals])`.
    #[must_use]
    pub fn committed(&self) -> Vec<u8> {
        let mut bytes = vec![DEPOSIT_TYPE];
        self.encode(&mut bytes);
        bytes
    }
}

impl Transaction {
    /// Reads what a header commits to.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&DEPOSIT_TYPE, mut rest)) => {
                let deposit = DepositTransaction::decode(&mut rest).ok()?;
                Some(Self::Deposit(deposit))
            }
            _ => TxEnvelope::decode_2718_exact(bytes).ok().map(Self::Signed),
        }
    }
}
