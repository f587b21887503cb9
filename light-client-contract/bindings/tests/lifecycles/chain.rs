//! The real contracts on a real EVM that makes a block when it is told to.

use anvil::{Anvil, START};
use hotshot_types::{
    Address, Epoch, GenesisDocument, Hash, Height, Kind, ProofOfPossession, Round, SecretKey,
    Signature, Signer as _, View,
    digest::{self, Tag as SignedTag, keccak},
    genesis::EmptyRoots,
};
use light_client::{
    Account,
    abi::{
        self, SolCall, U256,
        stake_table::{Evidence, IStakeTable, Offence, Signed},
        token::IStakeToken,
    },
    account::created,
    deploy::{Contracts, Terms, deploy_home},
    points,
    rpc::{Data, Log, LogRange, Quantity, Receipt, Tag},
};
use serde_json::{Value, json};

use crate::{
    acts::{ACCOUNTS, KEYS, RICH},
    model::{Act, Crime, TOKEN},
};

/// Seconds that stake stays if the light client still follows. It does not: nobody updates it.
pub(crate) const ESCROW_S: u64 = 600;
/// What accounts have, in token units: the one that is rich, and the others.
pub(crate) const RICHES: u128 = 40_000_000_000 * TOKEN;
pub(crate) const MEANS: u128 = 1_000_000 * TOKEN;
/// Gas of a transaction: more than any takes.
const GAS: u128 = 2_000_000;

pub(crate) struct Chain {
    anvil: Anvil,
    contracts: Contracts,
    pub(crate) domain: Hash,
    pub(crate) genesis: GenesisDocument,
    pub(crate) accounts: Vec<Address>,
    pub(crate) keys: Vec<SecretKey>,
    snapshot: String,
    /// Of the newest block when nothing has happened.
    start: (u64, u64),
    /// Of the block to come.
    pub(crate) block: u64,
    pub(crate) time: u64,
}

/// A transaction that waits for a block.
pub(crate) struct Sent(Hash);

fn of_development(place: u8) -> SecretKey {
    SecretKey::derive(&[place; 32])
}

impl Chain {
    /// Starts it, deploys the contracts and gives everybody tokens.
    pub(crate) async fn start() -> Self {
        // Blocks are as far apart as the test says.
        let anvil = Anvil::start(&[
            "--timestamp",
            &START.to_string(),
            "--order",
            "fifo",
            "--auto-impersonate",
            "--base-fee",
            "1",
            "--gas-price",
            "1",
        ]);
        let deployer = anvil::account(0);
        let genesis = anvil::genesis(created(deployer.address(), 3));
        let empty = EmptyRoots {
            shard_root: Hash::ZERO,
            ns_root: Hash::ZERO,
            ns_acc_root: Hash::ZERO,
        };
        let terms = Terms {
            escrow_s: ESCROW_S,
            trust_period_s: ESCROW_S - 1,
            supply: RICHES + 100 * MEANS,
            ..Terms::development()
        };
        let sender = anvil.sender(deployer.clone()).await;
        let artifacts = anvil::artifacts();
        let header = genesis.header(empty).unwrap();
        let contracts = deploy_home(&sender, &artifacts, &genesis, &header, &terms).await;
        let mut chain = Self {
            contracts: contracts.unwrap(),
            anvil,
            domain: genesis.chain_domain(),
            genesis,
            accounts: (0..ACCOUNTS)
                .map(|place| {
                    Account::of(&[7, u8::try_from(place).unwrap()])
                        .unwrap()
                        .address()
                })
                .collect(),
            keys: (0..KEYS)
                .map(|place| of_development(u8::try_from(place).unwrap()))
                .collect(),
            snapshot: String::new(),
            start: (0, 0),
            block: 0,
            time: 0,
        };
        chain.endow(deployer.address()).await;
        chain
    }

