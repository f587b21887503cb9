//! Misbehaviour of a real validator ends in a slashed stake on a real EVM.
//!
//! The modified node is the test itself: it connects with the validator's network key and signs with
//! its consensus key what no honest node signs.

use std::{fs, path::Path, process::Command};

use bytes::Bytes;
use hotshot_types::{
    Hash, Message, PublicKey, Round, SecretKey, Statement, ValidatorIndex, View, Vote, VoteKind,
    codec, evidence::Evidence,
};
use light_client::{
    abi::{
        address,
        light_client::ILightClient,
        stake_table::{IStakeTable, Operator},
        token::IStakeToken,
    },
    rpc::Tag,
};
use sequencer::{
    keys::{self, PasswordSource, Unlock},
    network::{Inbound, Lane, Network as Wire, NetworkConfig, Peer, PeerId},
};

use super::{
    home::{Home, Relay, epoch_with, tokens},
    network::{Node, eventually, sequencer, succeeds},
};

/// A tenth of a tenth of 13 tokens, in units of 1e-18.
const REWARD: u128 = 130_000_000_000_000_000;

impl Home {
    /// The stake table's word on an account.
    fn operator(&self, account: usize) -> Operator {
        let call = IStakeTable::operatorCall {
            account: address(self.anvil.address(account)),
        };
        self.view(self.contracts.stake_table, call, Tag::Latest)
    }

    fn balance(&self, account: usize) -> u128 {
        let call = IStakeToken::balanceOfCall {
            account: address(self.anvil.address(account)),
        };
        self.view(self.contracts.token, call, Tag::Latest)
            .try_into()
            .unwrap()
    }

    fn evidence(&self, node: usize) -> Vec<Evidence> {
        let page = self.anvil.ask(self.api(node).evidence(None));
        page.map(|page| page.evidence).unwrap_or_default()
    }

    /// `sequencer watchtower`, which has nothing of the network but URLs of its nodes.
    fn watchtower(&self, account: usize, nodes: &[usize]) -> Command {
        let directory = self.network.directory.path();
        let urls: Vec<String> = nodes
            .iter()
            .map(|node| self.network.nodes[*node].url())
            .collect();
        let mut command = sequencer(&["watchtower", "--poll-ms", "300", "--stagger-ms", "0"]);
        command.args(["--url", &urls.join(","), "--l1", &self.anvil.url]);
        command
            .arg("--key")
            .arg(self.anvil.key_file(account, directory));
        command
    }

    fn height(&self, node: usize) -> Option<u64> {
        self.network.nodes[node].metric("sequencer_consensus_height")
    }

    fn keep_watch(&self, account: usize, nodes: &[usize]) -> Relay {
        let directory = self.network.directory.path();
        let log = directory.join(format!("watchtower{account}.log"));
        Relay::start(&mut self.watchtower(account, nodes), log)
    }
}

/// A validator's keys in the hands of somebody else.
struct Rogue {
    wire: Wire,
    secret: SecretKey,
    domain: Hash,
    /// Kept, so that what comes in has a place to wait.
    _inbound: Inbound,
}

impl Rogue {
    /// Takes the place of a validator, which has to be dead.
    fn in_place_of(home: &Home, node: usize) -> Self {
        let keys = home.network.nodes[node].home.join("keys");
        let mut unlock = Unlock::with(PasswordSource::Prompt);
        let secret = keys::load_consensus(&keys.join("consensus.key"), &mut unlock).unwrap();
        let network = keys::load_network(&keys.join("network.key"), &mut unlock).unwrap();
        let domain = home.genesis.chain_domain();
        let mut config = NetworkConfig::new(network, domain.0);
        config.listen = vec![home.network.nodes[node].address().parse().unwrap()];
        let others = home.network.nodes.iter().enumerate();
        config.peers = others
            .filter(|(index, _)| *index != node)
            .map(|(_, other)| Peer {
                id: peer_of(other),
                addresses: vec![other.address().parse().unwrap()],
            })
            .collect();
        let (wire, inbound) = home.anvil.ask(Wire::spawn(config)).unwrap();
        Self {
            wire,
            secret,
            domain,
            _inbound: inbound,
        }
    }

    fn key(&self) -> PublicKey {
        self.secret.public_key()
    }

    /// Sends one node two votes of each kind for different blocks of one round a little ahead.
    fn contradict_itself(&self, home: &Home, to: usize) {
        let Ok(status) = home.anvil.ask(home.api(to).status()) else {
            return;
        };
        let Some(signer) = home
            .committee(status.epoch.0)
            .and_then(|committee| committee.index_of(&self.key()))
        else {
            return;
        };
        let round = Round {
            epoch: status.epoch,
            view: View(status.view + 2),
        };
        for number in [1, 2] {
            let statement = Statement {
                round,
                height: status.final_height.plus(2),
                hash: Hash([number; 32]),
            };
            self.send(home, to, Message::Vote1(self.vote(statement, signer)));
            self.send(home, to, Message::Vote2(self.vote(statement, signer)));
        }
    }

