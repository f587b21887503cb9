//! Committees from a stake table on a real EVM, and a light client that follows them.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command},
};

use hotshot_types::{Address, Committee, Epoch, GenesisDocument};
use light_client::{
    abi::{SolCall, U256, address, light_client::ILightClient, token::IStakeToken},
    deploy::{Contracts, Terms, deploy_home},
    rpc::Tag,
};
use sequencer_client::{ClientConfig, client::Api, trust};

use super::{
    anvil::Anvil,
    network::{Network, Node, eventually, sequencer, succeeds},
    proxy::{Manner, Proxy},
};

/// Stake of each of the first validators in tokens, and the same as a weight.
pub(crate) const TOKENS: [u64; 4] = [10, 11, 12, 13];
const WEIGHT_OF_TOKEN: u64 = 1_000_000_000;

/// Contracts whose light client goes on from a block of any age that a test may have, however busy
/// the machine is.
const PATIENT: Terms = Terms {
    escrow_s: 3_700,
    trust_period_s: 3_600,
    ..Terms::development()
};

/// Contracts that pay stake back within a test.
const IMPATIENT: Terms = Terms {
    escrow_s: 105,
    trust_period_s: 100,
    ..Terms::development()
};

pub(crate) struct Home {
    pub(crate) anvil: Anvil,
    pub(crate) network: Network,
    pub(crate) contracts: Contracts,
    pub(crate) genesis: GenesisDocument,
}

impl Home {
    /// A network of four, its contracts, and nobody registered yet. Account 0 deploys, accounts 1
    /// to 4 are the validators'.
    pub(crate) fn new() -> Self {
        Self::on(1, &[])
    }

    /// With epochs of so many blocks.
    pub(crate) fn with_epochs_of(blocks: u64) -> Self {
        Self::made(1, &[], blocks, &PATIENT)
    }

    /// The same on an L1 with slots in an epoch, and with settings for every node.
    pub(crate) fn on(slots: u8, settings: &[&str]) -> Self {
        Self::made(slots, settings, 30, &PATIENT)
    }

    fn made(slots: u8, settings: &[&str], epoch_length: u64, terms: &Terms) -> Self {
        let epoch_length = epoch_length.to_string();
        let anvil = Anvil::start(slots);
        let contracts = Contracts::predicted(anvil.address(0), 0);
        let stake_table = contracts.stake_table.to_string();
        let network = Network::with(
            settings,
            &["--l1", &anvil.url, "--epoch-length", &epoch_length],
            |index| {
                let weight = TOKENS[index] * WEIGHT_OF_TOKEN;
                [
                    ("--l1-chain-id", "31337".to_owned()),
                    ("--stake-table", stake_table.clone()),
                    ("--operator", anvil.address(index + 1).to_string()),
                    ("--weight", weight.to_string()),
                ]
                .into_iter()
                .flat_map(|(name, value)| [name.to_owned(), value])
                .collect()
            },
        );
        let path = network.directory.path().join("genesis.toml");
        let genesis: GenesisDocument = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let mut home = Self {
            anvil,
            network,
            contracts,
            genesis,
        };
        home.deploy(terms);
        for node in &mut home.network.nodes {
            node.l1 = vec![home.anvil.url.clone()];
        }
        home
    }

    fn deploy(&self, terms: &Terms) {
        let header = trust::genesis_block(&self.genesis).unwrap();
        let artifacts = ::anvil::artifacts();
        let sender = self.anvil.sender(0);
        let deployed = deploy_home(&sender, &artifacts, &self.genesis, &header, terms);
        assert_eq!(self.anvil.ask(deployed).unwrap(), self.contracts);
        for index in 1..7 {
            let call = IStakeToken::transferCall {
                to: address(self.anvil.address(index)),
                value: U256::from(1_000_u64) * U256::from(10_u64).pow(U256::from(18)),
            };
            let sent = sender.send(Some(self.contracts.token), call.abi_encode());
            self.anvil.ask(sent).unwrap();
        }
    }

    /// `sequencer stake ..` by an account.
    pub(crate) fn stake(&self, account: usize, line: &[&str]) -> String {
        let directory = self.network.directory.path();
        let key = self.anvil.key_file(account, directory);
        let mut command = sequencer(&["stake"]);
        command.args(line).args(["--l1", &self.anvil.url]);
        command.arg("--genesis").arg(directory.join("genesis.toml"));
        command.arg("--account").arg(key);
        String::from_utf8(succeeds(&mut command).stdout).unwrap()
    }

