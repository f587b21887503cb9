//! What goes into a derivation, and what comes out.

use hotshot_types::{Hash, Height};
use sequencer_proof::{FollowError, VerifiedBlock, VerifiedBody, VerifiedSummary};

#[cfg(doc)]
use crate::Derivation;
use crate::{Authenticated, Cursor, L1Base, L1View, Place, Segment};

/// Something that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The next block that holds the namespace, or one that was needed again.
    Block(VerifiedBlock, VerifiedBody),
    /// A header up to which every block of the namespace was told.
    Complete(VerifiedSummary),
    /// A header that was needed.
    Header(VerifiedBlock),
    /// What the L1 has, from [`Derivation::l1_base`] on.
    L1(L1View),
}

/// Why a fact was not taken. Nothing has changed, but that blocks which no summary covers yet are forgotten if they turned
/// out not to be the chain's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// The block is of another network.
    #[error("the block is of network {0}, which is not this rollup's")]
    OtherNetwork(Hash),
    /// The transactions are of another block or namespace than they came with.
    #[error("the transactions are not this namespace's in block {0}")]
    OtherBody(Hash),
    /// A block is missing, was put in, or is out of order. Blocks have to be told anew from [`Derivation::follower`] on.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The view goes on from something else than what is known.
    #[error("the view of the L1 does not go on where the last one ended")]
    OtherBase,
}

/// What has to be known before the next segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The final header at a height.
    Header(Height),
    /// The namespace's transactions in a block, again: too many were told before they could be used.
    Block(Height),
    /// A view of the L1 that an L1 block attests which is this one or a later one.
    L1 {
        /// The number of the L1 block.
        number: u64,
        /// Its hash.
        hash: Hash,
        /// A final block that names it.
        height: Height,
    },
    /// A view of the L1, attested or not: a pin that was executed in part, or that undid blocks, is not known.
    View,
}

/// What to undo: rollup blocks, from the last one on, until one whose cursor is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollBack {
    /// A pin came that stands before something that was executed.
    Overtaken(Place),
    /// What the node's own L1 said, and was executed, is not what final headers attest: only this is.
    Contradicted(L1Base),
}

impl RollBack {
    /// Whether the block that left this cursor stays, and with it all before.
    #[must_use]
    pub fn keeps(&self, cursor: &Cursor) -> bool {
        match self {
            Self::Overtaken(pin) => cursor.place.is_none_or(|place| place <= *pin),
            Self::Contradicted(attested) => {
                cursor.reached.queue.count <= attested.queue.count
                    && cursor.reached.pins.count <= attested.pins.count
            }
        }
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Execute inputs of this segment from the first on, as one rollup block, and say how many: [`Derivation::executed`].
    Execute(Authenticated<Segment>),
    /// Tell this.
    Need(Need),
    /// Undo blocks, and go on from the cursor of the last one that is kept: [`Derivation::rolled_back`]. It says nothing
    /// else before.
    RollBack(RollBack),
    /// Tell more blocks.
    Idle,
}

/// How far the L1 is, as final headers attest it (RD7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// The height of the light client's newest block: no pin below it can come any more.
    pub light_client: Height,
    /// Pins that were attested.
    pub pins: u64,
    /// The height that the inbox has reached.
    pub advanced: Height,
}

impl Levels {
    /// Whether what stands there is never rolled back.
    #[must_use]
    pub fn is_safe(&self, place: Place) -> bool {
        place.height <= self.light_client && place.pin <= self.pins
    }

    /// Whether the L1 has a summary of it, too.
    #[must_use]
    pub fn is_finalized(&self, place: Place) -> bool {
        self.is_safe(place) && place.height <= self.advanced
    }
}
