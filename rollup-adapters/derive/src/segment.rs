//! What a rollup executes at one place of the sequencer's chain.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use da::NamespaceId;
use hotshot_types::{Hash, Height};
use rollup_types::Input;

/// What makes a rollup's chain this one (RD1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The sequencer network: `chain_domain` of every header.
    pub network: Hash,
    /// The rollup's namespace, which is its chain id.
    pub namespace: NamespaceId,
    /// The first height that counts, at least 1.
    pub origin: Height,
}

/// Where a segment stands. Segments are executed by rising place.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Place {
    /// The sequencer's block.
    pub height: Height,
    /// 0: of that block itself. n + 1: of pin n, after that block and before the next.
    pub pin: u64,
}

impl Place {
    /// The place of a block.
    #[must_use]
    pub fn of_block(height: Height) -> Self {
        Self { height, pin: 0 }
    }

    /// The place of pin number `number` after a block.
    #[must_use]
    pub fn of_pin(height: Height, number: u64) -> Self {
        Self {
            height,
            pin: number.saturating_add(1),
        }
    }
}

/// Why there is a segment (RD2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// The sequencer's block holds the namespace; messages that become due in it come first.
    Block,
    /// Messages become due in a block without the namespace.
    Messages,
    /// A pin, by its number.
    Pin(u64),
}

/// What is executed at one place, in one or more of the rollup's blocks (RD3). Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The sequencer's block; for a pin the one that it is pinned after.
    pub height: Height,
    /// That block's hash.
    pub block: Hash,
    /// Its time in milliseconds, or that of the segment before if that is later.
    pub timestamp_ms: u64,
    /// The L1 block up to which the queue is read, or that of the segment before if that is later.
    pub l1_number: u64,
    /// Randomness of the sequencer's block.
    pub randao_mix: Hash,
    /// Why there is this segment.
    pub kind: SegmentKind,
    /// Whether all messages and the pin in it are proven by an L1 block that a final header names. Otherwise they are what
    /// the node's own L1 says.
    pub is_attested: bool,
    /// How many of its inputs were executed before.
    pub done: usize,
    /// All of them, more than were executed: messages first, then transactions.
    pub inputs: Arc<[Input]>,
}

impl Segment {
    /// The inputs that are left, at least one.
    #[must_use]
    pub fn left(&self) -> &[Input] {
        &self.inputs[self.done..]
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        match self.kind {
            SegmentKind::Block | SegmentKind::Messages => Place::of_block(self.height),
            SegmentKind::Pin(number) => Place::of_pin(self.height, number),
        }
    }
}
