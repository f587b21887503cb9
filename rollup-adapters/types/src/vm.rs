//! The one trait that a machine implements.

use bytes::Bytes;
use hotshot_types::Hash;

use crate::{L1Message, Withdrawal};

/// One thing to execute. Any bytes are legal: what is no good is skipped with a reason. RT1
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A message of the L1 queue.
    L1(L1Message),
    /// A transaction that the sequencer ordered.
    Transaction(Bytes),
}

/// What is known about the block that is being made. All of it is the same for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEnv {
    /// The number of the rollup's block; genesis is 0.
    pub number: u64,
    /// Hash of the rollup's block before.
    pub parent: Hash,
    /// The sequencer's block that it comes from; for a pin the one that it is pinned after.
    pub height: u64,
    /// Time of that block, milliseconds since the Unix epoch; never below the parent's.
    pub timestamp_ms: u64,
    /// The L1 block up to which the queue was read; never below the parent's.
    pub l1_number: u64,
    /// Randomness of the sequencer's block.
    pub randao_mix: Hash,
    /// Whether the L1 forced this block by a pin.
    pub is_forced: bool,
    /// Withdrawals of all blocks before.
    pub withdrawals: u64,
}

/// The machine's own key-value state, as it is after the block before.
pub trait State {
    /// The value last written under a key.
    ///
    /// # Errors
    /// The disk failed. A machine passes it on and does nothing else about it.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StateError>;
}

/// The disk failed, or lost what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rollup's state can't be read: {0}")]
pub struct StateError(pub String);

/// A key, and its new value or none to delete it.
pub type Write = (Vec<u8>, Option<Bytes>);

/// What a block does. RT4
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transition {
    /// The block's hash: commits to everything that was executed and to what came out.
    pub hash: Hash,
    /// Commits to the whole state after it.
    pub state_root: Hash,
    /// What became of each input that was executed, from the first on. If these are not all inputs, the rest goes on in
    /// a further block.
    pub outcomes: Vec<Outcome>,
    /// Withdrawals, in order.
    pub withdrawals: Vec<Withdrawal>,
    /// What changes; each key once.
    pub writes: Vec<Write>,
}

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What users know it by: for the EVM the transaction hash.
    pub id: Hash,
    /// Whether it was executed.
    pub verdict: Verdict,
}

/// Whether an input was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was, with whatever result.
    Applied,
    /// It was not, and changed nothing: why, in words.
    Skipped(String),
}

/// Why a transaction is not worth submitting now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// In words.
    pub reason: String,
    /// Whether it can become good by itself: a nonce that comes later, a deposit under way.
    pub may_become_good: bool,
}

/// A machine: turns inputs into blocks. Total and deterministic: bad input is skipped, never an error, and the same
/// inputs on the same state make the same block everywhere. RT2
pub trait Vm: Send + Sync + 'static {
    /// The block 0, before any input.
    fn genesis(&self) -> Transition;

    /// Makes the next block of `inputs`, which are never empty: executes at least the first of them. RT3
    ///
    /// # Errors
    /// The state could not be read; nothing else.
    fn execute(
        &self,
        state: &dyn State,
        env: &BlockEnv,
        inputs: &[Input],
    ) -> Result<Transition, StateError>;

    /// What users know a transaction by: the id of its outcome.
    fn id(&self, transaction: &[u8]) -> Hash;

    /// Whether a transaction is worth submitting on this state. Says nothing about what the sequencer orders. RT5
    ///
    /// # Errors
    /// Why not.
    fn admit(
        &self,
        state: &dyn State,
        transaction: &[u8],
    ) -> Result<Result<(), Refusal>, StateError> {
        let _ = (state, transaction);
        Ok(Ok(()))
    }

    /// What only one transaction of those that wait on a node can have, for the EVM sender and nonce; none if it
    /// shuts out no other. RT6
    fn slot(&self, transaction: &[u8]) -> Option<Vec<u8>> {
        let _ = transaction;
        None
    }

    /// Whether a transaction may take the place of one of the same slot that waits. RT6
    ///
    /// # Errors
    /// In words, why not.
    fn replaces(&self, transaction: &[u8], waiting: &[u8]) -> Result<(), String> {
        let _ = (transaction, waiting);
        Ok(())
    }
}
