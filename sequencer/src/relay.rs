//! The relayer: keeps the light client of an L1 up to date with the network.
//!
//! It needs no permission and holds nothing: what it sends is checked by the contract, what it
//! reads of the contract says what is missing. So it keeps no state, and after a crash, a lost
//! transaction or a reorganisation of the L1 it looks again and sends what is missing then. Several
//! relayers at once cost each other little: none sends what the contract would refuse, or what
//! another one's waiting update makes needless.
//!
//! One update an epoch at least, for the light client knows the committees of two epochs only. An
//! epoch that was skipped costs one update more.

mod metrics;
mod plan;

use std::time::Duration;

use hotshot_types::{Address, Epoch, Header, Height, finality::FinalityProof};
use light_client::{
    abi::{
        self, SolCall,
        light_client::{Finalized, ILightClient},
        stake_table::IStakeTable,
    },
    rpc::{Endpoint, RpcError, Tag, ViewError},
    send::{SendError, Sender},
    update,
};
use rand::RngExt as _;
use sequencer_client::{
    ClientError,
    client::{Api, BlockId},
};
use tokio::time::sleep;

pub use self::metrics::RelayMetrics;
use self::plan::{Candidate, plan};

/// Blocks below the newest one among which the cheapest certificate is looked for.
const CHOICE: u64 = 16;
/// Longest random wait before an update, so that relayers that see the same do not all send.
const STAGGER: Duration = Duration::from_millis(800);
/// Longest pause after failures.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How often is relayed.
#[derive(Clone, Copy, Debug)]
pub struct RelayConfig {
    /// An update is due once the light client is this many blocks behind; one an epoch is anyway.
    pub every_blocks: Option<u64>,
    /// Pause between two looks.
    pub poll: Duration,
    /// How long a certificate with absent signers may wait for a better one.
    pub patience: Duration,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            every_blocks: None,
            poll: Duration::from_secs(2),
            patience: Duration::from_secs(3),
        }
    }
}

/// Why a light client can't be kept up to date.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The L1.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// A transaction.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The network.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no light client there.
    #[error("there is no light client at {0} on that L1")]
    NoLightClient(Address),
    /// It follows another network.
    #[error("the light client at {0} follows another network than the node")]
    OtherNetwork(Address),
    /// It is frozen.
    #[error(
        "the light client is frozen: the network contradicted itself, and nothing can be relayed any more"
    )]
    Frozen,
    /// It is too old.
    #[error("the light client's trust period has run out: its timelock has to set a new anchor")]
    Expired,
    /// What the node answered can't be what the network signed.
    #[error("the node's answer can't be relayed: {0}")]
    Node(&'static str),
}

impl RelayError {
    /// Whether it is of no use to try again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Frozen | Self::NoLightClient(_) | Self::OtherNetwork(_)
        )
    }
}

/// What was relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Relayed {
    /// The block.
    pub height: Height,
    /// Its epoch.
    pub epoch: Epoch,
    /// The L1 block that holds the update.
    pub l1_block: u64,
    /// The gas that it took.
    pub gas: u64,
}

/// Calls a view.
///
/// # Errors
/// No answer, or no such contract.
pub async fn view<C: SolCall>(
    endpoint: &Endpoint,
    contract: Address,
    call: C,
) -> Result<C::Return, RelayError> {
    view_at(endpoint, contract, call, Tag::Latest).await
}

async fn view_at<C: SolCall>(
    endpoint: &Endpoint,
    contract: Address,
    call: C,
    at: Tag,
) -> Result<C::Return, RelayError> {
    let answer = endpoint.view(contract, &call, at).await;
    answer.map_err(|error| match error {
        ViewError::Rpc(error) => error.into(),
        ViewError::Refused(_) | ViewError::NoContract { .. } => RelayError::NoLightClient(contract),
    })
}

/// Where the light client of the home L1 is.
///
/// # Errors
/// No answer, or no stake table.
pub async fn home_light_client(
    endpoint: &Endpoint,
    stake_table: Address,
) -> Result<Address, RelayError> {
    let client = view(endpoint, stake_table, IStakeTable::lightClientCall {}).await?;
    Ok(abi::from_address(client))
}

/// Keeps one light client up to date.
#[derive(Debug)]
pub struct Relayer {
    api: Api,
    sender: Sender,
    light_client: Address,
    config: RelayConfig,
    metrics: RelayMetrics,
    /// Since when an update is due whose certificate lacks signers.
    waits_since: Option<tokio::time::Instant>,
}

impl Relayer {
    /// Checks that the light client follows the node's network.
    ///
    /// # Errors
    /// No answer, no light client, or that of another network.
    pub async fn new(
        api: Api,
        sender: Sender,
        light_client: Address,
        config: RelayConfig,
        metrics: RelayMetrics,
    ) -> Result<Self, RelayError> {
        let genesis = api.genesis().await?;
        let call = ILightClient::chainDomainCall {};
        let domain = view(sender.endpoint(), light_client, call).await?;
        if domain.0 != genesis.chain_domain().0 {
            return Err(RelayError::OtherNetwork(light_client));
        }
        Ok(Self {
            api,
            sender,
            light_client,
            config,
            metrics,
            waits_since: None,
        })
    }

