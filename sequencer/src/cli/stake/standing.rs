//! What an account has at stake.

use hotshot_types::Address;
use light_client::{
    abi::{self, SolEvent as _, U256, from_amount, stake_table::IStakeTable as Table},
    rpc::{LogRange, RpcError, Tag},
};
use serde::Serialize;

use super::{Amount, Means};
use crate::cli::{exit::Failure, output};

/// Blocks whose logs are asked for in one request, at first.
const RANGE: u64 = 10_000;
/// Most withdrawals that are listed, the newest.
const MOST: usize = 100;

#[derive(Debug, Serialize)]
struct Standing {
    operator: Address,
    state: &'static str,
    own: String,
    delegated: String,
    leaving: String,
    /// Of each unit of stake what slashing has left, in percent.
    retained_percent: f64,
    minimum: String,
    withdrawals: Vec<Waiting>,
}

#[derive(Debug, Serialize)]
struct Waiting {
    number: u64,
    operator: Address,
    pays: String,
    /// Unix time in seconds. The light client must have seen the last committee off, too.
    escrow_until: u64,
}

/// Prints it.
pub(super) async fn show(means: &Means, account: Address, json: bool) -> Result<(), Failure> {
    let table = means.genesis.stake_table;
    let known = means
        .view(
            table,
            Table::operatorCall {
                account: abi::address(account),
            },
        )
        .await?;
    let minimum = means.view(table, Table::minimumStakeCall {}).await?;
    let escrow = means.view(table, Table::escrowCall {}).await?;
    let mut withdrawals = Vec::new();
    for number in withdrawal_numbers(means, account).await? {
        let id = U256::from(number);
        let found = means.view(table, Table::withdrawalCall { id }).await?;
        if abi::from_address(found.owner) != account {
            continue;
        }
        let pays = means.view(table, Table::payoutCall { id }).await?;
        let pays = u128::try_from(pays).unwrap_or(u128::MAX);
        withdrawals.push(Waiting {
            number,
            operator: abi::from_address(found.operator),
            pays: Amount(pays).to_string(),
            escrow_until: found.time.saturating_add(escrow),
        });
    }
    let tokens = |amount| Amount(from_amount(amount)).to_string();
    let state = match &known {
        known if known.retained == 0 => "not registered",
        known if known.exitBlock != 0 => "left",
        known if known.jailed => "slashed",
        _ => "registered",
    };
    let standing = Standing {
        operator: account,
        state,
        own: tokens(known.own),
        delegated: tokens(known.delegated),
        leaving: tokens(known.leaving),
        retained_percent: percent(known.retained),
        minimum: tokens(minimum),
        withdrawals,
    };
    if json {
        return output::json(&standing);
    }
    print(&standing)
}

fn percent(retained: u64) -> f64 {
    // A ratio for people; the exact one is in the contract.
    let per_million = u32::try_from(retained / 1_000_000_000_000).unwrap_or(u32::MAX);
    f64::from(per_million) / 10_000.0
}

fn print(standing: &Standing) -> Result<(), Failure> {
    output::line(format_args!("{}: {}", standing.operator, standing.state))?;
    output::line(format_args!("  own stake   {} tokens", standing.own))?;
    output::line(format_args!("  delegated   {} tokens", standing.delegated))?;
    output::line(format_args!("  on its way  {} tokens", standing.leaving))?;
    output::line(format_args!("  least stake {} tokens", standing.minimum))?;
    if standing.retained_percent < 100.0 && standing.state != "not registered" {
        output::line(format_args!(
            "  slashing left {}% of each token",
            standing.retained_percent
        ))?;
    }
    for waiting in &standing.withdrawals {
        output::line(format_args!(
            "  withdrawal {}: {} tokens from {}, in escrow until {} (Unix time)",
            waiting.number, waiting.pays, waiting.operator, waiting.escrow_until
        ))?;
    }
    Ok(())
}

/// The withdrawals that events of the stake table name for an account, ascending.
async fn withdrawal_numbers(means: &Means, account: Address) -> Result<Vec<u64>, Failure> {
    let endpoint = means.endpoint().await?;
    let newest = endpoint
        .block(Tag::Latest)
        .await?
        .map_or(0, |block| block.number);
    let mut from = means.genesis.l1.number;
    let mut range = RANGE;
    let mut numbers = Vec::new();
    while from <= newest {
        let to = newest.min(from.saturating_add(range - 1));
        let logs = endpoint
            .logs(means.genesis.stake_table, LogRange { from, to })
            .await;
        let logs = match logs {
            Err(RpcError::Refused { .. }) if range > 1 => {
                range /= 2;
                continue;
            }
            logs => logs?,
        };
        numbers.extend(logs.iter().filter_map(|log| number(log, account)));
        from = to + 1;
    }
    let surplus = numbers.len().saturating_sub(MOST);
    numbers.drain(..surplus);
    Ok(numbers)
}

fn number(log: &light_client::rpc::Log, account: Address) -> Option<u64> {
    let topic = log.topics.first()?.0;
    let withdrawal = if topic == Table::Undelegated::SIGNATURE_HASH.0 {
        let (delegator, _, _, withdrawal) =
            Table::Undelegated::abi_decode_data_validate(&log.data.0).ok()?;
        (abi::from_address(delegator) == account).then_some(withdrawal)?
    } else if topic == Table::Deregistered::SIGNATURE_HASH.0 {
        let (_, withdrawal) = Table::Deregistered::abi_decode_data_validate(&log.data.0).ok()?;
        (log.topics.get(1)?.0[12..] == account.0).then_some(withdrawal)?
    } else {
        return None;
    };
    u64::try_from(withdrawal).ok()
}
