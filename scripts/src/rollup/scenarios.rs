//! `cargo xtask rollup`: what a rollup's users can do when nobody serves them, with real processes.
//!
//! A transaction that no sequencer was given gets in through the queue on the L1. With the sequencer stopped, anyone pins
//! the queue after the delay and the rollup goes on. A second L1 knows the rollup's inputs and takes no money.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hotshot_types::{Address, Hash, Height};
use light_client::Account;
use rollup_contracts::{
    abi::queue::IL1MessageQueue,
    calls::{self, Stored},
    deploy::Contracts,
};
use sequencer_client::client::BlockId;
use serde_json::{Value, json};

use super::{
    node::{RollupNode, same},
    round::Evm,
    setup,
    wallet::Wallet,
};
use crate::{
    contracts,
    l1::{self, Anvil, L1, raw_view},
    network::{Network, Plan, Program, eventually},
};

/// Seconds until a pin: the contracts' default of twelve hours would outlast the light client's trust.
const DELAY_S: u64 = 600;
const MONEY: u128 = 1_000_000_000_000_000_000;
const GIFT: u128 = 1_000;
const LIMIT: Duration = Duration::from_secs(90);
const EPOCH_LENGTH: &str = "150";

/// Arguments of `rollup`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    program: Program,
}

/// Plays all scenarios.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    contracts::build()?;
    let program = args.program.path()?;
    let start = Instant::now();
    let step = |what: &str| println!("{:6.1} s  {what}", start.elapsed().as_secs_f64());
    let plan = Plan::equal(4)
        .with_settings(&["--retention.archive"])
        .with_genesis(&["--epoch-length", EPOCH_LENGTH]);
    let mut network = l1::network(&program, plan, 2, step).await?;
    let outcome = play(&mut network, &setup::beside(&program, "rollup")?, step).await;
    network.explained(outcome)?;
    network.stop().await?;
    println!("all scenarios passed");
    Ok(None)
}

async fn play(
    network: &mut Network,
    program: &std::path::Path,
    step: impl Fn(&str) + Copy,
) -> Result<()> {
    step("deploying the rollup on both L1s, starting two nodes of it");
    let other = Account::of(b"censored")?;
    let mut evm = Evm::start(network, program, Some(DELAY_S), &[other.address()]).await?;
    evm.deposit(10 * MONEY, evm.user.address()).await?;
    let wallet = evm.wallet(0).await?;
    let other = Wallet::new(other, wallet.endpoint.clone()).await?;
    let arrived = async || -> Result<()> {
        ensure!(wallet.balance().await? >= MONEY, "nothing has arrived");
        Ok(())
    };
    eventually(LIMIT, "the deposit", arrived).await?;
    let played = scenarios(network, &mut evm, &wallet, &other, step).await;
    let stopped = evm.stop().await;
    played.and(stopped)
}

async fn scenarios(
    network: &mut Network,
    evm: &mut Evm,
    wallet: &Wallet,
    other: &Wallet,
    step: impl Fn(&str) + Copy,
) -> Result<()> {
    step("a transaction that no sequencer was given goes through the queue on the L1");
    let hash = force(evm, other, 0).await?;
    let receipt = wallet.receipt(hash).await?;
    ensure!(receipt.is_success(), "the forced transaction was reverted");
    step("the node that takes the inbox on lets the queue's fee fall");
    cover(network, evm).await?;
    step("the second L1 refuses deposits and claims, and learns the rollup's inputs");
    replica(network, evm).await?;
    step("a withdrawal is settled by a test's settler, claimed on the home L1, and not paid twice");
    exit(network, evm, wallet).await?;
    halted(network, evm, wallet, other, step).await?;
    step(
        "a third node, from an empty disk, that believes the light client on the L1 and no certificate, has the same blocks",
    );
    let mut third = evm.rollup.node("third", &["--proof", "light-client"])?;
    third.start().await?;
    let latest = evm.nodes[0].level("safe").await?;
    third.reach(latest, LIMIT).await?;
    let nodes: Vec<&RollupNode> = evm.nodes.iter().chain([&third]).collect();
    let count = same(&nodes, 0, latest).await?;
    step(&format!("{count} blocks are the same on three nodes"));
    evm.check()?;
    third.stop().await
}

