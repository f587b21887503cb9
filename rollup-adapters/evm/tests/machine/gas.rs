//! What ends a block, and what gas costs then.

use alloy_consensus::{TxEip1559, TxEip7702};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, TxKind, U256};
use bytes::Bytes;
use rollup_evm::{BLOCK_GAS, EvmConfig, GenesisAccount, MAX_INPUTS, TRANSACTION_GAS};
use rollup_types::{Input, MessageBody, Verdict};

use crate::{
    chain::{CHAIN_ID, Chain, FEES, HOME, Person, alice, bob, call, skipped, transfer},
    codes,
};

/// Uses all gas that it gets.
const BURNER: Address = Address::repeat_byte(0xb0);
/// The lowest base fee there is.
const LOWEST: u64 = 10_000_000;

/// Who has a key, and code all the same.
fn contract() -> Person {
    Person::new(9)
}

/// A rollup with the lowest base fee, where Alice can pay any.
fn cheap() -> Chain {
    let rich = GenesisAccount {
        balance: U256::ONE << 100,
        ..GenesisAccount::default()
    };
    let burner = GenesisAccount {
        code: codes::BURN.into(),
        ..GenesisAccount::default()
    };
    let with_code = GenesisAccount {
        code: codes::BURN.into(),
        ..rich.clone()
    };
    Chain::with(EvmConfig {
        chain_id: CHAIN_ID,
        fee_account: FEES,
        home_l1_chain_id: HOME,
        base_fee: LOWEST,
        alloc: [
            (alice().address, rich),
            (BURNER, burner),
            (contract().address, with_code),
        ]
        .into(),
    })
}

/// May use all gas, at any base fee, and pays no tip.
fn big(nonce: u64, to: Address) -> TxEip1559 {
    TxEip1559 {
        gas_limit: TRANSACTION_GAS,
        max_fee_per_gas: 1 << 60,
        max_priority_fee_per_gas: 0,
        ..call(nonce, to, Vec::new())
    }
}

fn burn(nonce: u64, gas_limit: u64) -> Bytes {
    alice().send(TxEip1559 {
        gas_limit,
        ..big(nonce, BURNER)
    })
}

fn gas_used(chain: &Chain, number: u64) -> u64 {
    chain.view().header(number).unwrap().unwrap().gas_used
}

fn base_fee(chain: &Chain, number: u64) -> u64 {
    let header = chain.view().header(number).unwrap().unwrap();
    header.base_fee_per_gas.unwrap()
}

#[test]
fn a_block_ends_once_its_gas_is_used() {
    let mut chain = cheap();
    let half = TRANSACTION_GAS / 2;
    let limits = [half, half - 1, TRANSACTION_GAS, half, half, half];
    let inputs: Vec<_> = (0..)
        .zip(limits)
        .map(|(nonce, gas)| Input::Transaction(burn(nonce, gas)))
        .collect();
    let blocks = chain.segment(&inputs);
    let sizes: Vec<_> = blocks.iter().map(|block| block.outcomes.len()).collect();
    assert_eq!(sizes, [3, 2, 1]);
    for outcome in blocks.iter().flat_map(|block| &block.outcomes) {
        assert_eq!(outcome.verdict, Verdict::Applied);
    }
    // As much as a block can use: below what its header says.
    assert_eq!(gas_used(&chain, 1), BLOCK_GAS - 1);
    let header = chain.view().header(1).unwrap().unwrap();
    assert_eq!(header.gas_limit, BLOCK_GAS);
    assert_eq!(gas_used(&chain, 2), TRANSACTION_GAS);
}

/// Nor do limits that are not used keep the base fee low.
#[test]
fn gas_limits_that_are_not_used_end_no_block() {
    const ROUNDS: u64 = 40;
    let mut chain = cheap();
    let inputs: Vec<_> = (0..ROUNDS)
        .flat_map(|round| {
            [
                burn(2 * round, TRANSACTION_GAS),
                alice().send(big(2 * round + 1, bob().address)),
            ]
        })
        .map(Input::Transaction)
        .collect();
    let blocks = chain.segment(&inputs);
    for outcome in blocks.iter().flat_map(|block| &block.outcomes) {
        assert_eq!(outcome.verdict, Verdict::Applied);
    }
    let numbers = 1..=chain.head();
    let used: u64 = numbers.clone().map(|number| gas_used(&chain, number)).sum();
    assert_eq!(chain.head(), used / TRANSACTION_GAS + 1);
    for number in numbers.skip(1) {
        let (before, now) = (base_fee(&chain, number - 1), base_fee(&chain, number));
        assert!(now >= before + (before / 8).max(1), "{before}, then {now}");
    }
}

/// RE4 has these figures.
#[test]
fn gas_of_one_sequencer_block_costs_ever_more() {
    let mut chain = cheap();
    let inputs: Vec<_> = (0..334)
        .map(|nonce| Input::Transaction(burn(nonce, TRANSACTION_GAS)))
        .collect();
    assert_eq!(chain.segment(&inputs).len(), inputs.len());
    let paid = |number| {
        let at = chain.view().at(number).unwrap().unwrap();
        at.account(FEES).unwrap().unwrap().balance
    };
    // In wei, for 1, 4 and 10 Ggas.
    assert_eq!(paid(34), U256::from(129_242_740_890_000_000_u64));
    let middle = 17_165_208_614_436_510_000_000_u128;
    assert_eq!(paid(134), U256::from(middle));
    let last = 4_348_964_257_734_208_167_960_000_000_u128;
    assert_eq!(paid(334), U256::from(last));
}

