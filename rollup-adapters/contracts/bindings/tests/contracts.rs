//! The real contracts on a real EVM: deployed, used, read back, proven by what is in storage.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use hotshot_types::{Address, Hash, Height, mountain_range::HeaderProof};
use light_client::{
    deploy::Artifacts,
    rpc::{LogRange, Tag},
    send::{SendError, Sender},
};
use rollup_contracts::{
    abi::{
        SolCall, U256,
        inbox::IRollupInbox::{IRollupInboxCalls, IRollupInboxErrors, IRollupInboxEvents},
        queue::IL1MessageQueue,
        vault::IWithdrawalVault::{
            self, IWithdrawalVaultCalls, IWithdrawalVaultErrors, IWithdrawalVaultEvents,
        },
    },
    calls::{self, Hint},
    deploy::{Contracts, Terms, deploy},
    inbox::{InboxEvent, event, known},
    queue::message,
    refusal,
};
use rollup_types::{
    Deposit, Field, L1Message, MessageBody, MountainRange, Pin, PinHead, QueueHead, Withdrawal,
    field,
};
use serde_json::{Value, json};

#[path = "contracts/checkpoints.rs"]
mod checkpoints;
#[path = "contracts/l1.rs"]
mod l1;

use anvil::CHAIN;
use l1::{L1, artifacts};

const NAMESPACE: u64 = 42;
const ETHER: u128 = 1_000_000_000_000_000_000;

struct Rollup {
    l1: L1,
    sender: Sender,
    contracts: Contracts,
}

impl Rollup {
    async fn start(home: u64) -> Self {
        let l1 = L1::start().await;
        let sender = l1.sender.clone();
        let terms = Terms {
            settler: sender.address(),
            ..Terms::development(l1.light_client, NAMESPACE, home, Address([0xfe; 20]))
        };
        let contracts = deploy(&sender, &Artifacts::new(&artifacts()), &terms).await;
        Self {
            l1,
            sender,
            contracts: contracts.unwrap(),
        }
    }

    async fn view<C: SolCall>(&self, to: Address, call: &C) -> C::Return {
        let answer = self.sender.endpoint().view(to, call, Tag::Latest);
        answer.await.unwrap()
    }

    async fn fee(&self) -> u128 {
        let fee = self
            .view(self.contracts.queue, &IL1MessageQueue::feeCall {})
            .await;
        u128::try_from(fee).unwrap()
    }

    async fn deposit(&self, amount: u128, recipient: Address) -> u64 {
        let call = calls::deposit(Address::ZERO, amount, recipient);
        let value = amount + self.fee().await;
        let paid = self.sender.pay(Some(self.contracts.queue), value, call);
        paid.await.unwrap().block_number
    }

    async fn force(&self, transaction: &[u8]) -> u64 {
        let value = self.fee().await;
        let call = calls::force_tx(transaction);
        let paid = self.sender.pay(Some(self.contracts.queue), value, call);
        paid.await.unwrap().block_number
    }

    async fn logs(&self, of: Address) -> Vec<light_client::rpc::Log> {
        let range = LogRange {
            from: 0,
            to: 1_000_000,
        };
        self.sender.endpoint().logs(of, range).await.unwrap()
    }

    async fn word(&self, of: Address, field: Field) -> Hash {
        let slot = field.slot.into();
        let word = self.sender.endpoint().storage(of, slot, Tag::Latest);
        word.await.unwrap()
    }

    async fn refusal(&self, to: Address, value: u128, call: Vec<u8>) -> String {
        let error = self.sender.pay(Some(to), value, call).await.unwrap_err();
        assert!(matches!(error, SendError::Refused(_)), "{error}");
        refusal::explained(&error)
    }
}

