//! Whose directory it is, in a file that tools read without a key.
//!
//! The database says the same and decides; but the key is needed before it may be opened, to tell
//! safety records from other bytes, and tools should not have to unlock a keystore for it.

use std::{fs, io, path::Path};

use hotshot_types::{Hash, PublicKey};

use super::{Identity, Storage, StorageError};

const FILE: &str = "owner";
const FOLLOWER: &str = "follower";

/// Writes the file unless it says the same already.
pub(super) fn keep(directory: &Path, key: Option<PublicKey>) -> Result<(), StorageError> {
    let text = key.map_or_else(|| FOLLOWER.to_owned(), |key| key.to_string());
    let path = directory.join(FILE);
    if fs::read_to_string(&path).is_ok_and(|found| found.trim_end() == text) {
        return Ok(());
    }
    fs::write(&path, format!("{text}\n")).map_err(StorageError::io(path))
}

fn read(directory: &Path) -> Result<Option<PublicKey>, StorageError> {
    let path = directory.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StorageError::NoData {
                path: directory.to_owned(),
            });
        }
        Err(error) => return Err(StorageError::io(path)(error)),
    };
    let text = text.trim_end();
    if text == FOLLOWER {
        return Ok(None);
    }
    let unreadable = |_| StorageError::Corrupt {
        path,
        reason: "it names no key; the node writes it again when it starts".into(),
    };
    text.parse().map(Some).map_err(unreadable)
}

impl Identity {
    /// The identity of the node whose data a directory holds.
    ///
    /// # Errors
    /// A directory without data.
    pub fn of_directory(
        directory: &Path,
        chain_domain: Hash,
        genesis: Hash,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            chain_domain,
            genesis,
            key: read(directory)?,
        })
    }
}

impl Storage {
    /// Opens the data of whatever node it belongs to: for tools, which sign nothing.
    ///
    /// # Errors
    /// As [`Storage::open`]; also a directory without data.
    pub fn open_owned(
        directory: &Path,
        chain_domain: Hash,
        genesis: Hash,
    ) -> Result<Self, StorageError> {
        let identity = Identity::of_directory(directory, chain_domain, genesis)?;
        Self::open(directory, &identity)
    }
}
