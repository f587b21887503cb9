//! The whole round of an EVM rollup: money in from the L1, a contract, its logs and proofs, money out, and nodes that
//! die or start from nothing and agree.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy_consensus::Header;
use alloy_sol_types::{SolCall as _, SolEvent as _, SolValue as _};
use anyhow::{Context as _, Result, ensure};
use hotshot_types::{Address, Hash, digest::keccak};
use light_client::{
    Account,
    abi::{U256, address, token::IStakeToken},
    deploy::Artifacts,
};
use rollup_contracts::deploy::Contracts;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    BRIDGE,
    inclusion::{self, Included, Withdrawn},
    node::{Rollup, RollupNode, json_of, same},
    setup::{self, Wanted},
    wallet::Wallet,
};
use crate::{
    contracts, l1,
    network::{Network, eventually},
    report::millis,
};

/// The rollup's namespace, which is its chain id.
pub(crate) const NAMESPACE: u64 = 7_001;
/// What is deposited and withdrawn, in wei.
const DEPOSIT: u128 = 5_000_000_000_000_000_000;
const WITHDRAWAL: u128 = 1_250_000_000_000_000_000;
/// Tokens that the contract moves.
const TOKENS: u64 = 1_000;
/// How long a deposit may take: finality on the L1, and a block of the sequencer that attests it.
const DEPOSIT_LIMIT: Duration = Duration::from_secs(60);
/// How long a block may take to be safe: a light client's update, and finality on the L1.
const SAFE_LIMIT: Duration = Duration::from_secs(90);
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);
/// The third account that anvil gives money: it keeps the inbox up to date.
const ADVANCER: &str = "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
/// The second, the user's.
const USER: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

mod bridge {
    alloy_sol_types::sol! {
        function withdraw(uint64 chainId, address recipient) external payable;
    }
}

/// How long each step took, and what came out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) deposit_ms: f64,
    pub(crate) deploy_ms: f64,
    pub(crate) call_ms: f64,
    pub(crate) proofs_ms: f64,
    pub(crate) withdraw_ms: f64,
    pub(crate) restart_ms: f64,
    pub(crate) rebuild_ms: f64,
    /// The rollup's blocks, which all of its nodes have alike.
    pub(crate) blocks: u64,
    pub(crate) safe_ms: f64,
    pub(crate) included: Included,
}

/// An EVM rollup on a network, with two nodes that run.
pub(crate) struct Evm {
    pub(crate) rollup: Rollup,
    pub(crate) nodes: Vec<RollupNode>,
    pub(crate) user: Account,
    /// By L1.
    pub(crate) contracts: Vec<Contracts>,
    user_key: PathBuf,
}

impl Evm {
    /// Deploys the rollup's contracts, writes its definition, starts two nodes.
    pub(crate) async fn start(
        network: &Network,
        program: &Path,
        force_delay_s: Option<u64>,
        rich: &[Address],
    ) -> Result<Self> {
        let fees = Account::of(b"fees")?.address();
        let vm = setup::evm(fees, rich);
        let wanted = Wanted {
            application: "evm",
            namespace: NAMESPACE,
            force_delay_s,
            vm: &vm,
        };
        let (rollup, contracts) = setup::prepare(network, program.to_owned(), &wanted).await?;
        let mut secret = [0; 32];
        hex::decode_to_slice(USER, &mut secret)?;
        let user_key = l1::secret_file(&rollup.directory, "user", USER)?;
        let advancer = l1::secret_file(&rollup.directory, "advancer", ADVANCER)?;
        // One of them keeps the inbox on the L1 up to date.
        let mut nodes = vec![
            rollup.node(
                "first",
                &["--advance.account", &advancer.display().to_string()],
            )?,
            rollup.node("second", &[])?,
        ];
        for node in &mut nodes {
            node.start().await?;
        }
        Ok(Self {
            rollup,
            nodes,
            user: Account::from_bytes(&secret)?,
            contracts,
            user_key,
        })
    }