#[test]
fn what_is_skipped_makes_no_gas_of_its_sequencer_block_cheaper() {
    const BURNS: u64 = 20;
    let mut chain = cheap();
    let mut inputs: Vec<_> = (0..BURNS)
        .map(|nonce| Input::Transaction(burn(nonce, TRANSACTION_GAS)))
        .collect();
    let nothing = Input::Transaction(Bytes::from_static(b"x"));
    inputs.resize(inputs.len() + 2 * MAX_INPUTS + 1, nothing.clone());
    let height = chain.env.height;
    chain.segment(&inputs);
    assert_eq!(chain.head(), BURNS + 3);
    let high = base_fee(&chain, BURNS + 1);
    assert!(high > base_fee(&chain, BURNS));
    assert_eq!(base_fee(&chain, BURNS + 2), high);
    assert_eq!(base_fee(&chain, BURNS + 3), high);

    // A pin after the same block of the sequencer.
    (chain.env.height, chain.env.is_forced) = (height, true);
    let lower = high - high / 8;
    let forced = chain.message(MessageBody::ForcedTransaction(Bytes::new()));
    chain.block(&[forced]);
    assert_eq!(base_fee(&chain, BURNS + 4), lower);

    // And the next block of the sequencer.
    chain.env.is_forced = false;
    chain.block(&[nothing]);
    assert_eq!(base_fee(&chain, BURNS + 5), lower - lower / 8);
}

#[test]
fn what_is_skipped_ends_no_block_whatever_its_gas_limit() {
    let mut chain = cheap();
    let good = |nonce| {
        alice().send(TxEip1559 {
            gas_limit: 21_000,
            ..big(nonce, bob().address)
        })
    };
    let bad = big(1, bob().address);
    let no_authorization = TxEip7702 {
        chain_id: CHAIN_ID,
        nonce: 1,
        gas_limit: TRANSACTION_GAS,
        max_fee_per_gas: 1 << 60,
        to: bob().address,
        ..TxEip7702::default()
    };
    let address = AccessListItem {
        address: BURNER,
        storage_keys: Vec::new(),
    };
    let cases = [
        (
            alice().send(TxEip1559 {
                max_priority_fee_per_gas: (1 << 60) + 1,
                ..bad.clone()
            }),
            "max priority fee per gas higher",
        ),
        (alice().send(no_authorization), "authorization list"),
        (
            alice().send(TxEip1559 {
                to: TxKind::Create,
                input: vec![0; 49_153].into(),
                ..bad.clone()
            }),
            "max initcode size exceeded",
        ),
        (
            alice().send(TxEip1559 {
                access_list: AccessList(vec![address; 12_500]),
                ..bad.clone()
            }),
            "intrinsic gas too low",
        ),
        (
            contract().send(TxEip1559 {
                nonce: 0,
                ..bad.clone()
            }),
            "sender not an eoa",
        ),
        (
            alice().send(TxEip1559 {
                nonce: 5,
                ..bad.clone()
            }),
            "nonce 5",
        ),
        (
            alice().send(TxEip1559 {
                value: U256::MAX >> 1,
                ..bad.clone()
            }),
            "insufficient funds",
        ),
        (
            alice().send(TxEip1559 {
                max_fee_per_gas: 1,
                ..bad
            }),
            "less than block base fee",
        ),
    ];
    let reasons = cases.each_ref().map(|(_, reason)| *reason);
    let mut inputs = vec![good(0)];
    inputs.extend(cases.map(|(bytes, _)| bytes));
    inputs.push(good(1));
    let inputs: Vec<_> = inputs.into_iter().map(Input::Transaction).collect();
    let transition = chain.block(&inputs);
    let [first, bad @ .., last] = &transition.outcomes[..] else {
        panic!("no outcomes")
    };
    for outcome in [first, last] {
        assert_eq!(outcome.verdict, Verdict::Applied);
    }
    assert_eq!(bad.len(), reasons.len());
    for (outcome, reason) in bad.iter().zip(reasons) {
        let found = skipped(outcome);
        assert!(found.contains(reason), "{found:?} is not {reason:?}");
    }
    assert_eq!(gas_used(&chain, 1), 42_000);
}

#[test]
fn messages_of_the_l1_follow_the_same_rule_and_all_are_executed() {
    let mut chain = cheap();
    let tiny = alice().send(TxEip1559 {
        gas_limit: 21_000,
        ..transfer(3, bob().address, U256::ONE)
    });
    let inputs = [
        chain.message(MessageBody::ForcedTransaction(burn(0, TRANSACTION_GAS - 1))),
        // May use more than what is left below what ends the block.
        chain.deposit(BURNER, 1, bob().address),
        chain.message(MessageBody::ForcedTransaction(burn(1, TRANSACTION_GAS))),
        chain.deposit(Address::ZERO, 1, bob().address),
        Input::Transaction(burn(2, TRANSACTION_GAS)),
        Input::Transaction(tiny),
    ];
    let blocks = chain.segment(&inputs);
    let sizes: Vec<_> = blocks.iter().map(|block| block.outcomes.len()).collect();
    assert_eq!(sizes, [2, 1, 2, 1]);
    for outcome in blocks.iter().flat_map(|block| &block.outcomes) {
        assert_eq!(outcome.verdict, Verdict::Applied);
    }
}
