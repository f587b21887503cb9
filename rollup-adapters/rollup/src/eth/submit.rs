//! Transactions on their way: handing one in, and what wallets ask of those that are in no block yet.

use std::collections::{BTreeSet, HashMap};

use alloy_consensus::{Transaction, TxEnvelope, transaction::SignerRecoverable};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, B256, Bytes};
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};
use rollup_node::SubmitError;
use tokio::task::spawn_blocking;

use super::{
    Eth,
    arguments::Arguments,
    block_id::BlockId,
    error::{Error, internal, server},
    limits::MAX_NONCE_GAP,
    transaction::TransactionAnswer,
};

pub(crate) fn register(module: &mut RpcModule<Eth>) -> Result<(), RegisterMethodError> {
    module.register_async_method("eth_sendRawTransaction", |params, eth, _| async move {
        let bytes: Bytes = one(&params)?;
        let checking = {
            let (eth, bytes) = (eth.clone(), bytes.clone());
            spawn_blocking(move || check(&eth, &bytes))
        };
        checking.await.map_err(internal)??;
        let id = eth.node.submit(bytes.0).await.map_err(refused)?;
        Ok::<_, Error>(B256::from(id.0))
    })?;
    Ok(())
}

fn one(params: &Params<'_>) -> Result<Bytes, Error> {
    Arguments::new(params, 1)?.required("transaction")
}

/// Who sent the transactions that wait, and their nonces.
pub(crate) type Senders = HashMap<B256, (Address, u64)>;

/// What only the transactions that wait can tell: everything else the machine checks.
fn check(eth: &Eth, bytes: &[u8]) -> Result<(), Error> {
    let Some(envelope) = decode(bytes) else {
        // The machine says what is wrong with it.
        return Ok(());
    };
    let Ok(sender) = envelope.recover_signer() else {
        return Ok(());
    };
    let waiting = waiting(eth);
    if waiting.contains_key(envelope.tx_hash()) {
        return Err(server("already known"));
    }
    let nonce = envelope.nonce();
    if waiting.values().any(|other| *other == (sender, nonce)) {
        return Err(server(format!(
            "replacement transaction underpriced: another transaction with nonce {nonce} is on its way, and the sequencer takes none back"
        )));
    }
    let snapshot = eth.snapshot();
    let account = snapshot.at(BlockId::LATEST)?.account(sender);
    let next = account.map_err(internal)?.map_or(0, |account| account.nonce);
    let next = after(&waiting, sender, next);
    if nonce > next.saturating_add(MAX_NONCE_GAP) {
        return Err(server(format!(
            "nonce too high: address {sender}, tx: {nonce} next: {next}"
        )));
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Option<TxEnvelope> {
    let mut rest = bytes;
    let envelope = TxEnvelope::decode_2718(&mut rest).ok()?;
    rest.is_empty().then_some(envelope)
}

fn refused(error: SubmitError) -> Error {
    match error {
        SubmitError::Refused(reason) => server(reason),
        SubmitError::Executed { number } => {
            server(format!("nonce too low: already executed in block {number}"))
        }
        SubmitError::Skipped { .. } => server(format!("already known: {error}")),
        SubmitError::Size { .. } => server(format!("oversized data: {error}")),
        SubmitError::Full => server(format!("txpool is full: {error}")),
        SubmitError::State(error) => internal(error),
    }
}

/// A transaction that waits.
pub(crate) fn pending(eth: &Eth, hash: B256) -> Result<Option<TransactionAnswer>, Error> {
    let pending = eth.node.pending();
    let found = pending.iter().find(|pending| pending.id.0 == hash.0);
    Ok(found
        .and_then(|pending| decode(&pending.bytes))
        .and_then(|envelope| TransactionAnswer::pending(&envelope)))
}

/// The nonce that a sender's next transaction needs, if all that wait are executed.
pub(crate) fn next_nonce(eth: &Eth, sender: Address, nonce: u64) -> Result<u64, Error> {
    Ok(after(&waiting(eth), sender, nonce))
}

fn after(waiting: &Senders, sender: Address, nonce: u64) -> u64 {
    let nonces: BTreeSet<u64> = waiting
        .values()
        .filter(|(from, _)| *from == sender)
        .map(|(_, nonce)| *nonce)
        .collect();
    (nonce..)
        .find(|nonce| !nonces.contains(nonce))
        .unwrap_or(nonce)
}

/// All that wait. A sender is recovered once: that takes longer than all else here.
fn waiting(eth: &Eth) -> Senders {
    let pending = eth.node.pending();
    let mut senders = eth
        .senders
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut now = Senders::with_capacity(pending.len());
    for pending in pending {
        let hash = B256::from(pending.id.0);
        let known = senders.get(&hash).copied().or_else(|| {
            let envelope = decode(&pending.bytes)?;
            Some((envelope.recover_signer().ok()?, envelope.nonce()))
        });
        if let Some(known) = known {
            now.insert(hash, known);
        }
    }
    senders.clone_from(&now);
    now
}
