//! Payloads without bytes: what the crate `da` would find out, as a table.
//!
//! A header names a content by its `shard_root`. Whether a block is good is a function of the
//! header, its content and the parent's map root, as in P1; nodes may ask only once they hold
//! enough slots.

use std::collections::BTreeMap;

use bytes::Bytes;
use hotshot::{Body, Verdict};
use hotshot_types::{Hash, Header, TimestampMs, digest};

use crate::dice::Dice;

/// Payloads up to this length travel in the proposal.
const INLINE_LIMIT: u32 = 1_000;

/// What a Byzantine leader gets wrong about its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Nothing.
    Good,
    /// The shards are no code word.
    Garbage,
    /// `ns_root` is of another payload.
    WrongNamespaces,
    /// `ns_acc_root` does not follow from the parent's.
    WrongMap,
}

#[derive(Debug)]
struct Content {
    len: u32,
    encoded_well: bool,
    ns_root: Hash,
}

/// Every payload that was ever made.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    made: u64,
    by_root: BTreeMap<Hash, Content>,
}

/// Whether the payload of a header travels in the proposal; decided by its length alone (DA12).
pub(crate) fn is_inline(header: &Header) -> bool {
    header.payload_len <= INLINE_LIMIT
}

fn map_after(parent: Hash, ns_root: Hash) -> Hash {
    digest::keccak_concat(&[b"map", &parent.0, &ns_root.0])
}

impl Contents {
    /// Makes a payload for a block on a parent with this `ns_acc_root`.
    pub(crate) fn make(&mut self, dice: &mut Dice, flavour: Flavour, parent_map: Hash) -> Body {
        self.made += 1;
        let number = self.made.to_be_bytes();
        // A bad encoding can't hide in an inline payload: receivers encode that themselves.
        let inline = flavour != Flavour::Garbage && dice.percent(50);
        let len = if inline { 8 } else { INLINE_LIMIT + 1 };
        let shard_root = digest::keccak_concat(&[b"shards", &number]);
        let ns_root = digest::keccak_concat(&[b"namespaces", &number]);
        self.by_root.insert(
            shard_root,
            Content {
                len,
                encoded_well: flavour != Flavour::Garbage,
                ns_root,
            },
        );
        let claimed = match flavour {
            Flavour::WrongNamespaces => digest::keccak(&ns_root.0),
            _ => ns_root,
        };
        let ns_acc_root = match flavour {
            Flavour::WrongMap => digest::keccak(&parent_map.0),
            _ => map_after(parent_map, claimed),
        };
        Body {
            timestamp_ms: TimestampMs(0),
            payload_len: len,
            shard_root,
            ns_root: claimed,
            ns_acc_root,
            inline: inline.then(|| Bytes::copy_from_slice(&number)),
        }
    }

    /// Whether there is a payload behind the header's shard root at all.
    pub(crate) fn exists(&self, header: &Header) -> bool {
        self.by_root.contains_key(&header.shard_root)
    }

    /// Whether inline bytes are the payload of this header.
    pub(crate) fn is_payload_of(&self, header: &Header, inline: &Bytes) -> bool {
        let number: Option<[u8; 8]> = inline.as_ref().try_into().ok();
        number
            .is_some_and(|number| digest::keccak_concat(&[b"shards", &number]) == header.shard_root)
    }

    /// P1 for whoever holds the payload: the verdict, none if it takes the parent's map and that
    /// is not known.
    pub(crate) fn verdict(&self, header: &Header, parent_map: Option<Hash>) -> Option<Verdict> {
        let content = self.by_root.get(&header.shard_root)?;
        let is_sound = content.encoded_well
            && content.len == header.payload_len
            && content.ns_root == header.ns_root;
        if !is_sound {
            return Some(Verdict::Bad);
        }
        let follows = map_after(parent_map?, header.ns_root) == header.ns_acc_root;
        Some(if follows { Verdict::Good } else { Verdict::Bad })
    }
}
