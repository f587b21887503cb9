//! An L1 on this machine: a real EVM with a block a second, two of which make one final.

use std::{net::Ipv4Addr, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use hotshot_types::Address;
use light_client::{
    Account,
    abi::SolCall,
    rpc::{CallFrame, Data, Endpoint, RpcError, Tag, ViewError},
    send::{SendConfig, Sender},
};
use serde_json::{Value, json};

use crate::{
    contracts,
    network::{Process, eventually, ports},
};

/// How long anvil may take to answer, or to finality, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// What accounts get: 500 ether.
const MONEY: &str = "0x1b1ae4d6e2ef500000";
/// The last of the accounts that anvil gives money and signs for.
const RICH: &str = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720";

/// A running L1.
#[derive(Debug)]
pub(crate) struct Anvil {
    /// Its process.
    pub(super) process: Process,
    /// Where it answers.
    pub(crate) url: String,
    /// The same, to ask.
    pub(crate) endpoint: Endpoint,
    /// Its chain.
    pub(crate) chain_id: u64,
}

impl Anvil {
    /// Starts one and waits until it answers. What it writes goes to the directory.
    pub(super) async fn start(chain_id: u64, ip: Ipv4Addr, directory: &Path) -> Result<Self> {
        let port = ports::free(1)?[0];
        let mut command = Command::new(contracts::tool("anvil")?);
        command
            .args(["--host", &ip.to_string(), "--port", &port.to_string()])
            .args(["--chain-id", &chain_id.to_string()])
            .args(["--block-time", "1"])
            .args(["--slots-in-an-epoch", "1"])
            .arg("--enable-tx-gas-limit")
            // It keeps old states below the home directory.
            .env("HOME", directory);
        let name = format!("anvil {chain_id}");
        let mut process = Process::start(&name, command, directory)?;
        let url = format!("http://{ip}:{port}");
        let endpoint = Endpoint::new(&url)?;
        let answers = async || -> Result<u64> { Ok(endpoint.chain_id().await?) };
        let found = match eventually(START_LIMIT, &format!("an answer of {name}"), answers).await {
            Ok(found) => found,
            Err(error) => {
                process.check().with_context(|| process.last_lines())?;
                return Err(error);
            }
        };
        ensure!(
            found == chain_id,
            "{url} is chain {found} and not {chain_id}"
        );
        Ok(Self {
            process,
            url,
            endpoint,
            chain_id,
        })
    }

    /// Gives an account money, by a transfer: what is set without one is in no state root, so nobody could prove
    /// anything of that block.
    pub(super) async fn fund(&self, account: Address) -> Result<()> {
        let transfer = json!([{ "from": RICH, "to": account, "value": MONEY }]);
        self.order("eth_sendTransaction", transfer).await?;
        let arrived = async || -> Result<()> {
            let balance = self.endpoint.balance(account).await?;
            ensure!(balance > 0, "{account} has nothing");
            Ok(())
        };
        eventually(START_LIMIT, "a transfer", arrived).await
    }

    /// A request that only anvil knows.
    pub(crate) async fn order(&self, method: &'static str, params: Value) -> Result<()> {
        let _: Value = self.endpoint.ask(method, params).await?;
        Ok(())
    }

    /// An account that sends transactions.
    pub(super) async fn sender(&self, account: &Account) -> Result<Sender> {
        let config = SendConfig {
            patience: Duration::from_secs(10),
            ..SendConfig::default()
        };
        Ok(Sender::new(self.endpoint.clone(), account.clone(), config).await?)
    }

    /// Calls a view of a contract in the newest block.
    pub(crate) async fn view<C: SolCall>(&self, contract: Address, call: &C) -> Result<C::Return> {
        Ok(self.endpoint.view(contract, call, Tag::Latest).await?)
    }

    /// A view that the contract must refuse.
    pub(crate) async fn refuses<C: SolCall>(&self, contract: Address, call: &C) -> Result<()> {
        match self.endpoint.view(contract, call, Tag::Latest).await {
            Err(ViewError::Refused(_)) => Ok(()),
            Ok(_) => bail!("the contract believed {}", C::SIGNATURE),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until a block is final.
    pub(super) async fn finalized(&self, number: u64) -> Result<()> {
        let reached = async || -> Result<()> {
            let block = self.endpoint.block(Tag::Finalized).await?;
            let found = block.map_or(0, |block| block.number);
            ensure!(found >= number, "block {found} is the newest final one");
            Ok(())
        };
        eventually(START_LIMIT, &format!("L1 block {number} final"), reached).await
    }
}

/// Calls a contract with these bytes in the newest block.
pub(crate) async fn raw_view(
    endpoint: &Endpoint,
    contract: Address,
    input: Vec<u8>,
) -> Result<Vec<u8>, RpcError> {
    let frame = CallFrame {
        from: None,
        to: Some(contract),
        input: Data(input),
    };
    endpoint.call(&frame, Tag::Latest).await
}