    async fn endow(&mut self, deployer: Address) {
        self.order::<Value>("evm_setAutomine", json!([false])).await;
        let Contracts {
            token, stake_table, ..
        } = self.contracts;
        for (place, account) in self.accounts.clone().into_iter().enumerate() {
            for rich in [account, self.contracts.timelock] {
                self.order::<Value>("anvil_setBalance", json!([rich, "0x3635c9adc5dea00000"]))
                    .await;
            }
            let amount = if place == RICH { RICHES } else { MEANS };
            let give = IStakeToken::transferCall {
                to: abi::address(account),
                value: U256::from(amount),
            };
            self.transact(deployer, token, &give).await;
            let approve = IStakeToken::approveCall {
                spender: abi::address(stake_table),
                value: U256::MAX,
            };
            self.transact(account, token, &approve).await;
        }
        // In one block, which has room for them.
        let _: Value = self.order("evm_mine", json!([])).await;
        let block = self
            .anvil
            .endpoint
            .block(Tag::Latest)
            .await
            .unwrap()
            .unwrap();
        self.start = (block.number, block.timestamp);
        for account in 0..ACCOUNTS {
            assert!(self.balance(Some(account)).await > U256::ZERO);
        }
        self.snapshot = self.order("evm_snapshot", json!([])).await;
    }

    /// As it was when the contracts had just been deployed.
    pub(crate) async fn reset(&mut self) {
        let undone: bool = self.order("evm_revert", json!([self.snapshot])).await;
        assert!(undone);
        self.snapshot = self.order("evm_snapshot", json!([])).await;
        let (block, time) = self.start;
        (self.block, self.time) = (block + 1, time + 1);
    }

    async fn order<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> T {
        self.anvil.endpoint.ask(method, params).await.unwrap()
    }

    async fn transact<C: SolCall>(&self, from: Address, to: Address, call: &C) -> Sent {
        let transaction = json!({
            "from": from,
            "to": to,
            "input": Data(call.abi_encode()),
            "gas": Quantity(GAS),
            "maxFeePerGas": Quantity(1_000_000_000),
            "maxPriorityFeePerGas": Quantity(1),
        });
        Sent(
            self.order("eth_sendTransaction", json!([transaction]))
                .await,
        )
    }

    /// Has it done in the block to come.
    pub(crate) async fn send(&self, act: &Act) -> Sent {
        let table = self.contracts.stake_table;
        let account = |place: usize| abi::address(self.accounts[place]);
        let units = |amount: u128| abi::amount(amount).unwrap();
        let possession = |key: usize, proven_for: usize| {
            let proof: ProofOfPossession =
                self.keys[key].prove_possession(self.domain, self.accounts[proven_for]);
            points::words_g1(&proof.point().unwrap())
        };
        let key_of = |key: usize| self.keys[key].public_key();
        match act.clone() {
            Act::Register {
                who,
                key,
                proven_for,
                network_key,
                address,
                amount,
            } => {
                let call = IStakeTable::registerCall {
                    pk1: points::words_g1(&key_of(key).point_g1()),
                    pk2: points::words_g2(&key_of(key).point_g2()),
                    possession: possession(key, proven_for),
                    networkKey: [network_key; 32].into(),
                    networkAddress: address,
                    amount: units(amount),
                };
                self.transact(self.accounts[who], table, &call).await
            }
            Act::Rotate {
                who,
                key,
                proven_for,
            } => {
                let call = IStakeTable::rotateKeysCall {
                    pk1: points::words_g1(&key_of(key).point_g1()),
                    pk2: points::words_g2(&key_of(key).point_g2()),
                    possession: possession(key, proven_for),
                };
                self.transact(self.accounts[who], table, &call).await
            }
            Act::Move {
                who,
                network_key,
                address,
            } => {
                let call = IStakeTable::updateNetworkCall {
                    networkKey: [network_key; 32].into(),
                    networkAddress: address,
                };
                self.transact(self.accounts[who], table, &call).await
            }
            Act::Delegate { who, to, amount } => {
                let call = IStakeTable::delegateCall {
                    operator: account(to),
                    amount: units(amount),
                };
                self.transact(self.accounts[who], table, &call).await
            }
            Act::Undelegate { who, from, amount } => {
                let call = IStakeTable::undelegateCall {
                    operator: account(from),
                    amount: units(amount),
                };
                self.transact(self.accounts[who], table, &call).await
            }
            Act::Leave { who } => {
                let call = IStakeTable::deregisterCall {};
                self.transact(self.accounts[who], table, &call).await
            }
            Act::Withdraw { who, number } => {
                let withdrawal = U256::from(number);
                let call = IStakeTable::withdrawCall { withdrawal };
                self.transact(self.accounts[who], table, &call).await
            }
            Act::Slash { who, key, crime } => {
                let evidence = self.evidence(key, crime);
                let call = IStakeTable::slashCall { evidence };
                self.transact(self.accounts[who], table, &call).await
            }
            Act::Rule { least, most } => {
                let call = IStakeTable::setCommitteeRuleCall {
                    minimumStake: units(least),
                    maximumMembers: most,
                };
                self.transact(self.contracts.timelock, table, &call).await
            }
        }
    }

