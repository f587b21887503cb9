//! What travels between hosts.

use std::sync::Arc;

use hotshot_types::{Epoch, Hash, Header, Height, Message, Statement};

use crate::keys::Identity;

/// The validators whose slots a message holds, one bit each.
pub(crate) type SlotOwners = u16;

/// The bit of one validator's slots.
pub(crate) fn slots_of(identity: Identity) -> SlotOwners {
    1 << identity
}

/// One frame or request.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "it travels behind an Arc")]
pub(crate) enum Wire {
    /// Between state machines.
    Message(Message),
    /// Disperse, Echo, or shards that were asked for: all slots of the named validators.
    Slots { hash: Hash, owners: SlotOwners },
    /// A whole payload that was asked for.
    Copy(Hash),
    /// An answer to [`Wire::AskHeader`].
    Header(Box<Header>),
    /// An answer to [`Wire::AskRange`].
    Headers(Vec<Header>),
    /// A header by hash.
    AskHeader(Hash),
    /// The headers from a height up to a block.
    AskRange { from: Height, to: Statement },
    /// The end of an epoch; the answer is a message.
    AskEpochEnd(Epoch),
    /// The payload of a block, or what slots there are.
    AskPayload(Hash),
}

/// What the network may treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Proposal,
    Vote1,
    Vote2,
    Timeout,
    Certificate,
    TimeoutCertificate,
    Shards,
    Other,
}

impl Sort {
    pub(crate) const ALL: [Self; 8] = [
        Self::Proposal,
        Self::Vote1,
        Self::Vote2,
        Self::Timeout,
        Self::Certificate,
        Self::TimeoutCertificate,
        Self::Shards,
        Self::Other,
    ];
}

impl Wire {
    pub(crate) fn sort(&self) -> Sort {
        match self {
            Self::Message(Message::Proposal(_)) => Sort::Proposal,
            Self::Message(Message::Vote1(_)) => Sort::Vote1,
            Self::Message(Message::Vote2(_)) => Sort::Vote2,
            Self::Message(Message::Timeout(_)) => Sort::Timeout,
            Self::Message(Message::Quorum(_) | Message::Final(..) | Message::EpochEnd(_)) => {
                Sort::Certificate
            }
            Self::Message(Message::TimeoutCertificate(_)) => Sort::TimeoutCertificate,
            Self::Slots { .. } | Self::Copy(_) => Sort::Shards,
            _ => Sort::Other,
        }
    }
}

/// A message on its way out of a node, before the network.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) to: Vec<Identity>,
    pub(crate) wire: Arc<Wire>,
    /// How long a Byzantine sender sits on it.
    pub(crate) delay_ms: u64,
}

impl Mail {
    pub(crate) fn new(to: Vec<Identity>, wire: Wire) -> Self {
        Self {
            to,
            wire: Arc::new(wire),
            delay_ms: 0,
        }
    }
}
