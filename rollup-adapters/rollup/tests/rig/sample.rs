//! A chain with a transaction of every type.

use alloy_consensus::{TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use serde_json::{Value, json};

use super::{ALICE, CHAIN, NOBODY, Rig, authorization, signed, transaction, write};

/// What a chain of all kinds of transactions has.
pub struct Sample {
    pub rig: Rig,
    pub notebook: Value,
    /// Of every type.
    pub transactions: Vec<Value>,
    pub pending: Value,
}

pub async fn sample() -> Sample {
    let rig = Rig::start().await;
    let deposit = rig.deposit(0, ALICE, 5);
    let (created, notebook) = rig.notebook().await;
    let to: Address = serde_json::from_value(notebook.clone()).unwrap();
    let written = rig.send(TxKind::Call(to), 0, write("hello")).await;
    let access_list = AccessList(vec![AccessListItem {
        address: to,
        storage_keys: vec![B256::ZERO],
    }]);
    let others = [
        signed(TxLegacy {
            chain_id: Some(CHAIN),
            nonce: 2,
            gas_price: 10_000_000_000,
            gas_limit: 30_000,
            to: TxKind::Call(NOBODY),
            value: U256::from(1),
            input: Bytes::new(),
        }),
        signed(TxEip2930 {
            chain_id: CHAIN,
            nonce: 3,
            gas_price: 10_000_000_000,
            gas_limit: 200_000,
            to: TxKind::Call(to),
            access_list: access_list.clone(),
            input: write(""),
            ..TxEip2930::default()
        }),
        signed(TxEip7702 {
            chain_id: CHAIN,
            nonce: 4,
            max_fee_per_gas: 10_000_000_000,
            max_priority_fee_per_gas: 7,
            gas_limit: 200_000,
            to,
            access_list,
            authorization_list: vec![authorization(to)],
            input: write("more"),
            ..TxEip7702::default()
        }),
    ];
    let mut transactions = vec![json!(B256::from(deposit.hash().0)), created, written];
    for raw in others {
        transactions.push(rig.result("eth_sendRawTransaction", json!([raw])).await);
        rig.order();
    }
    let raw = signed(transaction(5, TxKind::Call(NOBODY), 1, Bytes::new()));
    let pending = rig.result("eth_sendRawTransaction", json!([raw])).await;
    Sample {
        rig,
        notebook,
        transactions,
        pending,
    }
}
