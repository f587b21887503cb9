//! The mark that a consensus key has never signed (K3).
//!
//! A validator without a safety record must assume that it has signed and lost the record. The
//! mark is how a new key is told apart: `keys new` sets it, and whoever opens the safety record
//! turns it, durably and once, into an empty record.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hotshot_types::PublicKey;

use super::{KeyFileError, file};

/// The place of the mark of one key.
#[derive(Clone, Debug)]
pub struct FreshMark {
    path: PathBuf,
    key: PublicKey,
}

impl FreshMark {
    /// Of the key in a file: the mark lies beside it and names its public half, so that it stands
    /// for no other key.
    #[must_use]
    pub fn of(key_path: &Path, key: &PublicKey) -> Self {
        Self {
            path: key_path.with_extension("never-used"),
            key: *key,
        }
    }

    /// Sets the mark for a key that has just been drawn.
    pub(super) fn set(&self) -> Result<(), KeyFileError> {
        // A mark without its key is left over from a crash and names another key.
        self.remove()?;
        file::write_new(&self.path, format!("{}\n", self.key).as_bytes())
    }

    /// Whether the key has never signed.
    ///
    /// # Errors
    /// A mark that cannot be read.
    pub fn is_set(&self) -> Result<bool, KeyFileError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(text.trim() == self.key.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(self.failed("read", source)),
        }
    }

    /// Removes the mark durably. Call it after the empty safety record is durable and before the
    /// first signature.
    ///
    /// # Errors
    /// The disk refused; the key must not sign then.
    pub fn remove(&self) -> Result<(), KeyFileError> {
        match fs::remove_file(&self.path) {
            Ok(()) => file::sync_directory_of(&self.path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(self.failed("remove", source)),
        }
    }

    fn failed(&self, action: &'static str, source: io::Error) -> KeyFileError {
        KeyFileError::Io {
            action,
            path: self.path.clone(),
            source,
        }
    }
}
