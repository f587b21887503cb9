//! The reporter: takes proofs of misbehaviour from nodes to the contracts of one L1.
//!
//! EV1 to EV4 go to the stake table, which slashes who signed both; EV5 goes to the light client,
//! which freezes. Whoever reports needs an account that pays the fees and no other power, and is
//! paid a part of what is slashed.
//!
//! Nothing is believed: a source may be a server that lies, so signatures are checked here before a
//! call is tried, and the contract checks all of it again. Nothing is kept on disk: the contracts
//! say who was convicted, and only what they say in a final L1 block counts as done. So a crash, a
//! lost transaction or a reorganisation costs another look, and of several reporters that see the
//! same the slower find it done.

mod charge;
mod conflict;
mod contracts;
mod freeze;
mod metrics;
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hotshot_types::{Address, Epoch, Hash, evidence::Evidence};
use light_client::{
    Account,
    evidence::NoUse,
    rpc::{Endpoint, RpcError},
    send::{SendConfig, SendError, Sender},
};
use rand::RngExt as _;
use tokio::time::sleep;

pub use self::{
    metrics::{ReportFamilies, ReportMetrics},
    source::{Source, SourceError},
};

/// Longest pause after failures.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Pieces of evidence that are remembered as dealt with; when they are more, all are looked at again.
const MAX_SETTLED: usize = 65_536;
/// Pieces of one source that a look deals with: each may cost a few requests to the L1.
const MAX_PIECES: usize = 64;

/// Where evidence is reported.
#[derive(Clone, Debug)]
pub struct Place {
    /// Nodes of the L1; one at a time is used, the next one after a failure.
    pub endpoints: Vec<Endpoint>,
    /// The stake table, if this is the home L1, and that chain's id.
    pub home: Option<(Address, u64)>,
    /// The light client; none if the stake table says where it is.
    pub light_client: Option<Address>,
}

impl Place {
    /// Its first endpoint, for messages and metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        self.endpoints.first().map_or("no endpoint", Endpoint::name)
    }
}

/// How often is looked, and how is sent.
#[derive(Clone, Copy, Debug)]
pub struct ReportConfig {
    /// Pause between two looks.
    pub poll: Duration,
    /// Longest random wait before a report, so that reporters that see the same do not all pay.
    pub stagger: Duration,
    /// Fees and patience.
    pub sending: SendConfig,
}

/// Why nothing can be reported now.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The L1.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// A transaction.
    #[error(transparent)]
    Send(#[from] SendError),
    /// No source gives its evidence.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is no such contract.
    #[error("there is no stake table or light client of this network at {0} on that L1")]
    NoContract(Address),
    /// Another chain.
    #[error("{endpoint} is a node of chain {found}, and the stake table is on chain {expected}")]
    OtherChain {
        /// Which.
        endpoint: String,
        /// Its chain.
        found: u64,
        /// The home L1's.
        expected: u64,
    },
}

/// What was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reported {
    /// A validator was slashed.
    Slashed {
        /// Who.
        operator: Address,
        /// The epoch of the offence.
        epoch: Epoch,
        /// What the reporter was paid, in units of 1e-18 tokens.
        reward: u128,
        /// The L1 block.
        l1_block: u64,
        /// The gas that it took.
        gas: u64,
    },
    /// The light client is frozen.
    Frozen {
        /// Which.
        light_client: Address,
        /// The epoch of the first of the two blocks.
        epoch: Epoch,
        /// The L1 block.
        l1_block: u64,
        /// The gas that it took.
        gas: u64,
    },
}

/// What came of a piece of evidence at one look.
enum Outcome {
    /// Sent, and in a block.
    Reported(Reported),
    /// Nothing is left to do.
    Settled,
    /// To be looked at again.
    Open,
}

/// Reports to the contracts of one L1.
#[derive(Debug)]
pub struct Reporter {
    sources: Vec<Source>,
    domain: Hash,
    place: Place,
    account: Account,
    config: ReportConfig,
    metrics: ReportMetrics,
    /// The light client, once the contracts were found to be this network's.
    light_client: Option<Address>,
    /// Which of the endpoints is used.
    endpoint: usize,
    /// Evidence counted as seen.
    seen: BTreeSet<Hash>,
    /// What needs no further look, by the source that showed it.
    settled: BTreeSet<(usize, Hash)>,
    /// Sources that gave no answer when they were last asked.
    silent: BTreeSet<usize>,
    /// Said once: two branches, of which no source has both.
    unproven: BTreeSet<Hash>,
}

impl Reporter {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(
        sources: Vec<Source>,
        domain: Hash,
        place: Place,
        account: Account,
        config: ReportConfig,
        metrics: ReportMetrics,
    ) -> Self {
        Self {
            sources,
            domain,
            place,
            account,
            config,
            metrics,
            light_client: None,
            endpoint: 0,
            seen: BTreeSet::new(),
            settled: BTreeSet::new(),
            silent: BTreeSet::new(),
            unproven: BTreeSet::new(),
        }
    }

    /// Reports for ever.
    pub async fn run(mut self) {
        let mut rest = self.config.poll;
        loop {
            rest = match self.look().await {
                Ok(_) => self.config.poll,
                Err(error) => {
                    self.metrics.failed();
                    tracing::warn!(%error, "evidence could not be reported; trying again");
                    (2 * rest).min(LONGEST_REST)
                }
            };
            sleep(rest).await;
        }
    }

