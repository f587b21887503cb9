//! An EVM rollup without its sequencer: the real node on a real disk, its JSON-RPC over real sockets, and a thread that
//! orders what the node accepted, as the sequencer does.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

pub mod sample;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::{
    eip2718::Encodable2718,
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, address, b256, hex};
use k256::ecdsa::SigningKey;
use rollup::EvmRollup;
use rollup_evm::Evm;
use rollup_node::{Application, Definition, Node, testing};
use rollup_types::{Deposit, Input, L1Message, MessageBody};
use serde_json::{Value, json};

/// The rollup's chain id.
pub const CHAIN: u64 = 4242;
/// The first of the accounts that every development tool knows.
pub const ALICE: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
pub const ALICE_KEY: B256 =
    b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
/// The key of the second of them, whose address has code here.
pub const CONTRACT_KEY: B256 =
    b256!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
/// An account without ether.
pub const NOBODY: Address = address!("00000000000000000000000000000000000b0b0b");
/// Who gets the fees.
pub const FEES: Address = address!("00000000000000000000000000000000fee0fee0");

pub struct Rig {
    pub node: Node<Evm>,
    pub address: SocketAddr,
    height: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    _server: testing::Served,
    _directory: tempfile::TempDir,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

pub fn definition() -> Definition {
    let vm = toml::toml! {
        fee_account = "0x00000000000000000000000000000000fee0fee0"
        home_l1_chain_id = 1
        [alloc."0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"]
        balance = "1000000000000000000000"
        [alloc."0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]
        balance = "1000000000000000000000"
        code = "0x00"
    };
    let mut definition = testing::definition(EvmRollup::NAME, CHAIN, vm);
    // Its hex fits into a request.
    definition.sequencer.parameters.max_transaction_bytes = 100_000;
    definition
}

impl Rig {
    /// A node whose blocks are made by [`Self::execute`] and [`Self::order`] alone.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let definition = definition();
        let vm = EvmRollup::vm(&definition).unwrap();
        let node = testing::node(vm, definition, directory.path()).unwrap();
        let server = testing::serve(EvmRollup::methods(&node).unwrap())
            .await
            .unwrap();
        Self {
            node,
            address: server.address,
            height: Arc::default(),
            is_over: Arc::default(),
            _server: server,
            _directory: directory,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn websocket(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// A block of the sequencer with these inputs.
    pub fn execute(&self, inputs: &[Input]) {
        let height = self.height.fetch_add(1, Ordering::Relaxed) + 1;
        testing::execute(&self.node, height, inputs).unwrap();
    }

    /// A block of the sequencer with all that the node accepted.
    pub fn order(&self) {
        order(&self.node, &self.height);
    }

    /// From now on the sequencer makes a block of what was accepted, every few milliseconds.
    pub fn order_from_now_on(&self) {
        let (node, height) = (self.node.clone(), Arc::clone(&self.height));
        let is_over = Arc::clone(&self.is_over);
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                order(&node, &height);
                std::thread::park_timeout(Duration::from_millis(25));
            }
        });
    }

    /// Ether from the L1.
    pub fn deposit(&self, index: u64, recipient: Address, amount: u128) -> L1Message {
        self.deposit_of(Address::ZERO, index, recipient, amount)
    }

    /// A token from the L1; ether if it's the zero address.
    pub fn deposit_of(
        &self,
        token: Address,
        index: u64,
        recipient: Address,
        amount: u128,
    ) -> L1Message {
        let message = L1Message {
            index,
            l1_block: 1,
            sender: rollup_types::Address([9; 20]),
            body: MessageBody::Deposit(Deposit {
                token: rollup_types::Address(token.0.0),
                amount,
                recipient: rollup_types::Address(recipient.0.0),
                decimals: 18,
            }),
        };
        self.execute(&[Input::L1(message.clone())]);
        message
    }

    /// The response to a request, as it came.
    pub async fn response(&self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        serde_json::from_str(&self.post(request.to_string()).await).unwrap()
    }

    pub async fn post(&self, body: String) -> String {
        let request = reqwest::Client::new()
            .post(self.url())
            .header("content-type", "application/json")
            .body(body);
        request.send().await.unwrap().text().await.unwrap()
    }

    /// The result of a request that succeeds.
    pub async fn result(&self, method: &str, params: Value) -> Value {
        let mut response = self.response(method, params).await;
        assert!(response.get("error").is_none(), "{method}: {response}");
        response["result"].take()
    }

    /// Code, message and data of a request that fails.
    pub async fn error(&self, method: &str, params: Value) -> (i64, String, Value) {
        let mut response = self.response(method, params).await;
        let error = &mut response["error"];
        let code = error["code"].as_i64();
        (
            code.unwrap_or_else(|| panic!("{method} did not fail: {error}")),
            error["message"].as_str().unwrap().to_owned(),
            error["data"].take(),
        )
    }

    /// Deploys the notebook: its transaction and its address.
    pub async fn notebook(&self) -> (Value, Value) {
        let compiled: Value =
            serde_json::from_str(include_str!("../clients/notebook.json")).unwrap();
        let code = hex::decode(compiled["bytecode"].as_str().unwrap()).unwrap();
        let hash = self.send(TxKind::Create, 0, code.into()).await;
        let receipt = self
            .result("eth_getTransactionReceipt", json!([hash]))
            .await;
        (hash, receipt["contractAddress"].clone())
    }

    /// Sends a transaction of [`ALICE`], orders it and says its hash.
    pub async fn send(&self, to: TxKind, value: u128, input: Bytes) -> Value {
        let nonce = self
            .result("eth_getTransactionCount", json!([ALICE, "pending"]))
            .await;
        let nonce = u64::from_str_radix(&nonce.as_str().unwrap()[2..], 16).unwrap();
        let raw = signed(transaction(nonce, to, value, input));
        let hash = self.result("eth_sendRawTransaction", json!([raw])).await;
        self.order();
        hash
    }
}

fn order(node: &Node<Evm>, height: &AtomicU64) {
    let waiting = node.pending();
    if waiting.is_empty() {
        return;
    }
    let inputs: Vec<Input> = waiting
        .into_iter()
        .map(|pending| Input::Transaction(pending.bytes))
        .collect();
    let height = height.fetch_add(1, Ordering::Relaxed) + 1;
    testing::execute(node, height, &inputs).unwrap();
}

pub fn transaction(nonce: u64, to: TxKind, value: u128, input: Bytes) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN,
        nonce,
        gas_limit: 1_000_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000,
        to,
        value: U256::from(value),
        input,
        ..TxEip1559::default()
    }
}