#[tokio::test]
async fn messages_pins_and_known_inputs_are_what_the_storage_commits_to() {
    let rollup = Rollup::start(CHAIN).await;
    let Contracts { queue, inbox, .. } = rollup.contracts;
    let (alice, sender) = (Address([0xa1; 20]), rollup.sender.address());
    let blocks = [
        rollup.deposit(3 * ETHER, alice).await,
        rollup.force(b"a transaction").await,
        rollup.deposit(1, alice).await,
    ];
    let deposit = |amount| {
        MessageBody::Deposit(Deposit {
            token: Address::ZERO,
            amount,
            recipient: alice,
            decimals: 18,
        })
    };
    let bodies = [
        deposit(3 * ETHER),
        MessageBody::ForcedTransaction(b"a transaction".to_vec().into()),
        deposit(1),
    ];
    let expected: Vec<L1Message> = (0..)
        .zip(blocks.into_iter().zip(bodies))
        .map(|(index, (l1_block, body))| L1Message {
            index,
            l1_block,
            sender,
            body,
        })
        .collect();
    let logs = rollup.logs(queue).await;
    let read: Vec<L1Message> = logs.iter().map(|log| message(log).unwrap()).collect();
    assert_eq!(read, expected);
    let head = read
        .iter()
        .fold(QueueHead::default(), |head, message| head.with(message));
    assert_eq!(rollup.word(queue, field::QUEUE_CHAIN).await, head.chain);

    // The sequencer says nothing for twelve hours: the L1 pins the messages after the genesis block.
    let force = calls::force_segment(Hint::Checkpoint(1));
    let early = rollup.refusal(inbox, 0, force.clone()).await;
    assert!(early.contains("can be forced from"), "{early}");
    let _: Value = rollup
        .l1
        .order("evm_increaseTime", json!([12 * 60 * 60]))
        .await;
    // What a call would do is told as of the newest block.
    let _: Value = rollup.l1.order("evm_mine", json!([])).await;
    let block = rollup.sender.send(Some(inbox), force.clone()).await;
    let pin = Pin {
        number: 0,
        after: Height(0),
        message_end: 3,
        l1_block: block.unwrap().block_number,
    };
    let logs = rollup.logs(inbox).await;
    assert_eq!(event(&logs[0]), Ok(InboxEvent::Forced(pin)));
    let chain = rollup.word(inbox, field::PIN_CHAIN).await;
    assert_eq!(chain, PinHead::default().with(&pin).chain);
    let again = rollup.refusal(inbox, 0, force).await;
    assert!(again.contains("pins the first 3 messages"), "{again}");
    let wrong = light_client::rpc::Log {
        topics: vec![Hash::ZERO],
        ..logs[0].clone()
    };
    assert!(event(&wrong).is_err());

    // What is pinned is covered, and messages cost the base again.
    let before = rollup.fee().await;
    rollup
        .sender
        .send(Some(queue), calls::cover(0))
        .await
        .unwrap();
    assert_eq!(rollup.fee().await, before - 3 * 100_000_000_000);
    let known = known(rollup.sender.endpoint(), inbox, Tag::Latest).await;
    assert_eq!(known, Ok(None));
}

#[tokio::test]
async fn inbox_is_advanced_by_blocks_with_and_without_the_namespace() {
    let rollup = Rollup::start(CHAIN).await;
    let (inbox, id) = (rollup.contracts.inbox, l1::namespace(NAMESPACE));
    for blocks in [0, 3] {
        let (accumulator, root) = l1::accumulator(id, blocks);
        let block = rollup.l1.relay(root, 900 + blocks).await;
        let stored = calls::Stored {
            entry: rollup.l1.entry().await,
            header: block.header(),
        };
        let call = calls::advance(stored, block.header(), None, &accumulator);
        rollup.sender.send(Some(inbox), call.clone()).await.unwrap();
        let again = rollup.refusal(inbox, 0, call).await;
        assert!(again.contains("somebody else was faster"), "{again}");
        let found = known(rollup.sender.endpoint(), inbox, Tag::Latest).await;
        let entry = accumulator.entry().unwrap_or_default();
        let advanced = rollup_contracts::inbox::Advanced {
            height: block.header().height,
            block_count: entry.block_count,
            chain: Hash(entry.acc),
            l1_number: block.header().l1_finalized.number,
        };
        assert_eq!(advanced.block_count, blocks);
        assert_eq!(found, Ok(Some(advanced)));
        let logs = rollup.logs(inbox).await;
        let last = event(logs.last().unwrap()).unwrap();
        assert_eq!(last, InboxEvent::Advanced(advanced));
    }
}

