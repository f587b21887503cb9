//! The genesis document and validator entries as files.
//!
//! Both are TOML with comments. A validator entry is what one operator hands to whoever makes the
//! genesis document: its public keys, address and weight, with a proof of possession that holds
//! for one network only.

use std::{
    io,
    path::{Path, PathBuf},
};

use hotshot_types::{
    Address, GenesisDocument, Hash, digest,
    genesis::{GenesisError, GenesisValidator},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::bounded_file;

mod text;

pub(crate) use text::{document_text, entry_text};

/// Largest genesis document that is read: a thousand validators take half of it.
const MAX_FILE_BYTES: u64 = 2 << 20;

/// Why a genesis document or a validator entry is not usable.
#[derive(Debug, thiserror::Error)]
pub enum GenesisFileError {
    /// The file cannot be read, or is far larger than what it should be.
    #[error("cannot read {what} {path}: {source}{}", hint(what, source), path = path.display())]
    Read {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML of the right form.
    #[error("{path} is no {what}: {message}", path = path.display())]
    Parse {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// The document opens no network.
    #[error("the genesis document {path} is invalid: {source}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        source: GenesisError,
    },
}

fn hint(what: &str, source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound if what == GENESIS => {
            "; copy it from the network's operators, or make one with `sequencer genesis new`"
        }
        io::ErrorKind::NotFound => "; make one with `sequencer keys genesis-entry`",
        io::ErrorKind::FileTooLarge => ", so this is another file",
        _ => "",
    }
}

const GENESIS: &str = "genesis document";
const ENTRY: &str = "validator entry";

/// What one validator contributes to a genesis document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorEntry {
    /// Chain id of the L1 with the stake table; 0 for a network without L1.
    #[serde(default)]
    pub l1_chain_id: u64,
    /// The stake table; zero for a network without L1.
    #[serde(default)]
    pub stake_table: Address,
    /// Names, with those, the network that the proof of possession was made for.
    pub salt: Hash,
    /// The validator.
    pub validator: GenesisValidator,
}

impl ValidatorEntry {
    /// The network that it is for.
    #[must_use]
    pub fn chain_domain(&self) -> Hash {
        digest::chain_domain(self.l1_chain_id, self.stake_table, self.salt)
    }
}

/// The salt of the network with a name.
#[must_use]
pub fn salt_of_name(name: &str) -> Hash {
    digest::keccak(name.as_bytes())
}

/// What a network without L1 signs with: only its salt tells it from others.
#[must_use]
pub fn chain_domain(salt: Hash) -> Hash {
    digest::chain_domain(0, Address::ZERO, salt)
}

/// Reads a genesis document and checks it.
///
/// # Errors
/// A file that is missing, malformed or invalid.
pub fn load(path: &Path) -> Result<GenesisDocument, GenesisFileError> {
    let document: GenesisDocument = read(GENESIS, path)?;
    document
        .check()
        .map_err(|source| GenesisFileError::Invalid {
            path: path.to_owned(),
            source,
        })?;
    Ok(document)
}

/// Reads a genesis document that may be invalid.
///
/// # Errors
/// A file that is missing or malformed.
pub fn load_unchecked(path: &Path) -> Result<GenesisDocument, GenesisFileError> {
    read(GENESIS, path)
}

/// Reads a validator entry.
///
/// # Errors
/// A file that is missing or malformed.
pub fn load_entry(path: &Path) -> Result<ValidatorEntry, GenesisFileError> {
    read(ENTRY, path)
}

fn read<T: DeserializeOwned>(what: &'static str, path: &Path) -> Result<T, GenesisFileError> {
    let text = bounded_file::read_to_string(path, MAX_FILE_BYTES).map_err(|source| {
        GenesisFileError::Read {
            what,
            path: path.to_owned(),
            source,
        }
    })?;
    toml::from_str(&text).map_err(|error| GenesisFileError::Parse {
        what,
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests;
