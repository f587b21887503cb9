//! What all nodes of a rollup agree on: `rollup.toml`.
//!
//! A node that reads another definition executes another rollup, so the database keeps its digest (RN1).

use std::{
    io::{ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use da::NamespaceId;
use hotshot_types::{GenesisDocument, digest::keccak};
use rollup_types::{Address, Hash, Height};
use sequencer_client::text;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Largest file that is read: a sequencer's genesis document of a thousand validators takes half of it.
const MAX_FILE_BYTES: u64 = 2 << 20;
/// Most L1s besides the home L1.
const MAX_REPLICAS: usize = 8;

/// Why there is no definition.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// There is no definition.
    #[error("there is no definition of a rollup at {}: name one with --definition, or make one with `init`", .0.display())]
    Missing(PathBuf),
    /// A file can't be read.
    #[error("cannot read the {what} {}: {source}", path.display())]
    Read {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not TOML of the right form.
    #[error("{} is no {what}: {message}", path.display())]
    Parse {
        /// What it should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// What it says can't be.
    #[error("the definition {} is invalid: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// A rollup.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The program: [`crate::Application::NAME`].
    pub application: String,
    /// The rollup's namespace on the sequencer, which is its chain id.
    pub namespace: NamespaceId,
    /// The first height of the sequencer that counts. RD1
    pub origin: Height,
    /// The sequencer network.
    pub sequencer: GenesisDocument,
    /// The home L1; none where the sequencer has none: no deposits, no forced transactions, and no block is ever safe.
    pub l1: Option<L1Contracts>,
    /// L1s that carry the light client and the inbox besides, to read only.
    pub replicas: Vec<Replica>,
    /// Whether the queue takes deposits. They can't be settled back to the L1 yet.
    pub deposits: bool,
    /// What the machine is told.
    pub vm: toml::Table,
}

/// The rollup's contracts on its home L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L1Contracts {
    /// The L1's chain id; the one that the sequencer's headers attest.
    pub chain_id: u64,
    /// The sequencer network's light client.
    pub light_client: Address,
    /// Messages to the rollup.
    pub queue: Address,
    /// How far the rollup's chain is known there.
    pub inbox: Address,
    /// The escrow.
    pub vault: Address,
    /// The block in which the first of them was created: no event is older.
    pub first_block: u64,
}

/// The rollup's contracts on another L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replica {
    /// The L1's chain id.
    pub chain_id: u64,
    /// The sequencer network's light client.
    pub light_client: Address,
    /// How far the rollup's chain is known there.
    pub inbox: Address,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    application: String,
    #[serde(with = "text::namespace")]
    namespace: NamespaceId,
    origin: u64,
    genesis: PathBuf,
    genesis_hash: Option<Hash>,
    #[serde(default)]
    deposits: bool,
    l1: Option<L1Contracts>,
    #[serde(default)]
    l1_replica: Vec<Replica>,
    #[serde(default)]
    vm: toml::Table,
}

impl Definition {
    /// Reads a definition, and the genesis document that it names; a relative path is relative to it.
    ///
    /// # Errors
    /// A file that can't be read, is malformed, or says what can't be.
    pub fn read(path: &Path) -> Result<Self, DefinitionError> {
        let file: File = match parse("definition of a rollup", path) {
            Err(DefinitionError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                return Err(DefinitionError::Missing(path.to_owned()));
            }
            file => file?,
        };
        let invalid = |message: String| DefinitionError::Invalid {
            path: path.to_owned(),
            message,
        };
        let genesis_path = match path.parent() {
            Some(directory) => directory.join(&file.genesis),
            None => file.genesis.clone(),
        };
        let sequencer = genesis(&genesis_path)?;
        sequencer
            .check()
            .map_err(|error| invalid(format!("the genesis document it names: {error}")))?;
        if let Some(expected) = file.genesis_hash
            && expected != sequencer.hash()
        {
            let found = sequencer.hash();
            return Err(invalid(format!(
                "it is for the genesis document {expected}, {} is {found}",
                genesis_path.display()
            )));
        }
        let definition = Self {
            application: file.application,
            namespace: file.namespace,
            origin: Height(file.origin),
            sequencer,
            l1: file.l1,
            replicas: file.l1_replica,
            deposits: file.deposits,
            vm: file.vm,
        };
        definition.check().map_err(invalid)?;
        Ok(definition)
    }

    fn check(&self) -> Result<(), String> {
        self.table()
            .map_err(|_| "a number is 2^63 or more, which has no room in TOML")?;
        if self.origin == Height(0) {
            return Err("origin: the first height that can count is 1".into());
        }
        if self.replicas.len() > MAX_REPLICAS {
            return Err(format!("more than {MAX_REPLICAS} entries of l1_replica"));
        }
        let Some(l1) = &self.l1 else {
            if self.sequencer.l1_chain_id != 0 {
                return Err("the section [l1] is missing: the sequencer's headers name an L1, whose queue the rollup reads".into());
            }
            return match (self.deposits, self.replicas.as_slice()) {
                (true, _) => Err("deposits = true needs the section [l1]".into()),
                (_, [_, ..]) => Err("l1_replica needs the section [l1]".into()),
                _ => Ok(()),
            };
        };
        if l1.chain_id != self.sequencer.l1_chain_id {
            return Err(format!(
                "l1.chain_id is {}, but the sequencer's headers attest the L1 with chain id {}",
                l1.chain_id, self.sequencer.l1_chain_id
            ));
        }
        let named = [
            ("light_client", l1.light_client),
            ("queue", l1.queue),
            ("inbox", l1.inbox),
            ("vault", l1.vault),
        ];
        for (place, (name, address)) in named.iter().enumerate() {
            if *address == Address::ZERO {
                return Err(format!("l1.{name} is no contract's address"));
            }
            if let Some((other, _)) = named[..place].iter().find(|(_, it)| it == address) {
                return Err(format!("l1.{name} and l1.{other} are the same address"));
            }
        }
        for (place, replica) in self.replicas.iter().enumerate() {
            let is_again = self.replicas[..place]
                .iter()
                .any(|other| other.chain_id == replica.chain_id);
            if replica.chain_id == l1.chain_id || is_again {
                return Err(format!("two L1s have the chain id {}", replica.chain_id));
            }
        }
        Ok(())
    }

    /// Names the rollup: over all that nodes have to agree on.
    ///
    /// # Panics
    /// Never: it was tried when the definition was read.
    #[must_use]
    pub fn digest(&self) -> Hash {
        // Tables of TOML are sorted by key here, so equal definitions have equal text.
        let table = self.table().expect("the fields are TOML");
        keccak(table.to_string().as_bytes())
    }

    fn table(&self) -> Result<toml::Value, toml::ser::Error> {
        let file = File {
            application: self.application.clone(),
            namespace: self.namespace,
            origin: self.origin.0,
            genesis: PathBuf::new(),
            genesis_hash: Some(self.sequencer.hash()),
            deposits: self.deposits,
            l1: self.l1,
            l1_replica: self.replicas.clone(),
            vm: self.vm.clone(),
        };
        toml::Value::try_from(&file)
    }

    /// The rollup's chain id: the number of its namespace.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.namespace.get()
    }
}

/// Reads a genesis document.
pub(crate) fn genesis(path: &Path) -> Result<GenesisDocument, DefinitionError> {
    parse("genesis document of a sequencer", path)
}

fn parse<T: DeserializeOwned>(what: &'static str, path: &Path) -> Result<T, DefinitionError> {
    let read = |source| DefinitionError::Read {
        what,
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(read)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let kind = std::io::ErrorKind::FileTooLarge;
        return Err(read(std::io::Error::new(kind, "it is far too large")));
    }
    let malformed = |message: String| DefinitionError::Parse {
        what,
        path: path.to_owned(),
        message,
    };
    let text = String::from_utf8(bytes).map_err(|_| malformed("it is not text (UTF-8)".into()))?;
    toml::from_str(&text).map_err(|error| malformed(error.to_string().trim_end().into()))
}

#[cfg(test)]
mod tests;