    pub(crate) fn register(&self, account: usize, node: &Node, tokens: &str) {
        let home = node.home.to_str().unwrap();
        let address = node.address();
        self.stake(
            account,
            &[
                "register",
                "--amount",
                tokens,
                "--data-dir",
                home,
                "--address",
                &address,
            ],
        );
    }

    pub(crate) fn register_all(&self) {
        for (index, node) in self.network.nodes.iter().enumerate() {
            self.register(index + 1, node, &TOKENS[index].to_string());
        }
    }

    /// Everybody registered and running.
    pub(crate) fn start(&mut self) {
        self.register_all();
        for node in &mut self.network.nodes {
            node.start();
        }
    }

    pub(crate) fn api(&self, node: usize) -> Api {
        Api::new(&self.network.nodes[node].url(), ClientConfig::default()).unwrap()
    }

    pub(crate) fn committee(&self, epoch: u64) -> Option<Committee> {
        let answer = self.anvil.ask(self.api(0).epoch(Epoch(epoch)));
        Some(answer.ok()?.committee)
    }

    /// The epoch of the light client.
    pub(crate) fn light_client_epoch(&self) -> u64 {
        self.light_client_epoch_at(Tag::Latest)
    }

    pub(crate) fn light_client_epoch_at(&self, block: Tag) -> u64 {
        let call = ILightClient::finalizedCall {};
        self.view(self.contracts.light_client, call, block).epoch
    }

    pub(crate) fn view<C: SolCall>(&self, contract: Address, call: C, block: Tag) -> C::Return {
        let answer = self.anvil.endpoint.view(contract, &call, block);
        self.anvil.ask(answer).unwrap()
    }

    /// A relayer that asks a certain node.
    pub(crate) fn relay(&self, account: usize, node: usize) -> Relay {
        let log = self.network.directory.path();
        let log = log.join(format!("relay{account}.log"));
        Relay::start(&mut self.relay_command(account, node), log)
    }

    pub(crate) fn relay_command(&self, account: usize, node: usize) -> Command {
        let directory = self.network.directory.path();
        let mut command = sequencer(&["relay", "--poll-ms", "300", "--bump-after", "5"]);
        let url = self.network.nodes[node].url();
        command.args(["--url", &url, "--l1", &self.anvil.url]);
        command
            .arg("--key")
            .arg(self.anvil.key_file(account, directory));
        command
    }

    pub(crate) fn newest_epoch(&self) -> u64 {
        self.network.nodes[0].epoch()
    }

    #[track_caller]
    pub(crate) fn until_epoch(&self, epoch: u64) {
        eventually(&format!("epoch {epoch}"), || self.newest_epoch() >= epoch);
    }
}

pub(crate) struct Relay {
    process: Child,
    log: PathBuf,
}

impl Relay {
    /// Starts a process that is killed in the end.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Self {
        command.stderr(fs::File::create(&log).unwrap());
        Self {
            process: command.spawn().unwrap(),
            log,
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }
}

pub(crate) fn tokens(committee: &Committee) -> Vec<u64> {
    let mut tokens: Vec<u64> = committee
        .weights()
        .iter()
        .map(|weight| weight / WEIGHT_OF_TOKEN)
        .collect();
    tokens.sort_unstable();
    tokens
}

/// T4, and the light client's updates: the whole way from a registration to a relayed certificate.
#[test]
fn committees_come_from_the_stake_table_and_the_light_client_follows_them() {
    let mut home = Home::new();
    home.start();
    home.until_epoch(2);
    let relay = home.relay(6, 0);
    // More stake for the first validator: two epochs later it weighs more.
    home.stake(1, &["delegate", "--amount", "5"]);
    let mut last = 0;
    eventually("a committee has the new stake", || {
        last = last.max(home.newest_epoch());
        home.committee(last + 1)
            .is_some_and(|committee| tokens(&committee) == [11, 12, 13, 15])
    });
    let changed = last + 1;
    home.until_epoch(changed + 1);
    eventually("the light client is in an epoch with the new stake", || {
        home.light_client_epoch() > changed
    });
    let log = relay.log();
    assert!(log.contains("relayed"), "{log}");
    home.network.assert_no_equivocation();
}

/// The first epoch whose committee is as asked for.
#[track_caller]
pub(crate) fn epoch_with(home: &Home, what: &str, is_right: impl Fn(&Committee) -> bool) -> u64 {
    let mut found = 0;
    eventually(what, || {
        let newest = home.newest_epoch() + 1;
        found = newest;
        home.committee(newest)
            .is_some_and(|committee| is_right(&committee))
    });
    found
}

