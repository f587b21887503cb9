//! Whose directory it is, in a file that tools read without a key.
//!
//! The database says the same and decides; but the key is needed before it may be opened, to tell
//! safety records from other bytes, and tools should not have to unlock a keystore for it.

use std::{fs, io, path::Path};

use hotshot_types::{Hash, PublicKey, digest};

use super::{Identity, Storage, StorageError};

const FILE: &str = "owner";
const FOLLOWER: &str = "follower";

/// Writes the file unless it says the same already.
pub(super) fn keep(directory: &Path, key: Option<PublicKey>) -> Result<(), StorageError> {
    let text = sealed(&name(key));
    let path = directory.join(FILE);
    if fs::read_to_string(&path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    fs::write(&path, text).map_err(StorageError::io(path))
}

fn name(key: Option<PublicKey>) -> String {
    key.map_or_else(|| FOLLOWER.to_owned(), |key| key.to_string())
}

/// With a checksum, so that no flipped bit makes another node of it.
fn sealed(name: &str) -> String {
    format!("{name} {}\n", digest::keccak(name.as_bytes()))
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
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(StorageError::OwnerDamaged { path });
        }
        Err(error) => return Err(StorageError::io(path)(error)),
    };
    parse(&text).ok_or(StorageError::OwnerDamaged { path })
}

fn parse(text: &str) -> Option<Option<PublicKey>> {
    let (name, _) = text.split_once(' ')?;
    if text != sealed(name) {
        return None;
    }
    if name == FOLLOWER {
        return Some(None);
    }
    name.parse().ok().map(Some)
}

impl Identity {
    /// Writes again whose directory it is, for a node whose key says so.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn keep_owner(&self, directory: &Path) -> Result<(), StorageError> {
        keep(directory, self.key)
    }

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
