//! Transactions on their way: handing one in, and what wallets ask of those that are in no block yet. RR4

use std::{
    collections::{BTreeSet, HashMap},
    sync::PoisonError,
};

use alloy_consensus::{Transaction, transaction::SignerRecoverable};
use alloy_primitives::{Address, B256, Bytes};
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};
use tokio::task::spawn_blocking;

use super::{
    Eth,
    admission::{self, decode},
    arguments::Arguments,
    error::{Error, internal},
    transaction::TransactionAnswer,
};

pub(crate) fn register(module: &mut RpcModule<Eth>) -> Result<(), RegisterMethodError> {
    module.register_async_method("eth_sendRawTransaction", |params, eth, _| async move {
        let bytes: Bytes = one(&params)?;
        let checking = {
            let (eth, bytes) = (eth.clone(), bytes.clone());
            spawn_blocking(move || admission::check(&eth, &bytes))
        };
        checking.await.map_err(internal)??;
        let id = eth.node.submit(bytes.0).await.map_err(admission::refused)?;
        Ok::<_, Error>(B256::from(id.0))
    })?;
    Ok(())
}

fn one(params: &Params<'_>) -> Result<Bytes, Error> {
    Arguments::new(params, 1)?.required("transaction")
}

/// Who sent the transactions that wait, and their nonces.
pub(crate) type Senders = HashMap<B256, (Address, u64)>;

/// A transaction that waits.
pub(crate) fn pending(eth: &Eth, hash: B256) -> Result<Option<TransactionAnswer>, Error> {
    let pending = eth.node.pending();
    let found = pending.iter().find(|pending| pending.id.0 == hash.0);
    Ok(found
        .and_then(|pending| decode(&pending.bytes))
        .and_then(|envelope| TransactionAnswer::pending(&envelope)))
}

/// The lowest nonce from `nonce` on that none of a sender's waiting transactions has.
pub(crate) fn after(waiting: &Senders, sender: Address, nonce: u64) -> u64 {
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
pub(crate) fn waiting(eth: &Eth) -> Senders {
    let pending = eth.node.pending();
    let mut senders = eth.senders.lock().unwrap_or_else(PoisonError::into_inner);
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
