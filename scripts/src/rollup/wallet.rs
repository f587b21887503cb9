//! A user of an Ethereum JSON-RPC, as a wallet is one: signs here, and asks for nothing but what the
//! public interface has.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hotshot_types::{Address, Hash};
use light_client::{
    Account,
    account::{Signed, Transaction},
    rpc::{Endpoint, Receipt, Tag},
};
use serde_json::Value;

use crate::network::eventually;

/// How long a transaction may take into a block.
const RECEIPT_LIMIT: Duration = Duration::from_secs(60);
/// Gas that no transaction here comes near.
const GAS: u64 = 8_000_000;
const GWEI: u128 = 1_000_000_000;

/// An account at an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Wallet {
    pub(crate) account: Account,
    pub(crate) endpoint: Endpoint,
    chain_id: u64,
}

impl Wallet {
    /// Asks the endpoint for its chain.
    pub(crate) async fn new(account: Account, endpoint: Endpoint) -> Result<Self> {
        let chain_id = endpoint.chain_id().await?;
        Ok(Self {
            account,
            endpoint,
            chain_id,
        })
    }

    /// Its address.
    pub(crate) fn address(&self) -> Address {
        self.account.address()
    }

    /// The same account elsewhere.
    pub(crate) fn at(&self, endpoint: &Endpoint) -> Self {
        Self {
            endpoint: endpoint.clone(),
            ..self.clone()
        }
    }

    /// What it has.
    pub(crate) async fn balance(&self) -> Result<u128> {
        Ok(self.endpoint.balance(self.address()).await?)
    }

    /// Signs with a nonce and hands nothing in.
    pub(crate) fn sign(
        &self,
        nonce: u64,
        to: Option<Address>,
        value: u128,
        data: Vec<u8>,
    ) -> Signed {
        let gas = if data.is_empty() { 21_000 } else { GAS };
        self.sign_with_gas(nonce, to, value, data, gas)
    }

    pub(crate) fn sign_with_gas(
        &self,
        nonce: u64,
        to: Option<Address>,
        value: u128,
        data: Vec<u8>,
        gas: u64,
    ) -> Signed {
        self.account.sign(&Transaction {
            chain_id: self.chain_id,
            nonce,
            priority_fee: GWEI / 100,
            max_fee: 20 * GWEI,
            gas,
            to,
            value,
            data,
        })
    }

    /// The nonce after everything that it handed in.
    pub(crate) async fn nonce(&self) -> Result<u64> {
        Ok(self.endpoint.nonce(self.address(), Tag::Pending).await?)
    }

    /// Hands a transaction in; its hash.
    pub(crate) async fn submit(
        &self,
        to: Option<Address>,
        value: u128,
        data: Vec<u8>,
    ) -> Result<Hash> {
        let signed = self.sign(self.nonce().await?, to, value, data);
        let hash = self.endpoint.send_raw(&signed.bytes).await?;
        ensure!(hash == signed.hash, "the node names another transaction");
        Ok(hash)
    }

    /// Hands a transaction in and waits until a block has executed it without a revert.
    pub(crate) async fn send(
        &self,
        to: Option<Address>,
        value: u128,
        data: Vec<u8>,
    ) -> Result<Receipt> {
        let hash = self.submit(to, value, data).await?;
        let receipt = self.receipt(hash).await?;
        ensure!(receipt.is_success(), "{hash} was reverted");
        Ok(receipt)
    }

    /// Waits for a receipt.
    pub(crate) async fn receipt(&self, hash: Hash) -> Result<Receipt> {
        let found = async || -> Result<Receipt> {
            let receipt = self.endpoint.receipt(hash).await?;
            receipt.context("it has no receipt")
        };
        eventually(RECEIPT_LIMIT, &format!("a receipt of {hash}"), found).await
    }

    /// Any other request.
    pub(crate) async fn ask(&self, method: &'static str, params: Value) -> Result<Value> {
        Ok(self.endpoint.ask(method, params).await?)
    }
}
