//! What the state machine orders.
//!
//! **The contract of the outbox.** Outputs are in order. Before the host performs a `Send`,
//! `Disperse` or `Echo` it has made durable every `Persist` and `StoreHeader` that stands before
//! it, and the slots and payloads it had reported by then (W2). All outputs of one turn may go
//! into one write batch and one fsync.

use std::sync::Arc;

use bytes::Bytes;
use hotshot_types::{
    Epoch, EpochEnd, FinalityCertificate, Hash, Height, Kind, L1Block, Message, PublicKey, Round,
    SealedHeader, Statement, ValidatorIndex,
    bls::{Aggregate, Check},
    evidence::Evidence,
};

use crate::{Record, Ticket};

/// Whom a message goes to. Never to this node itself: the state machine has its own messages.
#[expect(
    clippy::large_enum_variant,
    reason = "a public key is copied, never kept in numbers"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// The committee of an epoch.
    Committee(Epoch),
    /// One validator.
    One(PublicKey),
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A certificate or proposal whose signature does not verify.
    #[error("a signature that does not verify")]
    Signature,
    /// A vote in another validator's name, or from outside the committee.
    #[error("a vote that is not the sender's own")]
    Impersonation,
    /// A certificate, proposal or timeout that no honest node makes.
    #[error("a malformed message: {0}")]
    Malformed(&'static str),
    /// Two different signatures where one is allowed.
    #[error("an equivocation")]
    Equivocation,
}

/// An order to the host.
#[derive(Clone, Debug)]
pub enum Output {
    /// Write the safety record.
    Persist(Box<Record>),
    /// Write a header that is not final yet, so that a restart finds it.
    StoreHeader(Arc<SealedHeader>),
    /// Send a message.
    Send(Recipients, Box<Message>),
    /// This node leads: send every validator its slots of the built payload.
    Disperse {
        /// The round of the proposal.
        round: Round,
        /// The block.
        hash: Hash,
    },
    /// Send this node's own slots to everybody but the proposer; nothing for an inline payload.
    Echo {
        /// The round of the vote.
        round: Round,
        /// The block.
        hash: Hash,
    },
    /// Verify signatures, off this thread; answer with `Verified`.
    Verify {
        /// What to answer under.
        ticket: Ticket,
        /// The signatures.
        checks: Vec<Check>,
        /// No vote depends on it: it may be done together with what comes next, which costs less.
        may_wait: bool,
    },
    /// Sum votes and verify the sums, off this thread; answer with `Aggregated`.
    Aggregate {
        /// What to answer under.
        ticket: Ticket,
        /// The votes.
        sums: Vec<Aggregate>,
        /// As of [`Self::Verify`].
        may_wait: bool,
    },
    /// A leader's proposal is authentic: shards of this header may be checked, and an inline
    /// payload encoded. Answer with `OwnSlotsProven` and `Payload`.
    Proposed {
        /// The round it was proposed in.
        round: Round,
        /// New or repeated.
        kind: Kind,
        /// The block.
        header: Arc<SealedHeader>,
        /// The payload, if it came along.
        inline: Option<Bytes>,
    },
    /// The block has a quorum certificate or is final, and its header is known: get the payload by
    /// all means. Answer with `Payload`.
    Retrieve(Arc<SealedHeader>),
    /// This node leads the round: assemble a block on `parent`, at once if there are
    /// transactions, else after the empty-block delay. Answer with `Built`; a later `Build`
    /// replaces an earlier one.
    Build {
        /// The round to build for.
        round: Round,
        /// The block to extend; the node holds its namespace map.
        parent: Arc<SealedHeader>,
        /// The L1 block the new header will name.
        l1_finalized: L1Block,
    },
    /// This node will probably lead `round` on `parent`: assemble and encode ahead. No answer.
    Prepare {
        /// The round to come.
        round: Round,
        /// The block it will probably extend.
        parent: Arc<SealedHeader>,
    },
    /// Fetch a header by hash from any peer; answer with `Header`, ask other peers until then.
    FetchHeader(Hash),
    /// Fetch the headers from a height up to a certified block; answer with `Headers`.
    FetchRange {
        /// The first one that is missing.
        from: Height,
        /// The last one.
        to: Statement,
    },
    /// Ask peers for the end of an epoch; they answer with `EpochEnd`.
    FetchEpochEnd(Epoch),
    /// Compute the committee of an epoch from the stake table at this L1 block; answer with
    /// `Committee`. Without L1 the committee is the previous one.
    NeedCommittee {
        /// The epoch.
        epoch: Epoch,
        /// `l1_finalized` of the first block two epochs before. After a restart only the host's
        /// stored header of that block says which it was.
        at: L1Block,
    },
    /// These blocks are final, by ascending height and without gaps since the last `Decide`.
    Decide {
        /// The blocks.
        blocks: Vec<Arc<SealedHeader>>,
        /// The certificate on the last of them.
        certificate: FinalityCertificate,
    },
    /// Keep this for ever (W4).
    EpochEnded(Box<EpochEnd>),
    /// A round was entered.
    Entered {
        /// Which.
        round: Round,
        /// Who leads it.
        leader: ValidatorIndex,
        /// Whether the round before was left because it timed out.
        after_timeout: bool,
    },
    /// A peer misbehaved.
    Blame(u64, Fault),
    /// Store, gossip and report: the signatures are verified.
    Evidence(Box<Evidence>),
    /// The network has contradicted its own final history. Nothing is signed from here on; the
    /// operator has to look.
    Halt {
        /// The block that contradicts final history.
        conflicting: Hash,
        /// The own finality certificate it contradicts; none if that is genesis.
        certificate: Option<FinalityCertificate>,
        /// Who is to blame, where signatures at hand show it.
        evidence: Option<Box<Evidence>>,
    },
}

/// Where the state machine puts its orders.
pub type Outbox = Vec<Output>;
