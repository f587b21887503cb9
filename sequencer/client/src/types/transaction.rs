//! Submitting a transaction and asking after it.

use da::{NamespaceId, TransactionProof};
use hotshot_types::{Hash, Height};
use serde::{Deserialize, Serialize};

use crate::text::{self, Base64};

/// Body of `POST /v1/transactions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitRequest {
    /// The namespace; in requests also a string, decimal or hex with `0x`.
    #[serde(with = "text::namespace")]
    pub namespace: NamespaceId,
    /// The transaction: at least one byte, at most the limit of the network.
    pub payload: Base64,
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionState {
    /// Accepted, not yet in a final block.
    Pending,
    /// In a final block.
    Final,
}

/// Where a final transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub block: Hash,
    /// The position in the namespace, from 0.
    pub index: u64,
}

/// Answer to a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// SHA-256 of the transaction.
    pub hash: Hash,
    /// The namespace.
    pub namespace: NamespaceId,
    /// Pending, unless the request waited for more or the transaction was final before.
    pub state: TransactionState,
    /// Where it stands once final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// Answer to `GET /v1/transactions/{hash}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionAnswer {
    /// SHA-256 of the transaction.
    pub hash: Hash,
    /// The namespace.
    pub namespace: NamespaceId,
    /// How far it is.
    pub state: TransactionState,
    /// Where it stands once final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The bytes, while the node has the block's payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Base64>,
    /// Against `ns_root` of the block, while the node has the block's payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<TransactionProof>,
}