    /// Two statements by a key.
    fn evidence(&self, key: usize, crime: Crime) -> Evidence {
        let round = Round::new(3, 8);
        let (one, other) = (Hash([1; 32]), Hash([2; 32]));
        let secret = &self.keys[key];
        let signed = |digest: Hash, number: u64, hash: Hash| Signed {
            viewNumber: round.view.0,
            kind: 0,
            number,
            hash: abi::word(hash),
            signature: words(secret.sign(&digest)),
        };
        let vote = |tag: SignedTag, hash: Hash| {
            let digest = digest::statement(tag, self.domain, round, Height(5), hash);
            signed(digest, 5, hash)
        };
        let proposal = |hash: Hash| {
            let digest = digest::proposal(self.domain, round, Kind::Fresh, Height(5), hash);
            signed(digest, 5, hash)
        };
        let (offence, first, second) = match crime {
            Crime::Real(0) => (Offence::Proposals, proposal(one), proposal(other)),
            Crime::Real(1) => (
                Offence::Votes1,
                vote(SignedTag::Quorum, one),
                vote(SignedTag::Quorum, other),
            ),
            Crime::Real(2) => (
                Offence::Votes2,
                vote(SignedTag::Final, one),
                vote(SignedTag::Final, other),
            ),
            Crime::Real(_) => {
                let digest = digest::timeout(self.domain, round, View(7), other);
                let timeout = signed(digest, 7, other);
                (Offence::LostLock, vote(SignedTag::Final, one), timeout)
            }
            Crime::Repeated => {
                let vote = vote(SignedTag::Quorum, one);
                (Offence::Votes1, vote.clone(), vote)
            }
            Crime::Forged => {
                let mut second = vote(SignedTag::Quorum, other);
                second.signature = words(of_development(199).sign(&Hash([3; 32])));
                (Offence::Votes1, vote(SignedTag::Quorum, one), second)
            }
        };
        Evidence {
            offence,
            epoch: round.epoch.0,
            pk2: points::words_g2(&secret.public_key().point_g2()),
            first,
            second,
        }
    }

    /// Makes the block, and goes on by some seconds.
    pub(crate) async fn mine(&mut self, seconds: u64) {
        let _: Value = self
            .order("evm_setNextBlockTimestamp", json!([self.time]))
            .await;
        let _: Value = self.order("evm_mine", json!([])).await;
        self.block += 1;
        self.time += seconds;
    }

    /// Whether it was done.
    pub(crate) async fn is_done(&self, Sent(hash): &Sent) -> bool {
        let receipt: Option<Receipt> = self.anvil.endpoint.receipt(*hash).await.unwrap();
        let receipt = receipt.expect("a block holds all transactions that waited");
        assert_eq!(receipt.block_number + 1, self.block);
        receipt.is_success()
    }

    /// The stake table's logs of blocks up to the newest.
    pub(crate) async fn logs(&self, from: u64) -> Vec<Log> {
        let range = LogRange {
            from,
            to: self.block - 1,
        };
        let table = self.contracts.stake_table;
        self.anvil.endpoint.logs(table, range).await.unwrap()
    }

    /// A view of the stake table.
    pub(crate) async fn table<C: SolCall>(&self, call: C) -> C::Return {
        self.view(self.contracts.stake_table, call).await
    }

    /// The tokens of an account, or of the stake table.
    pub(crate) async fn balance(&self, account: Option<usize>) -> U256 {
        let address = account.map_or(self.contracts.stake_table, |place| self.accounts[place]);
        let call = IStakeToken::balanceOfCall {
            account: abi::address(address),
        };
        self.view(self.contracts.token, call).await
    }

    async fn view<C: SolCall>(&self, contract: Address, call: C) -> C::Return {
        let answer = self.anvil.endpoint.view(contract, &call, Tag::Latest);
        answer.await.unwrap()
    }

    /// By what the contract knows a key.
    pub(crate) fn key_name(&self, key: usize) -> Hash {
        keccak(&self.keys[key].public_key().point_g2().0)
    }

    /// The epoch before the first one whose committee comes from the stake table.
    pub(crate) const LAST_OF_GENESIS: Epoch = Epoch(2);
}

fn words(signature: Signature) -> [U256; 4] {
    points::words_g1(&signature.point().unwrap())
}
