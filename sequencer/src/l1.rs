//! The home L1: which of its blocks are final, and who is in the stake table at them.
//!
//! Only finalized blocks are read. Several endpoints are asked, and what more than half of those
//! that are configured say alike counts; who says otherwise is named in the log and in a metric.
//! The stake table's events carry a hash over all events before, and the hash of the last one is
//! read like a block: so one endpoint's logs suffice, and one that leaves out, adds or changes an
//! event is caught. Events are kept in the data directory, so a restart goes on where it was.
//!
//! This module knows nothing of consensus: it reports, and answers questions for committees.

mod events;
mod metrics;
mod sources;
mod span;
mod status;
mod watcher;

use std::sync::Arc;

use hotshot_types::{Committee, Epoch, L1Block};
use light_client::stake::Validator;

pub use self::events::EventsError;
pub(crate) use self::{
    events::StoredEvents,
    metrics::{L1Label, L1Metrics},
    sources::Sources,
    status::L1Status,
    watcher::Watcher,
};

/// Who votes in an epoch?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CommitteeQuestion {
    /// The epoch.
    pub(crate) epoch: Epoch,
    /// The L1 block at which the stake table counts (T4).
    pub(crate) at: L1Block,
}

/// What the watcher found out.
#[derive(Clone, Debug)]
pub(crate) enum Report {
    /// A block is final.
    Finalized(L1Block),
    /// The answer to a question.
    Committee(Arc<Committee>),
    /// The validators with their network keys and addresses; all of them, again after each change.
    Validators(Vec<Validator>),
}