    /// Fails if a node that should run does not.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.nodes.iter_mut().try_for_each(RollupNode::check)
    }

    /// Ends the nodes.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            node.stop().await?;
        }
        Ok(())
    }

    /// The user at a node.
    pub(crate) async fn wallet(&self, node: usize) -> Result<Wallet> {
        Wallet::new(self.user.clone(), self.nodes[node].endpoint.clone()).await
    }

    /// `rollup deposit` of wei to an account of the rollup; returns once the L1 has it.
    pub(crate) async fn deposit(&self, amount: u128, recipient: Address) -> Result<Value> {
        let (amount, recipient) = (amount.to_string(), recipient.to_string());
        self.pay(&["deposit", &amount, "--to", &recipient]).await
    }

    /// `rollup withdraw`: claims a withdrawal on the L1.
    pub(crate) async fn claim(&self, index: u64) -> Result<Value> {
        let (index, url) = (index.to_string(), self.nodes[0].url());
        self.pay(&["withdraw", &index, "--rpc", &url]).await
    }

    /// `rollup force`: puts a transaction into the queue on the L1.
    pub(crate) async fn force(&self, transaction: &[u8]) -> Result<Value> {
        self.pay(&["force", &hex::encode(transaction)]).await
    }

    /// `rollup pin`: pins the queue after the light client's newest block.
    pub(crate) async fn pin(&self) -> Result<Value> {
        self.pay(&["pin", "--sequencer", &self.rollup.sequencers[0]])
            .await
    }

    /// A verb by the user's account on the home L1.
    async fn pay(&self, line: &[&str]) -> Result<Value> {
        let mut command = self.rollup.on_l1(line);
        command.arg("--account").arg(&self.user_key);
        json_of(command).await
    }

    /// The whole round.
    pub(crate) async fn round(
        &mut self,
        network: &Network,
        mut step: impl FnMut(&str),
    ) -> Result<Figures> {
        step("a user deposits 5 ether from the L1 into the EVM rollup");
        let wallet = self.wallet(0).await?;
        self.deposit(DEPOSIT, wallet.address()).await?;
        let start = Instant::now();
        let arrived = async || -> Result<()> {
            let found = wallet.balance().await?;
            ensure!(found == DEPOSIT, "the balance is {found} wei");
            Ok(())
        };
        eventually(DEPOSIT_LIMIT, "the deposit on the rollup", arrived).await?;
        let deposit = start.elapsed();

        step("the user deploys a token and calls it");
        let start = Instant::now();
        let code = creation_code(wallet.address())?;
        let created = wallet.send(None, 0, code).await?;
        let deploy = start.elapsed();
        let contract = created
            .contract_address
            .context("no contract was created")?;
        let start = Instant::now();
        let friend = Account::of(b"friend")?.address();
        let call = IStakeToken::transferCall {
            to: address(friend),
            value: U256::from(TOKENS),
        };
        let called = wallet.send(Some(contract), 0, call.abi_encode()).await?;
        let call = start.elapsed();
        ensure!(
            called.logs.len() == 1,
            "the call made {} logs",
            called.logs.len()
        );

        step("logs, storage proof and inclusion proof, from the other node");
        self.nodes[1]
            .reach(called.block_number, CATCH_UP_LIMIT)
            .await?;
        let other = wallet.at(&self.nodes[1].endpoint);
        let start = Instant::now();
        read_logs(&other, contract, friend, called.block_number).await?;
        let header = self.header(&other, called.block_number).await?;
        let slot = balance_slot(friend);
        let params = json!([contract, [slot], format!("{:#x}", called.block_number)]);
        let proof = other.ask("eth_getProof", params).await?;
        inclusion::storage(&header, &proof, contract, (slot, word(TOKENS)))?;
        let included =
            inclusion::offline(network, &other, called.transaction_hash, &self.rollup).await?;
        let proofs = start.elapsed();

        step("the user withdraws 1.25 ether, which the rollup records with a proof");
        let start = Instant::now();
        self.withdraw(network, &wallet).await?;
        let withdraw = start.elapsed();

        step("killing a rollup node (SIGKILL), starting it again, then from an empty disk");
        let target = self.nodes[0].level("latest").await?;
        let (restart, rebuild) = self.crash(target).await?;

        step(
            "waiting until the light client on the L1 covers all of it, and checking the proof there",
        );
        let start = Instant::now();
        let safe = async || -> Result<()> {
            let safe = self.nodes[0].level("safe").await?;
            ensure!(safe >= target, "block {safe} is the newest safe one");
            Ok(())
        };
        eventually(SAFE_LIMIT, "a safe block", safe).await?;
        let safe = start.elapsed();
        let included = inclusion::on_l1(network, included).await?;
        let latest = self.nodes[0].level("latest").await?;
        self.nodes[1].reach(latest, CATCH_UP_LIMIT).await?;
        let nodes: Vec<_> = self.nodes.iter().collect();
        let blocks = same(&nodes, 0, latest).await?;
        Ok(Figures {
            deposit_ms: millis(deposit),
            deploy_ms: millis(deploy),
            call_ms: millis(call),
            proofs_ms: millis(proofs),
            withdraw_ms: millis(withdraw),
            restart_ms: millis(restart),
            rebuild_ms: millis(rebuild),
            blocks,
            safe_ms: millis(safe),
            included,
        })
    }

    /// Burns ether on the rollup, reads the record back, and checks its proof.
    pub(crate) async fn withdraw(&self, network: &Network, wallet: &Wallet) -> Result<Withdrawn> {
        let l1 = network.l1.as_ref().context("there is no L1")?;
        let before = wallet.balance().await?;
        let call = bridge::withdrawCall {
            chainId: l1.home().chain_id,
            recipient: address(wallet.address()),
        };
        let bridge = Some(BRIDGE.parse()?);
        let sent = wallet.send(bridge, WITHDRAWAL, call.abi_encode()).await?;
        let after = wallet.balance().await?;
        ensure!(
            after + WITHDRAWAL <= before,
            "the balance was {before} wei and is {after}"
        );
        let proof = wallet.ask("rollup_getWithdrawalProof", json!([0])).await?;
        let withdrawn = inclusion::withdrawal(&proof, wallet.address(), WITHDRAWAL)?;
        let number = sent.block_number;
        self.nodes[1].reach(number, CATCH_UP_LIMIT).await?;
        let other = wallet.at(&self.nodes[1].endpoint);
        let committed = self.header(&other, number).await?.withdrawals_root;
        ensure!(
            committed.is_some_and(|root| root.0 == withdrawn.root.0),
            "the other node's block {number} commits to other withdrawals: {committed:?}"
        );
        Ok(withdrawn)
    }

    /// A block's header as a node tells it, which has the hash that the first node gives the block.
    async fn header(&self, at: &Wallet, number: u64) -> Result<Header> {
        let params = json!([format!("{number:#x}"), false]);
        let block = at.ask("eth_getBlockByNumber", params).await?;
        inclusion::header(&block, self.nodes[0].hash(number).await?)
    }

    /// Kills the second node and starts it again, as it is and then with nothing on its disk.
    async fn crash(&mut self, target: u64) -> Result<(Duration, Duration)> {
        let node = &mut self.nodes[1];
        node.kill()?;
        let start = Instant::now();
        node.start().await?;
        node.reach(target, CATCH_UP_LIMIT).await?;
        let restart = start.elapsed();
        node.kill()?;
        node.forget()?;
        let start = Instant::now();
        node.start().await?;
        node.reach(target, CATCH_UP_LIMIT).await?;
        Ok((restart, start.elapsed()))
    }
}

