//! One reading of the L1: everything that one of its blocks says about the rollup.

use std::{collections::BTreeMap, time::Duration};

use alloy_consensus::Header as L1Header;
use light_client::rpc::{Endpoint, RpcError, Tag};
use rollup_derive::{
    L1Base, L1View,
    l1::{AccountProof, Contracts, L1Error, L1State, Proofs},
};
use rollup_types::{Address, Field, Hash, L1Message, Pin, field};
use sequencer_proof::VerifiedBlock;
use serde_json::json;
use tokio::{sync::Mutex, time::timeout};

use super::{
    Endpoints,
    endpoints::Wrong,
    logs::{self, Logs},
};
use crate::L1Contracts;

/// How long one endpoint is asked before the next one is; it then goes on where it was.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is kept of logs between two readings, of all endpoints together.
const MOST_KEPT_BYTES: usize = 256 << 20;

/// Which L1 block is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At<'a> {
    /// The one that a final header of the sequencer attests.
    Attested(&'a VerifiedBlock),
    /// One that the endpoints agree on.
    Agreed(u64, Hash),
}

impl At<'_> {
    fn block(&self) -> (u64, Hash) {
        match self {
            Self::Attested(by) => {
                let named = by.header.l1_finalized;
                (named.number, named.hash)
            }
            Self::Agreed(number, hash) => (*number, *hash),
        }
    }
}

/// Why the L1 was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum L1ReadError {
    /// No endpoint gave what was asked for, for now.
    #[error("the L1 can't be read up to block {number}: {reason}")]
    Unread {
        /// The L1 block.
        number: u64,
        /// What the last endpoint said, or was caught with.
        reason: String,
    },
    /// The definition is wrong.
    #[error(
        "the light client at {0} on the home L1 is of another network than the definition's genesis document"
    )]
    OtherNetwork(Address),
}

/// Reads the rollup's contracts.
#[derive(Debug)]
pub(crate) struct Reader {
    endpoints: Endpoints,
    contracts: L1Contracts,
    /// The sequencer's, until it is known that the light client is of it.
    network: Option<Hash>,
    /// What endpoints said of the logs in readings that broke off, by their places.
    kept: Mutex<BTreeMap<usize, Logs>>,
}

/// What one endpoint says about an L1 block.
struct Told {
    header: Option<L1Header>,
    proofs: Proofs,
    messages: Vec<L1Message>,
    pins: Vec<Pin>,
}

