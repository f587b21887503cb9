//! A rollup in memory, and people who sign.

use std::{cell::RefCell, collections::BTreeMap, sync::OnceLock};

use alloy_consensus::{
    SignableTransaction, Signed, TxEip1559, TxEnvelope,
    crypto::secp256k1::{recover_signer, sign_message},
};
use alloy_eips::{
    eip2718::Encodable2718,
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Signature, TxKind, U256};
use bytes::Bytes;
use rollup_evm::{Evm, EvmConfig, GenesisAccount, view::View};
use rollup_types::{
    BlockEnv, Deposit, Hash, Input, L1Message, MessageBody, MountainRange, Outcome, State,
    StateError, Transition, Verdict, Vm as _,
};

pub(crate) const CHAIN_ID: u64 = 7_777;
pub(crate) const HOME: u64 = 31_337;
pub(crate) const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);
pub(crate) const GWEI: u128 = 1_000_000_000;
pub(crate) const FEES: Address = Address::repeat_byte(0xfe);

/// What a node would keep on disk.
#[derive(Default)]
pub(crate) struct Memory(RefCell<BTreeMap<Vec<u8>, Bytes>>);

impl State for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        Ok(self.0.borrow().get(key).cloned())
    }
}

impl Memory {
    /// Stores what a block writes, and returns what has to be written to undo it.
    fn apply(&self, transition: &Transition) -> Vec<(Vec<u8>, Option<Bytes>)> {
        let mut map = self.0.borrow_mut();
        let mut undo = BTreeMap::new();
        for (key, value) in &transition.writes {
            let old = match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
            assert!(undo.insert(key.clone(), old).is_none(), "each key once");
        }
        undo.into_iter().collect()
    }

    pub(crate) fn contents(&self) -> BTreeMap<Vec<u8>, Bytes> {
        self.0.borrow().clone()
    }
}

pub(crate) struct Chain {
    pub(crate) evm: Evm,
    pub(crate) memory: Memory,
    pub(crate) env: BlockEnv,
    pub(crate) range: MountainRange,
    messages: u64,
}

impl Chain {
    /// A rollup whose people have a thousand ether each.
    pub(crate) fn new() -> Self {
        let alloc = people().map(|person| {
            let account = GenesisAccount {
                balance: ETHER * U256::from(1_000),
                ..GenesisAccount::default()
            };
            (person.address, account)
        });
        Self::with(EvmConfig {
            chain_id: CHAIN_ID,
            fee_account: FEES,
            home_l1_chain_id: HOME,
            base_fee: 1_000_000_000,
            alloc: alloc.collect(),
        })
    }

    pub(crate) fn with(config: EvmConfig) -> Self {
        let evm = Evm::new(config).unwrap();
        let memory = Memory::default();
        let genesis = evm.genesis();
        memory.apply(&genesis);
        let env = BlockEnv {
            number: 1,
            parent: genesis.hash,
            height: 10,
            timestamp_ms: 1_800_000_000_000,
            l1_number: 5,
            randao_mix: Hash([9; 32]),
            is_forced: false,
            withdrawals: 0,
        };
        Self {
            evm,
            memory,
            env,
            range: MountainRange::new(),
            messages: 0,
        }
    }

    /// One block of as many inputs as fit.
    pub(crate) fn block(&mut self, inputs: &[Input]) -> Transition {
        let is_rolled_back = self.env.number.is_multiple_of(4);
        let before = is_rolled_back.then(|| self.memory.contents());
        let transition = self.evm.execute(&self.memory, &self.env, inputs).unwrap();
        let again = self.evm.execute(&self.memory, &self.env, inputs).unwrap();
        assert_eq!(again, transition, "the same inputs make the same block");
        let undo = self.memory.apply(&transition);
        if let Some(before) = before {
            // What a node does when a pin rolls blocks back.
            let writes = undo;
            let rollback = Transition {
                writes,
                ..Transition::default()
            };
            self.memory.apply(&rollback);
            assert_eq!(self.memory.contents(), before);
            self.memory.apply(&transition);
        }
        for withdrawal in &transition.withdrawals {
            assert_eq!(withdrawal.index, self.range.count());
            self.range.append(withdrawal.hash());
        }
        self.env.number += 1;
        self.env.parent = transition.hash;
        self.env.withdrawals += transition.withdrawals.len() as u64;
        self.env.height += 3;
        self.env.timestamp_ms += 700;
        transition
    }

    /// All blocks of one block of the sequencer.
    pub(crate) fn segment(&mut self, inputs: &[Input]) -> Vec<Transition> {
        let env = self.env;
        let mut blocks = Vec::new();
        let mut rest = inputs;
        while !rest.is_empty() {
            (self.env.height, self.env.timestamp_ms) = (env.height, env.timestamp_ms);
            let block = self.block(rest);
            rest = &rest[block.outcomes.len()..];
            blocks.push(block);
        }
        blocks
    }

