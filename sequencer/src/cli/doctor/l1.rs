//! The home L1: whether its endpoints are of use, whether this node's key is in the stake table, and
//! whether its account can pay.

use hotshot_types::{Address, GenesisDocument, digest::keccak};
use light_client::{
    abi::{SolCall, from_address, stake_table::IStakeTable, word},
    rpc::{Endpoint, RpcError, Tag, ViewError},
};

use super::{Report, Scene};
use crate::{
    cli::exit::{Exit, Failure},
    keys,
};

/// Examines every endpoint; says nothing about a network without L1.
pub(super) async fn examine(scene: &Scene, report: &mut Report) {
    let Some(genesis) = &scene.genesis else {
        return;
    };
    let config = match scene.settings.l1.resolve(genesis) {
        Ok(Some(config)) => config,
        Ok(None) => return,
        Err(error) => return report.fail("l1", error, Exit::Config),
    };
    if config.endpoints.len() < 3 {
        report.warn(
            "l1",
            format!(
                "{} L1 endpoints: three that nobody runs together are safe against one that lies or fails",
                config.endpoints.len()
            ),
        );
    }
    let mut useful = None;
    for endpoint in &config.endpoints {
        match look(endpoint, genesis).await {
            Ok(message) => {
                report.ok("l1", message);
                useful = Some(endpoint);
            }
            Err(Finding::Rpc(error)) => report.warn("l1", error),
            Err(Finding::Wrong(message)) => report.fail("l1", message, Exit::Config),
        }
    }
    match useful {
        Some(endpoint) => {
            registration(scene, genesis, endpoint, report).await;
            account(scene, endpoint, report).await;
        }
        None => report.fail(
            "l1",
            "no L1 endpoint is of use: committees of later epochs can't be learnt",
            Exit::Unreachable,
        ),
    }
}

enum Finding {
    Rpc(RpcError),
    Wrong(String),
}

impl From<RpcError> for Finding {
    fn from(error: RpcError) -> Self {
        Self::Rpc(error)
    }
}

async fn look(endpoint: &Endpoint, genesis: &GenesisDocument) -> Result<String, Finding> {
    let name = endpoint.name();
    let found = endpoint.chain_id().await?;
    if found != genesis.l1_chain_id {
        return Err(Finding::Wrong(format!(
            "{name} is a node of chain {found}, and the stake table is on chain {}: correct l1.endpoints",
            genesis.l1_chain_id
        )));
    }
    let newest = endpoint.block(Tag::Finalized).await?;
    let Some(newest) = newest else {
        return Err(Finding::Wrong(format!("{name} has no final block yet")));
    };
    if endpoint.code(genesis.stake_table).await?.is_empty() {
        return Err(Finding::Wrong(format!(
            "{name} shows no contract at {}: is the stake table deployed, and the genesis document right?",
            genesis.stake_table
        )));
    }
    let domain = view(
        endpoint,
        genesis.stake_table,
        IStakeTable::chainDomainCall {},
    )
    .await?;
    if domain.map(|domain| domain.0) != Some(genesis.chain_domain().0) {
        return Err(Finding::Wrong(format!(
            "the contract at {} is no stake table of this network",
            genesis.stake_table
        )));
    }
    Ok(format!(
        "{name}: chain {found}, block {} is final, the stake table is there",
        newest.number
    ))
}

/// Whether this node's key is registered, which costs money to find out later.
async fn registration(
    scene: &Scene,
    genesis: &GenesisDocument,
    endpoint: &Endpoint,
    report: &mut Report,
) {
    let Some(key) = &scene.key else {
        return;
    };
    let key = word(keccak(&key.point_g2().0));
    let call = IStakeTable::operatorOfCall { key };
    match view(endpoint, genesis.stake_table, call).await {
        Ok(Some(owner)) if from_address(owner) != Address::ZERO => report.ok(
            "stake",
            format!("this node's key is registered, by {}", from_address(owner)),
        ),
        Ok(_) => report.warn(
            "stake",
            "this node's key is not registered: `sequencer stake register` puts it into the committee two epochs later",
        ),
        Err(error) => report.warn("stake", Failure::from(error)),
    }
}

/// Gas of a report on misbehaviour, rounded up.
const REPORT_GAS: u128 = 400_000;
const WEI_PER_MICROETHER: u128 = 1_000_000_000_000;

/// Whether the account that reports misbehaviour can pay for it.
async fn account(scene: &Scene, endpoint: &Endpoint, report: &mut Report) {
    let Some(path) = &scene.settings.l1.account else {
        return;
    };
    let address = match keys::account_address(path) {
        Ok(address) => address,
        Err(error) => return report.fail("account", error, Exit::Key),
    };
    let (balance, fees) = match (
        endpoint.balance(address).await,
        endpoint.fee_history().await,
    ) {
        (Ok(balance), Ok(fees)) => (balance, fees),
        (Err(error), _) | (_, Err(error)) => return report.warn("account", error),
    };
    let base = fees.base_fee_per_gas.last().map_or(0, |fee| fee.0);
    // The base fee may double until the report is in a block.
    let price = base.saturating_mul(2).saturating_mul(REPORT_GAS);
    let ether = |wei: u128| {
        let micros = wei / WEI_PER_MICROETHER;
        format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    };
    let about = format!(
        "{address} holds {} ether, a report costs up to {}",
        ether(balance),
        ether(price)
    );
    if balance > price {
        report.ok("account", about);
    } else {
        report.warn(
            "account",
            format!("{about}: fund it, or it can't report what validators do wrong"),
        );
    }
}

/// None if the answer is none of that function.
async fn view<C: SolCall>(
    endpoint: &Endpoint,
    contract: Address,
    call: C,
) -> Result<Option<C::Return>, RpcError> {
    match endpoint.view(contract, &call, Tag::Latest).await {
        Ok(answer) => Ok(Some(answer)),
        Err(ViewError::Rpc(error)) => Err(error),
        Err(ViewError::Refused(_) | ViewError::NoContract { .. }) => Ok(None),
    }
}
