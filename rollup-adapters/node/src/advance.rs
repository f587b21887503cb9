//! Keeps the rollup's inbox on the home L1 up to date, and tells the queue what the inbox covers: whoever does pays fees
//! and needs no other power (RN8).

use std::time::Duration;

use da::NamespaceId;
use futures::FutureExt as _;
use light_client::{
    Account,
    abi::light_client::{Finalized, ILightClient},
    rpc::{Endpoint, Receipt, RpcError, Tag, ViewError},
    send::{SendConfig, SendError, Sender},
};
use rollup_contracts::{
    abi::{inbox::IRollupInbox, queue::IL1MessageQueue},
    calls::{self, Stored},
    inbox,
    queue::{self, Coverage},
    refusal,
};
use rollup_types::{Address, Height};
use sequencer_client::{Claim, ClientError, Servers, client::BlockId};
use std::sync::Arc;
use tokio::time::sleep;

use crate::{L1Contracts, host::HostError, retries::Retries};

/// Between two looks at the L1.
const LOOK: Duration = Duration::from_secs(6);
const TASK: &str = "taking the rollup's inbox on";
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// Why the inbox was not taken on, or the queue was not told, this time.
#[derive(Debug, thiserror::Error)]
enum AdvanceError {
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error("{}", refusal::explained(.0))]
    Send(#[from] SendError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("a contract can't be read: {}", refusal::unread(.0))]
    View(#[from] ViewError),
    #[error("the L1 endpoint {0} is of chain {1}")]
    OtherChain(String, u64),
    #[error("no L1 endpoint")]
    NoEndpoint,
}

/// Whoever does it.
#[derive(Debug)]
pub(crate) struct Advancer {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) account: Account,
    pub(crate) contracts: L1Contracts,
    pub(crate) namespace: NamespaceId,
    pub(crate) every: u64,
    pub(crate) servers: Arc<Servers>,
}

impl Advancer {
    /// Looks for ever.
    pub(crate) async fn run(self) -> HostError {
        let (mut turn, mut pause, mut retries) = (0, LOOK, Retries::default());
        let mut told = None;
        loop {
            match self.look(turn, &mut told).await {
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

    /// Does what is due. What the queue was told does not have to be looked at again, until it or the inbox knows something
    /// else: also less, if the L1 took a block back.
    async fn look(
        &self,
        turn: usize,
        told: &mut Option<(Coverage, u64)>,
    ) -> Result<(), AdvanceError> {
        let count = self.endpoints.len().max(1);
        let endpoint = self.endpoints.get(turn % count);
        let endpoint = endpoint.ok_or(AdvanceError::NoEndpoint)?;
        let found = endpoint.chain_id().await?;
        if found != self.contracts.chain_id {
            return Err(AdvanceError::OtherChain(endpoint.name().to_owned(), found));
        }
        let advanced = self.advance(endpoint).await;
        // Also if it failed, for a sequencer that stands still proves nothing; and others advance and pin, too.
        let at = endpoint.newest().await?;
        let now = self.coverage(endpoint, at).await?;
        if *told != Some(now) {
            self.cover(endpoint, now.0, at).await?;
            *told = Some(now);
        }
        advanced
    }

    /// Takes the inbox to the light client's newest block, once it is far enough behind.
    async fn advance(&self, endpoint: &Endpoint) -> Result<(), AdvanceError> {
        let L1Contracts {
            inbox,
            light_client,
            ..
        } = self.contracts;
        let call = ILightClient::finalizedCall {};
        let Finalized { height, entry, .. } =
            endpoint.view(light_client, &call, Tag::Latest).await?;
        let known = inbox::known(endpoint, inbox, Tag::Latest).await?;
        let known = known.map_or(0, |known| known.height.0);
        if height < known.saturating_add(self.every) {
            return Ok(());
        }
        let id = BlockId::Height(Height(height));
        let namespace = self.namespace;
        let (file, proven) = self
            .servers
            .ask(|client| client.prove_accumulator(id, namespace).boxed())
            .await?;
        let Claim::Accumulator { proof, .. } = &file.claim else {
            return Err(ClientError::OtherSubject("accumulator").into());
        };
        let header = &proven.header;
        let call = calls::advance(Stored { entry, header }, header, None, proof);
        let receipt = self.send(endpoint, inbox, call).await?;
        let (gas, l1_block) = (receipt.gas_used, receipt.block_number);
        tracing::info!(height, gas, l1_block, "the rollup's inbox was taken on");
        Ok(())
    }

    /// What the inbox covers, and how many messages the queue knows to be covered.
    async fn coverage(&self, endpoint: &Endpoint, at: Tag) -> Result<(Coverage, u64), ViewError> {
        let L1Contracts { inbox, queue, .. } = self.contracts;
        let (l1_block, pinned) = (IRollupInbox::l1NumberCall {}, IRollupInbox::pinnedCall {});
        let coverage = Coverage {
            l1_block: endpoint.view(inbox, &l1_block, at).await?,
            pinned: endpoint.view(inbox, &pinned, at).await?,
        };
        let told = endpoint.view(queue, &IL1MessageQueue::coveredCall {}, at);
        Ok((coverage, told.await?))
    }

    /// Tells the queue which messages the inbox covers: its fee rises with those that it does not know to be covered.
    async fn cover(
        &self,
        endpoint: &Endpoint,
        coverage: Coverage,
        at: Tag,
    ) -> Result<(), AdvanceError> {
        let queue = self.contracts.queue;
        let untold = queue::untold(endpoint, queue, coverage, at).await?;
        let Some((checkpoint, covered)) = untold else {
            return Ok(());
        };
        let call = calls::cover(checkpoint);
        let receipt = self.send(endpoint, queue, call).await?;
        let gas = receipt.gas_used;
        tracing::info!(
            covered,
            gas,
            "the queue knows that its messages are covered"
        );
        Ok(())
    }

    async fn send(
        &self,
        endpoint: &Endpoint,
        to: Address,
        call: Vec<u8>,
    ) -> Result<Receipt, AdvanceError> {
        let account = self.account.clone();
        let sender = Sender::new(endpoint.clone(), account, SendConfig::default()).await?;
        Ok(sender.send(Some(to), call).await?)
    }
}

#[cfg(test)]
mod tests;
