use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, U256};
use alloy_trie::{Nibbles, proof::verify_proof};
use rollup_evm::view::{CallFailure, CallRequest, LogFilter, StateAt, Transaction};

use crate::{
    chain::{Chain, ETHER, GWEI, alice, bob, call, create, people, transfer, words},
    codes,
};

/// A chain with two blocks: contracts of alice's, then calls to them.
fn story() -> (Chain, Address, Address) {
    let mut chain = Chain::new();
    let (store, log) = (alice().address.create(0), alice().address.create(1));
    chain.apply(&[
        alice().send(create(0, codes::STORE)),
        alice().send(create(1, codes::LOG)),
        alice().send(call(2, store, words(&[1, 11]))),
        alice().send(call(3, store, words(&[2, 22]))),
    ]);
    chain.apply(&[
        alice().send(call(4, store, words(&[1, 0]))),
        alice().send(call(5, log, words(&[5, 6, 7]))),
        bob().send(call(0, log, words(&[8, 6, 9]))),
    ]);
    (chain, store, log)
}

fn topic(word: u8) -> B256 {
    B256::with_last_byte(word)
}

#[test]
fn blocks_and_transactions_are_found_by_number_and_hash() {
    let (chain, ..) = story();
    let view = chain.view();
    assert_eq!(view.head().unwrap(), 2);
    for number in 0..=2 {
        let header = view.header(number).unwrap().unwrap();
        assert_eq!(header.hash(), header.inner().hash_slow());
        assert_eq!(view.number_of(header.hash()).unwrap(), Some(number));
        let transactions = view.transactions(number).unwrap().unwrap();
        let receipts = view.receipts(number).unwrap().unwrap();
        assert_eq!(transactions.len(), receipts.len());
        for (position, included) in transactions.into_iter().enumerate() {
            let place = (number, position as u64);
            assert_eq!(view.position(included.hash).unwrap(), Some(place));
            assert_eq!(
                view.transaction(included.hash).unwrap(),
                Some(included.clone())
            );
            assert_eq!(included.block_hash, header.hash());
            assert_eq!(receipts[position].transaction_hash, included.hash);
            let Transaction::Signed(envelope) = &included.transaction else {
                panic!("all are signed")
            };
            assert_eq!(*envelope.tx_hash(), included.hash);
        }
    }
    assert!(view.header(3).unwrap().is_none());
    assert!(view.transactions(3).unwrap().is_none());
    assert!(view.receipts(3).unwrap().is_none());
    assert!(view.at(3).unwrap().is_none());
    assert_eq!(view.transaction(B256::ZERO).unwrap(), None);
    assert_eq!(view.number_of(B256::ZERO).unwrap(), None);
}

#[test]
fn logs_are_found_by_address_and_topics() {
    let (chain, store, log) = story();
    let view = chain.view();
    let count = |filter: LogFilter| view.logs(2, &filter).unwrap().len();
    assert_eq!(count(LogFilter::default()), 2);
    let by_address = |address| LogFilter {
        addresses: vec![address],
        ..LogFilter::default()
    };
    assert_eq!(count(by_address(log)), 2);
    assert_eq!(count(by_address(store)), 0);
    let by_topics = |topics| LogFilter {
        topics,
        ..LogFilter::default()
    };
    assert_eq!(
        count(by_topics([vec![topic(6)], vec![], vec![], vec![]])),
        2
    );
    assert_eq!(
        count(by_topics([
            vec![],
            vec![topic(7), topic(8)],
            vec![],
            vec![]
        ])),
        1
    );
    assert_eq!(
        count(by_topics([vec![topic(7)], vec![], vec![], vec![]])),
        0
    );
    assert_eq!(
        count(by_topics([vec![], vec![], vec![topic(6)], vec![]])),
        0
    );
    let found = &view
        .logs(2, &by_topics([vec![], vec![topic(9)], vec![], vec![]]))
        .unwrap()[0];
    assert_eq!((found.transaction_position, found.log_position), (2, 1));
    assert_eq!(found.log.data.data[..], topic(8)[..]);
    assert_eq!(view.logs(1, &LogFilter::default()).unwrap(), []);
}

#[test]
fn the_state_of_every_block_stays_readable() {
    let (chain, store, _) = story();
    let view = chain.view();
    let slot = |number, word| {
        let at = view.at(number).unwrap().unwrap();
        at.storage(store, topic(word)).unwrap()
    };
    assert_eq!(
        [slot(0, 1), slot(1, 1), slot(2, 1)],
        [0, 11, 0].map(U256::from)
    );
    assert_eq!(
        [slot(0, 2), slot(1, 2), slot(2, 2)],
        [0, 22, 22].map(U256::from)
    );
    let at = |number| view.at(number).unwrap().unwrap();
    assert_eq!(at(0).account(store).unwrap(), None);
    assert_eq!(at(0).code(store).unwrap().len(), 0);
    assert_eq!(at(1).code(store).unwrap()[..], *codes::STORE);
    let nonces =
        [0, 1, 2].map(|number| at(number).account(alice().address).unwrap().unwrap().nonce);
    assert_eq!(nonces, [0, 4, 6]);
}

