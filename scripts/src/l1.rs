//! The L1s of a network on this machine: each an anvil, with the project's contracts, the
//! validators' stake and a relayer.
//!
//! Everything that a validator or a relayer would do goes through the program's command line.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use hotshot_types::{Address, digest::keccak};
use light_client::{
    Account,
    abi::{self, SolCall as _, U256, light_client as client, stake_table, token::IStakeToken},
    deploy::{Artifacts, Contracts, Terms, deploy_away, deploy_home},
    send::Sender,
};
use sequencer_client::trust;
use tempfile::TempDir;

mod anvil;
pub(crate) mod committee;
pub(crate) mod inclusion;
pub(crate) mod proof;

pub(crate) use anvil::{Anvil, raw_view};

use crate::{
    contracts,
    network::{Network, Node, Plan, Process, answer},
};

/// Chain id of the home L1, as anvil has it by default; others count up from it.
const HOME_CHAIN: u64 = 31_337;
/// Who deploys, and has all tokens that are not staked: the first account that anvil gives money.
pub(crate) const DEPLOYER: &str =
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
/// What each validator stakes, in tokens, and the weight of a token.
const STAKE: u64 = 10;
const WEIGHT_OF_TOKEN: u64 = 1_000_000_000;
/// What each validator has, in tokens.
const ALLOWANCE: u64 = 100;
const TOKEN: u64 = 1_000_000_000_000_000_000;
/// Seed of the account that relays.
const RELAYER: &str = "relayer";
/// How often light clients are updated, in blocks of the network.
const RELAY_EVERY: &str = "50";

/// Contracts' terms that a laptop's sleep does not break.
const TERMS: Terms = Terms {
    escrow_s: 7_200,
    trust_period_s: 3_600,
    ..Terms::development()
};

/// An account that has a validator, and the file with its key.
#[derive(Debug)]
struct Operator {
    account: Account,
    key: PathBuf,
}

impl Operator {
    fn new(name: &str, directory: &Path) -> Result<Self> {
        Ok(Self {
            account: Account::of(name.as_bytes())?,
            key: key_file(directory, name)?,
        })
    }
}

/// A network whose committees come from the first of some L1s: everything deployed, everybody
/// registered, and its nodes and a relayer running.
pub(crate) async fn network(
    program: &Path,
    plan: Plan,
    chains: u8,
    mut step: impl FnMut(&str),
) -> Result<Network> {
    step("starting an L1, a block a second");
    let l1 = L1::start(chains, &plan).await?;
    network_on(l1, program, plan, step).await
}

/// The same on L1s that run.
pub(crate) async fn network_on(
    mut l1: L1,
    program: &Path,
    plan: Plan,
    mut step: impl FnMut(&str),
) -> Result<Network> {
    step("making keys and a genesis document");
    let mut network = Network::prepare(program, &l1.plan(plan))?;
    step("deploying the contracts, registering the validators");
    let deployed = l1.deploy(&network).await;
    l1.explained(deployed)?;
    network.l1 = Some(l1);
    step(&format!(
        "starting {} nodes and a relayer",
        network.nodes.len()
    ));
    network.start().await?;
    let relaying = network.relay().await;
    network.explained(relaying)?;
    Ok(network)
}

/// L1s with a network's contracts. Dropping it kills their processes and removes its directory.
#[derive(Debug)]
pub(crate) struct L1 {
    /// The home L1 first.
    pub(crate) chains: Vec<Anvil>,
    /// On the home L1.
    pub(crate) contracts: Contracts,
    /// Where nodes read the home L1.
    pub(crate) endpoints: Vec<String>,
    /// Light clients, by L1.
    pub(crate) light_clients: Vec<Address>,
    relayer: Option<Process>,
    operators: Vec<Operator>,
    deployer: Account,
    directory: PathBuf,
    // Removes the directory; the processes above are dropped and thereby killed first.
    removal: Option<TempDir>,
}

impl L1 {
    /// Starts the L1s for the validators of a plan; nothing is deployed yet.
    pub(crate) async fn start(count: u8, plan: &Plan) -> Result<Self> {
        let temporary = tempfile::Builder::new().prefix("sequencer-l1-").tempdir()?;
        let directory = temporary.path().to_owned();
        let mut chains = Vec::new();
        for number in 0..u64::from(count) {
            chains.push(Anvil::start(HOME_CHAIN + number, plan.ip, &directory).await?);
        }
        let mut secret = [0; 32];
        hex::decode_to_slice(DEPLOYER, &mut secret).context("the deployer's key is no key")?;
        let deployer = Account::from_bytes(&secret)?;
        let mut operators = Vec::new();
        for index in 0..plan.weights.len() {
            operators.push(Operator::new(&format!("operator{index}"), &directory)?);
        }
        // Committees from the stake table are in the order of their operators' addresses.
        operators.sort_by_key(|operator| operator.account.address());
        Ok(Self {
            contracts: Contracts::predicted(deployer.address(), 0),
            light_clients: Vec::new(),
            endpoints: chains.iter().take(1).map(|home| home.url.clone()).collect(),
            relayer: None,
            chains,
            operators,
            deployer,
            directory,
            removal: Some(temporary),
        })
    }

