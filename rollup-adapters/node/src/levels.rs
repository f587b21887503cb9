//! How sure a block is.

use rollup_types::Hash;
use serde::{Deserialize, Serialize};

/// The newest block of each level (RD7), by number. `finalized <= safe <= latest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels {
    /// Made of final blocks of the sequencer. A pin on the L1 may still replace it.
    pub latest: u64,
    /// The light client on the home L1 covers it, in a final L1 block: it never changes any more.
    pub safe: u64,
    /// The rollup's inbox on the home L1 covers it, in a final L1 block.
    pub finalized: u64,
}

/// What happened to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is a new block.
    Block {
        /// Its number.
        number: u64,
        /// Its hash.
        hash: Hash,
    },
    /// A pin on the L1 undid all blocks above this one. It was never safe.
    RolledBack {
        /// What is now the newest block.
        to: u64,
    },
    /// A level other than `latest` rose.
    Levels(Levels),
}
