//! An L1 on this machine: a real EVM with a block a second.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use hotshot_types::Address;
use light_client::{
    Account,
    rpc::{Endpoint, Tag},
    send::{SendConfig, Sender},
};

use serde_json::{Value, json};

use super::network::eventually;

/// The keys that anvil gives money to, the same everywhere.
const KEYS: [&str; 7] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
];

/// The contracts' folder.
pub(crate) fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../light-client-contract")
}

/// The native program: what npm links is a script that would leave it behind when it is killed.
fn program() -> Option<PathBuf> {
    let packages = std::fs::read_dir(contracts().join("node_modules/@foundry-rs")).ok()?;
    packages.flatten().find_map(|package| {
        let is_native = package.file_name().to_str()?.starts_with("anvil-");
        let program = package.path().join("bin/anvil");
        (is_native && program.exists()).then_some(program)
    })
}

pub(crate) struct Anvil {
    process: Child,
    pub(crate) url: String,
    pub(crate) endpoint: Endpoint,
    runtime: tokio::runtime::Runtime,
}

impl Anvil {
    /// A block is final once twice as many followed it as an epoch has slots.
    pub(crate) fn start(slots: u8) -> Self {
        let program = program().filter(|_| contracts().join("out").exists());
        let program = program.expect(
            "this test needs anvil and the built contracts: run `npm ci --ignore-scripts` and \
             `node_modules/.bin/forge build` in light-client-contract",
        );
        let port = crate::ports::free().to_string();
        let process = Command::new(program)
            .args([
                "--port",
                &port,
                "--block-time",
                "1",
                "--slots-in-an-epoch",
                &slots.to_string(),
            ])
            .args(["--enable-tx-gas-limit", "--silent"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let anvil = Self {
            process,
            endpoint: Endpoint::new(&url).unwrap(),
            url,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
        };
        eventually("the L1 answers", || {
            anvil.ask(anvil.endpoint.chain_id()).is_ok()
        });
        anvil
    }

    pub(crate) fn ask<T>(&self, request: impl Future<Output = T>) -> T {
        self.runtime.block_on(request)
    }

    /// A request that only anvil knows.
    pub(crate) fn order(&self, method: &'static str, params: Value) -> Value {
        self.ask(self.endpoint.ask(method, params)).unwrap()
    }

    /// The number of its newest block.
    pub(crate) fn newest(&self) -> u64 {
        let block = self.ask(self.endpoint.block(Tag::Latest)).unwrap();
        block.unwrap().number
    }

    /// Replaces the newest blocks by empty ones; the number of the last one that is replaced.
    pub(crate) fn reorganise(&self, depth: u64) -> u64 {
        let newest = self.newest();
        self.order("anvil_reorg", json!([depth, []]));
        newest
    }

    /// An account with money.
    pub(crate) fn account(&self, index: usize) -> Account {
        let mut key = [0; 32];
        hex::decode_to_slice(KEYS[index], &mut key).unwrap();
        Account::from_bytes(&key).unwrap()
    }

    /// Its key in a file of its own.
    pub(crate) fn key_file(&self, index: usize, directory: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = directory.join(format!("account{index}.key"));
        std::fs::write(&path, KEYS[index]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub(crate) fn sender(&self, index: usize) -> Sender {
        let config = SendConfig {
            patience: Duration::from_secs(10),
            ..SendConfig::default()
        };
        let sender = Sender::new(self.endpoint.clone(), self.account(index), config);
        self.ask(sender).unwrap()
    }

    pub(crate) fn address(&self, index: usize) -> Address {
        self.account(index).address()
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }
}