#[test]
fn proofs_hold_for_what_is_there_and_what_is_not() {
    let (chain, store, _) = story();
    let check = |at: &StateAt<'_>, address: Address| {
        let proof = at.proof(address, &[topic(1), topic(2), topic(3)]).unwrap();
        let expected = at.account(address).unwrap().map(alloy_rlp::encode);
        let key = Nibbles::unpack(alloy_primitives::keccak256(address));
        verify_proof(at.header().state_root, key, expected, &proof.proof).unwrap();
        for slot in proof.slots {
            let expected = (!slot.value.is_zero()).then(|| alloy_rlp::encode(slot.value));
            let key = Nibbles::unpack(alloy_primitives::keccak256(slot.slot));
            verify_proof(proof.account.storage_root, key, expected, &slot.proof).unwrap();
            assert_eq!(slot.value, at.storage(address, slot.slot).unwrap());
        }
    };
    for number in 0..=2 {
        let at = chain.view().at(number).unwrap().unwrap();
        for person in people() {
            check(&at, person.address);
        }
        check(&at, store);
        check(&at, Address::repeat_byte(0x99));
        check(&at, Address::ZERO);
    }
}

#[test]
fn calls_see_the_state_of_their_block_and_leave_none() {
    let (chain, store, log) = story();
    let view = chain.view();
    let at = view.at(1).unwrap().unwrap();
    let request = CallRequest {
        from: bob().address,
        to: Some(log),
        data: words(&[5, 6, 7]).into(),
        ..CallRequest::default()
    };
    let result = at.call(&request).unwrap().unwrap();
    assert_eq!(result.logs.len(), 1);
    assert!(
        view.at(0)
            .unwrap()
            .unwrap()
            .call(&request)
            .unwrap()
            .unwrap()
            .logs
            .is_empty()
    );
    let write = CallRequest {
        to: Some(store),
        data: words(&[1, 99]).into(),
        ..CallRequest::default()
    };
    let head = view.at(2).unwrap().unwrap();
    head.call(&write).unwrap().unwrap();
    assert_eq!(head.storage(store, topic(1)).unwrap(), U256::ZERO);
}

#[test]
fn a_call_that_fails_says_how() {
    let (mut chain, ..) = story();
    let reverter = alice().address.create(6);
    let hasher = alice().address.create(7);
    chain.apply(&[
        alice().send(create(6, codes::REVERT)),
        alice().send(create(7, codes::HASH)),
    ]);
    let at = chain.view().at(3).unwrap().unwrap();
    let run = |request: &CallRequest| at.call(request).unwrap().unwrap_err();
    let to = |address| CallRequest {
        to: Some(address),
        ..CallRequest::default()
    };
    assert_eq!(
        run(&to(reverter)),
        CallFailure::Reverted(topic(42).to_vec().into())
    );
    let endless = CallRequest {
        data: words(&[0]).into(),
        ..to(hasher)
    };
    assert_eq!(run(&endless), CallFailure::OutOfGas);
    let poor = CallRequest {
        value: ETHER,
        ..to(bob().address)
    };
    assert!(matches!(run(&poor), CallFailure::Refused(_)));
    let priced = CallRequest {
        gas_price: GWEI * 100,
        ..to(bob().address)
    };
    assert!(matches!(run(&priced), CallFailure::Refused(_)));
    // Enough for a transfer. Only an estimate has less gas than it asks for.
    let dear = CallRequest {
        from: alice().address,
        gas_price: GWEI * 30_000_000,
        ..to(bob().address)
    };
    assert!(matches!(run(&dear), CallFailure::Refused(_)));
    assert_eq!(at.estimate_gas(&dear).unwrap(), Ok(21_000));
    let cheap = CallRequest {
        from: alice().address,
        gas_price: 1,
        ..to(bob().address)
    };
    assert!(matches!(run(&cheap), CallFailure::Refused(_)));
    assert_eq!(
        at.estimate_gas(&to(reverter)).unwrap(),
        Err(run(&to(reverter)))
    );
}

#[test]
fn an_estimate_suffices_and_is_close() {
    let (mut chain, store, log) = story();
    let hasher = alice().address.create(6);
    chain.apply(&[alice().send(create(6, codes::HASH))]);
    let requests = [
        (bob().address, vec![]),
        (store, words(&[2, 0])),
        (store, words(&[9, 9])),
        (log, words(&[1, 2, 3])),
        (hasher, words(&[5_000])),
    ];
    for (nonce, (to, data)) in (7..).zip(requests) {
        let request = CallRequest {
            from: alice().address,
            to: Some(to),
            data: data.clone().into(),
            gas_price: 100 * GWEI,
            ..CallRequest::default()
        };
        let at = chain.view().at(chain.head()).unwrap().unwrap();
        let gas = at.estimate_gas(&request).unwrap().unwrap();
        let run = |gas| {
            let request = CallRequest {
                gas: Some(gas),
                ..request.clone()
            };
            at.call(&request).unwrap()
        };
        run(gas).unwrap();
        assert!(run(gas - gas / 32 - 1).is_err(), "{gas} is far too much");
        chain.apply(&[alice().send(TxEip1559 {
            gas_limit: gas,
            ..call(nonce, to, data)
        })]);
        assert!(chain.view().receipts(chain.head()).unwrap().unwrap()[0].is_success);
    }
}

#[test]
fn fees_are_told_by_block() {
    let mut chain = Chain::new();
    let tip = |nonce, tip| TxEip1559 {
        max_priority_fee_per_gas: tip,
        ..transfer(nonce, bob().address, U256::ONE)
    };
    let deposit = chain.deposit(Address::ZERO, 1, bob().address);
    let inputs = [
        deposit,
        rollup_types::Input::Transaction(alice().send(tip(0, 3))),
        rollup_types::Input::Transaction(alice().send(tip(1, 2))),
    ];
    chain.block(&inputs);
    let header = chain.view().header(1).unwrap().unwrap();
    let tips = chain.view().tips(&header).unwrap();
    assert_eq!(tips, [(2, 21_000), (3, 21_000)]);
}