    fn vote<K: VoteKind>(&self, statement: Statement, signer: ValidatorIndex) -> Vote<K> {
        Vote::sign(statement, signer, self.domain, &self.secret)
    }

    fn send(&self, home: &Home, to: usize, message: Message) {
        let peer = peer_of(&home.network.nodes[to]);
        let frame = Bytes::from(codec::encode(&message));
        // Not connected yet, or no more: whoever waits for an effect sends again.
        drop(self.wire.send(peer, Lane::Control, frame));
    }
}

fn peer_of(node: &Node) -> PeerId {
    let key = node.home.join("keys/network.key");
    let mut unlock = Unlock::with(PasswordSource::Prompt);
    let key = keys::load_network(&key, &mut unlock).unwrap();
    key.public().to_peer_id()
}

fn names(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Votes1(..) => "EV2",
        Evidence::Votes2(..) => "EV3",
        Evidence::Fork(..) => "EV5",
        _ => "another",
    }
}

/// Acceptance 3: the modified node votes twice, and all the way to a committee without it.
#[test]
fn a_validator_that_votes_twice_loses_stake_and_seat_to_a_watcher_with_the_public_api() {
    let mut home = Home::new();
    home.register_all();
    for node in &mut home.network.nodes {
        node.start();
    }
    home.until_epoch(2);
    // A fifth, so that four are left without the guilty one.
    let mut fifth = Node::stranger(&home.network, "fifth");
    fifth.l1 = vec![home.anvil.url.clone()];
    home.register(5, &fifth, "20");
    fifth.start();
    let joined = epoch_with(&home, "a committee of five", |committee| {
        committee.len() == 5
    });
    home.until_epoch(joined);
    eventually("the fifth votes", || {
        assert_eq!(fifth.exit_code(), None, "{}", fifth.log());
        fifth.votes() > 0
    });

    home.network.nodes[3].kill();
    let before = [home.balance(0), home.balance(6)];
    let towers = [home.keep_watch(0, &[1]), home.keep_watch(6, &[1, 2])];
    let rogue = Rogue::in_place_of(&home, 3);
    eventually("the first node has evidence", || {
        rogue.contradict_itself(&home, 0);
        !home.evidence(0).is_empty()
    });
    for node in [1, 2] {
        // It was told by the first alone.
        eventually("evidence is passed on", || !home.evidence(node).is_empty());
    }
    let found: Vec<_> = home.evidence(1).iter().map(names).collect();
    assert!(
        found.iter().all(|name| ["EV2", "EV3"].contains(name)),
        "{found:?}"
    );

    eventually("the operator is jailed", || home.operator(4).jailed);
    let operator = home.operator(4);
    assert_eq!(operator.retained, 900_000_000_000_000_000);
    for account in [1, 2, 3, 5] {
        let honest = home.operator(account);
        assert!(!honest.jailed && honest.retained == 1_000_000_000_000_000_000);
    }
    let paid = || [0, 1].map(|tower| home.balance([0, 6][tower]) - before[tower]);
    eventually("the reporter is paid", || paid().iter().sum::<u128>() > 0);
    eventually("both towers have found it done", || {
        let said = |tower: &Relay| {
            let log = tower.log();
            log.contains("reported: the operator is slashed") || log.contains("was faster")
        };
        towers.iter().any(said) && {
            let mut once = home.watchtower(6, &[0, 1, 2]);
            once.args(["--once", "--json"]);
            String::from_utf8(succeeds(&mut once).stdout)
                .unwrap()
                .trim()
                == "[]"
        }
    });
    assert!(
        paid() == [REWARD, 0] || paid() == [0, REWARD],
        "{:?}: once, and to one of them",
        paid()
    );

    let gone = epoch_with(&home, "a committee without it", |committee| {
        committee.index_of(&rogue.key()).is_none()
    });
    let committee = home.committee(gone).unwrap();
    assert_eq!(tokens(&committee), [10, 11, 12, 20]);
    home.until_epoch(gone + 1);
    let votes = fifth.votes();
    eventually("the others go on without it", || fifth.votes() > votes + 20);
}

/// The doctor's word on the account of a node that is to report.
fn diagnosis(home: &Home, key: &Path) -> (String, String) {
    let mut doctor = home.network.nodes[0].command(&["doctor", "--json", "--patience", "1"]);
    doctor.args(["--l1.endpoints", &home.anvil.url]);
    let output = doctor.arg("--l1.account").arg(key).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let account = findings.iter().find(|found| found["check"] == "account");
    let account = account.unwrap_or_else(|| panic!("{report:#}"));
    let text = |key: &str| account[key].as_str().unwrap().to_owned();
    (text("status"), text("message"))
}

