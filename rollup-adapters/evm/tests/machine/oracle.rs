//! Random traffic, executed a second time by plain revm over accounts in memory, whose state root alloy computes from all
//! of them.

use std::collections::BTreeMap;

use alloy_consensus::{
    Transaction as _, TxEip1559, TxEip2930, TxEip7702, TxEnvelope, TxLegacy, Typed2718 as _,
};
use alloy_eips::{
    eip2718::Decodable2718 as _,
    eip2930::{AccessList, AccessListItem},
};
use alloy_primitives::{Address, B256, TxKind, U256};
use alloy_sol_types::{SolCall as _, sol};
use alloy_trie::{
    TrieAccount,
    root::{state_root_unhashed, storage_root_unhashed},
};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use revm::{
    Context, ExecuteCommitEvm as _, MainBuilder as _, MainContext as _, SystemCallCommitEvm as _,
    context::TxEnv,
    context_interface::either::Either,
    database::{CacheDB, EmptyDB},
    primitives::hardfork::SpecId,
    state::AccountInfo,
};
use rollup_evm::{BLOCK_GAS, BRIDGE, DEPOSIT_TYPE, TOKEN_FACTORY, view::StateAt};
use rollup_types::{BlockEnv, Input, MessageBody, Verdict};

use crate::{
    chain::{
        CHAIN_ID, Chain, ETHER, FEES, GWEI, HOME, Person, call, create, people, transfer, words,
    },
    codes,
};

sol! {
    function withdraw(uint64 chainId, address recipient);
    function mint(address l1Token, uint8 decimals, uint128 amount, address recipient);
}

type Random = rand::rngs::StdRng;

/// All accounts, as plain revm keeps them.
struct Oracle {
    db: CacheDB<EmptyDB>,
    base_fee: u64,
    gas_used: u64,
}

impl Oracle {
    fn new(genesis: &StateAt<'_>) -> Self {
        let mut db = CacheDB::new(EmptyDB::default());
        let addresses = people()
            .map(|person| person.address)
            .chain([BRIDGE, TOKEN_FACTORY]);
        for address in addresses {
            let account = genesis.account(address).unwrap().unwrap();
            let code = revm::bytecode::Bytecode::new_raw(genesis.code(address).unwrap());
            let info = AccountInfo::new(account.balance, account.nonce, account.code_hash, code);
            db.insert_account_info(address, info);
        }
        db.insert_account_storage(BRIDGE, U256::ZERO, U256::from(HOME))
            .unwrap();
        Self {
            db,
            base_fee: genesis.header().base_fee_per_gas.unwrap(),
            gas_used: 0,
        }
    }

    /// Executes the inputs of one block; says of each whether it was applied.
    fn block(&mut self, env: &BlockEnv, inputs: &[Input], parent: B256) -> Vec<bool> {
        self.base_fee = next_base_fee(self.base_fee, self.gas_used);
        self.gas_used = 0;
        let parent_number = U256::from(env.number - 1);
        self.db.cache.block_hashes.insert(parent_number, parent);
        inputs.iter().map(|input| self.input(env, input)).collect()
    }

    fn input(&mut self, env: &BlockEnv, input: &Input) -> bool {
        let bytes = match input {
            Input::Transaction(bytes) => bytes,
            Input::L1(message) => match &message.body {
                MessageBody::ForcedTransaction(bytes) => bytes,
                MessageBody::Deposit(deposit) => {
                    let recipient = Address::new(deposit.recipient.0);
                    if deposit.token == rollup_types::Address::ZERO {
                        self.credit(recipient, U256::from(deposit.amount));
                    } else {
                        let call = mintCall {
                            l1Token: Address::new(deposit.token.0),
                            decimals: deposit.decimals,
                            amount: deposit.amount,
                            recipient,
                        };
                        let result = self.evm(env, |evm| {
                            evm.system_call_commit(TOKEN_FACTORY, call.abi_encode().into())
                        });
                        self.gas_used += result.unwrap().gas().tx_gas_used();
                    }
                    return true;
                }
            },
        };
        let Some(transaction) = environment(bytes) else {
            return false;
        };
        let Ok(result) = self.evm(env, |evm| evm.transact_commit(transaction)) else {
            return false;
        };
        let gas = result.gas().tx_gas_used();
        self.gas_used += gas;
        self.credit(FEES, U256::from(gas) * U256::from(self.base_fee));
        true
    }

