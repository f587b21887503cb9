//! Receipts, as they are stored and as the header commits to them.

use alloy_consensus::{Eip658Value, Receipt as EthereumReceipt, ReceiptWithBloom};
use alloy_primitives::{Address, B256, Bloom, Log, TxKind};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

/// The receipt of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Type of the transaction: 0, 1, 2, 4, or [`DEPOSIT_TYPE`](crate::DEPOSIT_TYPE).
    pub transaction_type: u8,
    /// Hash of the transaction.
    pub transaction_hash: B256,
    /// Who signed it; of a deposit who called the queue on the L1.
    pub from: Address,
    /// Called account; none if it created a contract.
    pub to: Option<Address>,
    /// Whether it did what it was to do.
    pub is_success: bool,
    /// Gas that the block's transactions used up to this one.
    pub cumulative_gas_used: u64,
    /// Gas that it used.
    pub gas_used: u64,
    /// Wei per gas that it paid.
    pub effective_gas_price: u128,
    /// The contract that it created, or would have if it had not failed.
    pub contract_address: Option<Address>,
    /// What it logged.
    pub logs: Vec<Log>,
    /// Bloom filter of the logs.
    pub logs_bloom: Bloom,
}

impl Receipt {
    /// As the header commits to it (EIP-2718): `type || rlp([status, cumulative gas, bloom, logs])`, of type 0 without
    /// the type. RE13
    #[must_use]
    pub fn committed(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.transaction_type != 0 {
            bytes.push(self.transaction_type);
        }
        let receipt = ReceiptWithBloom {
            receipt: EthereumReceipt {
                status: Eip658Value::Eip658(self.is_success),
                cumulative_gas_used: self.cumulative_gas_used,
                logs: self.logs.clone(),
            },
            logs_bloom: self.logs_bloom,
        };
        receipt.encode(&mut bytes);
        bytes
    }
}

/// A receipt as it is stored; the bloom is computed again.
#[derive(RlpEncodable, RlpDecodable)]
struct Stored {
    transaction_type: u8,
    transaction_hash: B256,
    from: Address,
    to: TxKind,
    is_success: bool,
    cumulative_gas_used: u64,
    gas_used: u64,
    effective_gas_price: u128,
    contract_address: TxKind,
    logs: Vec<Log>,
}

impl Encodable for Receipt {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        let stored = Stored {
            transaction_type: self.transaction_type,
            transaction_hash: self.transaction_hash,
            from: self.from,
            to: self.to.into(),
            is_success: self.is_success,
            cumulative_gas_used: self.cumulative_gas_used,
            gas_used: self.gas_used,
            effective_gas_price: self.effective_gas_price,
            contract_address: self.contract_address.into(),
            logs: self.logs.clone(),
        };
        stored.encode(out);
    }
}

impl Decodable for Receipt {
    fn decode(bytes: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let stored = Stored::decode(bytes)?;
        Ok(Self {
            transaction_type: stored.transaction_type,
            transaction_hash: stored.transaction_hash,
            from: stored.from,
            to: stored.to.into_to(),
            is_success: stored.is_success,
            cumulative_gas_used: stored.cumulative_gas_used,
            gas_used: stored.gas_used,
            effective_gas_price: stored.effective_gas_price,
            contract_address: stored.contract_address.into_to(),
            logs_bloom: stored.logs.iter().collect(),
            logs: stored.logs,
        })
    }
}