/// A validator that nobody knew comes with a genesis document and an L1 URL; one of the first goes
/// and gets its stake back.
#[test]
fn a_fifth_validator_joins_and_one_of_the_first_leaves_with_its_stake() {
    // Epochs long enough for an L1 of a block a second to follow in the middle of one.
    let mut home = Home::made(1, &[], 150, &IMPATIENT);
    home.start();
    // A relayer whose node stays.
    let relay = home.relay(6, 1);
    home.until_epoch(2);
    let mut fifth = Node::stranger(&home.network, "fifth");
    fifth.l1 = vec![home.anvil.url.clone()];
    // The consensus key and the account never meet.
    let payload = home.network.directory.path().join("payload.json");
    let operator = home.anvil.address(5).to_string();
    fifth.call(&[
        "stake",
        "payload",
        "--genesis",
        home.network
            .directory
            .path()
            .join("genesis.toml")
            .to_str()
            .unwrap(),
        "--operator",
        &operator,
        "--address",
        &fifth.address(),
        "--out",
        payload.to_str().unwrap(),
    ]);
    let register = [
        "register",
        "--amount",
        "20",
        "--payload",
        payload.to_str().unwrap(),
    ];
    let dry = home.stake(5, &[&register[..], &["--dry-run"]].concat());
    assert!(dry.contains("nothing was sent"), "{dry}");
    home.stake(5, &register);
    fifth.start();
    let joined = epoch_with(&home, "a committee of five", |committee| {
        committee.len() == 5
    });
    home.until_epoch(joined);
    eventually("the fifth votes", || {
        assert_eq!(fifth.exit_code(), None, "{}", fifth.log());
        fifth.votes() > 5
    });
    let known = home.anvil.ask(home.api(0).validators()).unwrap().validators;
    let named = known
        .iter()
        .find(|known| known.operator == Some(home.anvil.address(5)));
    assert_eq!(named.unwrap().address, Some(fifth.address()));
    let before = home.stake(1, &["exit"]);
    assert!(before.contains("leave for good"), "{before}");
    let gone = epoch_with(&home, "a committee without the first", |committee| {
        tokens(committee) == [11, 12, 13, 20]
    });
    home.until_epoch(gone + 1);
    home.network.nodes[0].kill();
    let votes = fifth.votes();
    eventually("the others go on without it", || fifth.votes() > votes + 20);
    let first = home.anvil.address(1).to_string();
    let directory = home.network.directory.path();
    let key = home.anvil.key_file(1, directory);
    let stake = |line: &[&str]| {
        let mut command = sequencer(&["stake", line[0], "--l1", &home.anvil.url]);
        command.arg("--genesis").arg(directory.join("genesis.toml"));
        command.args(&line[1..]);
        command
    };
    let status = succeeds(&mut stake(&["status", "--operator", &first, "--json"])).stdout;
    let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
    assert_eq!(status["state"], "left");
    assert_eq!(status["withdrawals"][0]["pays"], "10");
    let number = status["withdrawals"][0]["number"].to_string();
    eventually("the stake is paid back", || {
        let mut command = stake(&["withdraw", &number, "--account"]);
        command.arg(&key).output().unwrap().status.success()
    });
    drop(relay);
    home.network.assert_no_equivocation();
}

/// Acceptance 4: an endpoint of three is dead, limits the rate, lags and lies in turns.
#[test]
fn one_faulty_endpoint_of_three_changes_no_committee_and_is_named() {
    let mut home = Home::new();
    home.register_all();
    let serving = tokio::runtime::Runtime::new().unwrap();
    let proxies = (0..3).map(|_| serving.block_on(Proxy::before(&home.anvil.url)));
    let proxies: Vec<Proxy> = proxies.collect::<Result<_, _>>().unwrap();
    for node in &mut home.network.nodes {
        node.l1 = proxies.iter().map(Proxy::url).collect();
        node.start();
    }
    home.until_epoch(2);
    let mut stake = TOKENS;
    for (turn, manner) in Manner::FAULTS.into_iter().enumerate() {
        println!("{} is {}", proxies[turn % 3].name, manner.name());
        proxies[turn % 3].behave(manner);
        stake[1] += 3;
        home.stake(2, &["delegate", "--amount", "3"]);
        let mut expected = stake.to_vec();
        expected.sort_unstable();
        let what = format!("{manner:?}: the new stake is in a committee");
        let epoch = epoch_with(&home, &what, |committee| tokens(committee) == expected);
        home.until_epoch(epoch);
        proxies[turn % 3].behave(Manner::Honest);
    }
    for node in &home.network.nodes {
        for metric in [
            "sequencer_l1_disagreements_total",
            "sequencer_l1_rpc_errors_total",
        ] {
            assert!(
                node.metric(metric).is_some_and(|count| count > 0),
                "{metric}"
            );
        }
    }
    home.network.assert_no_equivocation();
}
