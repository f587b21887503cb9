//! Random lives of validators on the real stake table: what the registry replays from its events,
//! what the contract says itself, and what a plain model expects must be the same.
//!
//! `LIFECYCLES` says how many lives, `LIFECYCLE_SEED` with which the first begins.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    panic::AssertUnwindSafe,
    sync::Arc,
};

use hotshot_types::{Address, Committee, Epoch, PublicKey};
use light_client::{
    abi::{self, U256, stake_table::IStakeTable},
    rpc::Log,
    stake::{Registry, StakeLog},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

#[path = "lifecycles/acts.rs"]
mod acts;
#[path = "lifecycles/chain.rs"]
mod chain;
#[path = "lifecycles/model.rs"]
mod model;

use acts::{ACCOUNTS, KEYS, OPERATORS, RICH};
use chain::{Chain, ESCROW_S, MEANS, RICHES};
use model::{Act, Model, TOKEN};

/// Lives in an ordinary run.
const FEW: u64 = 20;
/// Blocks of a life.
const BLOCKS: u64 = 10;

/// What was compared.
#[derive(Debug, Default)]
struct Counts {
    lives: u64,
    done: BTreeMap<&'static str, u64>,
    refused: BTreeMap<&'static str, u64>,
    events: u64,
    committees: u64,
    repeated: u64,
    views: u64,
}

fn kind(act: &Act) -> &'static str {
    match act {
        Act::Register { .. } => "register",
        Act::Rotate { .. } => "rotate",
        Act::Move { .. } => "update network",
        Act::Delegate { .. } => "delegate",
        Act::Undelegate { .. } => "undelegate",
        Act::Leave { .. } => "exit",
        Act::Withdraw { .. } => "withdraw",
        Act::Slash { .. } => "slash",
        Act::Rule { .. } => "rule",
    }
}

/// One life: the contract, the registry of its events, and the model.
struct Life<'a> {
    chain: &'a mut Chain,
    model: Model,
    registry: Registry,
    /// Blocks below this one are replayed.
    replayed: u64,
    /// The newest committee, and the same as the model has it.
    committee: Arc<Committee>,
    expected: Vec<(PublicKey, u64)>,
    counts: &'a mut Counts,
}

fn from_env(name: &str, otherwise: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text}")),
        Err(_) => otherwise,
    }
}

/// T4 against the contract itself.
#[tokio::test]
async fn registry_contract_and_model_agree_over_random_lives_of_validators() {
    let (lives, first) = (from_env("LIFECYCLES", FEW), from_env("LIFECYCLE_SEED", 1));
    let mut counts = Counts::default();
    let mut chain = Chain::start().await;
    for seed in first..first + lives {
        let life = AssertUnwindSafe(live(&mut chain, &mut counts, seed));
        if let Err(panic) = futures::FutureExt::catch_unwind(life).await {
            eprintln!(
                "the life with seed {seed} differs: LIFECYCLES=1 LIFECYCLE_SEED={seed} repeats it"
            );
            std::panic::resume_unwind(panic);
        }
        counts.lives += 1;
        if counts.lives.is_multiple_of(100) {
            eprintln!("{} lives", counts.lives);
        }
    }
    eprintln!("{counts:#?}");
    assert_eq!(counts.lives, lives);
}

async fn live(chain: &mut Chain, counts: &mut Counts, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    chain.reset().await;
    let mut balances = vec![MEANS; ACCOUNTS];
    balances[RICH] = RICHES;
    let committee = chain.genesis.committee(Chain::LAST_OF_GENESIS).unwrap();
    let mut life = Life {
        model: Model::new(balances, TOKEN, 100, 2 * ESCROW_S),
        registry: Registry::new(chain.domain),
        replayed: 0,
        expected: members(&committee),
        committee,
        chain,
        counts,
    };
    let first = rng.random_range(0..=OPERATORS);
    let mut opening: Vec<Act> = (0..first).map(|who| acts::opening(&mut rng, who)).collect();
    for _ in 0..BLOCKS {
        life.block(&mut rng, opening).await;
        opening = Vec::new();
        life.replay().await;
        life.compare_committees();
        if rng.random_bool(0.2) {
            life.compare_views().await;
        }
    }
    life.compare_views().await;
}

