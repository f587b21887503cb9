//! The keyspaces of the database and what their keys look like.
//!
//! Numbers in keys are big-endian, so that the order of keys is the order of numbers. Whatever is
//! deleted by age has its height first in the key.

use std::sync::{Arc, atomic::AtomicU64};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions};
use hotshot_types::{Epoch, Hash, Height, SealedHeader, mountain_range::Position};

use super::{StorageError, index::ExpiredEntries};

const MIB: u64 = 1 << 20;

/// One keyspace. The order is that in which a batch is written: the safety record comes last, and
/// [`super::witness`] relies on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Space {
    /// Names of single values -> those values.
    Meta,
    /// Height -> final header.
    Headers,
    /// Block hash -> height, for final and pending blocks and for every stored payload.
    Heights,
    /// Height, hash -> header that is not final.
    Pending,
    /// Height, hash -> payload.
    Payloads,
    /// Height, hash -> this node's own slots.
    Slots,
    /// Height -> finality certificate.
    Certificates,
    /// Tag, epoch -> end of the epoch or committee and seed of the epoch.
    Epochs,
    /// Level, index -> node of the mountain range.
    History,
    /// Keys and values of `da`'s namespace map.
    Map,
    /// Tag, height -> version of the map at a height, or the keys a block made stale.
    MapIndex,
    /// Transaction hash, height, namespace -> index in the namespace.
    Transactions,
    /// Namespace, height -> namespace leaf.
    Namespaces,
    /// Hash -> evidence.
    Evidence,
    /// The safety record alone.
    Record,
}

impl Space {
    pub(super) const ALL: [Self; 15] = [
        Self::Meta,
        Self::Headers,
        Self::Heights,
        Self::Pending,
        Self::Payloads,
        Self::Slots,
        Self::Certificates,
        Self::Epochs,
        Self::History,
        Self::Map,
        Self::MapIndex,
        Self::Transactions,
        Self::Namespaces,
        Self::Evidence,
        Self::Record,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Headers => "headers",
            Self::Heights => "heights",
            Self::Pending => "pending",
            Self::Payloads => "payloads",
            Self::Slots => "slots",
            Self::Certificates => "certificates",
            Self::Epochs => "epochs",
            Self::History => "history",
            Self::Map => "namespace_map",
            Self::MapIndex => "namespace_map_index",
            Self::Transactions => "transactions",
            Self::Namespaces => "namespaces",
            Self::Evidence => "evidence",
            Self::Record => "record",
        }
    }

    /// Large values go to files of their own, so that compaction does not copy them. Write buffers
    /// are small because there are many keyspaces and several nodes may share a machine.
    fn options(self) -> KeyspaceCreateOptions {
        let options = KeyspaceCreateOptions::default();
        match self {
            Self::Payloads => large_values(options).max_memtable_size(16 * MIB),
            Self::Slots => large_values(options).max_memtable_size(8 * MIB),
            Self::Record | Self::Meta => options.max_memtable_size(2 * MIB),
            _ => options.max_memtable_size(8 * MIB),
        }
    }
}

fn large_values(options: KeyspaceCreateOptions) -> KeyspaceCreateOptions {
    let separation = KvSeparationOptions::default()
        .separation_threshold(4_096)
        .file_target_size(64 * MIB);
    options.with_kv_separation(Some(separation))
}

/// All keyspaces, open.
pub(super) struct Spaces(Vec<Keyspace>);

impl Spaces {
    pub(super) fn open(database: &Database) -> fjall::Result<Self> {
        Space::ALL
            .into_iter()
            .map(|space| database.keyspace(space.name(), || space.options()))
            .collect::<fjall::Result<_>>()
            .map(Self)
    }

    pub(super) fn get(&self, space: Space) -> &Keyspace {
        &self.0[space as usize]
    }
}

/// Installs what drops index entries below the cutoff whenever the index is compacted.
pub(super) fn filters(
    cutoff: Arc<AtomicU64>,
) -> impl Fn(&str) -> Option<Arc<dyn fjall::compaction::filter::Factory>> + Send + Sync {
    move |name| {
        let height_at = [
            (Space::Transactions, TRANSACTION_HEIGHT),
            (Space::Namespaces, NAMESPACE_HEIGHT),
        ]
        .into_iter()
        .find_map(|(space, at)| (space.name() == name).then_some(at))?;
        Some(Arc::new(ExpiredEntries {
            cutoff: Arc::clone(&cutoff),
            height_at,
        }))
    }
}

/// Where the height stands in a key of [`Space::Transactions`].
pub(super) const TRANSACTION_HEIGHT: usize = 32;
/// Where the height stands in a key of [`Space::Namespaces`].
pub(super) const NAMESPACE_HEIGHT: usize = 8;

pub(super) fn height_key(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

/// The key of what belongs to one block, final or not.
pub(super) fn block_key(header: &SealedHeader) -> Vec<u8> {
    block_key_of(header.height, header.hash())
}

pub(super) fn block_key_of(height: Height, hash: Hash) -> Vec<u8> {
    [height_key(height).as_slice(), &hash.0].concat()
}

pub(super) fn tagged(tag: u8, number: u64) -> Vec<u8> {
    let mut key = vec![tag];
    key.extend_from_slice(&number.to_be_bytes());
    key
}

pub(super) const EPOCH_END: u8 = b'e';
pub(super) const EPOCH_INFO: u8 = b'i';

pub(super) fn epoch_key(tag: u8, epoch: Epoch) -> Vec<u8> {
    tagged(tag, epoch.0)
}

pub(super) fn position_key(position: Position) -> Vec<u8> {
    tagged(position.level, position.index)
}

/// Reads the number that a key or value holds at a place.
pub(super) fn number_at(what: &'static str, bytes: &[u8], at: usize) -> Result<u64, StorageError> {
    number(bytes, at).ok_or_else(|| StorageError::damaged(what, "too short"))
}

pub(super) fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// The height and the hash in the key of what belongs to one block.
pub(super) fn split_block_key(key: &[u8]) -> Result<(Height, Hash), StorageError> {
    const WHAT: &str = "the key of a block";
    let height = Height(number_at(WHAT, key, 0)?);
    let hash = key[8..]
        .try_into()
        .map_err(|_| StorageError::damaged(WHAT, "no hash"))?;
    Ok((height, Hash(hash)))
}