impl Reader {
    pub(crate) fn new(endpoints: Endpoints, contracts: L1Contracts, network: Hash) -> Self {
        Self {
            endpoints,
            contracts,
            network: Some(network),
            kept: Mutex::default(),
        }
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The newest block that the endpoints agree is final.
    pub(crate) async fn finalized(&mut self) -> Option<(u64, Hash)> {
        self.endpoints.finalized().await
    }

    /// All that came after `base`, up to a block. What is not in `base` is in no L1 block up to `known`.
    ///
    /// # Errors
    /// No endpoint proves it.
    pub(crate) async fn view(
        &mut self,
        at: At<'_>,
        base: L1Base,
        known: u64,
    ) -> Result<L1View, L1ReadError> {
        let (number, hash) = at.block();
        let contracts = self.contracts;
        if let Some(network) = self.network {
            let found = self.endpoints.network(contracts.light_client).await;
            let found = found.ok_or_else(|| {
                let reason =
                    "no majority of the endpoints says what network the light client is of";
                let reason = reason.to_owned();
                L1ReadError::Unread { number, reason }
            })?;
            if found != network {
                return Err(L1ReadError::OtherNetwork(contracts.light_client));
            }
            self.network = None;
        }
        let from = (known + 1).max(contracts.first_block);
        // What was read from another block on is of no use.
        self.kept.get_mut().retain(|_, logs| logs.from() == from);
        let kept = &self.kept;
        let view = self.endpoints.ask(
            "the rollup's contracts",
            |place, endpoint: Endpoint| async move {
                let mut kept = kept.lock().await;
                let logs = kept.entry(place).or_insert_with(|| Logs::new(from));
                let told = timeout(PATIENCE, told(&endpoint, &contracts, number, logs)).await;
                told.unwrap_or_else(|_| {
                    let endpoint = endpoint.name().to_owned();
                    Err(RpcError::Timeout { endpoint })
                })
            },
            |told| check(told, at, &contracts, base, hash),
        );
        let view = view.await;
        let kept = self.kept.get_mut();
        if view.is_ok() {
            kept.clear();
        }
        let most = MOST_KEPT_BYTES / kept.len().max(1);
        kept.values_mut().for_each(|logs| logs.shorten(most));
        view.map_err(|reason| {
            let next = kept.values().map(Logs::next).max();
            let reason = match next {
                Some(next) if next > from => format!("{reason}; it goes on at block {next}"),
                _ => reason,
            };
            L1ReadError::Unread { number, reason }
        })
    }
}

/// The header of a block, as an endpoint says it. Unverified.
pub(crate) async fn header_at(
    endpoint: &Endpoint,
    number: u64,
) -> Result<Option<L1Header>, RpcError> {
    let params = json!([Tag::Number(number), false]);
    endpoint.ask("eth_getBlockByNumber", params).await
}

async fn told(
    endpoint: &Endpoint,
    contracts: &L1Contracts,
    number: u64,
    logs: &mut Logs,
) -> Result<Told, RpcError> {
    let header = header_at(endpoint, number).await?;
    let proofs = Proofs {
        queue: prove(endpoint, contracts.queue, &[field::QUEUE_CHAIN], number).await?,
        inbox: prove(
            endpoint,
            contracts.inbox,
            &[field::PIN_CHAIN, field::INBOX_HEIGHT],
            number,
        )
        .await?,
        light_client: prove(
            endpoint,
            contracts.light_client,
            &[field::LIGHT_CLIENT_HEIGHT],
            number,
        )
        .await?,
    };
    // Whoever does not have the block may lack logs, too.
    let logs = if header.is_some() {
        let both = [contracts.queue, contracts.inbox];
        logs.read(endpoint, both, number).await?;
        logs.up_to(number)
    } else {
        Vec::new()
    };
    let of = |contract| logs.iter().filter(move |log| log.address == contract);
    Ok(Told {
        header,
        proofs,
        messages: of(contracts.queue)
            .filter_map(|log| rollup_contracts::queue::message(log).ok())
            .collect(),
        pins: of(contracts.inbox).filter_map(logs::pin).collect(),
    })
}

fn check(
    mut told: Told,
    at: At<'_>,
    contracts: &L1Contracts,
    base: L1Base,
    hash: Hash,
) -> Result<L1View, Wrong> {
    let lacks = || Wrong::Lacking("the endpoint does not have that block yet".into());
    let header = told.header.take().ok_or_else(lacks)?;
    let header = alloy_rlp::encode(&header);
    let state = match at {
        At::Attested(by) => L1State::attested(by, &header),
        At::Agreed(..) => L1State::believed(&header),
    };
    // A fork that adds fields which this program does not know looks the same: no reason to leave it for good.
    let state = state.map_err(|error| Wrong::Lacking(error.to_string()))?;
    if state.hash() != hash {
        let reason = format!("its header has hash {}, the block is {hash}", state.hash());
        return Err(Wrong::Lacking(reason));
    }
    // The first block that is read may be the one of the last that are known.
    told.messages
        .retain(|message| message.index >= base.queue.count);
    told.pins.retain(|pin| pin.number >= base.pins.count);
    let contracts = Contracts {
        queue: contracts.queue,
        inbox: contracts.inbox,
        light_client: contracts.light_client,
    };
    let wrong = |error: L1Error| match error {
        // Some forget old logs and say that there are none, or are asked before they have the newest.
        L1Error::Messages { .. } | L1Error::Pins { .. } => Wrong::Lacking(error.to_string()),
        _ => Wrong::Lie(error.to_string()),
    };
    L1View::new(
        &state,
        &contracts,
        &told.proofs,
        base,
        told.messages,
        told.pins,
    )
    .map_err(wrong)
}

/// Slots of a contract, as an endpoint proves them. Unverified.
pub(crate) async fn prove(
    endpoint: &Endpoint,
    contract: Address,
    fields: &[Field],
    number: u64,
) -> Result<AccountProof, RpcError> {
    let keys: Vec<Hash> = fields.iter().map(|field| field.key()).collect();
    let params = json!([contract, keys, Tag::Number(number)]);
    endpoint.ask("eth_getProof", params).await
}
