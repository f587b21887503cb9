//! A copy of the chain that a new node starts from, with everything it takes to check it against
//! the genesis document alone.
//!
//! A file is a run of frames, a `u32` length and a [`Part`] each: what network and height, then the
//! end of each epoch with its certificate, the certified block on top, all headers, and the
//! namespace map of that block. Frames are bounded and read one at a time. There is no checksum:
//! the certificates lead from the genesis committee to the top, the top's hash fixes all headers
//! and its `ns_acc_root` the map. A safety record is not part of it and can't be.
//!
//! Payloads are not in it either: a node that starts from it takes the newest from its peers.

mod restore;
mod write;

use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use da::{AccumulatorEntry, NamespaceId};
use hotshot_types::{
    FinalityCertificate, Hash, Header, Height, Member,
    codec::{self, DecodeError},
    finality::{EpochStep, FinalityError},
};

use super::StorageError;

const MAGIC: [u8; 8] = *b"SeqSnap\n";
/// Longest frame; a step with a thousand members takes 200 KiB.
const MAX_FRAME: usize = 4 << 20;
/// Steps in one frame.
const STEPS: usize = 8;
/// Headers in one frame.
const HEADERS: usize = 256;
/// Entries of the map in one frame.
const ENTRIES: usize = 16_384;

/// A frame.
#[derive(BorshSerialize, BorshDeserialize)]
enum Part {
    Start {
        magic: [u8; 8],
        chain_domain: Hash,
        genesis: Hash,
        height: Height,
    },
    /// The ends of epochs from the first on, up to the one before the top's.
    Epochs(Vec<EpochStep>),
    /// The highest block, and the members of the next epoch's committee if they are others.
    Top {
        header: Box<Header>,
        certificate: FinalityCertificate,
        next: Option<Vec<Member>>,
    },
    /// From height 1 to the top.
    Headers(Vec<Header>),
    /// Ascending by key.
    Map(Vec<(NamespaceId, AccumulatorEntry)>),
    End,
}

/// How far writing or restoring has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is under way.
    pub what: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, where that is known.
    pub of: Option<u64>,
}

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SnapshotInfo {
    /// The highest block.
    pub height: Height,
    /// Its hash.
    pub hash: Hash,
    /// Its epoch.
    pub epoch: hotshot_types::Epoch,
    /// Namespaces in the map.
    pub namespaces: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// Why a snapshot was not written or is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The database, old or new.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The file.
    #[error("the snapshot: {0}")]
    Io(#[from] io::Error),
    /// A frame that is none.
    #[error("this is no snapshot, or a damaged one: {0}")]
    Malformed(String),
    /// Another network.
    #[error("the snapshot is of network {found}, the genesis document of {expected}")]
    OtherNetwork {
        /// The network of the snapshot.
        found: Hash,
        /// The network of the genesis document.
        expected: Hash,
    },
    /// A certificate or committee that does not follow from the genesis document.
    #[error("the snapshot proves nothing: {0}")]
    Finality(#[from] FinalityError),
    /// Headers or a map that are not those of the certified block.
    #[error("the snapshot is not of the chain that it proves: {0}")]
    OtherChain(String),
    /// Nothing to write yet.
    #[error(
        "there is no final block with a certificate and a namespace map to take a snapshot of yet"
    )]
    Empty,
    /// The directory must be empty.
    #[error(
        "{path} already holds a node's data: a snapshot is restored into an empty directory, and `sequencer db repair` replaces the data of a node without touching its safety record",
        path = path.display()
    )]
    NotEmpty {
        /// The directory.
        path: std::path::PathBuf,
    },
}

impl From<DecodeError> for SnapshotError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

fn write_part(out: &mut impl Write, part: &Part) -> Result<u64, SnapshotError> {
    let bytes = codec::encode(part);
    assert!(bytes.len() <= MAX_FRAME, "parts are cut to fit a frame");
    let length = u32::try_from(bytes.len()).expect("a frame is at most 4 MiB");
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&bytes)?;
    Ok(u64::from(length) + 4)
}

/// Reads the next frame; the end of the file is an error.
fn read_part(input: &mut impl Read) -> Result<(Part, u64), SnapshotError> {
    let mut length = [0; 4];
    input.read_exact(&mut length).map_err(cut_off)?;
    let length = u32::from_le_bytes(length);
    let wanted = length as usize;
    if wanted > MAX_FRAME {
        let reason = format!("a frame of {length} bytes");
        return Err(SnapshotError::Malformed(reason));
    }
    let mut bytes = vec![0; wanted];
    input.read_exact(&mut bytes).map_err(cut_off)?;
    Ok((codec::decode(&bytes)?, u64::from(length) + 4))
}

fn cut_off(error: io::Error) -> SnapshotError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        SnapshotError::Malformed("it is cut off".into())
    } else {
        SnapshotError::Io(error)
    }
}