    /// Who deploys, at one of the L1s.
    pub(crate) async fn deployer_at(&self, chain: &Anvil) -> Result<Sender> {
        chain.sender(&self.deployer).await
    }

    /// The home L1.
    pub(crate) fn home(&self) -> &Anvil {
        &self.chains[0]
    }

    /// The plan of a network whose committees come from the home L1.
    pub(crate) fn plan(&self, mut plan: Plan) -> Plan {
        let url = &self.home().url;
        let table = self.contracts.stake_table.to_string();
        let chain = self.home().chain_id.to_string();
        plan.weights = vec![STAKE * WEIGHT_OF_TOKEN; self.operators.len()];
        plan.entries = self
            .operators
            .iter()
            .map(|operator| {
                let operator = operator.account.address().to_string();
                let options = [
                    ("--l1-chain-id", &chain),
                    ("--stake-table", &table),
                    ("--operator", &operator),
                ];
                let options = options.into_iter();
                options
                    .flat_map(|(name, value)| [name.to_owned(), value.clone()])
                    .collect()
            })
            .collect();
        let endpoints = self.endpoints.join(",");
        plan.with_genesis(&["--l1", url]).with_settings(&[
            "--l1.endpoints",
            &endpoints,
            "--l1.poll-ms",
            "500",
        ])
    }

    /// Deploys the contracts, registers all validators, and waits until that is final: the first
    /// committee from the contract is that of epoch 3.
    pub(crate) async fn deploy(&mut self, network: &Network) -> Result<()> {
        let genesis = &network.genesis;
        let header = trust::genesis_block(genesis)?;
        let artifacts = Artifacts::new(&contracts::Contracts::Network.artifacts());
        let sender = self.home().sender(&self.deployer).await?;
        self.contracts = deploy_home(&sender, &artifacts, genesis, &header, &TERMS).await?;
        self.light_clients = vec![self.contracts.light_client];
        for away in &self.chains[1..] {
            let sender = away.sender(&self.deployer).await?;
            let address = deploy_away(&sender, &artifacts, genesis, &header, &TERMS).await?;
            self.light_clients.push(address);
        }
        for operator in &self.operators {
            self.endow(&sender, operator).await?;
        }
        self.register(network).await
    }

    /// Gives an account ether and tokens.
    async fn endow(&self, sender: &Sender, operator: &Operator) -> Result<()> {
        let operator = operator.account.address();
        self.home().fund(operator).await?;
        let call = IStakeToken::transferCall {
            to: abi::address(operator),
            value: U256::from(ALLOWANCE) * U256::from(TOKEN),
        };
        let sent = sender.send(Some(self.contracts.token), call.abi_encode());
        sent.await?;
        Ok(())
    }

    /// The key file of a new account that can become a validator.
    pub(crate) async fn newcomer(&self) -> Result<PathBuf> {
        let operator = Operator::new("newcomer", &self.directory)?;
        let sender = self.home().sender(&self.deployer).await?;
        self.endow(&sender, &operator).await?;
        Ok(operator.key)
    }

    /// All validators register at the same time: each waits for blocks.
    async fn register(&self, network: &Network) -> Result<()> {
        let mut under_way = Vec::new();
        for node in &network.nodes {
            let address = node.p2p_multiaddr();
            let line = [
                "register",
                "--amount",
                &STAKE.to_string(),
                "--address",
                &address,
            ];
            let mut command = self.stake(network, node, &line);
            command.arg("--data-dir").arg(node.home());
            under_way.push(tokio::task::spawn_blocking(move || answer(&mut command)));
        }
        let mut last = 0;
        for registration in under_way {
            let text = registration.await??;
            last = last.max(last_block(&text)?);
        }
        self.home().finalized(last).await
    }

    /// Adds stake to a validator, from its own account.
    pub(crate) async fn delegate(
        &self,
        network: &Network,
        index: usize,
        tokens: u64,
    ) -> Result<()> {
        self.do_stake(
            network,
            index,
            &["delegate", "--amount", &tokens.to_string()],
        )
        .await
    }

    /// Announces that a validator leaves for good.
    pub(crate) async fn exit(&self, network: &Network, index: usize) -> Result<()> {
        self.do_stake(network, index, &["exit"]).await
    }

