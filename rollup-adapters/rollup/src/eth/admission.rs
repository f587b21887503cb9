//! Why a transaction is not taken, in the texts by which wallets tell reasons apart (those of geth). RR6
//!
//! The machine checks all of this again, and what is left, when the node accepts the transaction: it decides, this
//! words it, and how far a nonce may be ahead of what waits is a rule of this interface alone.

use alloy_consensus::{Transaction, TxEnvelope, Typed2718, transaction::SignerRecoverable};
use alloy_eips::eip2718::Decodable2718;
use rollup_evm::{TRANSACTION_GAS, highest_cost};
use rollup_node::SubmitError;
use rollup_types::Hash;

use super::{
    Eth,
    block_id::BlockId,
    error::{self, Error, internal, server},
    limits::MAX_NONCE_GAP,
    submit::{after, nonces},
};

/// Reads a transaction; nothing may follow it.
pub(crate) fn decode(bytes: &[u8]) -> Option<TxEnvelope> {
    TxEnvelope::decode_2718_exact(bytes).ok()
}

/// Refuses what can't be executed now or after what waits.
pub(crate) fn check(eth: &Eth, bytes: &[u8]) -> Result<(), Error> {
    let envelope = well_formed(eth.chain_id, bytes)?;
    let sender = envelope
        .recover_signer()
        .map_err(|_| server("invalid sender: the signature is invalid"))?;
    if eth.node.waiting(Hash(envelope.tx_hash().0)).is_some() {
        return Err(server("already known"));
    }
    // Before the snapshot: what leaves the queue meanwhile is in a block of the snapshot.
    let waiting = nonces(eth, sender);
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
    Ok(())
}

fn well_formed(chain_id: u64, bytes: &[u8]) -> Result<TxEnvelope, Error> {
    // RLP lists, which legacy transactions are, start from 0xc0.
    if let Some(first) = bytes.first()
        && !matches!(first, 1 | 2 | 4 | 0xc0..)
    {
        return Err(server(format!("transaction type not supported: {first}")));
    }
    let envelope = TxEnvelope::decode_2718_exact(bytes)
        .map_err(|error| server(format!("invalid transaction: {error}")))?;
    match envelope.chain_id() {
        Some(found) if found == chain_id => {}
        Some(found) => {
            return Err(server(format!(
                "invalid chain id for signer: have {found} want {chain_id}"
            )));
        }
        None => {
            return Err(server(
                "only replay-protected (EIP-155) transactions allowed over RPC",
            ));
        }
    }
    if envelope.gas_limit() > TRANSACTION_GAS {
        return Err(server(format!(
            "transaction gas limit too high (cap: {TRANSACTION_GAS}, tx: {})",
            envelope.gas_limit()
        )));
    }
    if let Some(tip) = envelope.max_priority_fee_per_gas()
        && tip > envelope.max_fee_per_gas()
    {
        return Err(server(format!(
            "max priority fee per gas higher than max fee per gas: type {}, tip {tip}, cap {}",
            envelope.ty(),
            envelope.max_fee_per_gas()
        )));
    }
    Ok(envelope)
}

/// What the node did not accept.
pub(crate) fn refused(refusal: SubmitError) -> Error {
    match refusal {
        SubmitError::Refused(reason) => error::refused(&reason),
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
