//! Pins: what the L1 forces between two of the sequencer's blocks, and the hash chain over them that the inbox keeps.

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Hash, Height, digest::Words};

/// Between the sequencer's block `after` and the next, messages up to `message_end` (exclusive) are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pin {
    /// Its number, from 0.
    pub number: u64,
    /// The block after which it stands: the light client's newest when it was made.
    pub after: Height,
    /// The messages before this index are executed.
    pub message_end: u64,
    /// The L1 block that made it.
    pub l1_block: u64,
}

/// How many pins there are, and the chain over all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PinHead {
    /// Pins so far.
    pub count: u64,
    /// 0 before the first; then keccak(abi.encode(chain before, after, message end, L1 block)).
    pub chain: Hash,
    /// The block that the last one is after.
    pub after: Height,
}

impl PinHead {
    /// The head after one more pin. Pins never go back: one after a lower block stands after the same block as the one
    /// before it.
    #[must_use]
    pub fn with(&self, pin: &Pin) -> Self {
        let chain = Words::new()
            .hash(self.chain)
            .uint(pin.after.0)
            .uint(pin.message_end)
            .uint(pin.l1_block)
            .finish();
        Self {
            count: self.count.saturating_add(1),
            chain,
            after: self.after.max(pin.after),
        }
    }
}