    fn evm<T>(&mut self, env: &BlockEnv, run: impl FnOnce(&mut OracleEvm<'_>) -> T) -> T {
        let mut evm = Context::mainnet()
            .with_db(&mut self.db)
            .modify_cfg_chained(|rules| {
                rules.set_spec_and_mainnet_gas_params(SpecId::PRAGUE);
                rules.chain_id = CHAIN_ID;
            })
            .modify_block_chained(|block| {
                block.number = U256::from(env.number);
                block.timestamp = U256::from(env.timestamp_ms / 1000);
                block.beneficiary = FEES;
                block.basefee = self.base_fee;
                block.gas_limit = BLOCK_GAS;
                block.prevrandao = Some(B256::new(env.randao_mix.0));
            })
            .build_mainnet();
        run(&mut evm)
    }

    fn credit(&mut self, address: Address, amount: U256) {
        if !amount.is_zero() {
            let account = self.db.load_account(address).unwrap();
            account.info.balance += amount;
            account.account_state = Default::default();
        }
    }

    fn root(&self) -> B256 {
        let accounts = self
            .db
            .cache
            .accounts
            .iter()
            .filter_map(|(address, account)| {
                let info = account.info().filter(|info| !info.is_empty())?;
                let slots = account.storage.iter().filter(|(_, value)| !value.is_zero());
                let slots = slots.map(|(slot, value)| (B256::from(*slot), *value));
                let account = TrieAccount {
                    nonce: info.nonce,
                    balance: info.balance,
                    storage_root: storage_root_unhashed(slots),
                    code_hash: info.code_hash,
                };
                Some((*address, account))
            });
        state_root_unhashed(accounts)
    }
}

type OracleEvm<'a> = revm::MainnetEvm<revm::handler::MainnetContext<&'a mut CacheDB<EmptyDB>>>;

/// EIP-1559 as it stands there, but for an elasticity of 4.
fn next_base_fee(base_fee: u64, gas_used: u64) -> u64 {
    let target = u128::from(BLOCK_GAS / 4);
    let (base, used) = (u128::from(base_fee), u128::from(gas_used));
    let next = if used > target {
        base + (base * (used - target) / target / 8).max(1)
    } else {
        base - base * (target - used) / target / 8
    };
    u64::try_from(next).unwrap()
}

/// A transaction for revm, by alloy's own recovery of the signer; none if it is for no chain or another.
fn environment(bytes: &[u8]) -> Option<TxEnv> {
    let envelope = TxEnvelope::decode_2718_exact(bytes).ok()?;
    if envelope.chain_id() != Some(CHAIN_ID) || envelope.is_eip4844() {
        return None;
    }
    let caller = alloy_consensus::transaction::SignerRecoverable::recover_signer(&envelope).ok()?;
    let authorizations = envelope.authorization_list().unwrap_or_default();
    Some(TxEnv {
        tx_type: envelope.ty(),
        caller,
        gas_limit: envelope.gas_limit(),
        gas_price: envelope.max_fee_per_gas(),
        kind: envelope.kind(),
        value: envelope.value(),
        data: envelope.input().clone(),
        nonce: envelope.nonce(),
        chain_id: envelope.chain_id(),
        access_list: envelope.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: envelope.max_priority_fee_per_gas(),
        authorization_list: authorizations.iter().cloned().map(Either::Left).collect(),
        ..TxEnv::default()
    })
}

/// Makes up inputs, mostly good ones.
struct Traffic {
    random: Random,
    contracts: Vec<Address>,
    nonces: Vec<u64>,
}

impl Traffic {
    fn person(&mut self) -> (usize, Person) {
        let place = self.random.random_range(0..6);
        (place, people().nth(place).unwrap())
    }

    fn input(&mut self, chain: &mut Chain) -> Input {
        let amount = u128::from(self.random.next_u32());
        let (_, to) = self.person();
        match self.random.random_range(0..40) {
            0 => chain.deposit(Address::ZERO, amount, to.address),
            1 => chain.deposit(Address::ZERO, amount, Address::with_last_byte(99)),
            2 => chain.deposit(
                Address::repeat_byte(0x70 + self.random.random_range(0..3)),
                amount,
                to.address,
            ),
            3 => chain.deposit(Address::repeat_byte(0x70), amount, Address::ZERO),
            4 => {
                let bytes = self.transaction();
                chain.message(MessageBody::ForcedTransaction(bytes))
            }
            5 => Input::Transaction(b"nothing that anybody could read"[..].into()),
            _ => Input::Transaction(self.transaction()),
        }
    }

