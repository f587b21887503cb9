//! The rollup's inboxes on other L1s (RN10).
//!
//! They take no money and nothing is executed because of them, so an endpoint is believed here. What an inbox holds is
//! compared with what the sequencer's headers commit to at its height; one that differs is an alarm.

use std::{sync::Arc, time::Duration};

use da::NamespaceId;
use light_client::rpc::{Endpoint, RpcError, Tag};
use rollup_contracts::inbox;
use rollup_derive::l1::Newest;
use rollup_types::{Hash, field};
use sequencer_client::{ClientError, Servers, client::BlockId};
use serde::Serialize;
use tokio::time::sleep;

use crate::{Replica, board::Board, host::HostError, retries::Retries};

const TASK: &str = "reading a replica";
/// Between two looks.
const LOOK: Duration = Duration::from_secs(6);

/// How far the rollup is known on another L1, in its newest final block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplicaStanding {
    pub(crate) chain_id: u64,
    /// The light client's height.
    pub(crate) light_client: u64,
    /// The inbox's height.
    pub(crate) inbox: u64,
    /// Whether the inbox holds there what the sequencer's headers commit to.
    pub(crate) is_same: bool,
}

#[derive(Debug, thiserror::Error)]
enum ReplicaError {
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the definition names no replica on chain {0}")]
    Unknown(u64),
}

/// Whoever looks at them.
#[derive(Debug)]
pub(crate) struct Replicas {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) namespace: NamespaceId,
    pub(crate) servers: Arc<Servers>,
    pub(crate) board: Arc<Board>,
}

impl Replicas {
    /// Looks for ever.
    pub(crate) async fn run(self) -> HostError {
        let mut retries = vec![Retries::default(); self.endpoints.len()];
        loop {
            for (endpoint, retries) in self.endpoints.iter().zip(&mut retries) {
                match self.look(endpoint).await {
                    Ok(standing) => {
                        retries.succeeded(TASK);
                        self.tell(standing);
                    }
                    Err(error) => retries.failed(TASK, format!("{}: {error}", endpoint.name())),
                }
            }
            sleep(LOOK).await;
        }
    }

    fn tell(&self, standing: ReplicaStanding) {
        let ReplicaStanding {
            chain_id, inbox, ..
        } = standing;
        if !standing.is_same {
            tracing::error!(
                chain_id,
                height = inbox,
                "the rollup's inbox on another L1 holds something else than the sequencer's headers commit to"
            );
        }
        self.board.replica(standing);
        let all = self.board.replica_standings();
        let differs = all.iter().find(|standing| !standing.is_same);
        let differs = differs.map(|it| {
            format!(
                "the inbox on L1 {} differs at height {}",
                it.chain_id, it.inbox
            )
        });
        self.board.trouble("replica", differs);
    }

    async fn look(&self, endpoint: &Endpoint) -> Result<ReplicaStanding, ReplicaError> {
        let chain_id = endpoint.chain_id().await?;
        let replica = self.replicas.iter().find(|it| it.chain_id == chain_id);
        let replica = replica.ok_or(ReplicaError::Unknown(chain_id))?;
        let final_block = endpoint.block(Tag::Finalized).await?;
        let at = Tag::Number(final_block.map_or(0, |block| block.number));
        let slot = field::LIGHT_CLIENT_HEIGHT.slot.into();
        let newest = endpoint.storage(replica.light_client, slot, at).await?;
        let known = inbox::known(endpoint, replica.inbox, at).await?;
        let is_same = match &known {
            None => true,
            Some(known) => {
                let id = BlockId::Height(known.height);
                let (_, entry) = self.servers.accumulator(id, self.namespace).await?;
                entry.block_count == known.block_count && Hash(entry.acc) == known.chain
            }
        };
        Ok(ReplicaStanding {
            chain_id,
            light_client: Newest::read(newest).map_or(0, |newest| newest.height.0),
            inbox: known.map_or(0, |known| known.height.0),
            is_same,
        })
    }
}
