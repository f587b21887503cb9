use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{SolCall as _, sol};
use alloy_trie::root::ordered_trie_root_encoded;
use rollup_evm::{
    BRIDGE, DEPOSIT_GAS, DEPOSIT_TYPE, TOKEN_FACTORY,
    abi::{IBridge, ITokenFactory},
    view::{CallRequest, Transaction},
};
use rollup_types::{Input, Verdict, Withdrawal};

use crate::chain::{Chain, ETHER, HOME, Person, alice, bob, call};

sol! {
    function balanceOf(address account) returns (uint256);
    function decimals() returns (uint8);
    function symbol() returns (string);
}

const TOKEN: Address = Address::repeat_byte(0xab);

fn ask<C: alloy_sol_types::SolCall>(chain: &Chain, to: Address, call: C) -> C::Return {
    let at = chain.view().at(chain.head()).unwrap().unwrap();
    let request = CallRequest {
        to: Some(to),
        data: call.abi_encode().into(),
        ..CallRequest::default()
    };
    C::abi_decode_returns(&at.call(&request).unwrap().unwrap().output).unwrap()
}

#[test]
fn deposited_ether_is_there_at_once() {
    let mut chain = Chain::new();
    let stranger = Person::new(9);
    let amount = 5 * 10_u128.pow(18);
    let deposit = chain.deposit(Address::ZERO, amount, stranger.address);
    let Input::L1(message) = &deposit else {
        panic!("a message")
    };
    let id = message.hash();
    let spend = TxEip1559 {
        value: ETHER,
        ..call(0, bob().address, Vec::new())
    };
    let transition = chain.block(&[deposit, Input::Transaction(stranger.send(spend))]);
    assert_eq!(transition.outcomes[0].id, id);
    assert!(
        transition
            .outcomes
            .iter()
            .all(|outcome| outcome.verdict == Verdict::Applied)
    );

    let receipt = &chain.view().receipts(1).unwrap().unwrap()[0];
    assert_eq!(receipt.transaction_type, DEPOSIT_TYPE);
    assert_eq!((receipt.is_success, receipt.gas_used), (true, 0));
    assert_eq!(receipt.to, Some(stranger.address));
    let included = chain.view().transaction(B256::new(id.0)).unwrap().unwrap();
    let Transaction::Deposit(found) = included.transaction else {
        panic!("a deposit")
    };
    assert_eq!(found.amount, U256::from(amount));
    assert_eq!((included.block_number, included.position), (1, 0));
    assert_eq!(included.sender, Address::repeat_byte(0xdd));
}

#[test]
fn an_ether_deposit_of_nothing_makes_no_account() {
    let mut chain = Chain::new();
    let deposit = chain.deposit(Address::ZERO, 0, Person::new(9).address);
    let before = chain.view().header(0).unwrap().unwrap().state_root;
    assert_eq!(chain.block(&[deposit]).state_root.0, before.0);
}

#[test]
fn deposited_tokens_are_minted_and_can_be_withdrawn() {
    let mut chain = Chain::new();
    let inputs = [
        chain.deposit(TOKEN, 100, alice().address),
        chain.deposit(TOKEN, 50, bob().address),
    ];
    let transition = chain.block(&inputs);
    assert!(
        transition
            .outcomes
            .iter()
            .all(|outcome| outcome.verdict == Verdict::Applied)
    );
    let token = ask(
        &chain,
        TOKEN_FACTORY,
        ITokenFactory::tokenOfCall { l1Token: TOKEN },
    );
    let balance = |chain: &Chain, account| ask(chain, token, balanceOfCall { account });
    assert_eq!(balance(&chain, alice().address), U256::from(100));
    assert_eq!(balance(&chain, bob().address), U256::from(50));
    assert_eq!(ask(&chain, token, decimalsCall {}), 6);
    assert_eq!(ask(&chain, token, symbolCall {}), "babababab");
    let receipts = chain.view().receipts(1).unwrap().unwrap();
    assert!(receipts.iter().all(|receipt| receipt.is_success));
    assert!(
        receipts[0].gas_used > receipts[1].gas_used,
        "the first makes the token"
    );
    assert!(receipts[0].gas_used < DEPOSIT_GAS / 2);
    let header = chain.view().header(1).unwrap().unwrap();
    assert_eq!(header.gas_used, receipts[0].gas_used + receipts[1].gas_used);

    let out = ITokenFactory::withdrawCall {
        token,
        chainId: HOME,
        amount: 30,
        recipient: bob().address,
    };
    let transition = chain.apply(&[alice().send(call(0, TOKEN_FACTORY, out.abi_encode()))]);
    assert_eq!(
        transition.withdrawals,
        [Withdrawal {
            index: 0,
            chain_id: HOME,
            token: rollup_types::Address(TOKEN.into()),
            amount: 30,
            recipient: rollup_types::Address(bob().address.into()),
        }]
    );
    assert_eq!(balance(&chain, alice().address), U256::from(70));
}

