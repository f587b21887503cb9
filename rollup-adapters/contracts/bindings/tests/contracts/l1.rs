//! An L1 with the light client of a network of four, whose blocks are made and signed here.

use std::{
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
};

use da::{
    AccumulatorProof, BlockStamp, MapHead, MemoryStore, NamespaceId, NamespaceLeaf, NamespaceMap,
};
use hotshot_types::{
    Address, Epoch, Final, FinalityCertificate, GenesisDocument, Hash, Header, Height, L1Block,
    Round, SealedHeader, SecretKey, Signer as _, Statement, TimestampMs, ValidatorIndex,
    bls::{Aggregate, aggregate},
    digest,
    genesis::{EmptyRoots, GenesisValidator, Parameters},
    mountain_range::MountainRange,
};
use light_client::{
    Account,
    abi::light_client::ILightClient,
    account::created,
    deploy::{Artifacts, Terms, deploy_home},
    rpc::{Endpoint, Tag},
    send::{SendConfig, Sender},
    update,
};
use serde_json::Value;

pub(crate) const CHAIN: u64 = 31_337;
/// The first account that anvil gives money.
const DEPLOYER: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
/// When the chain starts, in seconds.
const START: u64 = 1_900_000_000;

pub(crate) struct L1 {
    process: Child,
    pub(crate) sender: Sender,
    pub(crate) light_client: Address,
    pub(crate) genesis: SealedHeader,
    document: GenesisDocument,
    /// The newest block, and the history over those before it.
    newest: Mutex<(SealedHeader, MountainRange)>,
}

fn light_client_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../light-client-contract")
}

/// What forge built of the rollup's contracts.
pub(crate) fn artifacts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../out")
}

/// The native program: what npm links is a script that would leave it behind when it is killed.
fn program() -> PathBuf {
    let packages = std::fs::read_dir(light_client_folder().join("node_modules/@foundry-rs"));
    let program = packages
        .into_iter()
        .flatten()
        .flatten()
        .find_map(|package| {
            let is_native = package.file_name().to_str()?.starts_with("anvil-");
            let program = package.path().join("bin/anvil");
            (is_native && program.exists()).then_some(program)
        });
    program.expect("this test needs anvil and the built contracts: run `cargo xtask contracts`")
}

fn secret(place: u8) -> SecretKey {
    SecretKey::derive(&[200 + place; 32])
}

fn document(stake_table: Address) -> GenesisDocument {
    let domain = digest::chain_domain(CHAIN, stake_table, Hash([9; 32]));
    let validator = |place: u8| GenesisValidator {
        operator: Address([place; 20]),
        key: secret(place).public_key(),
        possession: secret(place).prove_possession(domain, Address([place; 20])),
        weight: 5,
        network_key: Hash([place; 32]),
        address: "/ip4/10.0.0.1/tcp/9000".into(),
    };
    GenesisDocument {
        l1_chain_id: CHAIN,
        stake_table,
        salt: Hash([9; 32]),
        timestamp_ms: TimestampMs(START * 1_000),
        l1: L1Block::default(),
        seeds: [Hash([1; 32]); 2],
        parameters: Parameters::development(),
        validators: (0..4).map(validator).collect(),
    }
}

