//! Keeps the rollup's inbox on the home L1 up to date: whoever does pays fees and needs no other power (RN8).

use std::time::Duration;

use da::NamespaceId;
use futures::FutureExt as _;
use light_client::{
    Account,
    abi::light_client::ILightClient,
    rpc::{Endpoint, RpcError, Tag, ViewError},
    send::{SendConfig, SendError, Sender},
};
use rollup_contracts::{
    abi::{inbox::IRollupInbox, queue::IL1MessageQueue},
    calls::{self, Stored},
    inbox, queue,
};
use rollup_types::Height;
use sequencer_client::{Claim, ClientError, Servers, client::BlockId};
use std::sync::Arc;
use tokio::time::sleep;

use crate::{L1Contracts, host::HostError, retries::Retries};

/// Between two looks at the L1.
const LOOK: Duration = Duration::from_secs(6);
const TASK: &str = "taking the rollup's inbox on";
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// Why the inbox was not taken on, this time.
#[derive(Debug, thiserror::Error)]
enum AdvanceError {
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("{}", rollup_contracts::refusal::sentence(.0))]
    Refused(Vec<u8>),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("a contract can't be read: {0}")]
    View(#[from] ViewError),
    #[error("the L1 endpoint {0} is of chain {1}")]
    OtherChain(String, u64),
    #[error("no L1 endpoint")]
    NoEndpoint,
}

/// Whoever does it.
#[derive(Debug)]
pub(crate) struct Advancer {
    endpoints: Vec<Endpoint>,
    account: Account,
    contracts: L1Contracts,
    namespace: NamespaceId,
    every: u64,
    servers: Arc<Servers>,
}

impl Advancer {
    pub(crate) fn new(
        endpoints: Vec<Endpoint>,
        account: Account,
        contracts: L1Contracts,
        namespace: NamespaceId,
        every: u64,
        servers: Arc<Servers>,
    ) -> Self {
        Self {
            endpoints,
            account,
            contracts,
            namespace,
            every,
            servers,
        }
    }

    /// Looks for ever.
    pub(crate) async fn run(self) -> HostError {
        let (mut turn, mut pause, mut retries) = (0, LOOK, Retries::default());
        loop {
            match self.look(turn).await {
                Ok(()) => {
                    retries.succeeded(TASK);
                    pause = LOOK;
                }
                Err(error) => {
                    retries.failed(TASK, &error);
                    // Another endpoint may be better.
                    turn += 1;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            sleep(pause).await;
        }
    }

    async fn look(&self, turn: usize) -> Result<(), AdvanceError> {
        let count = self.endpoints.len().max(1);
        let endpoint = self.endpoints.get(turn % count);
        let endpoint = endpoint.ok_or(AdvanceError::NoEndpoint)?.clone();
        let L1Contracts {
            chain_id,
            inbox,
            light_client,
            ..
        } = self.contracts;
        let found = endpoint.chain_id().await?;
        if found != chain_id {
            return Err(AdvanceError::OtherChain(endpoint.name().to_owned(), found));
        }
        let call = ILightClient::finalizedCall {};
        let newest = endpoint.view(light_client, &call, Tag::Latest).await?;
        let known = inbox::known(&endpoint, inbox, Tag::Latest).await?;
        let known = known.map_or(0, |known| known.height.0);
        if newest.height < known.saturating_add(self.every) {
            return Ok(());
        }
        let id = BlockId::Height(Height(newest.height));
        let namespace = self.namespace;
        let (file, proven) = self
            .servers
            .ask(|client| client.prove_accumulator(id, namespace).boxed())
            .await?;
        let Claim::Accumulator { proof, .. } = &file.claim else {
            return Err(ClientError::OtherSubject("accumulator").into());
        };
        let stored = Stored {
            entry: newest.entry,
            header: &proven.header,
        };
        let call = calls::advance(stored, &proven.header, None, proof);
        let sender = Sender::new(endpoint, self.account.clone(), SendConfig::default()).await?;
        let receipt = sender.send(Some(inbox), call).await.map_err(explained)?;
        let (height, gas, block) = (newest.height, receipt.gas_used, receipt.block_number);
        tracing::info!(
            height,
            gas,
            l1_block = block,
            "the rollup's inbox was taken on"
        );
        self.cover(&sender).await
    }

    /// Tells the queue which messages the inbox covers: its fee rises with those that it does not know to be covered.
    async fn cover(&self, sender: &Sender) -> Result<(), AdvanceError> {
        let L1Contracts { inbox, queue, .. } = self.contracts;
        let (endpoint, at) = (sender.endpoint(), Tag::Latest);
        let told = IL1MessageQueue::coveredCall {};
        let told = endpoint.view(queue, &told, at).await?;
        let call = IRollupInbox::l1NumberCall {};
        let l1_block = endpoint.view(inbox, &call, at).await?;
        let call = IRollupInbox::pinnedCall {};
        let pinned = endpoint.view(inbox, &call, at).await?;
        let border = queue::border(endpoint, queue, l1_block, pinned).await?;
        let Some((checkpoint, count)) = border.covered else {
            return Ok(());
        };
        let covered = count.max(pinned);
        if covered > told {
            let call = calls::cover(checkpoint);
            let receipt = sender.send(Some(queue), call).await.map_err(explained)?;
            let gas = receipt.gas_used;
            tracing::info!(
                covered,
                gas,
                "the queue knows that its messages are covered"
            );
        }
        Ok(())
    }
}

fn explained(error: SendError) -> AdvanceError {
    match error {
        SendError::Refused(data) => AdvanceError::Refused(data),
        error => error.into(),
    }
}