#[tokio::test]
async fn withdrawals_are_claimed_once_against_the_settled_root() {
    let rollup = Rollup::start(CHAIN).await;
    let vault = rollup.contracts.vault;
    rollup.deposit(ETHER, Address([0xa1; 20])).await;
    let mut range = MountainRange::new();
    let mut nodes = BTreeMap::new();
    let owed: Vec<Withdrawal> = (0..5)
        .map(|index| Withdrawal {
            index,
            chain_id: CHAIN,
            token: Address::ZERO,
            amount: 1_000 + u128::from(index),
            recipient: Address([0xb0 + u8::try_from(index).unwrap(); 20]),
        })
        .collect();
    for withdrawal in &owed {
        nodes.extend(range.append(withdrawal.hash()));
    }
    let proof = |index| {
        HeaderProof::build(Height(index), 5, |position| nodes.get(&position).copied()).unwrap()
    };
    let early = calls::claim(&owed[2], &proof(2));
    let early = rollup.refusal(vault, 0, early).await;
    assert!(early.contains("nothing is settled yet"), "{early}");
    let settle = calls::settle(range.root());
    rollup.sender.send(Some(vault), settle).await.unwrap();
    let settled = rollup.view(vault, &IWithdrawalVault::rootCall {}).await;
    assert_eq!(Hash(settled.0), range.root());
    for withdrawal in &owed {
        let call = calls::claim(withdrawal, &proof(withdrawal.index));
        rollup.sender.send(Some(vault), call.clone()).await.unwrap();
        let balance = rollup.sender.endpoint().balance(withdrawal.recipient).await;
        assert_eq!(balance, Ok(withdrawal.amount));
        let again = rollup.refusal(vault, 0, call).await;
        assert!(again.contains("was paid already"), "{again}");
    }
}

#[tokio::test]
async fn replica_refuses_and_names_the_home() {
    let rollup = Rollup::start(CHAIN + 1).await;
    let queue = rollup.contracts.queue;
    let call = calls::deposit(Address::ZERO, 1, Address([1; 20]));
    let sentence = rollup.refusal(queue, ETHER, call).await;
    assert!(
        sentence.ends_with("on the home L1, chain 31338"),
        "{sentence}"
    );
    let force = calls::force_segment(Hint::Hour(1));
    let sentence = rollup.refusal(rollup.contracts.inbox, 0, force).await;
    assert!(
        sentence.ends_with("on the home L1, chain 31338"),
        "{sentence}"
    );
    let home = rollup.view(queue, &IL1MessageQueue::homeChainIdCall {});
    assert_eq!(home.await, U256::from(CHAIN + 1));
}

/// Names of functions, errors and events with the types of what they take: what selectors are of.
fn compiled(contract: &str) -> Vec<(String, String)> {
    let path = artifacts().join(format!("{contract}.sol/{contract}.json"));
    let artifact: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    fn typed(parameter: &Value) -> String {
        let name = parameter["type"].as_str().unwrap();
        match parameter["components"].as_array() {
            Some(parts) => {
                let parts: Vec<String> = parts.iter().map(typed).collect();
                name.replacen("tuple", &format!("({})", parts.join(",")), 1)
            }
            None => name.to_owned(),
        }
    }
    let entries = artifact["abi"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let inputs = entry["inputs"].as_array().unwrap().iter();
            let inputs: Vec<String> = inputs.map(typed).collect();
            let name = entry["name"].as_str().unwrap();
            let kind = entry["type"].as_str().unwrap().to_owned();
            (kind, format!("{name}({})", inputs.join(",")))
        })
        .collect()
}

#[test]
fn interfaces_written_here_are_those_that_the_compiler_knows() {
    let written = [
        (
            "IRollupInbox",
            IRollupInboxCalls::SELECTORS,
            IRollupInboxErrors::SELECTORS,
            IRollupInboxEvents::SELECTORS,
        ),
        (
            "IWithdrawalVault",
            IWithdrawalVaultCalls::SELECTORS,
            IWithdrawalVaultErrors::SELECTORS,
            IWithdrawalVaultEvents::SELECTORS,
        ),
    ];
    for (contract, functions, errors, events) in written {
        let known = compiled(contract);
        assert_eq!(
            known.len(),
            functions.len() + errors.len() + events.len(),
            "{contract}"
        );
        for (kind, signature) in known {
            let hash = hotshot_types::digest::keccak(signature.as_bytes()).0;
            let selector = [hash[0], hash[1], hash[2], hash[3]];
            let is_there = match kind.as_str() {
                "function" => functions.contains(&selector),
                "error" => errors.contains(&selector),
                _ => events.contains(&hash),
            };
            assert!(is_there, "{kind} {signature}");
        }
    }
}
