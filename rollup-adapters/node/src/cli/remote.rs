//! What the verbs share that talk to a node or to the L1.

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use light_client::{
    abi::{SolCall, address},
    rpc::{Endpoint, Receipt, RpcError, Tag, ViewError},
    send::{SendConfig, SendError, Sender},
};
use rollup_contracts::{
    abi::{inbox::IRollupInbox, queue::IL1MessageQueue, vault::IWithdrawalVault},
    queue, refusal,
};
use rollup_types::{Address, Hash, L1Message};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::exit::{Exit, Failure};
use crate::{Definition, L1Contracts, keyfile, server::code};

/// A node that was just started listens after this long at most, as a rule.
const START: Duration = Duration::from_secs(10);
/// Between two tries to reach it.
const LOOK: Duration = Duration::from_millis(200);

/// The node to ask.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NodeArgs {
    /// URL of the rollup node's JSON-RPC
    #[arg(
        long = "rpc",
        visible_alias = "url",
        env = "ROLLUP_RPC",
        value_name = "URL",
        default_value = "http://127.0.0.1:9545"
    )]
    url: String,
}

impl NodeArgs {
    /// Asks the node.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, Failure> {
        let answer = self.endpoint()?.ask(method, params).await;
        answer.map_err(|error| self.failure(error))
    }

    /// Waits for a node that may have been started a moment ago and does not listen yet.
    pub(super) async fn wait(&self) -> Result<Value, Failure> {
        let node = self.endpoint()?;
        let until = Instant::now() + START;
        let mut is_told = false;
        loop {
            match node.ask("rollup_status", json!([])).await {
                Err(RpcError::Unreachable { reason, .. }) if Instant::now() < until => {
                    if !is_told {
                        eprintln!(
                            "the rollup node {} can't be reached ({reason}): trying for {} s",
                            self.url,
                            START.as_secs()
                        );
                    }
                    is_told = true;
                    sleep(LOOK).await;
                }
                answer => return answer.map_err(|error| self.failure(error)),
            }
        }
    }

    fn endpoint(&self) -> Result<Endpoint, Failure> {
        Endpoint::new(&self.url)
            .map_err(|_| Failure::new(Exit::Usage, format!("`{}` is no URL", self.url)))
    }

    fn failure(&self, error: RpcError) -> Failure {
        match error {
            RpcError::Unreachable { reason, .. } => Failure::new(
                Exit::Unreachable,
                format!("the rollup node {} can't be reached: {reason}", self.url),
            ),
            RpcError::Timeout { .. } => Failure::new(
                Exit::Timeout,
                format!("the rollup node {} did not answer in time", self.url),
            ),
            RpcError::Refused { code, message, .. } => {
                let exit = match i32::try_from(code) {
                    Ok(code::INVALID) => Exit::Usage,
                    Ok(code::NOT_FOUND) => Exit::NotFound,
                    Ok(code::UNREACHABLE | code::LIMIT) => Exit::Unreachable,
                    Ok(code::INTERNAL) => Exit::Internal,
                    _ => Exit::Refused,
                };
                Failure::new(exit, message)
            }
            error => {
                let reason = match error {
                    RpcError::Status { status, .. } => format!("HTTP status {status}"),
                    RpcError::Malformed { reason, .. } => reason,
                    error => error.to_string(),
                };
                let url = &self.url;
                let message =
                    format!("{url} does not answer as the JSON-RPC of a rollup node: {reason}");
                Failure::new(Exit::Unreachable, message)
            }
        }
    }
}

/// The home L1, and the account that pays there.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct L1Args {
    /// Definition of the rollup
    #[arg(
        long,
        env = "ROLLUP_DEFINITION",
        value_name = "FILE",
        default_value = "rollup.toml"
    )]
    definition: PathBuf,
    /// URL of a node of the home L1
    #[arg(long, env = "ROLLUP_L1", value_name = "URL", hide_env_values = true)]
    l1: String,
    /// Key file of the account that pays: 32 bytes in hex, mode 0600
    #[arg(long, env = "ROLLUP_ACCOUNT", value_name = "KEYFILE")]
    account: PathBuf,
}

/// An account on the home L1.
pub(super) struct Desk {
    pub(super) definition: Definition,
    pub(super) contracts: L1Contracts,
    pub(super) sender: Sender,
}

