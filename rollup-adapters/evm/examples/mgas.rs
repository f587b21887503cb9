//! How much gas a second the machine executes, in process: transfers between many accounts, storage, and hashing.
//!
//! `cargo run -p rollup-evm --example mgas`. Prints one line per kind of traffic and one for all of them mixed; signatures
//! are recovered and roots computed, as for every block of a node, but nothing goes to a disk. Where Linux tells it, the
//! speed per second that the process really had a core is told too: on a busy machine only that one says something.

use std::{
    cell::RefCell,
    collections::HashMap,
    io::Write as _,
    time::{Duration, Instant},
};

use alloy_consensus::{
    SignableTransaction as _, TxEip1559,
    crypto::secp256k1::{recover_signer, sign_message},
};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, TxKind, U256, hex, keccak256};
use bytes::Bytes;
use rollup_evm::{Evm, EvmConfig, GenesisAccount};
use rollup_types::{BlockEnv, Hash, Input, State, StateError, Transition, Verdict, Vm as _};

const CHAIN_ID: u64 = 7_777;
const SENDERS: u64 = 500;
/// A transaction of each sender, this many times.
const ROUNDS: u64 = 6;

/// Stores the second word of its input under the first, and three words after it.
const STORE: Address = Address::repeat_byte(0x51);
const STORE_CODE: &[u8] = &hex!(
    "60203560003555" "60203560003560010155" "60203560003560020155" "60203560003560030155"
);
/// Hashes as often as the first word of its input says.
const HASH: Address = Address::repeat_byte(0x52);
const HASH_CODE: &[u8] = &hex!("6000355b602060002060005260019003806003 57");

#[derive(Default)]
struct Memory(RefCell<HashMap<Vec<u8>, Bytes>>);

impl State for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        Ok(self.0.borrow().get(key).cloned())
    }
}

impl Memory {
    fn apply(&self, transition: Transition) {
        let mut map = self.0.borrow_mut();
        for (key, value) in transition.writes {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
    }
}

#[derive(Clone, Copy)]
enum Traffic {
    Transfers,
    Storage,
    Hashing,
}

impl Traffic {
    fn transaction(self, sender: u64, nonce: u64) -> TxEip1559 {
        let (to, input, gas_limit) = match self {
            // Half of them to accounts that did not exist.
            Self::Transfers => {
                let to = keccak256((sender * ROUNDS + nonce / 2).to_be_bytes());
                (Address::from_word(to), Vec::new(), 21_000)
            }
            Self::Storage => (
                STORE,
                words([(sender * 40 + nonce) * 4, nonce + 1]),
                120_000,
            ),
            Self::Hashing => (HASH, words([2_000, 0]), 200_000),
        };
        TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit,
            max_fee_per_gas: 1_000_000_000_000,
            max_priority_fee_per_gas: 1,
            to: TxKind::Call(to),
            value: U256::from(u64::from(matches!(self, Self::Transfers))),
            access_list: Default::default(),
            input: input.into(),
        }
    }
}

fn words(words: [u64; 2]) -> Vec<u8> {
    words
        .iter()
        .flat_map(|word| U256::from(*word).to_be_bytes::<32>())
        .collect()
}

struct Chain {
    evm: Evm,
    memory: Memory,
    env: BlockEnv,
    keys: Vec<B256>,
    nonce: u64,
}

