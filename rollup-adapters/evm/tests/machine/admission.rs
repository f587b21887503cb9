use alloy_consensus::{TxEip1559, TxLegacy};
use alloy_primitives::{Address, TxKind, U256};
use bytes::Bytes;
use rollup_evm::MAX_NONCE_AHEAD;
use rollup_types::{Refusal, Vm as _};

use crate::chain::{CHAIN_ID, Chain, ETHER, Person, alice, bob, call, transfer};

fn admit(chain: &Chain, bytes: &Bytes) -> Result<(), Refusal> {
    chain.evm.admit(&chain.memory, bytes).unwrap()
}

#[test]
fn what_can_be_executed_now_is_admitted() {
    let chain = Chain::new();
    let bytes = alice().send(transfer(0, bob().address, ETHER));
    assert_eq!(admit(&chain, &bytes), Ok(()));
}

#[test]
fn a_refusal_says_whether_waiting_helps() {
    let mut chain = Chain::new();
    chain.apply(&[alice().send(transfer(0, bob().address, ETHER))]);
    let to = bob().address;
    let never = [
        (Bytes::from_static(b"garbage"), "type not supported"),
        (
            alice().send(transfer(0, to, ETHER)),
            "nonce too low: next nonce 1, tx nonce 0",
        ),
        (
            alice().send(TxEip1559 {
                gas_limit: 20_000,
                ..transfer(1, to, ETHER)
            }),
            "gas",
        ),
        (
            alice().send(TxLegacy {
                chain_id: None,
                gas_limit: 21_000,
                to: TxKind::Call(to),
                ..TxLegacy::default()
            }),
            "only replay-protected",
        ),
        (
            alice().send(TxEip1559 {
                max_priority_fee_per_gas: 1 << 60,
                ..transfer(1, to, ETHER)
            }),
            "max priority fee per gas higher than max fee per gas",
        ),
        (
            alice().send(TxEip1559 {
                to: TxKind::Create,
                gas_limit: 20_000_000,
                ..call(1, Address::ZERO, vec![0; 49_153])
            }),
            "max initcode size exceeded",
        ),
        (
            alice().send(transfer(2 + MAX_NONCE_AHEAD, to, ETHER)),
            "nonce too high: 258 is more than 256 ahead of the next, 1",
        ),
    ];
    for (bytes, reason) in never {
        let refusal = admit(&chain, &bytes).unwrap_err();
        assert!(!refusal.may_become_good, "{refusal}");
        assert!(refusal.reason.contains(reason), "{refusal}");
    }
    let later = [
        (
            alice().send(transfer(2, to, ETHER)),
            "is ahead; the next is 1",
        ),
        (
            alice().send(transfer(1 + MAX_NONCE_AHEAD, to, ETHER)),
            "is ahead; the next is 1",
        ),
        (
            Person::new(9).send(transfer(0, to, ETHER)),
            "the sender has 0",
        ),
        (
            alice().send(TxEip1559 {
                max_fee_per_gas: 1,
                max_priority_fee_per_gas: 1,
                ..transfer(1, to, ETHER)
            }),
            "the base fee is",
        ),
    ];
    for (bytes, reason) in later {
        let refusal = admit(&chain, &bytes).unwrap_err();
        assert!(refusal.may_become_good, "{refusal}");
        assert!(refusal.reason.contains(reason), "{refusal}");
    }
}

#[test]
fn an_account_that_delegates_may_still_send() {
    let mut chain = Chain::new();
    let delegation = alloy_consensus::TxEip7702 {
        chain_id: CHAIN_ID,
        nonce: 0,
        gas_limit: 100_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 0,
        to: alice().address,
        value: U256::ZERO,
        access_list: Default::default(),
        authorization_list: vec![bob().authorize(0, Address::repeat_byte(0x55))],
        input: Default::default(),
    };
    chain.apply(&[alice().send(delegation)]);
    let bytes = bob().send(transfer(1, alice().address, ETHER));
    assert_eq!(admit(&chain, &bytes), Ok(()));
    chain.apply(&[bytes]);
}

#[test]
fn transactions_of_one_sender_and_nonce_have_one_slot() {
    let chain = Chain::new();
    let to = bob().address;
    let slot = |bytes: &[u8]| chain.evm.slot(bytes);
    let first = slot(&alice().send(transfer(0, to, ETHER))).unwrap();
    assert_eq!(
        first,
        [alice().address.as_slice(), &[0; 8]].concat(),
        "which the rollup's JSON-RPC reads"
    );
    assert_eq!(
        slot(&alice().send(transfer(0, to, U256::ZERO))),
        Some(first)
    );
    let others = [
        alice().send(transfer(1, to, ETHER)),
        bob().send(transfer(0, to, ETHER)),
    ];
    let others = others.map(|bytes| slot(&bytes).unwrap());
    assert_ne!(others[0], others[1]);
    assert!(!others.contains(&slot(&alice().send(transfer(0, to, ETHER))).unwrap()));
    assert_eq!(slot(b"garbage"), None);
}
