//! Transactions and receipts as Ethereum clients read them. Money from the L1 is shown too, with the type and the
//! fields of the OP stack's deposits, which wallets and `viem` know, and besides with what the queue says of it. RR3

use alloy_consensus::{Transaction as _, TxEnvelope, Typed2718, transaction::SignerRecoverable};
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bloom, Bytes, TxKind, U64, U128, U256};
use alloy_rpc_types_eth::Log;
use rollup_evm::{
    DEPOSIT_GAS, DEPOSIT_TYPE,
    view::{DepositTransaction, Included, Receipt, Transaction},
};
use serde::Serialize;

/// A transaction.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionAnswer {
    block_hash: Option<B256>,
    block_number: Option<U64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_timestamp: Option<U64>,
    transaction_index: Option<U64>,
    hash: B256,
    from: Address,
    #[serde(rename = "type")]
    kind: U64,
    nonce: U64,
    to: Option<Address>,
    gas: U64,
    value: U256,
    input: Bytes,
    gas_price: U128,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_fee_per_gas: Option<U128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_priority_fee_per_gas: Option<U128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_list: Option<AccessList>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_id: Option<U64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_list: Option<Vec<SignedAuthorization>>,
    v: U256,
    r: U256,
    s: U256,
    #[serde(skip_serializing_if = "Option::is_none")]
    y_parity: Option<U64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    deposit: Option<DepositAnswer>,
}

/// What only a deposit has.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DepositAnswer {
    source_hash: B256,
    mint: U256,
    is_system_tx: bool,
    l1_message_index: U64,
    l1_block_number: U64,
    l1_token: Address,
    l1_amount: U256,
    recipient: Address,
}

impl TransactionAnswer {
    /// A transaction of a block.
    pub(crate) fn included(included: &Included, timestamp: u64) -> Self {
        let mut answer = match &included.transaction {
            Transaction::Signed(envelope) => Self::signed(envelope, included.sender),
            Transaction::Deposit(deposit) => Self::deposit(deposit, included),
        };
        answer.hash = included.hash;
        answer.gas_price = U128::from(included.effective_gas_price);
        answer.block_hash = Some(included.block_hash);
        answer.block_number = Some(U64::from(included.block_number));
        answer.block_timestamp = Some(U64::from(timestamp));
        answer.transaction_index = Some(U64::from(included.position));
        answer
    }

    /// A transaction that this node accepted and that is in no block yet; none if it's none that the rollup executes.
    pub(crate) fn pending(envelope: &TxEnvelope) -> Option<Self> {
        let sender = envelope.recover_signer().ok()?;
        Some(Self::signed(envelope, sender))
    }

    fn signed(envelope: &TxEnvelope, from: Address) -> Self {
        let signature = envelope.signature();
        let parity = u64::from(signature.v());
        let is_legacy = envelope.is_legacy();
        let is_dynamic = envelope.is_dynamic_fee();
        let v = match envelope.chain_id() {
            Some(id) if is_legacy => U256::from(id) * U256::from(2) + U256::from(35 + parity),
            None => U256::from(27 + parity),
            Some(_) => U256::from(parity),
        };
        Self {
            block_hash: None,
            block_number: None,
            block_timestamp: None,
            transaction_index: None,
            hash: *envelope.tx_hash(),
            from,
            kind: U64::from(envelope.ty()),
            nonce: U64::from(envelope.nonce()),
            to: match envelope.kind() {
                TxKind::Call(to) => Some(to),
                TxKind::Create => None,
            },
            gas: U64::from(envelope.gas_limit()),
            value: envelope.value(),
            input: envelope.input().clone(),
            gas_price: U128::from(envelope.max_fee_per_gas()),
            max_fee_per_gas: is_dynamic.then(|| U128::from(envelope.max_fee_per_gas())),
            max_priority_fee_per_gas: envelope.max_priority_fee_per_gas().map(U128::from),
            access_list: envelope.access_list().cloned(),
            chain_id: envelope.chain_id().map(U64::from),
            authorization_list: envelope.authorization_list().map(<[_]>::to_vec),
            v,
            r: signature.r(),
            s: signature.s(),
            y_parity: (!is_legacy).then(|| U64::from(parity)),
            deposit: None,
        }
    }

