//! Where the contracts keep what nodes prove, as `snapshots/layout.txt` has it. Words are big-endian: the first
//! variable of a slot is in its last bytes.

use hotshot_types::{Hash, Height};
use rollup_types::QueueHead;

use crate::inbox::Advanced;

/// Of the queue: the chain over its messages.
pub const QUEUE_CHAIN: u64 = 0;
/// Of the queue: how many messages there are, in the last 8 bytes.
pub const QUEUE_HEAD: u64 = 1;
/// Of the inbox: the chain over pins.
pub const INBOX_PIN_CHAIN: u64 = 0;
/// Of the inbox: height, block count, transaction total and L1 number that it knows.
pub const INBOX_KNOWN: u64 = 1;
/// Of the inbox: the chain over the namespace's blocks that it knows.
pub const INBOX_CHAIN: u64 = 2;
/// Of the inbox: how many pins there are, and the messages that they cover.
pub const INBOX_PINS: u64 = 3;
/// Of the vault: the settled root.
pub const VAULT_ROOT: u64 = 0;

/// The queue's head from its words [`QUEUE_CHAIN`] and [`QUEUE_HEAD`].
#[must_use]
pub fn queue_head(chain: Hash, head: Hash) -> QueueHead {
    QueueHead {
        count: number(head, 0),
        chain,
    }
}

/// How many pins there are, and the messages that they cover, from the inbox's word [`INBOX_PINS`].
#[must_use]
pub fn pinned(pins: Hash) -> (u64, u64) {
    (number(pins, 0), number(pins, 1))
}

/// What the inbox knows, from its words [`INBOX_KNOWN`] and [`INBOX_CHAIN`]; none before the first `advance`.
#[must_use]
pub fn known(known: Hash, chain: Hash) -> Option<Advanced> {
    let height = Height(number(known, 0));
    (height != Height(0)).then(|| Advanced {
        height,
        block_count: number(known, 1),
        chain,
        l1_number: number(known, 3),
    })
}

/// One of the four numbers of a word, counted from the word's end.
fn number(word: Hash, place: usize) -> u64 {
    let end = 32 - 8 * place;
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&word.0[end - 8..end]);
    u64::from_be_bytes(bytes)
}