fn members(committee: &Committee) -> Vec<(PublicKey, u64)> {
    let members = committee.members().iter();
    members.map(|member| (member.key, member.weight)).collect()
}

impl Life<'_> {
    /// A block of acts, these and random ones: the contract does what the model does, and refuses what it refuses.
    async fn block(&mut self, rng: &mut StdRng, opening: Vec<Act>) {
        let mut sent = Vec::new();
        let mut opening = opening.into_iter();
        for _ in 0..rng.random_range(opening.len().max(1)..=OPERATORS) {
            let act = opening.next();
            let act = act.unwrap_or_else(|| acts::random(rng, &self.model));
            let transaction = self.chain.send(&act).await;
            let is_allowed = self.model.act(&act, self.chain.block, self.chain.time);
            sent.push((act, transaction, is_allowed));
        }
        let pause = match rng.random_range(0..6) {
            0 => 2 * ESCROW_S,
            1 => ESCROW_S,
            2 => 2 * ESCROW_S - 1,
            _ => rng.random_range(1..60),
        };
        self.chain.mine(pause).await;
        for (act, transaction, is_allowed) in &sent {
            let is_done = self.chain.is_done(transaction).await;
            assert_eq!(is_done, *is_allowed, "{act:?}");
            let counts = if is_done {
                &mut self.counts.done
            } else {
                &mut self.counts.refused
            };
            *counts.entry(kind(act)).or_default() += 1;
        }
    }

    /// Applies the events of the new blocks; they lead where the contract says.
    async fn replay(&mut self) {
        let logs: Vec<Log> = self.chain.logs(self.replayed).await;
        self.replayed = self.chain.block;
        for log in &logs {
            let Some(event) = StakeLog::of(log).unwrap() else {
                continue;
            };
            self.registry.apply(&event).unwrap();
            self.counts.events += 1;
        }
        let chain = self.chain.table(IStakeTable::eventChainCall {}).await;
        assert_eq!(self.registry.chain().0, chain.0, "an event is missing");
    }

    fn account(&self, place: usize) -> Address {
        self.chain.accounts[place]
    }

    /// The committee of the next epoch, by the registry and by the model; too few repeat the last.
    fn compare_committees(&mut self) {
        let epoch = Epoch(self.committee.epoch().0 + 1);
        self.committee = self.registry.committee(epoch, &self.committee);
        assert_eq!(self.committee.epoch(), epoch);
        let is_lower = |one: usize, other: usize| self.account(one) < self.account(other);
        match self.model.committee(is_lower) {
            None => self.counts.repeated += 1,
            Some(mut chosen) => {
                chosen.sort_by_key(|(who, _)| self.account(*who));
                let key = |who: &usize| self.chain.keys[self.model.operators[who].key].public_key();
                let in_order = chosen.iter().map(|(who, weight)| (key(who), *weight));
                self.expected = in_order.collect();
            }
        }
        assert_eq!(members(&self.committee), self.expected);
        self.counts.committees += 1;
    }

    /// Everything that the contract shows, the registry's validators and their contacts.
    async fn compare_views(&mut self) {
        for place in 0..ACCOUNTS {
            self.compare_operator(place).await;
            let balance = self.chain.balance(Some(place)).await;
            assert_eq!(
                balance,
                U256::from(self.model.balances[place]),
                "account {place}"
            );
        }
        let held = self.chain.balance(None).await;
        assert!(held >= U256::from(self.model.held), "the table can't pay");
        assert_eq!(held, U256::from(self.model.held));
        for key in 0..KEYS {
            let name = abi::word(self.chain.key_name(key));
            let call = IStakeTable::operatorOfCall { key: name };
            let found = abi::from_address(self.chain.table(call).await);
            let owner = self.model.keys.get(&key);
            let expected = owner.map_or(Address::ZERO, |owner| self.account(*owner));
            assert_eq!(found, expected, "key {key}");
        }
        self.compare_withdrawals().await;
        let rule = self.registry.rule();
        assert_eq!(rule.minimum_stake, self.model.least);
        assert_eq!(rule.maximum_members, self.model.most);
        let least = self.chain.table(IStakeTable::minimumStakeCall {}).await;
        let most = self.chain.table(IStakeTable::maximumMembersCall {}).await;
        assert_eq!(
            (abi::from_amount(least), most),
            (self.model.least, self.model.most)
        );
        self.compare_contacts();
        self.counts.views += 1;
    }

    async fn compare_operator(&self, place: usize) {
        let account = abi::address(self.account(place));
        let found = self
            .chain
            .table(IStakeTable::operatorCall { account })
            .await;
        let expected = self.model.operators.get(&place);
        let replayed = self.registry.validators().get(&self.account(place));
        let Some(expected) = expected else {
            assert_eq!(found.retained, 0, "operator {place} never registered");
            assert_eq!(replayed, None);
            return;
        };
        let own = expected.stake_of(place);
        assert_eq!(abi::from_amount(found.own), own);
        assert_eq!(abi::from_amount(found.delegated), expected.stake() - own);
        assert_eq!(abi::from_amount(found.leaving), expected.leaving);
        assert_eq!(found.jailed, expected.jailed);
        let (block, time) = expected.left.unwrap_or_default();
        assert_eq!((found.exitBlock, found.exitTime), (block, time));
        for delegator in 0..ACCOUNTS {
            let call = IStakeTable::delegationCall {
                operator: account,
                delegator: abi::address(self.account(delegator)),
            };
            let found = abi::from_amount(self.chain.table(call).await);
            assert_eq!(
                found,
                expected.stake_of(delegator),
                "{delegator} with {place}"
            );
        }
        let Some(replayed) = replayed else {
            assert!(found.exitBlock != 0, "operator {place} has not left");
            return;
        };
        assert_eq!(found.exitBlock, 0, "operator {place} has left");
        let stake = abi::from_amount(found.own) + abi::from_amount(found.delegated);
        assert_eq!(replayed.stake, stake);
        assert_eq!(replayed.is_jailed, found.jailed);
        assert_eq!(replayed.key, self.chain.keys[expected.key].public_key());
        assert_eq!(replayed.network_key, [expected.network_key; 32]);
        assert_eq!(replayed.address, expected.address);
    }

    async fn compare_withdrawals(&self) {
        // The one after the last was never given.
        for number in 0..=self.model.withdrawals.len() {
            let id = U256::from(number);
            let found = self.chain.table(IStakeTable::withdrawalCall { id }).await;
            let pays = self.chain.table(IStakeTable::payoutCall { id }).await;
            let Some(Some(expected)) = self.model.withdrawals.get(number) else {
                assert_eq!(abi::from_address(found.owner), Address::ZERO);
                assert_eq!(pays, U256::ZERO);
                continue;
            };
            assert_eq!(
                abi::from_address(found.operator),
                self.account(expected.operator)
            );
            assert_eq!(abi::from_address(found.owner), self.account(expected.owner));
            assert_eq!(abi::from_amount(found.amount), expected.amount);
            assert_eq!((found.l1Block, found.time), (expected.block, expected.time));
            let worth = self.model.worth(expected.operator, expected.amount);
            assert_eq!(pays, U256::from(worth));
        }
    }

    fn compare_contacts(&self) {
        let contacts = self.registry.contacts();
        let found: BTreeSet<_> = contacts
            .iter()
            .map(|validator| (validator.network_key, validator.operator))
            .collect();
        let expected: BTreeSet<_> = (0..=u8::MAX)
            .filter_map(|key| Some(([key; 32], self.account(self.model.owner_of(key)?))))
            .collect();
        assert_eq!(found, expected);
        assert!(contacts.len() <= OPERATORS.min(ACCOUNTS));
    }
}