#[test]
fn a_token_deposit_that_cannot_be_minted_fails_and_goes_on() {
    let mut chain = Chain::new();
    let inputs = [
        chain.deposit(TOKEN, 100, Address::ZERO),
        chain.deposit(TOKEN, 50, bob().address),
    ];
    let transition = chain.block(&inputs);
    assert!(
        transition
            .outcomes
            .iter()
            .all(|outcome| outcome.verdict == Verdict::Applied)
    );
    let receipts = chain.view().receipts(1).unwrap().unwrap();
    assert_eq!(
        (receipts[0].is_success, receipts[1].is_success),
        (false, true)
    );
    assert!(receipts[0].logs.is_empty());
}

#[test]
fn many_token_deposits_spread_over_blocks() {
    let mut chain = Chain::new();
    let inputs: Vec<_> = (1..=40_u8)
        .map(|byte| chain.deposit(Address::repeat_byte(byte), 1, bob().address))
        .collect();
    let mut rest = &inputs[..];
    let mut blocks = 0;
    while !rest.is_empty() {
        let done = chain.block(rest).outcomes.len();
        assert!(done > 0);
        rest = &rest[done..];
        blocks += 1;
    }
    assert!(blocks > 1, "a million gas each");
}

#[test]
fn withdrawn_ether_is_recorded_in_order_and_committed_to() {
    let mut chain = Chain::new();
    let withdraw = |person: Person, nonce, value: u64, chain_id| {
        let input = IBridge::withdrawCall {
            chainId: chain_id,
            recipient: person.address,
        };
        person.send(TxEip1559 {
            value: U256::from(value),
            ..call(nonce, BRIDGE, input.abi_encode())
        })
    };
    let transition = chain.apply(&[
        withdraw(alice(), 0, 7, HOME),
        withdraw(alice(), 1, 8, HOME + 1),
        withdraw(bob(), 0, 9, HOME),
    ]);
    let found: Vec<_> = (transition.withdrawals.iter())
        .map(|withdrawal| (withdrawal.index, withdrawal.amount))
        .collect();
    assert_eq!(found, [(0, 7), (1, 9)]);
    let receipts = chain.view().receipts(1).unwrap().unwrap();
    assert!(!receipts[1].is_success, "another L1 pays nothing");
    assert_eq!(chain.balance(BRIDGE), U256::from(16));

    let transition = chain.apply(&[withdraw(alice(), 2, 1, HOME)]);
    assert_eq!(transition.withdrawals[0].index, 2);
    let root = chain.view().header(2).unwrap().unwrap().withdrawals_root;
    assert_eq!(root.unwrap().0, chain.range.root().0);
}

#[test]
fn a_log_that_only_looks_like_a_withdrawal_is_none() {
    let mut chain = Chain::new();
    // PUSH32 topic, PUSH1 128, PUSH1 0, LOG1: what the bridge would log, by another contract.
    let mut code = vec![0x7f];
    code.extend_from_slice(keccak256("Withdrawal(uint64,address,uint128,address)").as_slice());
    code.extend_from_slice(&[0x60, 128, 0x60, 0, 0xa1]);
    let contract = alice().address.create(0);
    let transition = chain.apply(&[
        alice().send(crate::chain::create(0, &code)),
        alice().send(call(1, contract, Vec::new())),
    ]);
    assert_eq!(transition.withdrawals, []);
    assert_eq!(chain.view().receipts(1).unwrap().unwrap()[1].logs.len(), 1);
}

#[test]
fn the_header_commits_to_deposits_like_to_transactions() {
    let mut chain = Chain::new();
    let inputs = [
        chain.deposit(Address::ZERO, 3, alice().address),
        chain.deposit(TOKEN, 4, alice().address),
    ];
    chain.block(&inputs);
    let view = chain.view();
    let header = view.header(1).unwrap().unwrap();
    let bytes: Vec<_> = view
        .transactions(1)
        .unwrap()
        .unwrap()
        .into_iter()
        .map(|included| match included.transaction {
            Transaction::Deposit(deposit) => deposit.committed(),
            Transaction::Signed(_) => panic!("only deposits"),
        })
        .collect();
    assert_eq!(bytes[0][0], DEPOSIT_TYPE);
    assert_eq!(header.transactions_root, ordered_trie_root_encoded(&bytes));
    let receipts: Vec<_> = (view.receipts(1).unwrap().unwrap().iter())
        .map(|receipt| receipt.committed())
        .collect();
    assert_eq!(header.receipts_root, ordered_trie_root_encoded(&receipts));
}
