//! What can be wrong with a node's settings.

use std::{io, net::SocketAddr, path::PathBuf};

use hotshot_types::Hash;

use crate::{genesis_file::GenesisFileError, keys::KeyFileError};

/// Why a node does not start with these settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No source names the data directory.
    #[error("no data directory: pass --data-dir DIR (or set SEQUENCER_DATA_DIR)")]
    NoDataDir,
    /// The settings file named by a flag is missing or unreadable.
    #[error("cannot read the settings file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The settings file is no TOML, or a value has the wrong type or form.
    #[error("{path}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// The settings file has a key that means nothing.
    #[error("{path}: unknown key `{key}`{}", suggestion.as_ref().map(|known| format!("; did you mean `{known}`?")).unwrap_or_default())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key with its section.
        key: String,
        /// The known key nearest to it.
        suggestion: Option<String>,
    },
    /// The genesis document.
    #[error(transparent)]
    Genesis(#[from] GenesisFileError),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A key that is not encrypted, on a network that is not for development.
    #[error(
        "{0} is not encrypted: such a key is for development networks alone, and the genesis document says that this is none. Make keys with `sequencer keys new --data-dir DIR`"
    )]
    DevelopmentKey(PathBuf),
    /// The network key is not the one that the genesis document pairs with the consensus key.
    #[error(
        "the network key does not belong to validator {index} of the genesis document: it has {actual}, genesis says {expected}; put the key files that were made together into one directory"
    )]
    OtherNetworkKey {
        /// The validator.
        index: usize,
        /// In the genesis document.
        expected: Hash,
        /// In the key file.
        actual: Hash,
    },
    /// The network key is a validator's, and its consensus key is not there.
    #[error(
        "the network key is that of validator {index} of the genesis document, but its consensus key is not here; put both key files into one directory, or make a network key of its own for a node without stake"
    )]
    OtherConsensusKey {
        /// The validator.
        index: usize,
    },
    /// The validator's address in the genesis document is not a multiaddress.
    #[error(
        "the genesis document gives validator {index} the address `{address}`, which is no multiaddress; set p2p.listen"
    )]
    GenesisAddress {
        /// The validator.
        index: usize,
        /// Its address.
        address: String,
    },
    /// The network has a stake table, and nothing says how to read it.
    #[error(
        "the committees of this network come from a stake table on the L1 with chain id {chain_id}: set l1.endpoints to URLs of its nodes (--l1.endpoints URL,URL)"
    )]
    L1Endpoints {
        /// Of the L1.
        chain_id: u64,
    },
    /// L1 settings for a network that has none.
    #[error("l1.endpoints or l1.account is set, but the genesis document names no L1: remove it")]
    NoL1,
    /// More endpoints than are of use.
    #[error("l1.endpoints takes at most {0} URLs")]
    L1TooMany(usize),
    /// An endpoint that can't be used.
    #[error("l1.endpoints: {0}")]
    L1Url(#[from] light_client::rpc::RpcError),
    /// The API would be reachable from other machines without anybody having asked for it.
    #[error(
        "api.listen = {0} is reachable from other machines; if you mean it, set api.public = true (--api.public)"
    )]
    PublicApi(SocketAddr),
    /// No stream at all, or more than any machine carries.
    #[error("api.max_streams must be from 1 to {0}")]
    Streams(u32),
    /// A pool that takes nothing.
    #[error("{0} must not be 0: no transaction would ever be accepted")]
    NoPool(&'static str),
    /// A pool that would refuse transactions that the network allows.
    #[error(
        "{setting} = {limit} has no room for the largest transaction of this network ({transaction_bytes} bytes, `max_transaction_bytes` of the genesis document): set {setting} to {needed} or more"
    )]
    PoolTooSmall {
        /// The setting.
        setting: &'static str,
        /// Its value.
        limit: u64,
        /// The network's largest transaction.
        transaction_bytes: u32,
        /// What the pool counts for it.
        needed: u64,
    },
    /// Own slots would be dropped before the payloads.
    #[error(
        "retention.slot_epochs ({slots}) must not be below retention.payload_epochs ({payloads})"
    )]
    Retention {
        /// Epochs of slots.
        slots: u64,
        /// Epochs of payloads.
        payloads: u64,
    },
}
