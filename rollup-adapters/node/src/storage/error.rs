//! What can go wrong with the data directory.

use std::path::PathBuf;

use rollup_types::{Hash, StateError};

/// What to do about a directory that is of no more use.
const ANEW: &str = "Move the directory away, and the node builds it anew from the sequencer and the L1; what it had accepted and is in no block yet is lost, and has to be sent again";

/// Why the storage refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another process has the directory open.
    #[error("the data directory {} is in use by another process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the directory can't be read or written.
    #[error("the data directory: {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory was made with another definition.
    #[error(
        "the data directory {} holds the rollup whose definition has the digest {found}; this definition has {expected}. Use the one it was made with, or an empty directory",
        path.display()
    )]
    OtherDefinition {
        /// The directory.
        path: PathBuf,
        /// What it was made with.
        found: Hash,
        /// What the node was started with.
        expected: Hash,
    },
    /// The machine makes another block 0 than the one that is stored.
    #[error(
        "the data directory {} starts from the rollup's block {found}, this program makes {expected} of the same definition: it is another version of the machine. Use the program that made the directory, or an empty directory",
        path.display()
    )]
    OtherGenesis {
        /// The directory.
        path: PathBuf,
        /// The stored block 0.
        found: Hash,
        /// What the machine makes.
        expected: Hash,
    },
    /// The directory was written by another version of this program.
    #[error("the data directory has schema {found}, this program reads schema {expected}")]
    Schema {
        /// Its schema.
        found: u32,
        /// The schema of this program.
        expected: u32,
    },
    /// What is stored does not decode, or does not fit together.
    #[error("the database is damaged: {what}: {reason}. {}", ANEW)]
    Damaged {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The database can't be opened at all.
    #[error(
        "the database {} is damaged: {reason}. {}",
        path.display(),
        ANEW
    )]
    Corrupt {
        /// The database's directory.
        path: PathBuf,
        /// What the database engine says.
        reason: String,
    },
    /// A write or an fsync failed. Nothing is written any more.
    #[error(
        "writing to the database failed, nothing more is written: {0}. Is the disk full? What was written before is safe: start again once there is room"
    )]
    Failed(#[source] fjall::Error),
    /// A read failed.
    #[error("reading from the database failed: {0}. Look at the disk")]
    Read(#[source] fjall::Error),
    /// More blocks would have to be undone than the node kept records for.
    #[error(
        "the L1 undoes blocks down to {to}, and what undoes them is kept from block {kept} on only. {}",
        ANEW
    )]
    TooDeep {
        /// The block to go back to.
        to: u64,
        /// The lowest block that can be undone.
        kept: u64,
    },
}

impl StorageError {
    pub(crate) fn damaged(what: &'static str, reason: impl ToString) -> Self {
        Self::Damaged {
            what,
            reason: reason.to_string(),
        }
    }

    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}

impl From<StorageError> for StateError {
    fn from(error: StorageError) -> Self {
        Self(error.to_string())
    }
}