    /// One block that has to apply all of some transactions.
    pub(crate) fn apply(&mut self, transactions: &[Bytes]) -> Transition {
        let inputs: Vec<_> = transactions
            .iter()
            .cloned()
            .map(Input::Transaction)
            .collect();
        let transition = self.block(&inputs);
        assert_eq!(transition.outcomes.len(), transactions.len());
        for outcome in &transition.outcomes {
            assert_eq!(outcome.verdict, Verdict::Applied);
        }
        transition
    }

    pub(crate) fn message(&mut self, body: MessageBody) -> Input {
        let message = L1Message {
            index: self.messages,
            l1_block: self.env.l1_number,
            sender: rollup_types::Address([0xdd; 20]),
            body,
        };
        self.messages += 1;
        Input::L1(message)
    }

    pub(crate) fn deposit(&mut self, token: Address, amount: u128, recipient: Address) -> Input {
        self.message(MessageBody::Deposit(Deposit {
            token: rollup_types::Address(token.into()),
            amount,
            recipient: rollup_types::Address(recipient.into()),
            decimals: 6,
        }))
    }

    pub(crate) fn view(&self) -> View<'_> {
        View::new(&self.evm, &self.memory)
    }

    pub(crate) fn head(&self) -> u64 {
        self.view().head().unwrap()
    }

    pub(crate) fn balance(&self, address: Address) -> U256 {
        let at = self.view().at(self.head()).unwrap().unwrap();
        at.account(address).unwrap().unwrap_or_default().balance
    }

    pub(crate) fn nonce(&self, address: Address) -> u64 {
        let at = self.view().at(self.head()).unwrap().unwrap();
        at.account(address).unwrap().unwrap_or_default().nonce
    }
}

/// The reason why something was skipped.
pub(crate) fn skipped(outcome: &Outcome) -> &str {
    match &outcome.verdict {
        Verdict::Skipped(reason) => reason,
        Verdict::Applied => panic!("{outcome:?}"),
    }
}

/// Somebody with a key.
#[derive(Clone, Copy)]
pub(crate) struct Person {
    key: B256,
    pub(crate) address: Address,
}

impl Person {
    pub(crate) fn new(seed: u8) -> Self {
        let key = B256::repeat_byte(seed);
        let hash = B256::repeat_byte(1);
        let address = recover_signer(&sign_message(key, hash).unwrap(), hash).unwrap();
        Self { key, address }
    }

    pub(crate) fn sign<T>(&self, transaction: T) -> TxEnvelope
    where
        T: SignableTransaction<Signature>,
        TxEnvelope: From<Signed<T>>,
    {
        let signature = sign_message(self.key, transaction.signature_hash()).unwrap();
        TxEnvelope::from(transaction.into_signed(signature))
    }

    pub(crate) fn send<T>(&self, transaction: T) -> Bytes
    where
        T: SignableTransaction<Signature>,
        TxEnvelope: From<Signed<T>>,
    {
        self.sign(transaction).encoded_2718().into()
    }

    pub(crate) fn authorize(&self, nonce: u64, delegate: Address) -> SignedAuthorization {
        let authorization = Authorization {
            chain_id: U256::from(CHAIN_ID),
            address: delegate,
            nonce,
        };
        let signature = sign_message(self.key, authorization.signature_hash()).unwrap();
        authorization.into_signed(signature)
    }
}

pub(crate) fn people() -> impl Iterator<Item = Person> {
    static PEOPLE: OnceLock<Vec<Person>> = OnceLock::new();
    PEOPLE
        .get_or_init(|| (1..=6).map(Person::new).collect())
        .iter()
        .copied()
}

pub(crate) fn alice() -> Person {
    people().next().unwrap()
}

pub(crate) fn bob() -> Person {
    people().nth(1).unwrap()
}

/// A call that pays what it takes.
pub(crate) fn call(nonce: u64, to: Address, input: Vec<u8>) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 100 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: TxKind::Call(to),
        value: U256::ZERO,
        access_list: Default::default(),
        input: input.into(),
    }
}

pub(crate) fn transfer(nonce: u64, to: Address, value: U256) -> TxEip1559 {
    TxEip1559 {
        gas_limit: 21_000,
        value,
        ..call(nonce, to, Vec::new())
    }
}

pub(crate) fn create(nonce: u64, runtime: &[u8]) -> TxEip1559 {
    TxEip1559 {
        to: TxKind::Create,
        gas_limit: 500_000,
        ..call(nonce, Address::ZERO, deploying(runtime))
    }
}

/// Initialisation code that deploys a short runtime code.
fn deploying(runtime: &[u8]) -> Vec<u8> {
    let length = u8::try_from(runtime.len()).unwrap();
    let mut code = vec![
        0x60, length, 0x60, 12, 0x60, 0, 0x39, 0x60, length, 0x60, 0, 0xf3,
    ];
    code.extend_from_slice(runtime);
    code
}

pub(crate) fn words(words: &[u64]) -> Vec<u8> {
    words
        .iter()
        .flat_map(|word| U256::from(*word).to_be_bytes::<32>())
        .collect()
}
