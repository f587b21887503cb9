//! Where a derivation stands, with all that it needs to go on.

use borsh::{BorshDeserialize, BorshSerialize};
use da::{AccumulatorEntry, NamespaceId};
use hotshot_types::{Hash, Height};
use rollup_types::{PinHead, QueueHead};
use sequencer_proof::{Follower, VerifiedSummary};

use crate::{L1Base, Place, Rules};

/// Why a derivation can't start there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// The cursor is of another rollup.
    #[error("the cursor is of namespace {found} of network {network}, not of this rollup")]
    OtherRollup {
        /// The cursor's namespace.
        found: NamespaceId,
        /// The cursor's network.
        network: Hash,
    },
    /// The rollup starts at a height above 1 and needs the namespace's summary right before it.
    #[error(
        "a rollup that starts at height {origin} needs the summary of its namespace at the height before"
    )]
    Origin {
        /// The first height that counts.
        origin: Height,
    },
}

/// A position. Whoever resumes from one trusts whoever wrote it; reading on needs nothing from before it again.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Cursor {
    pub(crate) network: Hash,
    pub(crate) namespace: NamespaceId,
    /// Everything at and below this height was executed; pins after it as far as `pins` says.
    pub(crate) height: Height,
    /// The L1 number of the header there; less where it is not known.
    pub(crate) header_l1: u64,
    /// The summary of the namespace there.
    pub(crate) entry: AccumulatorEntry,
    /// Messages before the next segment.
    pub(crate) queue: QueueHead,
    /// Pins before the next segment.
    pub(crate) pins: PinHead,
    /// What the next view of the L1 goes on from: attested, and never after `queue` and `pins`.
    pub(crate) base: L1Base,
    /// Inputs of the next segment that were executed.
    pub(crate) inside: u64,
    /// Messages and pins after that segment if a part of it was executed; else as before it.
    pub(crate) reached: L1Base,
    /// What the first pin stands after that was executed on the word of the node's own L1 alone.
    pub(crate) doubt: Option<Height>,
    /// Of the last segment that was executed, if only in part.
    pub(crate) place: Option<Place>,
    pub(crate) timestamp_ms: u64,
    pub(crate) l1_number: u64,
}

impl Cursor {
    /// Before the first segment. A rollup that does not start at height 1 needs the summary of its namespace at the
    /// height before: what was there before its time does not count.
    ///
    /// # Errors
    /// No summary, or one of another height, namespace or network.
    pub fn start(rules: &Rules, before: Option<&VerifiedSummary>) -> Result<Self, CursorError> {
        let height = Height(rules.origin.0.saturating_sub(1));
        let entry = match before {
            _ if height == Height(0) => AccumulatorEntry::default(),
            Some(summary)
                if summary.header.height == height
                    && summary.namespace() == rules.namespace
                    && summary.header.chain_domain == rules.network =>
            {
                summary.entry()
            }
            _ => {
                return Err(CursorError::Origin {
                    origin: rules.origin,
                });
            }
        };
        let base = L1Base {
            queue: QueueHead::default(),
            pins: PinHead {
                after: height,
                ..PinHead::default()
            },
        };
        Ok(Self {
            network: rules.network,
            namespace: rules.namespace,
            height,
            header_l1: 0,
            entry,
            queue: base.queue,
            pins: base.pins,
            base,
            inside: 0,
            reached: base,
            doubt: None,
            place: None,
            timestamp_ms: 0,
            l1_number: 0,
        })
    }

    /// Where the stream of the namespace's blocks has to go on.
    #[must_use]
    pub fn follower(&self) -> Follower {
        Follower::resume(self.namespace, self.height, self.entry)
    }

    /// Everything at and below this height was executed.
    #[must_use]
    pub fn height(&self) -> Height {
        self.height
    }

    /// The last segment that was executed, if only in part; none before the first.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Messages executed before the next segment.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.queue.count
    }

    /// What the next view of the L1 goes on from.
    #[must_use]
    pub fn base(&self) -> L1Base {
        self.base
    }

    /// Whether a pin was executed in part.
    pub(crate) fn is_inside_pin(&self) -> bool {
        self.inside > 0 && self.place.is_some_and(|place| place.pin > 0)
    }

    /// Inputs of the next segment that were executed already.
    #[must_use]
    pub fn inside(&self) -> u64 {
        self.inside
    }
}
