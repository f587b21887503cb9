use alloy_consensus::{TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, TxKind, U256, keccak256};
use bytes::Bytes;
use rollup_evm::{MAX_INPUTS, TRANSACTION_GAS};
use rollup_types::{Hash, Input, MessageBody, Verdict, Vm as _};

use crate::{
    chain::{
        CHAIN_ID, Chain, ETHER, FEES, GWEI, Person, alice, bob, call, create, skipped, transfer,
        words,
    },
    codes,
};

#[test]
fn all_transaction_types_but_blobs_are_executed() {
    let mut chain = Chain::new();
    let target = Address::repeat_byte(0x77);
    let legacy = TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce: 0,
        gas_price: 10 * GWEI,
        gas_limit: 21_000,
        to: TxKind::Call(target),
        value: ETHER,
        input: Default::default(),
    };
    let with_list = TxEip2930 {
        chain_id: CHAIN_ID,
        nonce: 1,
        gas_price: 10 * GWEI,
        gas_limit: 40_000,
        to: TxKind::Call(target),
        value: ETHER,
        access_list: AccessList(vec![AccessListItem {
            address: target,
            storage_keys: vec![B256::ZERO],
        }]),
        input: Default::default(),
    };
    let delegation = TxEip7702 {
        chain_id: CHAIN_ID,
        nonce: 3,
        gas_limit: 100_000,
        max_fee_per_gas: 10 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: target,
        value: ETHER,
        access_list: Default::default(),
        authorization_list: vec![bob().authorize(0, Address::repeat_byte(0x55))],
        input: Default::default(),
    };
    let transition = chain.apply(&[
        alice().send(legacy),
        alice().send(with_list),
        alice().send(transfer(2, target, ETHER)),
        alice().send(delegation),
    ]);
    assert_eq!(chain.balance(target), ETHER * U256::from(4));
    let receipts = chain.view().receipts(1).unwrap().unwrap();
    let types: Vec<_> = receipts
        .iter()
        .map(|receipt| receipt.transaction_type)
        .collect();
    assert_eq!(types, [0, 1, 2, 4]);
    assert!(receipts.iter().all(|receipt| receipt.is_success));
    let delegated = chain
        .view()
        .at(1)
        .unwrap()
        .unwrap()
        .code(bob().address)
        .unwrap();
    assert_eq!(delegated[..3], [0xef, 0x01, 0x00]);
    assert_eq!(transition.outcomes.len(), 4);
}

#[test]
fn all_fees_go_to_the_fee_account() {
    let mut chain = Chain::new();
    let before = chain.balance(alice().address);
    chain.apply(&[alice().send(transfer(0, bob().address, ETHER))]);
    let header = chain.view().header(1).unwrap().unwrap();
    let price = U256::from(u128::from(header.base_fee_per_gas.unwrap()) + GWEI);
    let fee = price * U256::from(21_000);
    assert_eq!(chain.balance(FEES), fee);
    assert_eq!(chain.balance(alice().address), before - fee - ETHER);
}

#[test]
fn a_reverted_transaction_pays_and_has_a_receipt() {
    let mut chain = Chain::new();
    let contract = alice().address.create(0);
    chain.apply(&[
        alice().send(create(0, codes::REVERT)),
        alice().send(call(1, contract, Vec::new())),
    ]);
    let receipts = chain.view().receipts(1).unwrap().unwrap();
    assert_eq!(receipts[0].contract_address, Some(contract));
    assert!(!receipts[1].is_success);
    assert_eq!(
        receipts[1].cumulative_gas_used,
        receipts[0].gas_used + receipts[1].gas_used
    );
    assert_eq!(chain.nonce(alice().address), 2);
}

