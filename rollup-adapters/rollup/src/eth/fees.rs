//! What gas costs.

use alloy_consensus::Header;
use alloy_primitives::U128;
use alloy_rpc_types_eth::FeeHistory;
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};
use serde_json::Value;

use super::{
    Eth,
    arguments::{Argument, Arguments, Count, kind},
    block_id::{BlockId, BlockTag},
    error::{Error, internal, invalid, server},
    limits::{MAX_FEE_BLOCKS, MAX_PERCENTILES},
    reads, works,
};

pub(crate) fn register(module: &mut RpcModule<Eth>) -> Result<(), RegisterMethodError> {
    reads(module, "eth_gasPrice", gas_price)?;
    reads(module, "eth_maxPriorityFeePerGas", priority_fee)?;
    works(module, "eth_feeHistory", fee_history)
}

/// All that a transaction has to pay. The base fee of the newest block counts if it is higher than the next: a call with
/// this price can be tried on the newest.
fn gas_price(eth: &Eth, params: &Params<'_>) -> Result<U128, Error> {
    Arguments::none(params)?;
    let snapshot = eth.snapshot();
    let next = snapshot.view().next_base_fee().map_err(internal)?;
    let newest = snapshot.header(BlockId::LATEST)?;
    let newest = newest.and_then(|header| header.base_fee_per_gas);
    let price = next.max(newest.unwrap_or_default());
    Ok(U128::from(with_a_margin(price.into())))
}

/// No base fee is higher after the largest block, which uses four times the target, or after two that use twice the
/// target. A transaction whose price is below the base fee is skipped, and its bytes are lost.
fn with_a_margin(base_fee: u128) -> u128 {
    base_fee + base_fee * 3 / 8 + 1
}

/// Nothing: the sequencer orders transactions without looking into them, so that a tip buys no place.
fn priority_fee(_: &Eth, params: &Params<'_>) -> Result<U128, Error> {
    Arguments::none(params)?;
    Ok(U128::ZERO)
}

/// Of every block: there are no blobs. `BLOBBASEFEE` says it too (RE5).
const BLOB_BASE_FEE: u128 = 1;

/// The percentiles of `eth_feeHistory`: rising numbers from 0 to 100.
struct Percentiles(Vec<f64>);

impl Argument for Percentiles {
    fn read(value: &Value) -> Result<Self, String> {
        let values = value
            .as_array()
            .ok_or_else(|| format!("want an array, not {}", kind(value)))?;
        if values.len() > MAX_PERCENTILES {
            return Err(format!("at most {MAX_PERCENTILES}"));
        }
        let mut percentiles = Vec::with_capacity(values.len());
        let mut least = 0.0;
        for (at, value) in values.iter().enumerate() {
            let percentile = value
                .as_f64()
                .ok_or_else(|| format!("item {at}: want a number, not {}", kind(value)))?;
            if !(least..=100.0).contains(&percentile) {
                return Err(format!(
                    "item {at}: want rising numbers from 0 to 100, not {percentile}"
                ));
            }
            least = percentile;
            percentiles.push(percentile);
        }
        Ok(Self(percentiles))
    }
}

