//! Any bytes are legal input: nothing panics, and two runs come to the same state.

use std::cell::Cell;

use alloy_consensus::{TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_primitives::{Address, B256, TxKind, U256, keccak256};
use bytes::Bytes;
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use rollup_evm::{BRIDGE, DEPOSIT_TYPE, TOKEN_FACTORY};
use rollup_types::{Input, MessageBody, State, StateError, Verdict, Vm as _};

use crate::{
    chain::{CHAIN_ID, Chain, GWEI, Person, alice, bob, call, create, people, transfer},
    codes,
};

/// Transactions of all types, with nonces that fit at first.
fn samples() -> Vec<Bytes> {
    let legacy = TxLegacy {
        chain_id: Some(CHAIN_ID),
        gas_price: 100 * GWEI,
        gas_limit: 21_000,
        to: TxKind::Call(bob().address),
        value: U256::ONE,
        ..TxLegacy::default()
    };
    let with_list = TxEip2930 {
        chain_id: CHAIN_ID,
        gas_price: 100 * GWEI,
        gas_limit: 100_000,
        to: TxKind::Call(bob().address),
        ..TxEip2930::default()
    };
    let delegation = TxEip7702 {
        chain_id: CHAIN_ID,
        gas_limit: 100_000,
        max_fee_per_gas: 100 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: bob().address,
        authorization_list: vec![bob().authorize(0, Address::repeat_byte(1))],
        ..TxEip7702::default()
    };
    let mut samples = Vec::new();
    for person in people() {
        samples.extend([
            person.send(legacy.clone()),
            person.send(with_list.clone()),
            person.send(transfer(0, bob().address, U256::ONE)),
            person.send(delegation.clone()),
            person.send(create(0, codes::STORE)),
            person.send(TxEip1559 {
                value: U256::MAX,
                gas_limit: 30_000_000,
                max_fee_per_gas: u128::MAX,
                max_priority_fee_per_gas: u128::MAX,
                ..call(u64::MAX, alice().address, vec![0; 300])
            }),
        ]);
    }
    samples
}

fn payload(random: &mut StdRng, samples: &[Bytes]) -> Bytes {
    let mut bytes = samples[random.random_range(0..samples.len())].to_vec();
    match random.random_range(0..6) {
        0 => {
            bytes = vec![0; random.random_range(0..300)];
            random.fill_bytes(&mut bytes);
        }
        1 => bytes.truncate(random.random_range(0..bytes.len())),
        2 => {
            let place = random.random_range(0..bytes.len());
            bytes[place] ^= 1 << random.random_range(0..8);
        }
        3 => {
            for _ in 0..random.random_range(1..6) {
                let place = random.random_range(0..bytes.len());
                bytes[place] =
                    [0, 1, 0x7f, 0x80, 0xb8, 0xc0, 0xf8, 0xff][random.random_range(0..8)];
            }
        }
        4 => bytes.insert(
            random.random_range(0..bytes.len()),
            random.random_range(0..=255),
        ),
        _ => {}
    }
    bytes.into()
}

/// A transaction that can be executed: random code as initialisation, or random input to anything there is.
fn executable(random: &mut StdRng, person: Person, nonce: u64) -> Bytes {
    let mut input = vec![0; random.random_range(0..200)];
    random.fill_bytes(&mut input);
    let target = match random.random_range(0..4) {
        0 => BRIDGE,
        1 => TOKEN_FACTORY,
        // The precompiles, and some addresses that are none.
        2 => Address::with_last_byte(random.random_range(0..24)),
        _ => person.address.create(random.random_range(0..=nonce)),
    };
    let to = match random.random_range(0..3) {
        0 => TxKind::Call(target),
        _ => TxKind::Create,
    };
    person.send(TxEip1559 {
        to,
        value: U256::from(random.random_range(0..3_u64)),
        gas_limit: random.random_range(100_000..300_000),
        ..call(nonce, target, input)
    })
}

/// What became of the payloads of a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Run {
    /// Over the hashes of all blocks, so over all that was executed and what came out.
    digest: B256,
    signed: usize,
    deposits: usize,
    skipped: usize,
    admitted: usize,
}

