//! An L1 on this machine: a real EVM with a block a second.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ::anvil::KEYS;
use hotshot_types::Address;
use light_client::{
    Account,
    rpc::{Endpoint, Tag},
    send::{SendConfig, Sender},
};
use serde_json::{Value, json};

pub(crate) struct Anvil {
    /// It ends with this value.
    _process: ::anvil::Anvil,
    pub(crate) url: String,
    pub(crate) endpoint: Endpoint,
    runtime: tokio::runtime::Runtime,
}

impl Anvil {
    /// A block is final once twice as many followed it as an epoch has slots.
    pub(crate) fn start(slots: u8) -> Self {
        let process = ::anvil::Anvil::start(&[
            "--block-time",
            "1",
            "--slots-in-an-epoch",
            &slots.to_string(),
            "--enable-tx-gas-limit",
        ]);
        Self {
            endpoint: process.endpoint.clone(),
            url: process.url.clone(),
            _process: process,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
        }
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
        ::anvil::account(index)
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
