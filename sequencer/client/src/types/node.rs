//! The node itself.

use hotshot_types::{Address, Epoch, Hash, Height, PublicKey, Round, TimestampMs};
use serde::{Deserialize, Serialize};

/// Connected peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// With a live connection.
    pub connected: u32,
    /// Configured.
    pub total: u32,
}

/// How far behind a node is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sync {
    /// The height it is catching up to.
    pub target: Height,
    /// Of the way from genesis, 0 to 100.
    pub percent: f64,
    /// At the pace of the last seconds; absent while that is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
}

/// Answer to `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeState {
    /// Version of the program.
    pub version: String,
    /// The network.
    pub chain_domain: Hash,
    /// Where consensus is, as this node sees it.
    pub epoch: Epoch,
    /// The view in the epoch.
    pub view: u64,
    /// The last final block this node has.
    pub final_height: Height,
    /// When that block was proposed.
    pub final_timestamp_ms: TimestampMs,
    /// The highest block this node has heard of.
    pub tip_height: Height,
    /// Its peers.
    pub peers: Peers,
    /// Its index in the committee, if it is a validator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validator: Option<u16>,
    /// While it catches up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Sync>,
    /// Whether it does its job.
    pub ready: bool,
    /// Why it doesn't.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

impl NodeState {
    /// The round.
    #[must_use]
    pub fn round(&self) -> Round {
        Round {
            epoch: self.epoch,
            view: hotshot_types::View(self.view),
        }
    }
}

/// Answer to `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether the node does its job.
    pub ready: bool,
    /// Why it doesn't.
    pub reasons: Vec<String>,
}

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// Its index in the committee.
    pub index: u16,
    /// Its consensus key.
    pub key: PublicKey,
    /// Its voting weight.
    pub weight: u64,
    /// The account that answers for it; absent where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Address>,
    /// Where it listens, as a multiaddress; absent where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// Answer to `GET /v1/validators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The epoch of the last final block.
    pub epoch: Epoch,
    /// Sum of the weights, as a decimal string: it may exceed 64 bits.
    pub total_weight: String,
    /// The least weight that makes a certificate, as a decimal string.
    pub quorum: String,
    /// All of them by index.
    pub validators: Vec<Validator>,
}

/// Answer to `GET /v1/limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiLimits {
    /// Largest transaction in bytes.
    pub transaction_bytes: u32,
    /// Largest payload of a block in bytes.
    pub payload_bytes: u32,
    /// Most namespaces in a block.
    pub namespaces: u32,
    /// Most blocks in an answer; also what `limit` is without a value.
    pub page_blocks: u32,
    /// An answer over namespaces ends after the block that exceeds this many payload bytes.
    pub page_bytes: u32,
    /// Largest batch of transactions in bytes, in the form of records.
    pub batch_bytes: u32,
    /// Most transactions in a batch.
    pub batch_transactions: u32,
    /// Longest wait of `?wait=finalized` in milliseconds.
    pub wait_ms: u64,
    /// Most streams at one time.
    pub streams: u32,
    /// Most connections at one time.
    pub connections: u32,
    /// A reader that takes nothing for this long is disconnected, in milliseconds.
    pub stream_stall_ms: u64,
    /// Requests that one source may make in a second; absent where they are not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_requests_per_s: Option<u32>,
}

/// Answer to `GET /version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// `sequencer`.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Version of the API in the paths.
    pub api: String,
}