/// A transaction signed by [`ALICE`].
pub fn signed<T>(transaction: T) -> Bytes
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    signed_by(ALICE_KEY, transaction)
}

/// A transaction signed with a key.
pub fn signed_by<T>(key: B256, transaction: T) -> Bytes
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = sign(key, transaction.signature_hash());
    TxEnvelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

/// Permission of [`ALICE`] for her account to run a contract's code; for a nonce that she never has, so that it's void.
pub fn authorization(contract: Address) -> SignedAuthorization {
    let authorization = Authorization {
        chain_id: U256::from(CHAIN),
        address: contract,
        nonce: 1_000,
    };
    let signature = sign(ALICE_KEY, authorization.signature_hash());
    authorization.into_signed(signature)
}

fn sign(key: B256, hash: B256) -> Signature {
    let key = SigningKey::from_slice(key.as_slice()).unwrap();
    let (signature, recovery) = key.sign_prehash_recoverable(hash.as_slice());
    let (r, s) = signature.split_bytes();
    Signature::from_scalars_and_parity(
        B256::from_slice(&r),
        B256::from_slice(&s),
        recovery.is_y_odd(),
    )
}

/// A transaction of [`ALICE`] with three logs of 1 MiB each, which is what it can have gas for.
pub fn three_large_logs(nonce: u64) -> Bytes {
    let log = [0x62, 0x10, 0, 0, 0x5f, 0xa0];
    signed(TxEip1559 {
        gas_limit: 29_000_000,
        ..transaction(nonce, TxKind::Create, 0, log.repeat(3).into())
    })
}

/// `write(text)` of the notebook; the text is shorter than a word.
pub fn write(text: &str) -> Bytes {
    let mut input = alloy_primitives::keccak256("write(string)")[..4].to_vec();
    input.extend(U256::from(32).to_be_bytes::<32>());
    input.extend(U256::from(text.len()).to_be_bytes::<32>());
    input.extend(text.as_bytes());
    input.resize(4 + 64 + text.len().next_multiple_of(32), 0);
    input.into()
}