    /// Looks at the evidence of all sources and reports what is not done yet.
    ///
    /// # Errors
    /// No source answers, or the L1 fails; the next look goes on.
    pub async fn look(&mut self) -> Result<Vec<Reported>, ReportError> {
        let pieces = self.gather().await?;
        let mut reported = Vec::new();
        if pieces.is_empty() {
            return Ok(reported);
        }
        let outcome = self.deal_with_all(pieces, &mut reported).await;
        if outcome.is_err() {
            // The next look asks another node of the L1.
            self.endpoint = (self.endpoint + 1) % self.place.endpoints.len().max(1);
        }
        match outcome {
            Err(error) if reported.is_empty() => Err(error),
            _ => Ok(reported),
        }
    }

    async fn deal_with_all(
        &mut self,
        pieces: Vec<(usize, Evidence)>,
        reported: &mut Vec<Reported>,
    ) -> Result<(), ReportError> {
        let sender = self.sender().await?;
        let light_client = self.find(sender.endpoint()).await?;
        for (source, evidence) in pieces {
            let id = evidence.id();
            match self
                .deal_with(&sender, light_client, source, &evidence)
                .await?
            {
                Outcome::Reported(done) => reported.push(done),
                Outcome::Open => {}
                Outcome::Settled => {
                    if self.settled.len() >= MAX_SETTLED {
                        self.settled.clear();
                    }
                    self.settled.insert((source, id));
                }
            }
        }
        Ok(())
    }

    /// What is not settled, of all sources that answer.
    async fn gather(&mut self) -> Result<Vec<(usize, Evidence)>, ReportError> {
        let mut pieces = BTreeMap::new();
        let (mut answers, mut failure) = (0, None);
        for (index, source) in self.sources.iter().enumerate() {
            match source.evidence().await {
                Ok(evidence) => {
                    answers += 1;
                    if self.silent.remove(&index) {
                        tracing::info!(source = source.name(), "shows its evidence again");
                    }
                    for piece in evidence {
                        pieces.entry((index, piece.id())).or_insert(piece);
                    }
                }
                Err(error) => {
                    if self.silent.insert(index) {
                        tracing::warn!(source = source.name(), %error, "shows no evidence");
                    }
                    failure = Some(error);
                }
            }
        }
        if let (0, Some(error)) = (answers, failure) {
            return Err(error.into());
        }
        for (_, id) in pieces.keys() {
            if self.seen.len() >= MAX_SETTLED {
                self.seen.clear();
            }
            if self.seen.insert(*id) {
                self.metrics.seen();
            }
        }
        pieces.retain(|key, _| !self.settled.contains(key));
        // A source that shows many keeps only itself from being heard.
        let mut shown = vec![0; self.sources.len()];
        let pieces = pieces.into_iter().filter(|((source, _), _)| {
            shown[*source] += 1;
            shown[*source] <= MAX_PIECES
        });
        Ok(pieces.map(|((source, _), piece)| (source, piece)).collect())
    }

    async fn deal_with(
        &mut self,
        sender: &Sender,
        light_client: Address,
        source: usize,
        evidence: &Evidence,
    ) -> Result<Outcome, ReportError> {
        match evidence {
            Evidence::Proposals(..)
            | Evidence::Votes1(..)
            | Evidence::Votes2(..)
            | Evidence::LostLock(..) => match self.place.home {
                Some((stake_table, _)) => self.charge(sender, stake_table, source, evidence).await,
                None => Ok(Outcome::Settled),
            },
            Evidence::Quorums(..) | Evidence::Finals(..) | Evidence::LostLocks(..) => {
                let guilty = crate::node::listed(evidence.guilty());
                tracing::warn!(
                    %guilty, epoch = %evidence.epoch(), evidence = %evidence.id(),
                    "these validators signed in aggregates that contradict each other; the stake \
                     table takes no proof of that, so nobody is slashed for it"
                );
                Ok(Outcome::Settled)
            }
            Evidence::Fork(a, b) => self.freeze(sender, light_client, evidence, [a, b]).await,
        }
    }

    /// A report that did not get through: done by another, of no use, or to be tried again.
    fn not_sent(&self, error: SendError, evidence: &Evidence) -> Result<Outcome, ReportError> {
        let data = match error {
            SendError::Refused(data) => data,
            // State changed between the estimate and the block: the next look sees how.
            SendError::Failed(hash) => {
                self.metrics.overtaken();
                tracing::info!(transaction = %hash, evidence = %evidence.id(), "another reporter was faster, by a block's place");
                return Ok(Outcome::Open);
            }
            error => return Err(error.into()),
        };
        match NoUse::of(&data) {
            Some(NoUse::Convicted | NoUse::Frozen) => {
                self.metrics.overtaken();
                tracing::info!(evidence = %evidence.id(), "another reporter was faster");
                Ok(Outcome::Open)
            }
            Some(NoUse::UnknownEpoch { epoch, current }) if epoch > current => {
                tracing::info!(
                    epoch,
                    current,
                    "the light client does not know the committee yet"
                );
                Ok(Outcome::Open)
            }
            _ => {
                self.metrics.refused();
                let reason = light_client::refusal::sentence(&data);
                tracing::warn!(evidence = %evidence.id(), %reason, "the contract refuses the evidence");
                Ok(Outcome::Settled)
            }
        }
    }

    async fn stagger(&self) {
        if !self.config.stagger.is_zero() {
            let wait = rand::rng().random_range(Duration::ZERO..self.config.stagger);
            sleep(wait).await;
        }
    }
}
