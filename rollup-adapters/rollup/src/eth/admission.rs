//! Why a transaction is not taken, in the texts by which wallets tell reasons apart (those of geth). RR6
//!
//! The machine decides again when the node accepts the transaction, in the same words. Here a transaction is measured by
//! what waits too, and one that could wait for money is refused.

use alloy_consensus::{Transaction, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::U256;
use rollup_evm::{Signed, highest_cost};
use rollup_node::SubmitError;
use rollup_types::Hash;

use super::{
    Eth,
    block_id::BlockId,
    error::{Error, internal, server},
    limits::MAX_NONCE_GAP,
    submit::{after, waiting},
};

/// Reads a transaction; nothing may follow it.
pub(crate) fn decode(bytes: &[u8]) -> Option<TxEnvelope> {
    TxEnvelope::decode_2718_exact(bytes).ok()
}

/// Refuses what can't be executed now or after what waits.
pub(crate) fn check(eth: &Eth, bytes: &[u8]) -> Result<(), Error> {
    let signed = Signed::read(bytes, eth.chain_id).map_err(|error| server(error.to_string()))?;
    let Signed { envelope, sender } = signed;
    if eth.node.waiting(Hash(envelope.tx_hash().0)).is_some() {
        return Err(server("already known"));
    }
    // Before the snapshot: what leaves the queue meanwhile is in a block of the snapshot.
    let waiting = waiting(eth, sender);
    let nonce = envelope.nonce();
    let snapshot = eth.snapshot();
    let account = snapshot.at(BlockId::LATEST)?.account(sender);
    let account = account.map_err(internal)?.unwrap_or_default();
    if nonce < account.nonce {
        return Err(server(format!(
            "nonce too low: next nonce {}, tx nonce {nonce}",
            account.nonce
        )));
    }
    let next = after(&waiting, account.nonce);
    if nonce > next.saturating_add(MAX_NONCE_GAP) {
        return Err(server(format!(
            "nonce too high: address {sender}, tx: {nonce} next: {next}"
        )));
    }
    let cost = highest_cost(&envelope);
    if cost > account.balance {
        return Err(server(format!(
            "insufficient funds for gas * price + value: address {sender} have {} want {cost}",
            account.balance
        )));
    }
    let before = waiting.range(account.nonce..nonce);
    let queued = before
        .filter_map(|(_, bytes)| decode(bytes))
        .map(|envelope| highest_cost(&envelope))
        .fold(U256::ZERO, U256::saturating_add);
    let overshot = queued.saturating_add(cost).saturating_sub(account.balance);
    if !overshot.is_zero() {
        return Err(server(format!(
            "insufficient funds for gas * price + value: balance {}, queued cost {queued}, tx cost {cost}, overshot {overshot}",
            account.balance
        )));
    }
    Ok(())
}

/// What the node did not accept.
pub(crate) fn refused(refusal: SubmitError) -> Error {
    match refusal {
        SubmitError::Refused(reason) => server(reason),
        SubmitError::Executed { number } => {
            server(format!("nonce too low: already executed in block {number}"))
        }
        SubmitError::Skipped { .. } => server(format!("already known: {refusal}")),
        SubmitError::Size { bytes, most } => server(format!(
            "oversized data: transaction size {bytes}, limit {most}"
        )),
        SubmitError::Taken(reason) => {
            server(format!("replacement transaction underpriced: {reason}"))
        }
        SubmitError::Full => server(format!("txpool is full: {refusal}")),
        SubmitError::State(error) => internal(error),
    }
}