impl L1 {
    /// Starts it and deploys the network's contracts.
    pub(crate) async fn start() -> Self {
        let mut process = Command::new(program())
            .args(["--port", "0", "--timestamp", &START.to_string()])
            .args(["--base-fee", "1", "--gas-price", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let place = loop {
            line.clear();
            let read = output.read_line(&mut line).unwrap();
            assert!(read > 0, "anvil ended before it listened");
            if let Some((_, place)) = line.trim().split_once("Listening on ") {
                break place.to_owned();
            }
        };
        // It stands still when nobody reads what it says.
        thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        let endpoint = Endpoint::new(&format!("http://{place}")).unwrap();
        let mut key = [0; 32];
        hex::decode_to_slice(DEPLOYER, &mut key).unwrap();
        let deployer = Account::from_bytes(&key).unwrap();
        let document = document(created(deployer.address(), 3));
        let sender = Sender::new(endpoint, deployer, SendConfig::default());
        let sender = sender.await.unwrap();
        let empty = EmptyRoots {
            shard_root: Hash::ZERO,
            ns_root: Hash::ZERO,
            ns_acc_root: Hash(MapHead::EMPTY.root),
        };
        let genesis = document.header(empty).unwrap();
        let artifacts = Artifacts::new(&light_client_folder().join("out"));
        let terms = Terms::development();
        let contracts = deploy_home(&sender, &artifacts, &document, &genesis, &terms).await;
        Self {
            process,
            sender,
            light_client: contracts.unwrap().light_client,
            newest: Mutex::new((genesis.clone(), MountainRange::new())),
            genesis,
            document,
        }
    }

    /// The network makes a block, and somebody hands it to the light client.
    pub(crate) async fn relay(&self, ns_acc_root: Hash, l1_number: u64) -> SealedHeader {
        let (parent, mut history) = self.newest.lock().unwrap().clone();
        history.append(parent.hash());
        let committee = self.document.committee(Epoch(1)).unwrap();
        let block = Header {
            height: Height(parent.header().height.0 + 1),
            epoch: Epoch(1),
            parent_hash: parent.hash(),
            timestamp_ms: TimestampMs(parent.header().timestamp_ms.0 + 1),
            l1_finalized: L1Block {
                number: l1_number,
                hash: Hash([5; 32]),
                timestamp: START,
            },
            ns_acc_root,
            history_root: history.root(),
            next_committee: self.document.committee(Epoch(2)).unwrap().commitment(),
            ..parent.header().clone()
        }
        .seal();
        let statement = Statement {
            round: Round::new(1, 7),
            height: block.header().height,
            hash: block.hash(),
        };
        let digest = statement.digest::<Final>(self.document.chain_domain());
        let votes = (0..4).map(|place| {
            let signature = secret(place).sign(&digest);
            (ValidatorIndex(place.into()), signature)
        });
        let sum = aggregate(&Aggregate {
            digest,
            votes: votes.collect(),
            committee: committee.clone(),
        });
        let certificate = FinalityCertificate::claimed(statement, sum.signers, sum.signature);
        let call = update::update(block.header(), &certificate, &committee).unwrap();
        self.sender
            .send(Some(self.light_client), call)
            .await
            .unwrap();
        *self.newest.lock().unwrap() = (block.clone(), history);
        block
    }

    /// The place of the light client's newest block.
    pub(crate) async fn entry(&self) -> u8 {
        let call = ILightClient::finalizedCall {};
        let endpoint = self.sender.endpoint();
        let newest = endpoint.view(self.light_client, &call, Tag::Latest).await;
        newest.unwrap().entry
    }

    pub(crate) async fn order<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> T {
        self.sender.endpoint().ask(method, params).await.unwrap()
    }
}

impl Drop for L1 {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }
}

pub(crate) fn namespace(id: u64) -> NamespaceId {
    NamespaceId::new(id).unwrap()
}

/// The proof of a namespace in a map in which so many blocks hold it, and others too; and the map's root.
pub(crate) fn accumulator(id: NamespaceId, blocks: u64) -> (AccumulatorProof, Hash) {
    let mut store = MemoryStore::new();
    let mut head = MapHead::EMPTY;
    for height in 1..=1 + blocks {
        let others = [1, 2, 4_000].map(namespace);
        let mut ids: Vec<NamespaceId> = others.into_iter().filter(|_| height == 1).collect();
        ids.extend((height > 1).then_some(id));
        let leaves: Vec<NamespaceLeaf> = ids
            .into_iter()
            .map(|id| NamespaceLeaf {
                id,
                byte_len: 13,
                tx_count: 1,
                tx_root: [7; 32],
            })
            .collect();
        let stamp = BlockStamp {
            height,
            timestamp_ms: height,
            l1_number: height,
        };
        let update = NamespaceMap::new(&store, head)
            .update(&stamp, &leaves)
            .unwrap();
        store.apply(&update);
        head = update.head;
    }
    let proof = NamespaceMap::new(&store, head).prove(id).unwrap();
    (proof, Hash(head.root))
}
