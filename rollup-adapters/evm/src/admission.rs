//! Whether a transaction is worth submitting (RE14).

use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_eips::Decodable2718 as _;
use alloy_primitives::U256;
use revm::{
    Database as _,
    context::{BlockEnv as RevmBlock, ContextSetters as _, ContextTr as _, result::EVMError},
    handler::Handler as _,
    primitives::KECCAK_EMPTY,
};
use rollup_types::{Refusal, State, StateError};

use crate::{
    BLOCK_GAS, EvmConfig,
    block::{self, Driver, Machine, next_base_fee},
    overlay::{Base, Failure, Overlay},
    signed::{self, Signed},
    stored,
};

/// How far a nonce may be ahead of the account's.
pub const MAX_NONCE_AHEAD: u64 = 256;

pub(crate) fn admit(
    config: &EvmConfig,
    state: &dyn State,
    bytes: &[u8],
) -> Result<Result<(), Refusal>, StateError> {
    let transaction = match Signed::read(bytes, config.chain_id) {
        Ok(transaction) => transaction,
        Err(reason) => return Ok(Err(never(reason.to_string()))),
    };
    let head = stored::head(state)?;
    let header = stored::header(state, head)?
        .ok_or_else(|| StateError(format!("the header of block {head} is missing")))?;
    let base_fee = next_base_fee(&header);
    let mut machine = block::machine(
        Overlay::new(Base { state, root: None }),
        config.chain_id,
        // Whether the fee cap covers the base fee is asked below: that may come to be.
        RevmBlock {
            gas_limit: BLOCK_GAS,
            basefee: 0,
            ..RevmBlock::default()
        },
    );
    machine.ctx.set_tx(transaction.environment());
    match check_form(&mut machine) {
        Ok(()) => {}
        Err(EVMError::Database(Failure(error))) => return Err(error),
        Err(error) => return Ok(Err(never(block::reason(&error)))),
    }
    check_standing(machine.ctx.db_mut(), &transaction, base_fee)
}

/// Whether fee and tip are higher by a tenth, as geth asks for. No tip may stay none: it buys nothing here.
pub(crate) fn replaces(bytes: &[u8], waiting: &[u8]) -> Result<(), String> {
    let read = |bytes| TxEnvelope::decode_2718_exact(bytes).map_err(|error| error.to_string());
    let (now, before) = (read(bytes)?, read(waiting)?);
    let is_higher =
        |now: u128, before: u128| now > before && now >= before.saturating_add(before / 10);
    let (fee, tip) = (before.max_fee_per_gas(), before.priority_fee_or_price());
    if is_higher(now.max_fee_per_gas(), fee)
        && (tip == 0 || is_higher(now.priority_fee_or_price(), tip))
    {
        return Ok(());
    }
    Err(format!(
        "the one with nonce {} that waits pays {fee} wei per gas and a tip of {tip}; both have to be 10% higher, but for a tip of 0",
        before.nonce()
    ))
}

/// What the sender's account and the base fee, as they are now, have against the transaction.
fn check_standing(
    overlay: &mut Overlay<'_>,
    transaction: &Signed,
    base_fee: u64,
) -> Result<Result<(), Refusal>, StateError> {
    let account = overlay
        .account(transaction.sender)?
        .cloned()
        .unwrap_or_default();
    if account.code_hash != KECCAK_EMPTY {
        let code = overlay
            .code_by_hash(account.code_hash)
            .map_err(|Failure(error)| error)?;
        // EIP-3607, but for delegations.
        if !code.is_eip7702() {
            return Ok(Err(never("sender not an eoa: it is a contract".to_owned())));
        }
    }
    let envelope = &transaction.envelope;
    let nonce = envelope.nonce();
    if nonce < account.nonce {
        let reason = format!(
            "nonce too low: next nonce {}, tx nonce {nonce}",
            account.nonce
        );
        return Ok(Err(never(reason)));
    }
    if nonce - account.nonce > MAX_NONCE_AHEAD {
        let reason = format!(
            "nonce too high: {nonce} is more than {MAX_NONCE_AHEAD} ahead of the next, {}",
            account.nonce
        );
        return Ok(Err(never(reason)));
    }
    // The sequencer may order two transactions of an account either way, and what is skipped is lost.
    if nonce > account.nonce {
        let reason = format!("nonce {nonce} is ahead; the next is {}", account.nonce);
        return Ok(Err(later(reason)));
    }
    let cost: U256 = signed::highest_cost(envelope);
    if cost > account.balance {
        let reason = format!(
            "it costs up to {cost} wei; the sender has {}",
            account.balance
        );
        return Ok(Err(later(reason)));
    }
    if envelope.max_fee_per_gas() < u128::from(base_fee) {
        let reason = format!(
            "a fee cap of {} wei per gas; the base fee is {base_fee}",
            envelope.max_fee_per_gas()
        );
        return Ok(Err(later(reason)));
    }
    Ok(Ok(()))
}

/// What can be said without the state: intrinsic gas, size of initialisation code, fields that contradict each other.
fn check_form<'a>(machine: &mut Machine<'a>) -> Result<(), EVMError<Failure>> {
    let driver = Driver::<'a>::default();
    driver.validate_env(machine)?;
    driver.validate_initial_tx_gas(machine)?;
    Ok(())
}

fn never(reason: String) -> Refusal {
    Refusal {
        reason,
        may_become_good: false,
    }
}

fn later(reason: String) -> Refusal {
    Refusal {
        reason,
        may_become_good: true,
    }
}
