//! What the state machine is told: facts.

use std::sync::Arc;

use bytes::Bytes;
use hotshot_types::{
    Committee, Epoch, Hash, Header, L1Block, Message, PublicKey, Round, TimestampMs,
    bls::Aggregation,
};

/// Who sent a message, as the transport authenticated it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The host's name for the peer; comes back in [`crate::Output::Blame`].
    pub peer: u64,
    /// The consensus key that the peer's network key stands for; none for a peer without stake.
    pub key: Option<PublicKey>,
}

/// Names a verification that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What the host found out about a payload (P1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Decoded, re-encoded, every commitment of the header is right, and this node now holds the
    /// block's namespace map. The payload is in the write batch of this turn or durable.
    Good,
    /// Some commitment is wrong. Permanent.
    Bad,
}

/// A block that the host assembled for a round this node leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Chosen by the host: max(its clock, the parent's + 1).
    pub timestamp_ms: TimestampMs,
    /// Length of the payload.
    pub payload_len: u32,
    /// Root over the shards.
    pub shard_root: Hash,
    /// Root over the namespaces.
    pub ns_root: Hash,
    /// Root of the namespace map after this block.
    pub ns_acc_root: Hash,
    /// The payload, if it is small enough to travel in the proposal.
    pub inline: Option<Bytes>,
}

/// A fact for the state machine.
#[expect(
    clippy::large_enum_variant,
    reason = "most facts are messages, and facts are moved, not kept"
)]
#[derive(Clone, Debug)]
pub enum Input {
    /// A peer's message.
    Message(Sender, Message),
    /// The answer to [`crate::Output::Verify`].
    Verified {
        /// Which.
        ticket: Ticket,
        /// Whether every check held.
        valid: bool,
    },
    /// The answer to [`crate::Output::Aggregate`], one result a job.
    Aggregated {
        /// Which.
        ticket: Ticket,
        /// In the order of the jobs.
        results: Vec<Aggregation>,
    },
    /// This node's own slots of the block's payload are proven and in the write batch.
    OwnSlotsProven(Hash),
    /// The verdict on a block's payload.
    Payload(Hash, Verdict),
    /// The answer to [`crate::Output::Build`]. Its payload is known to be good: no verdict follows.
    Built {
        /// The round it was asked for.
        round: Round,
        /// The block it extends.
        parent: Hash,
        /// What was built.
        body: Body,
    },
    /// A header that was fetched by hash.
    Header(Box<Header>),
    /// Headers that were fetched by range, ascending.
    Headers(Vec<Header>),
    /// The answer to [`crate::Output::NeedCommittee`].
    Committee(Arc<Committee>),
    /// The host saw this L1 block finalized, and by its own clock for how long.
    L1Finalized {
        /// The block.
        block: L1Block,
        /// When the host first saw it finalized.
        seen: TimestampMs,
    },
    /// K3, K4: from this epoch on the key may sign again. Only what [`crate::Replica::withheld`]
    /// took away has to be given.
    Leave(Epoch),
    /// Time passed: [`crate::Replica::deadline`] was reached.
    Tick,
}