/// Executes that many payloads, on a new chain from time to time.
fn run(seed: u64, count: usize) -> Run {
    let mut random = StdRng::seed_from_u64(seed);
    let samples = samples();
    let mut run = Run::default();
    let mut chain = Chain::new();
    let mut done = 0;
    while done < count {
        if done % 4_000 == 0 {
            chain = Chain::new();
        }
        let mut nonces: Vec<_> = people().map(|person| chain.nonce(person.address)).collect();
        let size = 250.min(count - done);
        let inputs: Vec<_> = (0..size)
            .map(|_| input(&mut random, &mut chain, &samples, &mut nonces))
            .collect();
        for input in &inputs {
            if let Input::Transaction(bytes) = input {
                let answer = chain.evm.admit(&chain.memory, bytes).unwrap();
                run.admitted += usize::from(answer.is_ok());
            }
        }
        let mut rest = &inputs[..];
        while !rest.is_empty() {
            let transition = chain.block(rest);
            let (outcomes, hash) = (transition.outcomes, transition.hash);
            assert!(!outcomes.is_empty());
            rest = &rest[outcomes.len()..];
            run.digest = keccak256([run.digest.0, hash.0].concat());
            let receipts = chain.view().receipts(chain.head()).unwrap().unwrap();
            let deposits = (receipts.iter())
                .filter(|receipt| receipt.transaction_type == DEPOSIT_TYPE)
                .count();
            let applied = (outcomes.iter())
                .filter(|outcome| outcome.verdict == Verdict::Applied)
                .count();
            assert_eq!(
                applied,
                receipts.len(),
                "a receipt for each that was applied"
            );
            run.deposits += deposits;
            run.signed += applied - deposits;
            run.skipped += outcomes.len() - applied;
        }
        done += size;
    }
    run
}

fn input(random: &mut StdRng, chain: &mut Chain, samples: &[Bytes], nonces: &mut [u64]) -> Input {
    match random.random_range(0..20) {
        0 => {
            let bytes = payload(random, samples);
            chain.message(MessageBody::ForcedTransaction(bytes))
        }
        1 => {
            let token = Address::with_last_byte(random.random_range(0..3));
            let amount = if random.random() { u128::MAX } else { 0 };
            chain.deposit(token, amount, Address::with_last_byte(random.random()))
        }
        2..8 => {
            let place = random.random_range(0..nonces.len());
            nonces[place] += 1;
            let person = people().nth(place).unwrap();
            Input::Transaction(executable(random, person, nonces[place] - 1))
        }
        _ => Input::Transaction(payload(random, samples)),
    }
}

/// `EVM_FUZZ=1000000 cargo test -p rollup-evm --test machine any_bytes -- --nocapture` runs a million.
#[test]
fn any_bytes_are_executed_or_skipped_and_twice_the_same() {
    let count = std::env::var("EVM_FUZZ").map_or(4_000, |count| count.parse().unwrap());
    let (first, second) = (run(1, count), run(1, count));
    println!("{count} payloads, first run: {first:?}\n{count} payloads, second run: {second:?}");
    assert_eq!(first, second);
    // Both ways are taken often, or this would test little.
    assert!(first.signed > count / 8, "{first:?}");
    assert!(first.skipped > count / 4, "{first:?}");
    assert!(first.deposits > 0 && first.admitted > 0, "{first:?}");
}

/// A disk that fails from its n-th answer on.
struct Failing<'a> {
    disk: &'a dyn State,
    left: Cell<u32>,
}

impl State for Failing<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(StateError("the disk is gone".to_owned()));
        };
        self.left.set(left);
        self.disk.get(key)
    }
}

#[test]
fn a_disk_that_fails_is_an_error_whenever_it_does() {
    let mut chain = Chain::new();
    let inputs = [
        Input::Transaction(alice().send(create(0, codes::STORE))),
        Input::Transaction(bob().send(transfer(0, alice().address, U256::ONE))),
        chain.deposit(Address::repeat_byte(7), 5, alice().address),
        chain.deposit(Address::ZERO, 5, alice().address),
    ];
    let good = chain
        .evm
        .execute(&chain.memory, &chain.env, &inputs)
        .unwrap();
    let mut failures = 0;
    loop {
        let disk = Failing {
            disk: &chain.memory,
            left: Cell::new(failures),
        };
        match chain.evm.execute(&disk, &chain.env, &inputs) {
            Ok(transition) => break assert_eq!(transition, good),
            Err(error) => assert_eq!(error.0, "the disk is gone"),
        }
        failures += 1;
    }
    assert!(failures > 10, "only {failures} reads");
}
