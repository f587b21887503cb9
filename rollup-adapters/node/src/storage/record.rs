//! What is stored of a block, and of its inputs.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use rollup_types::{Hash, Height, L1Message};

use super::StorageError;

/// A block of the rollup as the node keeps it. What it holds is the machine's to say.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// Its number; genesis is 0.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// Hash of the block before; zero for genesis.
    pub parent: Hash,
    /// Commits to the state after it.
    pub state_root: Hash,
    /// The sequencer's block that it comes from; for a pin the one that it is pinned after; 0 for genesis.
    pub height: u64,
    /// Hash of that block of the sequencer.
    pub sequencer_block: Hash,
    /// Time of that block, milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
    /// The L1 block up to which the queue was read.
    pub l1_number: u64,
    /// If pins on the L1 forced it: the number of the pin, from 0.
    pub pin: Option<u64>,
    /// What became of its inputs, in order.
    pub outcomes: Vec<Done>,
    /// Withdrawals of all blocks up to this one.
    pub withdrawals: u64,
    /// Messages of the L1 queue executed up to this block.
    pub messages: u64,
    /// The L1 block of the last of them; 0 before the first.
    pub message_block: u64,
}

impl Block {
    /// Where it stands in the sequencer's chain.
    pub(crate) fn place(&self) -> rollup_derive::Place {
        let height = Height(self.height);
        match self.pin {
            Some(number) => rollup_derive::Place::of_pin(height, number),
            None => rollup_derive::Place::of_block(height),
        }
    }
}

/// An input of a block, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Done {
    /// What users know it by.
    pub id: Hash,
    /// Where it comes from.
    pub origin: Origin,
    /// Why it was skipped; none if it was executed.
    pub skipped: Option<String>,
}

/// Where an input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Origin {
    /// The message of this index in the L1 queue.
    Message(u64),
    /// The transaction at this place of the rollup's namespace in the sequencer's block.
    Transaction {
        /// From 0.
        index: u64,
        /// What the sequencer knows it by: SHA-256 of its bytes.
        hash: Hash,
    },
}

/// Where an input stands in the rollup's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The rollup's block.
    pub number: u64,
    /// From 0 among the block's inputs.
    pub position: u32,
    /// Whether it was executed; if not, it was skipped.
    pub is_applied: bool,
}

/// A message of the L1 queue that was executed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct ExecutedMessage {
    pub(super) message: L1Message,
    /// The rollup's block.
    pub(super) number: u64,
    /// From 0 among the block's inputs.
    pub(super) position: u32,
    pub(super) is_applied: bool,
}

/// What takes a block back.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Undo {
    /// Where derivation stood before it.
    pub(super) cursor: Vec<u8>,
    /// What each key that it wrote was before.
    pub(super) before: Vec<(Vec<u8>, Option<Bytes>)>,
}

/// The key of an input: several inputs may have one id, of which at most one is applied.
pub(super) fn place_key(id: Hash, number: u64, position: u32) -> Vec<u8> {
    [
        id.0.as_slice(),
        &number.to_be_bytes(),
        &position.to_be_bytes(),
    ]
    .concat()
}

/// The place that such a key and its value name.
pub(super) fn read_place(key: &[u8], value: &[u8]) -> Result<Place, StorageError> {
    let read = || {
        Some(Place {
            number: u64::from_be_bytes(key.get(32..40)?.try_into().ok()?),
            position: u32::from_be_bytes(key.get(40..44)?.try_into().ok()?),
            is_applied: *value.first()? == 1,
        })
    };
    read().ok_or_else(|| StorageError::damaged("the index of inputs", "an entry is too short"))
}

pub(super) fn decode<T: BorshDeserialize>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, StorageError> {
    borsh::from_slice(bytes).map_err(|error| StorageError::damaged(what, error))
}

pub(super) fn encode(value: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(value).expect("writing to memory does not fail")
}
