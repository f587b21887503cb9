//! A network of whole nodes in this process, each with a runtime of its own.

use std::{
    path::Path,
    process::Command,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use hotshot_types::{
    Address, GenesisDocument, Hash, L1Block, Parameters, TimestampMs, genesis::GenesisValidator,
};
use sequencer::{
    config::{MetricsSettings, NodeConfig, P2pSettings, Settings},
    genesis_file,
    keys::{self, KeyPaths},
    network::PeerId,
    node::{self, NodeError},
};
use sequencer_client::{Client, ClientConfig, client::Api, trust, types::NodeState};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(240);

/// Waits for something that no channel announces.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn address(port: u16) -> String {
    format!("/ip4/127.0.0.1/tcp/{port}")
}

/// Runs the program and returns what it says.
pub(crate) fn sequencer(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sequencer"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Where a node is and whom it knows, where that is not what genesis says.
#[derive(Default)]
pub(crate) struct Place {
    pub(crate) listen: Option<String>,
    pub(crate) announce: Option<String>,
    pub(crate) peers: Vec<String>,
    pub(crate) bootnodes: Vec<String>,
}

pub(crate) struct Net {
    pub(crate) genesis: GenesisDocument,
    directory: TempDir,
    validators: Vec<PeerId>,
}

impl Net {
    /// Validators of equal weight; `address` says what genesis says about a port.
    pub(crate) fn new(validators: usize, address: impl Fn(u16) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let salt = genesis_file::salt_of_name("following");
        let mut peers = Vec::new();
        let mut members = Vec::new();
        for index in 0..validators {
            let (consensus, network) = keys::create(
                &paths(&home(&directory, index)),
                &keys::Protection::Development,
            )
            .unwrap();
            peers.push(network.public().to_peer_id());
            members.push(GenesisValidator {
                operator: Address::ZERO,
                key: consensus.public_key(),
                possession: consensus
                    .prove_possession(genesis_file::chain_domain(salt), Address::ZERO),
                weight: 1,
                network_key: Hash(keys::network_public(&network)),
                address: address(crate::ports::free()),
            });
        }
        let genesis = GenesisDocument {
            l1_chain_id: 0,
            stake_table: Address::ZERO,
            salt,
            timestamp_ms: TimestampMs(1),
            l1: L1Block {
                number: 0,
                hash: Hash::ZERO,
                timestamp: 0,
            },
            seeds: [Hash([1; 32]), Hash([2; 32])],
            parameters: Parameters {
                epoch_length: 10,
                ..Parameters::development()
            },
            validators: members,
        };
        let net = Self {
            genesis,
            directory,
            validators: peers,
        };
        for index in 0..validators {
            net.place_genesis(&home(&net.directory, index));
        }
        net
    }

    fn place_genesis(&self, home: &Path) {
        let text = toml::to_string(&self.genesis).unwrap();
        std::fs::write(home.join("genesis.toml"), text).unwrap();
    }

    pub(crate) fn peer_id(&self, index: usize) -> PeerId {
        self.validators[index]
    }

    pub(crate) fn home(&self, index: usize) -> String {
        home(&self.directory, index).display().to_string()
    }

    /// Whether a validator has written an address down for its next start.
    pub(crate) fn knows(&self, index: usize, address: &str) -> bool {
        let file = home(&self.directory, index).join("addresses");
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes
            .windows(address.len())
            .any(|part| part == address.as_bytes())
    }

    pub(crate) fn validator(&self, index: usize, place: &Place) -> Running {
        let promised = self.genesis.validators[index].address.clone();
        let listen = promised.replace("/dns/localhost/", "/ip4/127.0.0.1/");
        self.start(&home(&self.directory, index), place, &listen)
    }

    pub(crate) fn follower(&self, name: &str, place: &Place) -> Running {
        let home = self.directory.path().join(name);
        keys::create_network(&paths(&home).network, &keys::Protection::Development).unwrap();
        self.place_genesis(&home);
        self.start(&home, place, &address(0))
    }

    /// A node with a consensus key that is in no committee.
    pub(crate) fn follower_with_keys(&self, name: &str, place: &Place) -> Running {
        let home = self.directory.path().join(name);
        keys::create(&paths(&home), &keys::Protection::Development).unwrap();
        self.place_genesis(&home);
        self.start(&home, place, &address(0))
    }

    fn start(&self, home: &Path, place: &Place, listen: &str) -> Running {
        let listen = place.listen.as_deref().unwrap_or(listen);
        let mut settings = Settings {
            data_dir: Some(home.to_owned()),
            p2p: P2pSettings {
                listen: Some(vec![listen.parse().unwrap()]),
                announce: place
                    .announce
                    .as_ref()
                    .map(|text| vec![text.parse().unwrap()]),
                peers: Some(
                    place
                        .peers
                        .iter()
                        .map(|text| text.parse().unwrap())
                        .collect(),
                ),
                bootnodes: Some(
                    place
                        .bootnodes
                        .iter()
                        .map(|text| text.parse().unwrap())
                        .collect(),
                ),
            },
            metrics: MetricsSettings {
                enabled: Some(false),
                listen: None,
            },
            ..Settings::default()
        };
        settings.api.listen = Some(([127, 0, 0, 1], crate::ports::free()).into());
        self.spawn(&settings)
    }

    /// Runs what `init` prepared.
    pub(crate) fn run(&self, home: &Path) -> Running {
        let settings = Settings {
            data_dir: Some(home.to_owned()),
            ..Settings::default()
        };
        self.spawn(&settings.with_file(None).unwrap())
    }

    fn spawn(&self, settings: &Settings) -> Running {
        let config = NodeConfig::load(settings).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let api = format!("http://{}", config.api.listen);
        let peer_id = config.network_key.public().to_peer_id();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(node::run(config, async {
                stopped.await.ok();
            }))
        });
        Running {
            peer_id,
            api,
            genesis: self.genesis.clone(),
            stop,
            thread,
        }
    }
}

fn home(directory: &TempDir, index: usize) -> std::path::PathBuf {
    directory.path().join(format!("validator{index}"))
}

fn paths(home: &Path) -> KeyPaths {
    KeyPaths {
        consensus: home.join("keys/consensus.key"),
        network: home.join("keys/network.key"),
    }
}

pub(crate) struct Running {
    pub(crate) peer_id: PeerId,
    api: String,
    genesis: GenesisDocument,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), NodeError>>,
}

impl Running {
    pub(crate) fn api(&self) -> Api {
        Api::new(&self.api, ClientConfig::default()).unwrap()
    }

    /// A client that trusts the genesis document and nothing else.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.api(), trust::from_genesis(&self.genesis).unwrap())
    }

    /// Waits until a height is final here.
    pub(crate) async fn reaches(&self, height: u64) {
        let api = self.api();
        eventually("a height", async || {
            assert!(!self.thread.is_finished(), "the node has stopped");
            let state = api.status().await.ok()?;
            (state.final_height.0 >= height).then_some(())
        })
        .await;
    }

    /// Waits until the node says that it does its job.
    pub(crate) async fn ready(&self) -> NodeState {
        let api = self.api();
        eventually("readiness", async || {
            api.status().await.ok().filter(|state| state.ready)
        })
        .await
    }

    pub(crate) fn stop(self) {
        drop(self.stop);
        self.thread.join().unwrap().unwrap();
    }
}