    fn deposit(deposit: &DepositTransaction, included: &Included) -> Self {
        // Tokens are minted by a call of the rollup itself, which has this limit.
        let (ether, gas) = if deposit.token.is_zero() {
            (deposit.amount, 0)
        } else {
            (U256::ZERO, DEPOSIT_GAS)
        };
        Self {
            block_hash: None,
            block_number: None,
            block_timestamp: None,
            transaction_index: None,
            hash: included.hash,
            from: included.sender,
            kind: U64::from(DEPOSIT_TYPE),
            nonce: U64::ZERO,
            to: Some(deposit.recipient),
            gas: U64::from(gas),
            value: ether,
            input: Bytes::new(),
            gas_price: U128::ZERO,
            max_fee_per_gas: None,
            max_priority_fee_per_gas: None,
            access_list: None,
            chain_id: None,
            authorization_list: None,
            v: U256::ZERO,
            r: U256::ZERO,
            s: U256::ZERO,
            y_parity: Some(U64::ZERO),
            deposit: Some(DepositAnswer {
                source_hash: included.hash,
                mint: ether,
                is_system_tx: false,
                l1_message_index: U64::from(deposit.index),
                l1_block_number: U64::from(deposit.l1_block),
                l1_token: deposit.token,
                l1_amount: deposit.amount,
                recipient: deposit.recipient,
            }),
        }
    }
}

/// A receipt.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptAnswer {
    transaction_hash: B256,
    transaction_index: U64,
    block_hash: B256,
    block_number: U64,
    from: Address,
    to: Option<Address>,
    cumulative_gas_used: U64,
    gas_used: U64,
    effective_gas_price: U128,
    contract_address: Option<Address>,
    logs: Vec<Log>,
    logs_bloom: Bloom,
    status: U64,
    #[serde(rename = "type")]
    kind: U64,
}

/// The block that receipts are of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) timestamp: u64,
}

/// All receipts of a block.
pub(crate) fn receipts(receipts: Vec<Receipt>, place: Place) -> Vec<ReceiptAnswer> {
    let mut first_log = 0;
    receipts
        .into_iter()
        .zip(0..)
        .map(|(receipt, position)| {
            let from = first_log;
            first_log += receipt.logs.len() as u64;
            receipt_answer(receipt, place, position, from)
        })
        .collect()
}

fn receipt_answer(receipt: Receipt, place: Place, position: u64, first_log: u64) -> ReceiptAnswer {
    let logs = receipt.logs.into_iter().zip(first_log..);
    ReceiptAnswer {
        transaction_hash: receipt.transaction_hash,
        transaction_index: U64::from(position),
        block_hash: place.hash,
        block_number: U64::from(place.number),
        from: receipt.from,
        to: receipt.to,
        cumulative_gas_used: U64::from(receipt.cumulative_gas_used),
        gas_used: U64::from(receipt.gas_used),
        effective_gas_price: U128::from(receipt.effective_gas_price),
        contract_address: receipt.contract_address,
        logs: logs
            .map(|(inner, log_index)| Log {
                inner,
                block_hash: Some(place.hash),
                block_number: Some(place.number),
                block_timestamp: Some(place.timestamp),
                transaction_hash: Some(receipt.transaction_hash),
                transaction_index: Some(position),
                log_index: Some(log_index),
                removed: false,
            })
            .collect(),
        logs_bloom: receipt.logs_bloom,
        status: U64::from(u8::from(receipt.is_success)),
        kind: U64::from(receipt.transaction_type),
    }
}