    /// Relays until something is wrong for good.
    ///
    /// # Errors
    /// What is wrong for good.
    pub async fn run(mut self) -> Result<(), RelayError> {
        let mut rest = self.config.poll;
        loop {
            match self.step().await {
                Ok(relayed) => {
                    for Relayed {
                        height,
                        epoch,
                        l1_block,
                        gas,
                    } in relayed
                    {
                        tracing::info!(%height, %epoch, l1_block, gas, l1 = self.sender.endpoint().name(), "relayed");
                    }
                    rest = self.config.poll;
                }
                Err(error) if error.is_final() => return Err(error),
                Err(error) => {
                    self.metrics.failed();
                    tracing::warn!(%error, l1 = self.sender.endpoint().name(), "nothing was relayed");
                    rest = (2 * rest).min(LONGEST_REST);
                }
            }
            sleep(rest).await;
        }
    }

    /// Sends what is due now.
    ///
    /// # Errors
    /// What went wrong; the next step looks again.
    pub async fn step(&mut self) -> Result<Vec<Relayed>, RelayError> {
        let state = self.state().await?;
        let proof = self
            .api
            .finality(BlockId::Latest, Epoch(state.epoch).max(Epoch::FIRST))
            .await?;
        let newest = self.cheapest(&proof, state.height).await?;
        self.metrics.seen(&state, proof.certified.height);
        let due = plan(&state, &proof, newest, self.config.every_blocks)
            .ok_or(RelayError::Node("it lacks an epoch"))?;
        let Some(last) = due.last() else {
            self.waits_since = None;
            return Ok(Vec::new());
        };
        if due.len() == 1 && last.absent() > 0 && self.may_wait() {
            return Ok(Vec::new());
        }
        self.waits_since = None;
        let stagger = rand::rng().random_range(Duration::ZERO..STAGGER);
        sleep(stagger).await;
        if self.is_under_way(&state).await? {
            self.metrics.overtaken();
            return Ok(Vec::new());
        }
        let mut relayed = Vec::new();
        for candidate in due {
            match self.relay(&candidate).await? {
                Some(done) => relayed.push(done),
                // Somebody else was faster: what is missing now is seen at the next look.
                None => break,
            }
        }
        Ok(relayed)
    }

    /// Sends all that is due, and waits for no better certificate.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn finish(&mut self) -> Result<Vec<Relayed>, RelayError> {
        self.config.patience = Duration::ZERO;
        self.step().await
    }

    /// Whether a better certificate may still come.
    fn may_wait(&mut self) -> bool {
        let since = *self
            .waits_since
            .get_or_insert_with(tokio::time::Instant::now);
        since.elapsed() < self.config.patience
    }

    async fn state(&self) -> Result<Finalized, RelayError> {
        let endpoint = self.sender.endpoint();
        let frozen = view(endpoint, self.light_client, ILightClient::isFrozenCall {}).await?;
        if frozen {
            return Err(RelayError::Frozen);
        }
        if view(endpoint, self.light_client, ILightClient::isExpiredCall {}).await? {
            return Err(RelayError::Expired);
        }
        view(endpoint, self.light_client, ILightClient::finalizedCall {}).await
    }

    /// Of the newest blocks of the epoch the one that most signed: absent signers cost gas.
    async fn cheapest(&self, proof: &FinalityProof, above: u64) -> Result<Candidate, RelayError> {
        let newest = Candidate {
            header: proof.certified.clone(),
            certificate: proof.certificate.clone(),
        };
        if newest.absent() == 0 {
            return Ok(newest);
        }
        let top = newest.header.height.0;
        let from = top.saturating_sub(CHOICE).max(above).saturating_add(1);
        if from >= top {
            return Ok(newest);
        }
        let limit = u32::try_from(top - from).unwrap_or(1);
        let page = self.api.blocks(Height(from), limit).await?;
        let others = page.blocks.into_iter().filter_map(|block| {
            let certificate = block.certificate?;
            let header: Header = block.header;
            let fits = certificate.hash() == header.hash()
                && header.epoch == newest.header.epoch
                && header.height < newest.header.height;
            fits.then_some(Candidate {
                header,
                certificate,
            })
        });
        let best =
            others.min_by_key(|other| (other.absent(), std::cmp::Reverse(other.header.height)));
        Ok(match best {
            Some(other) if other.absent() < newest.absent() => other,
            _ => newest,
        })
    }

    /// Sends one update; none if the light client has it, or a later one.
    async fn relay(&self, candidate: &Candidate) -> Result<Option<Relayed>, RelayError> {
        let Candidate {
            header,
            certificate,
        } = candidate;
        let committee = self.api.epoch(header.epoch).await?.committee;
        let call = update::update(header, certificate, &committee)
            .ok_or(RelayError::Node("the certificate is not its committee's"))?;
        let receipt = match self.sender.send(Some(self.light_client), call).await {
            Ok(receipt) => receipt,
            Err(error) if self.is_overtaken(header).await? => {
                tracing::debug!(%error, "another relayer was faster");
                self.metrics.overtaken();
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        self.metrics.relayed(header, receipt.gas_used);
        Ok(Some(Relayed {
            height: header.height,
            epoch: header.epoch,
            l1_block: receipt.block_number,
            gas: receipt.gas_used,
        }))
    }

    /// Whether somebody else has relayed since that state, or waits for a block with an update. What
    /// an earlier run of this account left waiting is no reason: it is replaced.
    async fn is_under_way(&self, state: &Finalized) -> Result<bool, RelayError> {
        let is_own = self.sender.is_waiting().await?;
        let at = if is_own { Tag::Latest } else { Tag::Pending };
        let call = ILightClient::finalizedCall {};
        // Not every endpoint shows what waits.
        let now = view_at(self.sender.endpoint(), self.light_client, call, at).await;
        Ok(now.is_ok_and(|now| now.height > state.height))
    }

    async fn is_overtaken(&self, header: &Header) -> Result<bool, RelayError> {
        Ok(self.state().await?.height >= header.height.0)
    }
}