/// Money out: burnt on the rollup, settled, claimed. Who settles is an account of this test; there is no proof or dispute
/// of what the rollup executed yet.
async fn exit(network: &Network, evm: &Evm, wallet: &Wallet) -> Result<()> {
    let withdrawn = evm.withdraw(network, wallet).await?;
    let l1 = network.l1.as_ref().context("there is no L1")?;
    let settler = l1.deployer_at(l1.home()).await?;
    let vault = evm.contracts[0].vault;
    settler
        .send(Some(vault), calls::settle(withdrawn.root))
        .await?;
    let held = async || l1.home().endpoint.balance(vault).await;
    let before = held().await?;
    evm.claim(0).await?;
    let paid = before.saturating_sub(held().await?);
    ensure!(
        paid == withdrawn.record.amount,
        "the vault paid {paid} wei of {}",
        withdrawn.record.amount
    );
    let again = calls::claim(&withdrawn.record, &withdrawn.proof);
    refused(l1.home(), vault, again, "paid").await
}

/// The sequencer stops; a message waits; after the delay anyone pins it; the sequencer comes back.
async fn halted(
    network: &mut Network,
    evm: &mut Evm,
    wallet: &Wallet,
    other: &Wallet,
    step: impl Fn(&str) + Copy,
) -> Result<()> {
    step(
        "killing half of the sequencer's nodes right after a transaction: no block is final any more",
    );
    let friend = Account::of(b"friend")?.address();
    let soft = wallet.send(Some(friend), GIFT, Vec::new()).await?;
    for node in &mut network.nodes[2..] {
        node.kill()?;
    }
    let hash = force(evm, other, 1).await?;
    let l1 = network.l1.as_ref().context("there is no L1")?;
    let early = evm.pin().await.err();
    let early = early.context("the inbox took a pin before its time")?;
    ensure!(
        early.to_string().contains("can be forced from"),
        "the pin failed for another reason: {early}"
    );
    step("after the delay anyone pins the queue");
    l1.home()
        .order("evm_increaseTime", json!([DELAY_S + 1]))
        .await?;
    eventually(LIMIT, "a pin", async || evm.pin().await).await?;
    let receipt = wallet.receipt(hash).await?;
    ensure!(receipt.is_success(), "the pinned transaction was reverted");
    let block: Value = wallet
        .ask("rollup_getBlock", json!([receipt.block_number]))
        .await?;
    ensure!(!block["pin"].is_null(), "the block is not pinned: {block}");

    step("while the sequencer stands still, the queue's fee falls for what is pinned");
    cover(network, evm).await?;

    let again = wallet.receipt(soft.transaction_hash).await?;
    let redone = if again.block_number > receipt.block_number {
        "made again above it"
    } else {
        "below it, for the light client covered them"
    };
    step(&format!(
        "the pin is executed; the blocks that were final only in the sequencer are {redone}"
    ));
    step("the sequencer comes back, and the rollup goes on above the pin");
    for node in &mut network.nodes[2..] {
        node.start()?;
    }
    network.ready().await?;
    let after = wallet.send(Some(friend), GIFT, Vec::new()).await?;
    ensure!(
        after.block_number > receipt.block_number,
        "the rollup went back below the pin"
    );
    let nodes = &evm.nodes;
    let safe = async || -> Result<()> {
        for node in nodes {
            let safe = node.level("safe").await?;
            ensure!(
                safe >= after.block_number,
                "{} is safe up to {safe}",
                node.name
            );
        }
        Ok(())
    };
    eventually(LIMIT, "everything safe", safe).await
}

