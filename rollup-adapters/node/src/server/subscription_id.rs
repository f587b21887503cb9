//! Ids of subscriptions: numbers in hex, as Ethereum's clients expect them. An id is good on its connection alone, so
//! nothing is lost if somebody guesses one.

use std::sync::atomic::{AtomicU64, Ordering};

use jsonrpsee::{server::IdProvider, types::SubscriptionId};

#[derive(Debug)]
pub(crate) struct SubscriptionIds(AtomicU64);

impl Default for SubscriptionIds {
    fn default() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl IdProvider for SubscriptionIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        format!("{:#x}", self.0.fetch_add(1, Ordering::Relaxed)).into()
    }
}