#[test]
fn what_cannot_be_executed_is_skipped_and_changes_nothing() {
    let mut chain = Chain::new();
    let to = bob().address;
    let no_chain = TxLegacy {
        chain_id: None,
        gas_price: 10 * GWEI,
        gas_limit: 21_000,
        to: TxKind::Call(to),
        ..TxLegacy::default()
    };
    let other_chain = TxEip1559 {
        chain_id: CHAIN_ID + 1,
        ..transfer(0, to, ETHER)
    };
    let too_much_gas = TxEip1559 {
        gas_limit: TRANSACTION_GAS + 1,
        ..transfer(0, to, ETHER)
    };
    let too_little_gas = TxEip1559 {
        gas_limit: 20_999,
        ..transfer(0, to, ETHER)
    };
    let too_cheap = TxEip1559 {
        max_fee_per_gas: 1,
        max_priority_fee_per_gas: 0,
        ..transfer(0, to, ETHER)
    };
    let absurd_fee = TxEip1559 {
        max_fee_per_gas: 1 << 96,
        ..transfer(0, to, ETHER)
    };
    let mut trailing = alice().send(transfer(0, to, ETHER)).to_vec();
    trailing.push(0);
    let cases: [(Bytes, &str); 12] = [
        (alice().send(no_chain), "only replay-protected"),
        (
            alice().send(other_chain),
            "invalid chain id for signer: have 7778 want 7777",
        ),
        (
            alice().send(too_much_gas),
            "transaction gas limit too high (cap: 30000000, tx: 30000001)",
        ),
        (alice().send(too_little_gas), "intrinsic gas too low: call"),
        (
            alice().send(too_cheap),
            "max fee per gas less than block base fee",
        ),
        (alice().send(absurd_fee), "out of range"),
        (
            alice().send(transfer(1, to, ETHER)),
            "nonce too high: nonce 1 too high, expected 0",
        ),
        (
            alice().send(transfer(0, to, ETHER * U256::from(1_000))),
            "insufficient funds for gas * price + value: lack of funds",
        ),
        (trailing.into(), "invalid transaction"),
        (
            Bytes::from_static(&[3, 0xc0]),
            "transaction type not supported: 3",
        ),
        (
            Bytes::from_static(&[0x7e, 0xc0]),
            "transaction type not supported: 126",
        ),
        (Bytes::new(), "invalid transaction"),
    ];
    let inputs: Vec<_> = cases
        .iter()
        .map(|(bytes, _)| Input::Transaction(bytes.clone()))
        .collect();
    let before = chain.view().header(0).unwrap().unwrap();
    let transition = chain.block(&inputs);
    assert_eq!(transition.outcomes.len(), cases.len());
    for (outcome, (bytes, reason)) in transition.outcomes.iter().zip(&cases) {
        let found = skipped(outcome);
        assert!(found.contains(reason), "{found:?} is not {reason:?}");
        assert_eq!(outcome.id, chain.evm.id(bytes));
        assert_eq!(outcome.id.0, keccak256(bytes).0);
    }
    let header = chain.view().header(1).unwrap().unwrap();
    assert_eq!(header.state_root, before.state_root);
    assert_eq!(header.gas_used, 0);
    assert!(chain.view().receipts(1).unwrap().unwrap().is_empty());
}

#[test]
fn a_signature_with_the_other_s_is_skipped() {
    let mut chain = Chain::new();
    let envelope = alice().sign(transfer(0, bob().address, ETHER));
    let alloy_consensus::TxEnvelope::Eip1559(signed) = envelope else {
        panic!("a transaction of type 2");
    };
    let (transaction, signature, _) = signed.into_parts();
    let order = U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    );
    let other = alloy_primitives::Signature::new(
        signature.r(),
        order.unwrap() - signature.s(),
        !signature.v(),
    );
    let twin = alloy_consensus::TxEnvelope::from(
        alloy_consensus::SignableTransaction::into_signed(transaction, other),
    );
    let bytes = alloy_eips::eip2718::Encodable2718::encoded_2718(&twin);
    let transition = chain.block(&[Input::Transaction(bytes.into())]);
    assert_eq!(
        skipped(&transition.outcomes[0]),
        "invalid sender: the signature is invalid"
    );
}

#[test]
fn a_block_takes_a_bounded_number_of_inputs() {
    let mut chain = Chain::new();
    let inputs = vec![Input::Transaction(Bytes::from_static(b"x")); MAX_INPUTS + 1];
    assert_eq!(chain.block(&inputs).outcomes.len(), MAX_INPUTS);
    assert_eq!(chain.block(&inputs[MAX_INPUTS..]).outcomes.len(), 1);
}

#[test]
fn a_block_in_which_all_is_skipped_changes_no_account() {
    let mut chain = Chain::new();
    let before = chain.view().header(0).unwrap().unwrap().state_root;
    chain.env.is_forced = true;
    let transition = chain.block(&[Input::Transaction(Bytes::from_static(b"x"))]);
    assert_eq!(transition.state_root.0, before.0);
}

