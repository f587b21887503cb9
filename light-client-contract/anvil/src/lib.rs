//! An L1 on this machine for tests: a real EVM, as npm installs it in `light-client-contract`, and
//! the genesis document of a network on it.
//!
//! A test that cannot go on has failed: whatever is missing here is a panic that says what to run.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use hotshot_types::{
    Address, GenesisDocument, Hash, L1Block, SecretKey, TimestampMs, digest,
    genesis::{GenesisValidator, Parameters},
};
use light_client::{
    Account,
    deploy::Artifacts,
    rpc::Endpoint,
    send::{SendConfig, Sender},
};

/// The chain where no argument says otherwise.
pub const CHAIN: u64 = 31_337;
/// When the chain of the genesis document starts, in seconds.
pub const START: u64 = 1_900_000_000;
/// The keys of the first accounts that have money, the same everywhere.
pub const KEYS: [&str; 7] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
];

/// A running L1; it ends with this value.
#[derive(Debug)]
pub struct Anvil {
    process: Child,
    /// Where it answers.
    pub url: String,
    /// The same, to ask.
    pub endpoint: Endpoint,
}

impl Anvil {
    /// Starts one with these arguments, on a free port, and waits until it listens.
    ///
    /// # Panics
    /// It is not installed, or ends at once.
    pub fn start(arguments: &[&str]) -> Self {
        let program = tool("anvil").expect("this test needs anvil: run `cargo xtask contracts`");
        let mut process = Command::new(program)
            .args(["--port", "0"])
            .args(arguments)
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
                break place;
            }
        };
        let url = format!("http://{place}");
        // It stands still when nobody reads what it says.
        thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        Self {
            process,
            endpoint: Endpoint::new(&url).unwrap(),
            url,
        }
    }

    /// An account with money that sends transactions.
    pub async fn sender(&self, account: Account) -> Sender {
        let sender = Sender::new(self.endpoint.clone(), account, SendConfig::default());
        sender.await.unwrap()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }
}

/// One of the accounts that have money.
pub fn account(index: usize) -> Account {
    let mut key = [0; 32];
    hex::decode_to_slice(KEYS[index], &mut key).unwrap();
    Account::from_bytes(&key).unwrap()
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// What forge built of the network's contracts.
pub fn artifacts() -> Artifacts {
    Artifacts::new(&folder().join("out"))
}

/// The program of one of the contracts' tools, once npm has installed them. What npm links is a
/// script that starts it: whoever ended the script would leave the program behind.
pub fn tool(name: &str) -> Option<PathBuf> {
    let own = format!("{name}-");
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let packages = folder().join("node_modules/@foundry-rs").read_dir().ok()?;
    packages.flatten().find_map(|package| {
        let program = package.path().join("bin").join(&file);
        let is_native = package.file_name().to_string_lossy().starts_with(&own);
        (is_native && program.exists()).then_some(program)
    })
}

/// The key of a validator of the genesis document, which has four.
pub fn validator_key(place: u8) -> SecretKey {
    SecretKey::derive(&[200 + place; 32])
}

/// The genesis document of four validators with the same stake, for a chain that starts at `START`.
pub fn genesis(stake_table: Address) -> GenesisDocument {
    let salt = Hash([9; 32]);
    let domain = digest::chain_domain(CHAIN, stake_table, salt);
    let validator = |place: u8| GenesisValidator {
        operator: Address([place; 20]),
        key: validator_key(place).public_key(),
        possession: validator_key(place).prove_possession(domain, Address([place; 20])),
        weight: 5,
        network_key: Hash([place; 32]),
        address: "/ip4/10.0.0.1/tcp/9000".into(),
    };
    GenesisDocument {
        l1_chain_id: CHAIN,
        stake_table,
        salt,
        timestamp_ms: TimestampMs(START * 1_000),
        l1: L1Block::default(),
        seeds: [Hash([1; 32]); 2],
        parameters: Parameters::development(),
        validators: (0..4).map(validator).collect(),
    }
}
