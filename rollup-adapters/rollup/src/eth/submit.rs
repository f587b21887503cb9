//! Transactions on their way: handing one in, and what wallets ask of those that are in no block yet. RR4

use std::{
    collections::{BTreeSet, HashMap},
    sync::PoisonError,
};

use alloy_consensus::{Transaction, TxEnvelope, transaction::SignerRecoverable};
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
        let _turn = eth.accepting.lock().await;
        let checking = {
            let (eth, bytes) = (eth.clone(), bytes.clone());
            spawn_blocking(move || admission::check(&eth, &bytes))
        };
        let replaced = checking.await.map_err(internal)??;
        let accepting = eth.node.replace(bytes.0, replaced);
        let id = accepting.await.map_err(admission::refused)?;
        Ok::<_, Error>(B256::from(id.0))
    })?;
    Ok(())
}

fn one(params: &Params<'_>) -> Result<Bytes, Error> {
    Arguments::new(params, 1)?.required("transaction")
}

/// The transactions that wait, by hash.
pub(crate) type Offers = HashMap<B256, Offer>;

/// What tells transactions apart that can't both be executed, and which of them pays more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) sender: Address,
    pub(crate) nonce: u64,
    /// Wei per gas at most.
    pub(crate) fee: u128,
    /// Wei per gas for whoever orders, at most.
    pub(crate) tip: u128,
}

impl Offer {
    pub(crate) fn new(sender: Address, envelope: &TxEnvelope) -> Self {
        Self {
            sender,
            nonce: envelope.nonce(),
            fee: envelope.max_fee_per_gas(),
            tip: envelope.priority_fee_or_price(),
        }
    }

    /// Whether only one of both can be executed.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        (self.sender, self.nonce) == (other.sender, other.nonce)
    }

    /// Whether fee and tip are higher by a tenth, as geth asks for. No tip may stay none: it buys nothing here.
    pub(crate) fn outbids(&self, other: &Self) -> bool {
        let is_higher =
            |now: u128, before: u128| now > before && now >= before.saturating_add(before / 10);
        is_higher(self.fee, other.fee) && (other.tip == 0 || is_higher(self.tip, other.tip))
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

/// The lowest nonce from `nonce` on that none of a sender's waiting transactions has.
pub(crate) fn after(waiting: &Offers, sender: Address, nonce: u64) -> u64 {
    let nonces: BTreeSet<u64> = waiting
        .values()
        .filter(|offer| offer.sender == sender)
        .map(|offer| offer.nonce)
        .collect();
    (nonce..)
        .find(|nonce| !nonces.contains(nonce))
        .unwrap_or(nonce)
}

/// All that wait. A sender is recovered once: that takes longer than all else here.
pub(crate) fn waiting(eth: &Eth) -> Offers {
    let pending = eth.node.pending();
    let mut offers = eth.offers.lock().unwrap_or_else(PoisonError::into_inner);
    let mut now = Offers::with_capacity(pending.len());
    for pending in pending {
        let hash = B256::from(pending.id.0);
        let known = offers.get(&hash).copied().or_else(|| {
            let envelope = decode(&pending.bytes)?;
            Some(Offer::new(envelope.recover_signer().ok()?, &envelope))
        });
        if let Some(known) = known {
            now.insert(hash, known);
        }
    }
    offers.clone_from(&now);
    now
}
