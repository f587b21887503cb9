//! What somebody needs to join a network, in one file: the genesis document and nodes that answer.
//!
//! TOML, or JSON with the same fields. The file is handed from person to person, so it names the hash of its genesis
//! document, which whoever joins compares with what others say; a file whose document has another hash is refused.

use std::{
    io,
    path::{Path, PathBuf},
};

use hotshot_types::{GenesisDocument, Hash, genesis::GenesisError};
use serde::{Deserialize, Serialize};

use crate::{bounded_file, config::Bootnode, genesis_file};

/// Largest network file that is read: the genesis document of a thousand validators, and more.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// A network as it is handed to whoever joins it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFile {
    /// Hash of the genesis document.
    pub genesis_hash: Hash,
    /// Nodes to ask while no validator answers at its genesis address.
    #[serde(default)]
    pub bootnodes: Vec<Bootnode>,
    /// The genesis document.
    pub genesis: GenesisDocument,
}

/// Why a network file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum NetworkFileError {
    /// The file cannot be read, or is far larger than what it should be.
    #[error("cannot read the network file {path}: {source}; ask the network's operators for it", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is neither TOML nor JSON of the right form.
    #[error("{path} is no network file: {message}; `sequencer network export` writes one", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// The document is not the one whose hash the file names.
    #[error(
        "the genesis document in {path} has the hash {actual}, but the file says {expected}: it was changed; get the file again", path = path.display()
    )]
    OtherGenesis {
        /// The file.
        path: PathBuf,
        /// As the file says.
        expected: Hash,
        /// Of the document.
        actual: Hash,
    },
    /// The document opens no network.
    #[error("the genesis document in {path} is invalid: {source}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        source: GenesisError,
    },
}

impl NetworkFile {
    /// A network with this genesis document.
    #[must_use]
    pub fn new(genesis: GenesisDocument, bootnodes: Vec<Bootnode>) -> Self {
        Self {
            genesis_hash: genesis.hash(),
            bootnodes,
            genesis,
        }
    }

    /// Reads a file and checks all of it.
    ///
    /// # Errors
    /// A file that is missing, malformed, changed or invalid.
    pub fn load(path: &Path) -> Result<Self, NetworkFileError> {
        let text = bounded_file::read_to_string(path, MAX_FILE_BYTES).map_err(|source| {
            NetworkFileError::Read {
                path: path.to_owned(),
                source,
            }
        })?;
        let parsed = if text.trim_start().starts_with('{') {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        } else {
            toml::from_str(&text).map_err(|error| error.to_string())
        };
        let network: Self = parsed.map_err(|message| NetworkFileError::Parse {
            path: path.to_owned(),
            message: message.trim_end().to_owned(),
        })?;
        network.check(path)?;
        Ok(network)
    }

    fn check(&self, path: &Path) -> Result<(), NetworkFileError> {
        let actual = self.genesis.hash();
        if actual != self.genesis_hash {
            return Err(NetworkFileError::OtherGenesis {
                path: path.to_owned(),
                expected: self.genesis_hash,
                actual,
            });
        }
        self.genesis
            .check()
            .map_err(|source| NetworkFileError::Invalid {
                path: path.to_owned(),
                source,
            })
    }

    /// The file as TOML with comments.
    #[must_use]
    pub fn text(&self) -> String {
        let bootnodes: Vec<String> = self
            .bootnodes
            .iter()
            .map(|bootnode| format!("    \"{bootnode}\",\n"))
            .collect();
        let list = match bootnodes.as_slice() {
            [] => "[]".to_owned(),
            lines => format!("[\n{}]", lines.concat()),
        };
        format!(
            "# A sequencer network. To join it: sequencer init --network FILE --data-dir DIR\n\
             # Compare the hash with what others who run this network say.\n\
             genesis_hash = \"{}\"\n\n\
             # Nodes to ask while no validator answers at its address below.\n\
             bootnodes = {list}\n\n{}",
            self.genesis_hash,
            genesis_table(&self.genesis),
        )
    }
}

/// The document's own text as a table within another file: its sections move one level down.
fn genesis_table(document: &GenesisDocument) -> String {
    let mut text = String::from("[genesis]\n");
    for line in genesis_file::document_text(document).lines() {
        let moved = match (line.strip_prefix("[["), line.strip_prefix('[')) {
            (Some(name), _) => format!("[[genesis.{name}"),
            (None, Some(name)) => format!("[genesis.{name}"),
            (None, None) => line.to_owned(),
        };
        text.push_str(&moved);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