/// An ERC-20 with all its tokens in one hand: the stake's, as forge built it.
fn creation_code(owner: Address) -> Result<Vec<u8>> {
    let mut code =
        Artifacts::new(&contracts::Contracts::Network.artifacts()).creation_code("StakeToken")?;
    let supply = U256::from(1_000_000_u64);
    code.extend(("Demo", "DEMO", address(owner), supply).abi_encode_params());
    Ok(code)
}

/// The transfer's log, and the balance that a call reads.
async fn read_logs(wallet: &Wallet, contract: Address, friend: Address, block: u64) -> Result<()> {
    let block = format!("{block:#x}");
    let filter = json!([{
        "address": contract,
        "fromBlock": block,
        "toBlock": block,
        "topics": [Hash(IStakeToken::Transfer::SIGNATURE_HASH.0)],
    }]);
    let logs = wallet.ask("eth_getLogs", filter).await?;
    let [log] = &logs.as_array().context("no logs")?[..] else {
        anyhow::bail!("the logs are {logs}");
    };
    let is_right = log["data"] == json!(word(TOKENS)) && log["topics"][2] == json!(padded(friend));
    ensure!(is_right, "the log is {log}");
    let call = IStakeToken::balanceOfCall {
        account: address(friend),
    };
    let input = format!("0x{}", hex::encode(call.abi_encode()));
    let answer = wallet
        .ask(
            "eth_call",
            json!([{ "to": contract, "input": input }, "latest"]),
        )
        .await?;
    let found: Hash = answer.as_str().unwrap_or_default().parse()?;
    ensure!(found == word(TOKENS), "the friend has {found} tokens");
    Ok(())
}

/// Where the token keeps a balance: its first field maps accounts to balances.
fn balance_slot(account: Address) -> Hash {
    keccak(&[padded(account).0, word(0).0].concat())
}

fn padded(account: Address) -> Hash {
    let mut word = Hash::ZERO;
    word.0[12..].copy_from_slice(&account.0);
    word
}

fn word(number: u64) -> Hash {
    let mut word = Hash::ZERO;
    word.0[24..].copy_from_slice(&number.to_be_bytes());
    word
}