/// Signs a gift and puts it into the queue on the home L1; its hash.
async fn force(evm: &Evm, wallet: &Wallet, nonce: u64) -> Result<Hash> {
    let friend = Account::of(b"friend")?.address();
    let signed = wallet.sign(nonce, Some(friend), GIFT, Vec::new());
    evm.force(&signed.bytes).await?;
    Ok(signed.hash)
}

/// The queue learns that all its messages are covered.
async fn cover(network: &Network, evm: &Evm) -> Result<()> {
    let home = network.l1.as_ref().context("there is no L1")?.home();
    let queue = evm.contracts[0].queue;
    let covered = async || -> Result<()> {
        let count = home.view(queue, &IL1MessageQueue::countCall {}).await?;
        let known = home.view(queue, &IL1MessageQueue::coveredCall {}).await?;
        ensure!(known == count, "{known} of {count} messages are covered");
        Ok(())
    };
    eventually(LIMIT, "the queue's fee to fall", covered).await
}

/// What the second L1 does for the rollup, and what it refuses.
async fn replica(network: &Network, evm: &Evm) -> Result<()> {
    let l1 = network.l1.as_ref().context("there is no L1")?;
    let (
        away,
        Contracts {
            queue,
            inbox,
            vault,
        },
    ) = (&l1.chains[1], evm.contracts[1]);
    let deposit = calls::deposit(Address::ZERO, 1, evm.user.address());
    refused(away, queue, deposit, "home").await?;
    let withdrawal = rollup_types::Withdrawal {
        index: 0,
        chain_id: away.chain_id,
        token: Address::ZERO,
        amount: 1,
        recipient: evm.user.address(),
    };
    let proof = rollup_types::HeaderProof {
        height: Height(0),
        count: 1,
        path: Vec::new(),
        peaks: Vec::new(),
    };
    refused(away, vault, calls::claim(&withdrawal, &proof), "home").await?;
    let user = Wallet::new(evm.user.clone(), away.endpoint.clone()).await?;
    let height = advance(network, l1, 1, inbox, &user).await?;
    let node = &evm.nodes[0];
    let followed = async || -> Result<()> {
        let replica = &node.status().await?["replicas"][0];
        let is_known = replica["inbox"].as_u64() >= Some(height) && replica["isSame"] == true;
        ensure!(is_known, "the node says of the second L1: {replica}");
        Ok(())
    };
    eventually(LIMIT, "the second L1 in the node's status", followed).await
}

/// Takes an inbox to the light client's head on its L1, whose height this is.
async fn advance(
    network: &Network,
    l1: &L1,
    chain: usize,
    inbox: Address,
    by: &Wallet,
) -> Result<u64> {
    let head = l1.finalized(chain).await?;
    let api = network.nodes[0].api()?;
    let height = Height(head.height);
    let block = api.block(BlockId::Height(height)).await?;
    let namespace = crate::traffic::namespace(super::round::NAMESPACE)?;
    let accumulator = api.accumulator(BlockId::Height(height), namespace).await?;
    let stored = Stored {
        entry: head.entry,
        header: &block.header,
    };
    let call = calls::advance(stored, &block.header, None, &accumulator.proof);
    by.send(Some(inbox), 0, call).await?;
    let height = rollup_contracts::abi::inbox::IRollupInbox::heightCall {};
    let known = l1.chains[chain].view(inbox, &height).await?;
    ensure!(known == head.height, "the inbox knows block {known}");
    Ok(known)
}

/// A call that the contract must refuse, with this word in its reason.
async fn refused(chain: &Anvil, contract: Address, call: Vec<u8>, word: &str) -> Result<()> {
    match raw_view(&chain.endpoint, contract, call).await {
        Ok(_) => anyhow::bail!("the contract of L1 {} took the call", chain.chain_id),
        Err(error) => {
            let data = error.revert_data().context("it gave no reason")?;
            let sentence = rollup_contracts::refusal::sentence(data);
            ensure!(
                sentence.contains(word),
                "it refused for another reason: {sentence}"
            );
            Ok(())
        }
    }
}
