//! Data availability: block payloads, their erasure code, and the proofs that open them.
//!
//! Pure code: no socket, clock, disk, thread or random source, and no knowledge of consensus. Stakes come in as
//! `&[u64]`, payloads as [`bytes::Bytes`], and what comes out are commitments, shards and proofs. The README is the
//! specification; rule ids (DA1 to DA13) in the code refer to it.
//!
//! The path of a block: [`Payload::build`] lays the transactions out, [`CommittedPayload::new`] encodes and commits,
//! [`Encoded::range`] cuts the shards of one validator, [`ShardRange::check`] proves them on the other side,
//! [`Reconstruction`] turns enough of them back into a [`CommittedPayload`] or into a [`BadEncoding`].

mod accumulator;
mod coding;
mod committed;
mod forms;
mod hash;
mod merkle;
mod namespace;
mod payload;
mod slots;
pub mod vectors;

pub use accumulator::{
    AccumulatorEntry, AccumulatorProof, BlockStamp, MapChunk, MapError, MapHead, MapStore,
    MapUpdate, MemoryStore, NamespaceMap, Terminal,
};
pub use coding::{
    BadEncoding, CheckedShards, Coder, Encoded, Reconstruction, ReconstructionError, ShardError,
    ShardRange, covering_slots, is_inline, shard_len,
};
pub use committed::{Commitments, CommittedPayload, CopyError};
pub use hash::{Hash, tx_hash};
pub use merkle::Path;
pub use namespace::{
    NamespaceLeaf, NamespaceProof, NamespaceTree, Neighbour, ProofError, TransactionProof,
    namespace_root,
};
pub use payload::{
    Limits, NAMESPACE_OVERHEAD, Namespace, NamespaceBody, NamespaceId, PAYLOAD_OVERHEAD, Payload,
    PayloadError, TRANSACTION_OVERHEAD,
};
pub use slots::{MAX_VALIDATORS, Slots, SlotsError};
