//! Why a node does not start or go on.

use std::{io, net::SocketAddr};

use crate::{keys::KeyFileError, network::NetworkError, storage::StorageError};

/// What a node can't go on without; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The connections to peers.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The mark of an unused key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A port that is taken, or an address that is not this machine's.
    #[error(
        "can't listen for the {what} on {address}: {source}; free it or choose another in the settings"
    )]
    Listen {
        /// Which server.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The genesis document.
    #[error(
        "the network key of validator {index} in the genesis document is no Ed25519 public key"
    )]
    GenesisNetworkKey {
        /// Which validator.
        index: usize,
    },
    /// The genesis document.
    #[error(
        "the address of validator {index} in the genesis document is no multiaddress like /ip4/10.0.0.1/tcp/9000"
    )]
    GenesisAddress {
        /// Which validator.
        index: usize,
    },
    /// The genesis document.
    #[error("the genesis document opens no network: {0}")]
    Genesis(String),
    /// Threads or timers.
    #[error("the operating system refused a thread: {0}")]
    Runtime(#[source] io::Error),
}