#[test]
fn the_base_fee_follows_the_gas_that_was_used() {
    let mut chain = Chain::new();
    let hasher = alice().address.create(0);
    chain.apply(&[alice().send(create(0, codes::HASH))]);
    // Little gas in the block before: down by almost an eighth.
    let low = chain.view().next_base_fee().unwrap();
    let heavy = TxEip1559 {
        gas_limit: TRANSACTION_GAS,
        ..call(1, hasher, words(&[1_000_000]))
    };
    chain.apply(&[alice().send(heavy)]);
    let header = chain.view().header(2).unwrap().unwrap();
    assert_eq!(header.base_fee_per_gas, Some(low));
    assert_eq!(header.gas_used, TRANSACTION_GAS);
    assert_eq!(chain.view().next_base_fee().unwrap(), low + low / 8);
}

#[test]
fn contracts_see_the_environment_of_the_rollup() {
    let mut chain = Chain::new();
    let (hash, environment) = (alice().address.create(0), alice().address.create(1));
    chain.apply(&[
        alice().send(create(0, codes::BLOCK_HASH)),
        alice().send(create(1, codes::ENVIRONMENT)),
    ]);
    let parent = chain.env.parent;
    chain.block(&[Input::Transaction(Bytes::from_static(b"x"))]);
    let view = chain.view();
    let at = view.at(2).unwrap().unwrap();
    let ask = |to| {
        let request = rollup_evm::view::CallRequest {
            to: Some(to),
            ..Default::default()
        };
        at.call(&request).unwrap().unwrap().output
    };
    assert_eq!(ask(hash)[..], parent.0);
    let header = at.header();
    let seen = ask(environment);
    let base_fee = U256::from(header.base_fee_per_gas.unwrap());
    assert_eq!(U256::from_be_slice(&seen[..32]), base_fee);
    assert_eq!(
        U256::from_be_slice(&seen[32..64]),
        U256::from(header.timestamp)
    );
    assert_eq!(seen[64..96], [9; 32]);
    assert_eq!(U256::from_be_slice(&seen[96..]), U256::from(2));
    assert_eq!(header.mix_hash.0, [9; 32]);
    assert_eq!(header.extra_data[..8], 13_u64.to_be_bytes());
    assert_eq!(header.extra_data[8..], 5_u64.to_be_bytes());
}

#[test]
fn a_contract_that_is_destroyed_where_it_is_created_leaves_nothing() {
    let mut chain = Chain::new();
    let contract = alice().address.create(0);
    let transaction = TxEip1559 {
        to: TxKind::Create,
        value: ETHER,
        ..call(0, Address::ZERO, codes::DESTROY.to_vec())
    };
    chain.apply(&[alice().send(transaction)]);
    let at = chain.view().at(1).unwrap().unwrap();
    assert_eq!(at.account(contract).unwrap(), None);
    assert_eq!(
        at.storage(contract, B256::with_last_byte(1)).unwrap(),
        U256::ZERO
    );
}

#[test]
fn forced_transactions_are_executed_like_sequenced_ones() {
    let mut chain = Chain::new();
    let bytes = alice().send(transfer(0, Person::new(9).address, ETHER));
    let forced = chain.message(MessageBody::ForcedTransaction(bytes.clone()));
    let garbage = chain.message(MessageBody::ForcedTransaction(Bytes::from_static(b"\xc1")));
    let Input::L1(message) = &garbage else {
        panic!("a message")
    };
    let garbage_id = message.hash();
    let transition = chain.block(&[forced, garbage, Input::Transaction(bytes.clone())]);
    assert_eq!(transition.outcomes[0].verdict, Verdict::Applied);
    assert_eq!(transition.outcomes[0].id, Hash(keccak256(&bytes).0));
    assert!(skipped(&transition.outcomes[1]).contains("invalid transaction"));
    assert_eq!(transition.outcomes[1].id, garbage_id);
    // The copy that was sequenced too finds its nonce used.
    assert!(skipped(&transition.outcomes[2]).contains("nonce 0 too low"));
    assert_eq!(chain.balance(Person::new(9).address), ETHER);
}
