//! A payload together with both of its commitments, however it was come by.
//!
//! Three doors lead to a [`CommittedPayload`]: a leader makes one, a full copy from one peer is checked against a
//! header, and [`Reconstruction::decode`](crate::Reconstruction::decode) rebuilds one from shards. All three end in
//! the same state: the payload is canonical, encoded, and its two roots are those of the commitments.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::coding::{BadEncoding, Coder, Encoded};
use crate::forms;
use crate::hash::Hash;
use crate::namespace::NamespaceTree;
use crate::payload::{Limits, Payload};
use crate::slots::Slots;

#[cfg(test)]
mod tests;

/// What a header says about its payload.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Commitments {
    /// Bytes of the payload.
    pub payload_len: u64,
    /// DA6.
    #[serde(with = "forms::hash")]
    pub shard_root: Hash,
    /// DA7.
    #[serde(with = "forms::hash")]
    pub ns_root: Hash,
}

/// Why a full copy of a payload was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// The bytes are not the payload of this header. Whoever sent them is to blame; the block may be good.
    #[error("the bytes are not the payload of this block")]
    NotThisBlock,
    /// The bytes are the payload of this header, and the block is bad for good.
    #[error(transparent)]
    Bad(#[from] BadEncoding),
}

/// A canonical payload with its shards and its namespace tree.
#[derive(Clone, Debug)]
pub struct CommittedPayload {
    payload: Payload,
    namespaces: NamespaceTree,
    encoded: Encoded,
}

impl CommittedPayload {
    /// Encodes and commits to a payload, as a leader does.
    pub fn new(coder: &mut Coder, slots: &Slots, payload: Payload) -> Self {
        let namespaces = NamespaceTree::new(&payload);
        Self::with_namespaces(coder, slots, payload, namespaces)
    }

    /// The same with a tree already made, for instance by [`NamespaceTree::with_hashes`] from the mempool's hashes.
    ///
    /// # Panics
    /// When the tree has another number of namespaces than the payload: it is then not this payload's tree.
    pub fn with_namespaces(
        coder: &mut Coder,
        slots: &Slots,
        payload: Payload,
        namespaces: NamespaceTree,
    ) -> Self {
        assert_eq!(
            payload.namespace_count(),
            namespaces.leaves().len(),
            "the tree is the payload's own"
        );
        let encoded = coder.encode(slots, payload.bytes());
        let payload = match payload.len() {
            0 => payload,
            length => payload.moved_into(encoded.payload(length)),
        };
        Self {
            payload,
            namespaces,
            encoded,
        }
    }

    /// Checks a full copy, inline or fetched, against the commitments of its header.
    pub fn from_copy(
        coder: &mut Coder,
        slots: &Slots,
        commitments: &Commitments,
        bytes: &Bytes,
        limits: &Limits,
    ) -> Result<Self, CopyError> {
        if u64::try_from(bytes.len()) != Ok(commitments.payload_len) {
            return Err(CopyError::NotThisBlock);
        }
        let encoded = coder.encode(slots, bytes);
        if encoded.root() != commitments.shard_root {
            return Err(CopyError::NotThisBlock);
        }
        Ok(Self::of_encoded(encoded, commitments, limits)?)
    }

    /// The checks that are left once the shards have the right root.
    pub(crate) fn of_encoded(
        encoded: Encoded,
        commitments: &Commitments,
        limits: &Limits,
    ) -> Result<Self, BadEncoding> {
        let length = usize::try_from(commitments.payload_len).expect("it was encoded in memory");
        let payload = Payload::decode(encoded.payload(length), limits)?;
        let namespaces = NamespaceTree::new(&payload);
        if namespaces.root() != commitments.ns_root {
            return Err(BadEncoding::NamespaceRoot);
        }
        Ok(Self {
            payload,
            namespaces,
            encoded,
        })
    }

    /// What the header says about this payload.
    pub fn commitments(&self) -> Commitments {
        Commitments {
            payload_len: self.payload.len() as u64,
            shard_root: self.encoded.root(),
            ns_root: self.namespaces.root(),
        }
    }

    /// The payload. It shares the buffer of the systematic shards.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The tree under `ns_root`.
    pub fn namespaces(&self) -> &NamespaceTree {
        &self.namespaces
    }

    /// The shards and the tree under `shard_root`.
    pub fn encoded(&self) -> &Encoded {
        &self.encoded
    }

    /// The three parts.
    pub fn into_parts(self) -> (Payload, NamespaceTree, Encoded) {
        (self.payload, self.namespaces, self.encoded)
    }
}