#[test]
fn doctor_says_whether_the_account_that_reports_can_pay() {
    let home = Home::new();
    let directory = home.network.directory.path();
    let rich = home.anvil.key_file(0, directory);
    let (status, message) = diagnosis(&home, &rich);
    assert_eq!(status, "ok", "{message}");
    assert!(message.contains(&home.anvil.address(0).to_string()));
    let poor = directory.join("poor.key");
    fs::copy(&rich, &poor).unwrap();
    fs::write(&poor, "11".repeat(32)).unwrap();
    let (status, message) = diagnosis(&home, &poor);
    assert_eq!(status, "warn", "{message}");
    assert!(message.contains("0.000000 ether") && message.contains("fund it"));
    fs::write(&poor, "no key").unwrap();
    assert_eq!(diagnosis(&home, &poor).0, "fail");
}

/// A node with an account reports by itself, and one of several is paid.
#[test]
fn of_two_nodes_with_accounts_one_reports_and_the_others_run_without() {
    let mut home = Home::new();
    home.register_all();
    let directory = home.network.directory.path().to_owned();
    for (node, account) in [(0, 0), (1, 6)] {
        let key = home.anvil.key_file(account, &directory);
        let settings = home.network.nodes[node].home.join("sequencer.toml");
        let text = fs::read_to_string(&settings).unwrap();
        let example = "#account = \"keys/account.key\"";
        assert!(text.contains(example), "{text}");
        let text = text.replace(example, &format!("account = {key:?}"));
        fs::write(&settings, text).unwrap();
    }
    for node in &mut home.network.nodes {
        node.start();
    }
    home.until_epoch(1);
    eventually("blocks are made", || home.network.nodes[2].votes() > 10);
    let before = [home.balance(0), home.balance(6)];
    home.network.nodes[3].kill();
    let rogue = Rogue::in_place_of(&home, 3);
    eventually("a node has evidence", || {
        rogue.contradict_itself(&home, 2);
        !home.evidence(2).is_empty()
    });
    eventually("the operator is jailed", || home.operator(4).jailed);
    eventually("somebody is paid", || {
        home.balance(0) + home.balance(6) == before[0] + before[1] + REWARD
    });
    let counted = |node: usize, name: &str| {
        let metric = format!("sequencer_evidence_{name}_total");
        home.network.nodes[node].metric(&metric)
    };
    eventually("both have seen it", || {
        [0, 1].iter().all(|node| counted(*node, "seen") > Some(0))
    });
    assert_eq!(counted(2, "seen"), None, "it has no account");
    eventually("one of them has reported", || {
        let reported = [0, 1].map(|node| counted(node, "reported").unwrap_or(0));
        reported == [1, 0] || reported == [0, 1]
    });
    let votes = home.network.nodes[2].votes();
    eventually("the others go on", || {
        home.network.nodes[2].votes() > votes + 20
    });
}

/// EV5: more than two thirds of the stake go back to old copies of their data and make another
/// history. Whoever sees both freezes the light client, and the relayer stops.
#[test]
fn two_histories_freeze_the_light_client_and_end_the_relayer() {
    // Both histories begin and end in one, however late the test sees how far they are.
    const EPOCH: u64 = 400;
    let mut home = Home::with_epochs_of(EPOCH);
    home.register_all();
    for node in &mut home.network.nodes {
        node.start();
    }
    home.until_epoch(2);
    // Early in an epoch that the light client knows, so that both histories stay in known epochs.
    eventually("the light client follows to the start of an epoch", || {
        succeeds(home.relay_command(6, 0).arg("--once"));
        let height = home.height(0).unwrap_or(0);
        let epoch = height / EPOCH + 1;
        home.light_client_epoch() == epoch && height % EPOCH < EPOCH / 3
    });
    let fork = home.height(0).unwrap();
    for node in &mut home.network.nodes {
        node.kill();
    }
    let copies: Vec<Node> = home.network.nodes[1..]
        .iter()
        .enumerate()
        .map(|(index, node)| node.copy(&format!("copy{index}")))
        .collect();

    for node in &mut home.network.nodes {
        node.start();
    }
    // What was on its way when they stopped may come into both.
    eventually("the first history goes on", || {
        home.height(0) > Some(fork + 10)
    });
    for node in &mut home.network.nodes {
        node.kill();
    }
    for (node, copy) in home.network.nodes[1..].iter_mut().zip(&copies) {
        node.restore(copy);
        node.start();
    }
    eventually("the second history goes on", || {
        home.height(1) > Some(fork + 30)
    });
    home.network.nodes[0].start();
    eventually("the two are seen to exclude each other", || {
        home.evidence(0)
            .iter()
            .any(|evidence| names(evidence) == "EV5")
    });

    let tower = home.keep_watch(0, &[0, 1]);
    let frozen = || {
        let call = ILightClient::isFrozenCall {};
        home.view(home.contracts.light_client, call, Tag::Latest)
    };
    eventually("the light client is frozen", frozen);
    eventually("the tower says so", || {
        tower.log().contains("the light client is frozen for good")
    });
    let mut relay = home.relay_command(6, 1);
    let relay = relay.output().unwrap();
    assert_eq!(relay.status.code(), Some(8));
    let said = String::from_utf8_lossy(&relay.stderr).into_owned();
    assert!(said.contains("the network contradicted itself"), "{said}");
    for account in 1..5 {
        assert!(!home.operator(account).jailed, "EV5 slashes nobody");
    }
}