    fn transaction(&mut self) -> bytes::Bytes {
        let (place, sender) = self.person();
        let nonce = self.nonces[place];
        if self.random.random_ratio(1, 15) {
            return self.bad(sender, nonce);
        }
        self.nonces[place] += 1;
        let (other, to) = self.person();
        let word = |random: &mut Random, below: u64| random.random_range(0..below);
        let contract = self.contracts.get(self.random.random_range(0..20)).copied();
        let contract = contract.unwrap_or(to.address);
        // Few slots and few values, so that slots of earlier blocks are often cleared and written again.
        let input = words(&[
            word(&mut self.random, 6),
            word(&mut self.random, 3),
            word(&mut self.random, 12),
        ]);
        match self.random.random_range(0..14) {
            0..3 => self.transfer(sender, nonce, to.address),
            3 => {
                let fresh = Address::from_word(B256::from(U256::from(self.random.next_u64())));
                let value = U256::from(self.random.random_range(0..3_u64));
                sender.send(transfer(nonce, fresh, value))
            }
            4..6 => {
                let code = [
                    codes::STORE,
                    codes::STORE,
                    codes::LOG,
                    codes::REVERT,
                    codes::ENVIRONMENT,
                    codes::BLOCK_HASH,
                ];
                self.contracts.push(sender.address.create(nonce));
                sender.send(create(nonce, code[self.random.random_range(0..6)]))
            }
            6 => sender.send(TxEip1559 {
                to: TxKind::Create,
                value: U256::from(5),
                ..call(nonce, Address::ZERO, codes::DESTROY.to_vec())
            }),
            7 => {
                self.nonces[other] += u64::from(other != place);
                // Some of these nonces are wrong, so that delegations fail too.
                let authorization = to.authorize(self.nonces[other].saturating_sub(1), contract);
                sender.send(TxEip7702 {
                    chain_id: CHAIN_ID,
                    nonce,
                    gas_limit: 200_000,
                    max_fee_per_gas: 100 * GWEI,
                    max_priority_fee_per_gas: GWEI,
                    to: to.address,
                    value: U256::ONE,
                    access_list: Default::default(),
                    authorization_list: vec![authorization],
                    input: input.into(),
                })
            }
            8 => {
                let withdraw = withdrawCall {
                    chainId: HOME,
                    recipient: to.address,
                };
                sender.send(TxEip1559 {
                    value: U256::from(self.random.random_range(0..3_u64)),
                    ..call(nonce, BRIDGE, withdraw.abi_encode())
                })
            }
            9 => sender.send(transfer(nonce, FEES, U256::ONE)),
            _ => sender.send(call(nonce, contract, input)),
        }
    }

    /// A transfer, of each type that can be one.
    fn transfer(&mut self, sender: Person, nonce: u64, to: Address) -> bytes::Bytes {
        let value = U256::from(self.random.next_u64());
        let (gas_price, to) = (20 * GWEI, TxKind::Call(to));
        match self.random.random_range(0..3) {
            0 => sender.send(TxLegacy {
                chain_id: Some(CHAIN_ID),
                nonce,
                gas_price,
                gas_limit: 60_000,
                to,
                value,
                ..TxLegacy::default()
            }),
            1 => sender.send(TxEip2930 {
                chain_id: CHAIN_ID,
                nonce,
                gas_price,
                gas_limit: 60_000,
                to,
                value,
                access_list: AccessList(vec![AccessListItem {
                    address: FEES,
                    storage_keys: vec![B256::ZERO],
                }]),
                ..TxEip2930::default()
            }),
            _ => sender.send(TxEip1559 {
                value,
                ..call(nonce, *to.to().unwrap(), Vec::new())
            }),
        }
    }

    fn bad(&mut self, sender: Person, nonce: u64) -> bytes::Bytes {
        let good = transfer(nonce, sender.address, U256::ONE);
        match self.random.random_range(0..5) {
            0 => sender.send(TxEip1559 {
                chain_id: 1,
                ..good
            }),
            1 => sender.send(TxEip1559 {
                nonce: nonce + 1,
                ..good
            }),
            2 => sender.send(TxEip1559 {
                value: ETHER * ETHER,
                ..good
            }),
            3 => sender.send(TxEip1559 {
                gas_limit: 1,
                ..good
            }),
            _ => sender.send(TxEip1559 {
                max_fee_per_gas: 1,
                ..good
            }),
        }
    }
}

#[test]
fn plain_revm_comes_to_the_same_state_after_every_block() {
    let mut applied = 0;
    let mut types = BTreeMap::<u8, u32>::new();
    for seed in 0..3 {
        let mut chain = Chain::new();
        let mut traffic = Traffic {
            random: Random::seed_from_u64(seed),
            contracts: Vec::new(),
            nonces: vec![0; 6],
        };
        let mut oracle = Oracle::new(&chain.view().at(0).unwrap().unwrap());
        for _ in 0..12 {
            // What the chain says the nonces are: some transactions before were skipped.
            traffic.nonces = people().map(|person| chain.nonce(person.address)).collect();
            let inputs: Vec<_> = (0..60).map(|_| traffic.input(&mut chain)).collect();
            let mut rest = &inputs[..];
            while !rest.is_empty() {
                let (env, parent) = (chain.env, B256::new(chain.env.parent.0));
                let transition = chain.block(rest);
                let (done, later) = rest.split_at(transition.outcomes.len());
                let verdicts = oracle.block(&env, done, parent);
                for (outcome, verdict) in transition.outcomes.iter().zip(verdicts) {
                    assert_eq!(outcome.verdict == Verdict::Applied, verdict, "{outcome:?}");
                    applied += usize::from(verdict);
                }
                let header = chain.view().header(env.number).unwrap().unwrap();
                assert_eq!(header.base_fee_per_gas, Some(oracle.base_fee));
                assert_eq!(header.gas_used, oracle.gas_used);
                assert_eq!(header.state_root, oracle.root(), "block {}", env.number);
                for receipt in chain.view().receipts(env.number).unwrap().unwrap() {
                    *types.entry(receipt.transaction_type).or_default() += 1;
                }
                rest = later;
            }
        }
    }
    assert!(applied > 1_000, "only {applied} were applied");
    let kinds: Vec<_> = types.keys().copied().collect();
    assert_eq!(kinds, [0, 1, 2, 4, DEPOSIT_TYPE], "{types:?}");
}
