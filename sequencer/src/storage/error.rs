//! What can go wrong with the data directory.

use std::path::PathBuf;

use hotshot_types::{Epoch, Hash, Height, codec::DecodeError};

/// Why the storage refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file that says whose directory it is says nothing.
    #[error("{path} is damaged: it names no node. Start the node, or run `sequencer db repair`; both write it again", path = path.display())]
    OwnerDamaged {
        /// The file.
        path: PathBuf,
    },
    /// Another process has the directory open.
    #[error("the data directory {path} is in use by another process")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the directory can't be read or written.
    #[error("the data directory: {path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing in the directory.
    #[error("{path} holds no node's data")]
    NoData {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds the data of another network.
    #[error(
        "the data directory {path} belongs to the network {found}, this node is configured for {expected}"
    )]
    OtherNetwork {
        /// The directory.
        path: PathBuf,
        /// Its chain domain.
        found: Hash,
        /// The chain domain of the genesis document in use.
        expected: Hash,
    },
    /// The directory was started from another genesis document of the same network.
    #[error(
        "the data directory {path} starts from genesis block {found}, this node is configured for {expected}"
    )]
    OtherGenesis {
        /// The directory.
        path: PathBuf,
        /// Its genesis block.
        found: Hash,
        /// The genesis block of the document in use.
        expected: Hash,
    },
    /// The directory holds the data, and with it the safety record, of another node.
    #[error(
        "the data directory {path} belongs to {found}, this node is {expected}; a validator never runs without its own safety record"
    )]
    OtherNode {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        found: String,
        /// Who wants to use it.
        expected: String,
    },
    /// The directory was written by another version of this program.
    #[error("the data directory has schema {found}, this program reads schema {expected}")]
    Schema {
        /// Its schema.
        found: u32,
        /// The schema of this program.
        expected: u32,
    },
    /// The safety record is broken, missing or older than what was written. Signing with what is
    /// left could contradict an earlier signature.
    #[error(
        "the safety record is damaged: {0}. This node must not sign with it: restore the disk, or give the record up, after which the key waits for two epochs"
    )]
    RecordDamaged(String),
    /// Something else than the record does not decode or does not fit together.
    #[error(
        "the database is damaged: {what}: {reason}. `sequencer db verify` says more, `sequencer db repair` builds it anew from peers or a snapshot"
    )]
    Damaged {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The database can't be opened at all.
    #[error(
        "the database is damaged: {path}: {reason}. `sequencer db repair` builds it anew from peers or a snapshot",
        path = path.display()
    )]
    Corrupt {
        /// The database's directory.
        path: PathBuf,
        /// What the database engine says.
        reason: String,
    },
    /// A write or an fsync failed. Nothing is accepted any more: stop signing and shut down.
    #[error(
        "writing to the database failed, nothing more is written: {0}. Look at the disk; `sequencer db verify` names what is damaged"
    )]
    Failed(fjall::Error),
    /// A read failed.
    #[error(
        "reading from the database failed: {0}. `sequencer db verify` names what is damaged, `sequencer db repair` builds it anew"
    )]
    Read(#[source] fjall::Error),
    /// The engine gave up in the middle of something: damage, as a rule.
    #[error(
        "the database engine gave up, the log says where. `sequencer db verify` names what is damaged, `sequencer db repair` builds it anew"
    )]
    Panicked,
    /// The caller's mistake: blocks, maps or indexes out of order.
    #[error("out of order: {0}")]
    OutOfOrder(String),
    /// There is no genesis block yet: [`super::Storage::initialize`] comes first.
    #[error("the database has no genesis block yet")]
    Uninitialized,
    /// A proof would need more steps than one answer holds; ask for one from a later epoch, or
    /// for a block nearer to the trusted epoch first.
    #[error("a proof for height {height} from epoch {trusted} has more than {limit} steps")]
    ProofTooLong {
        /// The epoch that the verifier trusts.
        trusted: Epoch,
        /// The height asked for.
        height: Height,
        /// Steps in one proof at most.
        limit: u64,
    },
}

impl StorageError {
    /// A value that does not decode.
    pub(super) fn undecodable(what: &'static str, error: &DecodeError) -> Self {
        Self::damaged(what, error.to_string())
    }

    pub(crate) fn damaged(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Damaged {
            what,
            reason: reason.into(),
        }
    }

    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}
