//! What the HTTP API takes and gives, as JSON.
//!
//! Hashes and keys are hex with `0x`, payload bytes base64, ids and counts numbers.

mod batch;
mod block;
mod node;
mod problem;
mod transaction;

pub use batch::{
    BatchError, BatchRequest, BatchSubmitted, RECORD_HEAD, RefusedTransaction, push_record,
    read_records,
};
pub use block::{
    AccumulatorAnswer, AncestorAnswer, Block, BlockNamespaces, BlockPage, BlockWithPayload,
    EpochAnswer, EvidencePage, Interrupted, NamespaceAnswer, NamespaceBlock, NamespaceHead,
    NamespacePage, SharesAnswer,
};
pub use node::{ApiLimits, NodeState, Peers, Readiness, Sync, Validator, Validators, Version};
pub use problem::{Problem, ProblemCode};
pub use transaction::{Position, SubmitRequest, Submitted, TransactionAnswer, TransactionState};

/// The request header that names the namespace of a transaction sent as raw bytes.
pub const NAMESPACE_HEADER: &str = "x-namespace";
/// Names of the events of a stream.
pub mod event {
    /// The next block: a [`BlockWithPayload`](super::BlockWithPayload), [`Block`](super::Block) or
    /// [`NamespaceBlock`](super::NamespaceBlock), by stream. Its id is the height.
    pub const BLOCK: &str = "block";
    /// How far the stream is: a [`NamespaceHead`](super::NamespaceHead). Its id is the height.
    pub const HEAD: &str = "head";
    /// The node ends the stream: an [`Interrupted`](super::Interrupted).
    pub const INTERRUPTED: &str = "interrupted";
}
