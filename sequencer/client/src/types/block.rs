//! Blocks, namespaces and epochs.

use da::{AccumulatorProof, NamespaceId, NamespaceLeaf, NamespaceProof, ShardRange};
use hotshot_types::{
    Committee, Epoch, FinalityCertificate, Hash, Header, Height, evidence::Evidence,
    finality::FinalityProof, mountain_range::HeaderProof,
};
use serde::{Deserialize, Serialize};

use crate::text::Base64;

/// A final block without its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The block hash.
    pub hash: Hash,
    /// The header.
    pub header: Header,
    /// The finality certificate on this very block. Absent where a later block's made it final, and for genesis;
    /// `/v1/light-client/{height}` proves those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<FinalityCertificate>,
}

/// An earlier block of the chain, and the proof of it under a later one's header: whoever knows that later block to be
/// final, from a light client on an L1 as from a certificate, needs nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AncestorAnswer {
    /// The later block.
    pub block: Hash,
    /// The header of the earlier one.
    pub header: Header,
    /// Where it stands in the later one's `history_root`.
    pub proof: HeaderProof,
}

/// A final block with its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockWithPayload {
    /// The block.
    pub block: Block,
    /// The payload in its canonical encoding; absent once the node no longer keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Base64>,
}

/// One validator's shares of a block's payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharesAnswer {
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub block: Hash,
    /// The validator's index in the committee of the block's epoch.
    pub validator: u16,
    /// The shares, proven against `shard_root`.
    pub shares: ShardRange,
}

/// A part of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockPage {
    /// The blocks, by rising height without gaps.
    pub blocks: Vec<Block>,
    /// Where the next part starts; absent at the end of the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Height>,
}

/// The namespaces of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockNamespaces {
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub block: Hash,
    /// All namespaces by rising id; their root is `ns_root`.
    pub namespaces: Vec<NamespaceLeaf>,
}

/// One namespace of one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceAnswer {
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub block: Hash,
    /// The namespace.
    pub namespace: NamespaceId,
    /// Its transactions in order; none when the block does not have the namespace.
    pub transactions: Vec<Base64>,
    /// Against `ns_root`, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<NamespaceProof>,
}

/// One block of a namespace's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceBlock {
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub block: Hash,
    /// The namespace.
    pub namespace: NamespaceId,
    /// Its transactions in order, at least one.
    pub transactions: Vec<Base64>,
    /// Against `ns_root`, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<NamespaceProof>,
    /// Proves the header, if proofs were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finality: Option<FinalityProof>,
    /// In streams with proofs, the namespace's summary under the header's `ns_acc_root`: no block of it was left out
    /// before this one. Absent once the node no longer keeps the namespace map of this height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accumulator: Option<AccumulatorProof>,
}

/// How far a namespace is read: no block of it stands between the last one sent and this header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceHead {
    /// The height of the header.
    pub height: Height,
    /// The namespace.
    pub namespace: NamespaceId,
    /// Proves the header, if proofs were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finality: Option<FinalityProof>,
    /// The namespace's summary under the header's `ns_acc_root`, if proofs were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accumulator: Option<AccumulatorProof>,
}

/// A part of a namespace's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespacePage {
    /// Blocks that hold the namespace, by rising height.
    pub blocks: Vec<NamespaceBlock>,
    /// Where the next part starts: every block of the namespace from `from` on and below this height is in this part.
    pub next: Height,
    /// Whether more final blocks are there from `next` on.
    pub more: bool,
}

/// The summary of all blocks of a namespace up to a height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccumulatorAnswer {
    /// The height.
    pub height: Height,
    /// The namespace.
    pub namespace: NamespaceId,
    /// The entry, or that there is none, under `ns_acc_root`.
    pub proof: AccumulatorProof,
}

/// An epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochAnswer {
    /// Its number.
    pub epoch: Epoch,
    /// Its first height.
    pub first_height: Height,
    /// Its last height.
    pub last_height: Height,
    /// What the header of the epoch before commits to.
    pub commitment: Hash,
    /// Who votes.
    pub committee: Committee,
}

/// Proofs of misbehaviour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidencePage {
    /// At most as many as were asked for.
    pub evidence: Vec<Evidence>,
    /// Whether the node has more.
    pub more: bool,
    /// What to pass as `after` for the next page, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Hash>,
}

/// Why a node ended a stream, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    /// The reason: `slow_reader`, `shutting_down`, `pruned` or `internal`.
    pub reason: String,
    /// What to do.
    pub detail: String,
    /// The height to pass as `from`.
    pub resume_from: Height,
}