impl L1Args {
    pub(super) async fn open(&self) -> Result<Desk, Failure> {
        let definition = Definition::read(&self.definition)?;
        let contracts = definition.l1.ok_or_else(|| {
            Failure::new(
                Exit::Config,
                "this rollup has no L1: its definition has no section [l1]",
            )
        })?;
        let account =
            keyfile::load(&self.account).map_err(|error| Failure::new(Exit::Key, error))?;
        let endpoint = Endpoint::new(&self.l1)?;
        let sender = Sender::new(endpoint, account, SendConfig::default()).await?;
        if sender.chain_id() != contracts.chain_id {
            return Err(Failure::new(
                Exit::Config,
                format!(
                    "the L1 at {} has chain id {}, the rollup's home has {}",
                    sender.endpoint().name(),
                    sender.chain_id(),
                    contracts.chain_id
                ),
            ));
        }
        let desk = Desk {
            definition,
            contracts,
            sender,
        };
        desk.check().await?;
        Ok(desk)
    }
}

impl Desk {
    /// Whether the contracts are those of the definition: what is paid to others is lost.
    async fn check(&self) -> Result<(), Failure> {
        let L1Contracts {
            light_client,
            queue,
            inbox,
            vault,
            ..
        } = self.contracts;
        let at = Tag::Latest;
        let namespace = self.read(inbox, IRollupInbox::namespaceCall {}, at).await?;
        let known = [
            self.read(inbox, IRollupInbox::lightClientCall {}, at)
                .await?,
            self.read(inbox, IRollupInbox::queueCall {}, at).await?,
            self.read(vault, IWithdrawalVault::queueCall {}, at).await?,
        ];
        let own = [light_client, queue, queue].map(address);
        if namespace != self.definition.namespace.get() || known != own {
            let message = format!(
                "inbox {inbox} and vault {vault} on the L1 are of another rollup (of namespace {namespace}) or another queue or light client than the definition's"
            );
            return Err(Failure::new(Exit::Config, message));
        }
        Ok(())
    }

    /// Pays for a message of the queue, and says what the queue made of it.
    pub(super) async fn enqueue(
        &self,
        value: u128,
        call: Vec<u8>,
    ) -> Result<(Receipt, L1Message), Failure> {
        let queue = self.contracts.queue;
        let paid = self.sender.pay(Some(queue), value, call).await;
        let receipt = paid.map_err(refused)?;
        let mut logs = receipt.logs.iter().filter(|log| log.address == queue);
        let message = logs.find_map(|log| queue::message(log).ok());
        let message = message.ok_or_else(|| {
            let message = "the queue logged no message: is the definition of this L1?";
            Failure::new(Exit::Config, message)
        })?;
        Ok((receipt, message))
    }

    /// What a message costs now, in wei.
    pub(super) async fn fee(&self) -> Result<u128, Failure> {
        let fee = self.read(
            self.contracts.queue,
            IL1MessageQueue::feeCall {},
            Tag::Latest,
        );
        u128::try_from(fee.await?)
            .map_err(|_| Failure::new(Exit::Refused, "the queue's fee is beyond 128 bits"))
    }

    /// What a view function of a contract returns, as of a block.
    pub(super) async fn read<C: SolCall>(
        &self,
        contract: Address,
        call: C,
        at: Tag,
    ) -> Result<C::Return, Failure> {
        let answer = self.sender.endpoint().view(contract, &call, at);
        answer.await.map_err(of_view)
    }
}

/// What a view failed with, in the words of the rollup's contracts.
fn of_view(error: ViewError) -> Failure {
    match error {
        ViewError::Refused(data) => Failure::new(Exit::Refused, refusal::sentence(&data)),
        ViewError::NoContract { contract, .. } => {
            let message = format!(
                "{contract} does not answer as the rollup's contract: is the definition of this L1?"
            );
            Failure::new(Exit::Config, message)
        }
        error @ ViewError::Rpc(_) => error.into(),
    }
}

/// A refusal of the rollup's contracts in its words.
pub(super) fn refused(error: SendError) -> Failure {
    match error {
        SendError::Refused(data) => Failure::new(Exit::Refused, refusal::sentence(&data)),
        error => error.into(),
    }
}

/// A transaction as users write it.
pub(super) fn parse_bytes(text: &str) -> Result<Bytes, String> {
    let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text));
    bytes
        .map(Bytes::from)
        .map_err(|error| format!("the transaction is no hex: {error}"))
}

/// An address as users write it.
pub(super) fn parse_address(text: &str) -> Result<Address, String> {
    text.parse()
        .map_err(|error| format!("`{text}` is no address: {error}"))
}

/// An id or a hash as users write it.
pub(super) fn parse_hash(text: &str) -> Result<Hash, String> {
    text.parse()
        .map_err(|error| format!("`{text}` is no id: {error}"))
}
