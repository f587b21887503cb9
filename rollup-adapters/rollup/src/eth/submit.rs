//! Transactions on their way: handing one in, and what wallets ask of those that are in no block yet. RR4

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};
use rollup_types::Hash;
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

/// A transaction that waits.
pub(crate) fn pending(eth: &Eth, hash: B256) -> Option<TransactionAnswer> {
    let pending = eth.node.waiting(Hash(hash.0))?;
    TransactionAnswer::pending(&decode(&pending.bytes)?)
}

/// A sender's transactions that wait, by nonce.
pub(crate) fn waiting(eth: &Eth, sender: Address) -> BTreeMap<u64, Bytes> {
    let slots = eth.node.slots(sender.as_slice()).into_iter();
    slots
        .filter_map(|(slot, bytes)| Some((u64::from_be_bytes(*slot.last_chunk()?), Bytes(bytes))))
        .collect()
}

/// The lowest nonce from `nonce` on that none of those that wait has.
pub(crate) fn after(waiting: &BTreeMap<u64, Bytes>, nonce: u64) -> u64 {
    (nonce..)
        .find(|nonce| !waiting.contains_key(nonce))
        .unwrap_or(nonce)
}