impl Chain {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let mut config = EvmConfig {
            chain_id: CHAIN_ID,
            fee_account: Address::repeat_byte(0xfe),
            home_l1_chain_id: 1,
            base_fee: 1_000_000_000,
            alloc: Default::default(),
        };
        let mut keys = Vec::new();
        for number in 0..SENDERS {
            let key = keccak256(number.to_be_bytes());
            let address = recover_signer(&sign_message(key, B256::ZERO)?, B256::ZERO)?;
            let balance = U256::from(1_u64 << 60) * U256::from(1_u64 << 20);
            let account = GenesisAccount {
                balance,
                ..GenesisAccount::default()
            };
            config.alloc.insert(address, account);
            keys.push(key);
        }
        for (address, code) in [(STORE, STORE_CODE), (HASH, HASH_CODE)] {
            let account = GenesisAccount {
                nonce: 1,
                code: code.into(),
                ..GenesisAccount::default()
            };
            config.alloc.insert(address, account);
        }
        let evm = Evm::new(config)?;
        let memory = Memory::default();
        let genesis = evm.genesis();
        let env = BlockEnv {
            number: 1,
            parent: genesis.hash,
            height: 1,
            timestamp_ms: 0,
            l1_number: 0,
            randao_mix: Hash::default(),
            is_forced: false,
            withdrawals: 0,
        };
        memory.apply(genesis);
        Ok(Self {
            evm,
            memory,
            env,
            keys,
            nonce: 0,
        })
    }

    fn inputs(&mut self, kinds: &[Traffic]) -> Result<Vec<Input>, Box<dyn std::error::Error>> {
        let mut inputs = Vec::new();
        let mut turns = kinds.iter().cycle();
        for _ in 0..ROUNDS {
            for (sender, key) in (0_u64..).zip(&self.keys) {
                let kind = turns.next().ok_or("no kind of traffic")?;
                let transaction = kind.transaction(sender, self.nonce);
                let signature = sign_message(*key, transaction.signature_hash())?;
                let bytes = transaction.into_signed(signature).encoded_2718();
                inputs.push(Input::Transaction(bytes.into()));
            }
            self.nonce += 1;
        }
        Ok(inputs)
    }

    /// Executes all inputs.
    fn run(&mut self, mut inputs: &[Input]) -> Result<Measured, StateError> {
        let mut measured = Measured::default();
        while !inputs.is_empty() {
            let (start, busy) = (Instant::now(), on_core());
            let transition = self.evm.execute(&self.memory, &self.env, inputs)?;
            measured.wall += start.elapsed();
            measured.core += on_core().saturating_sub(busy);
            for outcome in &transition.outcomes {
                assert_eq!(outcome.verdict, Verdict::Applied);
            }
            inputs = &inputs[transition.outcomes.len()..];
            self.env.parent = transition.hash;
            self.memory.apply(transition);
            let view = rollup_evm::view::View::new(&self.evm, &self.memory);
            let header = view.header(self.env.number)?;
            measured.gas += header.map_or(0, |header| header.gas_used);
            self.env.number += 1;
            measured.blocks += 1;
        }
        Ok(measured)
    }
}

#[derive(Default)]
struct Measured {
    wall: Duration,
    /// Zero where nobody tells it.
    core: Duration,
    gas: u64,
    blocks: u64,
}

/// How long this process, which has one thread, has had a core.
fn on_core() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let first = text.split(' ').next().unwrap_or_default();
    Duration::from_nanos(first.parse().unwrap_or_default())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kinds = [
        ("transfers", &[Traffic::Transfers][..]),
        ("storage", &[Traffic::Storage]),
        ("hashing", &[Traffic::Hashing]),
        (
            "mixed",
            &[Traffic::Transfers, Traffic::Storage, Traffic::Hashing],
        ),
    ];
    let mut chain = Chain::new()?;
    let mut out = std::io::stdout();
    for (name, kinds) in kinds {
        let inputs = chain.inputs(kinds)?;
        let Measured {
            wall,
            core,
            gas,
            blocks,
        } = chain.run(&inputs)?;
        let count = inputs.len();
        write!(
            out,
            "{name}: {count} transactions, {gas} gas, {blocks} blocks"
        )?;
        for (clock, time) in [("wall", wall), ("core", core)] {
            if !time.is_zero() {
                let seconds = time.as_secs_f64();
                let (speed, rate) = (gas as f64 / 1e6 / seconds, count as f64 / seconds);
                write!(
                    out,
                    "; {clock} {seconds:.2} s, {speed:.0} Mgas/s, {rate:.0}/s"
                )?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