    async fn do_stake(&self, network: &Network, index: usize, line: &[&str]) -> Result<()> {
        let mut command = self.stake(network, &network.nodes[index], line);
        tokio::task::spawn_blocking(move || answer(&mut command)).await??;
        Ok(())
    }

    /// `sequencer stake ..` by a validator's account.
    fn stake(&self, network: &Network, node: &Node, line: &[&str]) -> Command {
        let mut command = node.program();
        command.arg("stake").args(line).arg("--json");
        command.args(["--l1", &self.home().url]);
        command.arg("--genesis").arg(network.genesis_file());
        command
            .arg("--account")
            .arg(&self.operators[node.index].key);
        command
    }

    /// Starts `sequencer relay` for all L1s, reading from a node.
    pub(crate) async fn relay(&mut self, node: &Node) -> Result<()> {
        let account = Account::of(RELAYER.as_bytes())?;
        let mut command = node.program();
        command.arg("relay").args(["--url", &node.url()]);
        for (chain, address) in self.chains.iter().zip(&self.light_clients) {
            chain.fund(account.address()).await?;
            let target = if chain.chain_id == HOME_CHAIN {
                chain.url.clone()
            } else {
                format!("{}#{address}", chain.url)
            };
            command.args(["--l1", &target]);
        }
        command
            .arg("--key")
            .arg(key_file(&self.directory, RELAYER)?);
        command.args([
            "--every",
            RELAY_EVERY,
            "--poll-ms",
            "500",
            "--bump-after",
            "10",
        ]);
        self.relayer = Some(Process::start("relayer", command, &self.directory)?);
        Ok(())
    }

    /// The newest block that a light client believes.
    pub(crate) async fn finalized(&self, chain: usize) -> Result<client::Finalized> {
        let call = client::ILightClient::finalizedCall {};
        self.chains[chain]
            .view(self.light_clients[chain], &call)
            .await
    }

    /// Stake of a validator in the contract, in token units.
    async fn stake_of(&self, operator: Address) -> Result<u128> {
        let call = stake_table::IStakeTable::operatorCall {
            account: abi::address(operator),
        };
        let found = self.home().view(self.contracts.stake_table, &call).await?;
        Ok(abi::from_amount(found.own) + abi::from_amount(found.delegated))
    }

    /// Fails if a process that should run does not.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.processes().try_for_each(Process::check)
    }

    /// After a failure: the end of the logs, and where they stay.
    pub(crate) fn explain(&mut self) {
        for process in self.processes() {
            eprintln!("{}", process.last_lines());
        }
        if let Some(removal) = self.removal.take() {
            eprintln!("logs of the L1 are in {}", removal.keep().display());
        }
    }

    /// Passes on how something ended, with [`Self::explain`] after a failure.
    pub(crate) fn explained<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() {
            self.explain();
        }
        outcome
    }

    /// Ends the relayer, then the L1s.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        if let Some(relayer) = &mut self.relayer {
            relayer.stop().await?;
        }
        for chain in &mut self.chains {
            chain.process.end().await?;
        }
        Ok(())
    }

    fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        let chains = self.chains.iter_mut().map(|chain| &mut chain.process);
        chains.chain(self.relayer.as_mut())
    }

    /// URLs and addresses, for people.
    pub(crate) fn describe(&self) -> String {
        let mut lines = Vec::new();
        for (chain, light_client) in self.chains.iter().zip(&self.light_clients) {
            let Anvil { chain_id, url, .. } = chain;
            lines.push(format!(
                "  L1 {chain_id}  {url}  light client {light_client}"
            ));
        }
        let Contracts {
            token, stake_table, ..
        } = self.contracts;
        lines.push(format!("  stake table {stake_table}  token {token}"));
        lines.push(format!(
            "  tokens that nobody staked are with {}, the first account that anvil gives money",
            self.deployer.address()
        ));
        lines.join("\n")
    }
}

/// A file with the key of an account that a name gives, as the program reads it.
fn key_file(directory: &Path, name: &str) -> Result<PathBuf> {
    secret_file(directory, name, &hex::encode(keccak(name.as_bytes()).0))
}

/// A file with the key of an account, as programs read it.
pub(crate) fn secret_file(directory: &Path, name: &str, secret: &str) -> Result<PathBuf> {
    let path = directory.join(format!("{name}.key"));
    fs::write(&path, secret)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(path)
}

/// The L1 block of the last of some transactions that the program says it sent.
fn last_block(text: &str) -> Result<u64> {
    let sent: Vec<serde_json::Value> = serde_json::from_str(text)
        .with_context(|| format!("`{}` is no list of transactions", text.trim()))?;
    let blocks = sent.iter().filter_map(|one| one["l1_block"].as_u64());
    let last = blocks.max();
    ensure!(last.is_some(), "nothing was sent: {}", text.trim());
    last.context("nothing was sent")
}
