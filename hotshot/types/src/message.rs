//! What validators send each other about consensus (section 5). Shards, payloads and fetches are
//! the host's and not defined here.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    Final, FinalityCertificate, Hash, Header, Quorum, QuorumCertificate, Round, Signature,
    TimeoutCertificate, ValidatorIndex, View, Vote, digest, evidence::Evidence,
};

/// Whether a proposal extends the chain or repeats the last block of an epoch.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A new block on the justified one.
    Fresh,
    /// The justified block itself, the last of its epoch, to be voted on again.
    Repropose,
}

impl Kind {
    /// Its word in D1.
    #[must_use]
    pub const fn word(self) -> u8 {
        match self {
            Self::Fresh => 0,
            Self::Repropose => 1,
        }
    }
}

/// What a node will not contradict: its highest quorum certificate in this epoch, or the anchor
/// the epoch started from.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub enum Lock {
    /// No quorum certificate of this epoch yet.
    Anchor,
    /// The highest one.
    Quorum(QuorumCertificate),
}

impl Lock {
    /// The view of the lock; 0 for the anchor.
    #[must_use]
    pub fn view(&self) -> View {
        match self {
            Self::Anchor => View(0),
            Self::Quorum(qc) => qc.round().view,
        }
    }

    /// The block of the lock, given the anchor's hash.
    #[must_use]
    pub fn hash(&self, anchor: Hash) -> Hash {
        match self {
            Self::Anchor => anchor,
            Self::Quorum(qc) => qc.hash(),
        }
    }
}

/// The certificate on the block that a proposal extends or repeats (P2).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub enum Justify {
    /// The epoch's anchor: the finality certificate of the last block of the epoch before, none
    /// for genesis.
    Anchor(Option<FinalityCertificate>),
    /// A quorum certificate of this epoch.
    Quorum(QuorumCertificate),
    /// A finality certificate of this epoch.
    Final(FinalityCertificate),
}

/// The certificate under which a round was entered, kept so that it survives restarts (W2).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub enum Entry {
    /// The first round of an epoch: the finality certificate of the last block before, none for
    /// genesis.
    Anchor(Option<FinalityCertificate>),
    /// A quorum certificate of the view before.
    Quorum(QuorumCertificate),
    /// A finality certificate of the view before.
    Final(FinalityCertificate),
    /// A timeout certificate of the view before.
    Timeout(TimeoutCertificate),
}

/// A leader's block, with everything that justifies it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// New or repeated block.
    pub kind: Kind,
    /// The round it is proposed in.
    pub round: Round,
    /// The block.
    pub header: Header,
    /// The payload, if it is small enough to travel along; opaque here.
    pub payload: Option<Bytes>,
    /// The certificate on the justified block.
    pub justify: Justify,
    /// The timeout certificate of the view before, unless `justify` is of that view.
    pub timeout: Option<TimeoutCertificate>,
    /// The leader's, over D1.
    pub signature: Signature,
}

impl Proposal {
    /// The digest that the leader signs (D1).
    #[must_use]
    pub fn digest(&self, domain: Hash, block: Hash) -> Hash {
        digest::proposal(domain, self.round, self.kind, self.header.height, block)
    }
}

/// "My timer ran out in this round, and this is my lock" (V13).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Timeout {
    /// The round that timed out.
    pub round: Round,
    /// The sender's lock.
    pub lock: Lock,
    /// Who sends it.
    pub signer: ValidatorIndex,
    /// Over D4 with the lock's view and hash.
    pub signature: Signature,
    /// The certificate that justified being in the round.
    pub entry: Entry,
}

/// The final last block of an epoch: the only thing that opens the next one (V16).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct EpochEnd {
    /// The last block.
    pub header: Header,
    /// Its finality certificate.
    pub certificate: FinalityCertificate,
}

/// Where a node stands, for those who fell behind.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Status {
    /// Its current round.
    pub round: Round,
    /// Its lock.
    pub lock: Lock,
    /// Its highest finality certificate; none right after genesis.
    pub finality: Option<FinalityCertificate>,
}

/// A message between validators.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// From the leader to all.
    Proposal(Box<Proposal>),
    /// Vote 1, to all.
    Vote1(Vote<Quorum>),
    /// Vote 2, to all.
    Vote2(Vote<Final>),
    /// To all, repeated.
    Timeout(Box<Timeout>),
    /// Relay of a quorum certificate.
    Quorum(QuorumCertificate),
    /// Relay of a finality certificate, with the quorum certificate if the sender has it.
    Final(FinalityCertificate, Option<QuorumCertificate>),
    /// Relay of a timeout certificate.
    TimeoutCertificate(Box<TimeoutCertificate>),
    /// To the committees of both epochs.
    EpochEnd(Box<EpochEnd>),
    /// To a few random peers, once a second.
    Status(Box<Status>),
    /// To all.
    Evidence(Box<Evidence>),
}

#[cfg(test)]
mod tests;