fn fee_history(eth: &Eth, params: &Params<'_>) -> Result<FeeHistory, Error> {
    let mut arguments = Arguments::new(params, 3)?;
    let Count(count) = arguments.required("block count")?;
    let newest: BlockTag = arguments.required("newest block")?;
    let percentiles: Option<Percentiles> = arguments.optional("reward percentiles")?;
    if count == 0 {
        return Err(invalid("block count: want at least 1"));
    }
    let percentiles = percentiles.filter(|Percentiles(percentiles)| !percentiles.is_empty());
    let snapshot = eth.snapshot();
    let (newest, head) = (snapshot.place(newest)?, snapshot.head()?);
    if newest > head {
        return Err(server(format!(
            "request beyond head block: requested {newest}, head {head}"
        )));
    }
    let oldest = (newest + 1).saturating_sub(count.min(MAX_FEE_BLOCKS));
    let view = snapshot.view();
    let mut history = FeeHistory {
        oldest_block: oldest,
        reward: percentiles.as_ref().map(|_| Vec::new()),
        ..FeeHistory::default()
    };
    for number in oldest..=newest {
        let header = view.header(number).map_err(internal)?;
        let header = header.ok_or_else(|| internal("a block below the head is missing"))?;
        history.base_fee_per_gas.push(base_fee(&header));
        history.gas_used_ratio.push(used(&header));
        history.base_fee_per_blob_gas.push(BLOB_BASE_FEE);
        history.blob_gas_used_ratio.push(0.0);
        if let (Some(rewards), Some(Percentiles(percentiles))) = (&mut history.reward, &percentiles)
        {
            let tips = view.tips(&header).map_err(internal)?;
            rewards.push(percentiles.iter().map(|at| tip_at(&tips, *at)).collect());
        }
    }
    let next = match view.header(newest + 1).map_err(internal)? {
        Some(header) => base_fee(&header),
        None => u128::from(view.next_base_fee().map_err(internal)?),
    };
    history.base_fee_per_gas.push(next);
    history.base_fee_per_blob_gas.push(BLOB_BASE_FEE);
    Ok(history)
}

fn base_fee(header: &Header) -> u128 {
    header.base_fee_per_gas.unwrap_or_default().into()
}

/// The part of a block's gas that its transactions used.
#[expect(
    clippy::cast_precision_loss,
    reason = "gas of a block is far below 2^53"
)]
fn used(header: &Header) -> f64 {
    header.gas_used as f64 / header.gas_limit as f64
}

/// The tip below which `percentile` of a block's gas paid; 0 for a block without transactions.
fn tip_at(tips: &[(u128, u64)], percentile: f64) -> u128 {
    let total: u64 = tips.iter().map(|(_, gas)| gas).sum();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "gas of a block is far below 2^53, and the percentile is from 0 to 100"
    )]
    let threshold = (total as f64 * percentile / 100.0) as u64;
    let mut passed = 0;
    for (tip, gas) in tips {
        passed += gas;
        if passed >= threshold {
            return *tip;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use alloy_eips::eip1559::{BaseFeeParams, calc_next_block_base_fee};
    use rollup_evm::BLOCK_GAS;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_price_of_gas_covers_the_largest_block_and_two_that_use_twice_the_target() {
        // RE4
        let params = BaseFeeParams::new(8, 4);
        for base_fee in [
            10_000_000,
            10_000_007,
            1_000_000_007,
            (1 << 60) - 1,
            1 << 60,
        ] {
            let after = |gas, base_fee| calc_next_block_base_fee(gas, BLOCK_GAS, base_fee, params);
            let largest = u128::from(after(BLOCK_GAS, base_fee));
            let price = with_a_margin(base_fee.into());
            assert!((largest..=largest + 1).contains(&price), "{base_fee}");
            let (first, half) = (after(BLOCK_GAS / 2, base_fee), BLOCK_GAS / 2);
            assert!(u128::from(after(half, first)) <= price, "{base_fee}");
        }
    }

    #[test]
    fn rewards_are_weighted_by_gas() {
        let all = [(1, 10), (5, 80), (9, 10)];
        let tips: Vec<u128> = [0.0, 10.0, 11.0, 50.0, 90.0, 91.0, 100.0]
            .into_iter()
            .map(|at| tip_at(&all, at))
            .collect();
        assert_eq!(tips, [1, 1, 5, 5, 5, 9, 9]);
        assert_eq!(tip_at(&[], 50.0), 0);
        let header = Header {
            gas_used: 15_000_000,
            gas_limit: 30_000_000,
            ..Header::default()
        };
        assert!((used(&header) - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn percentiles_rise_from_0_to_100() {
        let read = |value: Value| Percentiles::read(&value).map(|it| it.0.len());
        assert_eq!(read(json!([0, 25.5, 25.5, 100])), Ok(4));
        for bad in [
            json!([-1]),
            json!([101]),
            json!([50, 10]),
            json!(["1"]),
            json!(7),
            json!(vec![1; 101]),
        ] {
            assert!(read(bad).is_err());
        }
    }
}
