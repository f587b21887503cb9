//! Where the contracts keep what nodes read and prove.

use hotshot_types::Hash;

/// A number of 64 bits or a whole word in a contract's storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The slot.
    pub slot: u8,
    /// Bytes to its right in the slot.
    pub offset: usize,
}

/// Of `L1MessageQueue`: the chain over all messages.
pub const QUEUE_CHAIN: Field = Field::at(0, 0);
/// Of `RollupInbox`: the chain over all pins.
pub const PIN_CHAIN: Field = Field::at(0, 0);
/// Of `RollupInbox`: the height up to which it knows the rollup's blocks.
pub const INBOX_HEIGHT: Field = Field::at(1, 0);
/// Of `RollupInbox`: how many of the sequencer's blocks up to there hold the namespace.
pub const INBOX_BLOCK_COUNT: Field = Field::at(1, 8);
/// Of `RollupInbox`: the L1 block that the sequencer's block there names as finalized.
pub const INBOX_L1_NUMBER: Field = Field::at(1, 24);
/// Of `RollupInbox`: the chain over those blocks.
pub const INBOX_CHAIN: Field = Field::at(2, 0);
/// Of `LightClient`: the height of the newest block; the highest byte of the word is not 0 once it is frozen.
pub const LIGHT_CLIENT_HEIGHT: Field = Field::at(0, 0);
/// Of `LightClient`: the first entry of the ring.
pub const RING: Field = Field::at(4, 0);
/// Entries of the ring.
pub const RING_SIZE: u8 = 32;

impl Field {
    const fn at(slot: u8, offset: usize) -> Self {
        Self { slot, offset }
    }

    /// The slot's key.
    #[must_use]
    pub fn key(self) -> Hash {
        let mut key = Hash::ZERO;
        key.0[31] = self.slot;
        key
    }

    /// The number in the slot's word.
    #[must_use]
    pub fn number(self, word: Hash) -> u64 {
        let bytes = word.0[..32 - self.offset].last_chunk();
        bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contracts' own tests compare these files with what the compiler says.
    #[test]
    fn fields_are_where_the_compiler_puts_them() {
        let layouts = [
            include_str!("../../contracts/snapshots/layout.txt"),
            include_str!("../../../light-client-contract/snapshots/layout.txt"),
        ];
        let fields = [
            ("L1MessageQueue", QUEUE_CHAIN, "chain"),
            ("RollupInbox", PIN_CHAIN, "pinChain"),
            ("RollupInbox", INBOX_HEIGHT, "height"),
            ("RollupInbox", INBOX_BLOCK_COUNT, "blockCount"),
            ("RollupInbox", INBOX_L1_NUMBER, "l1Number"),
            ("RollupInbox", INBOX_CHAIN, "chain"),
            ("LightClient", LIGHT_CLIENT_HEIGHT, "_newest"),
            ("LightClient", RING, "_ring"),
            ("LightClient", Field::at(RING.slot + RING_SIZE, 0), "_pasts"),
        ];
        for (contract, Field { slot, offset }, name) in fields {
            let line = format!("{contract} slot {slot} byte {offset} {name}");
            let mut lines = layouts.iter().flat_map(|layout| layout.lines());
            assert!(lines.any(|it| it == line), "{line}");
        }
    }
}
