//! Why a node does not start or go on.

use std::io;

use crate::{keys::KeyFileError, l1::EventsError, network::NetworkError, storage::StorageError};

/// What a node can't go on without; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The connections to peers.
    #[error(transparent)]
    Network(NetworkError),
    /// What is kept of the L1.
    #[error(transparent)]
    L1(#[from] EventsError),
    /// The mark of an unused key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A port that is taken, or an address that is not this machine's.
    #[error("can't listen for {what} on {address}: {}", advice(source, setting))]
    Listen {
        /// What for.
        what: &'static str,
        /// Where.
        address: String,
        /// The setting that says so.
        setting: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Another process signs with this node's key (K4).
    #[error(
        "another process holds the consensus key of this node ({0}). This one has stopped signing; make sure that only one of them is ever started, with the newest data directory"
    )]
    Doppelganger(&'static str),
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
    /// A part of the node that ended though nobody stopped it.
    #[error("the {0} task of the node ended unexpectedly; its log says why. Start the node again")]
    Stopped(&'static str),
    /// Threads or timers.
    #[error("the operating system refused a thread: {0}")]
    Runtime(#[source] io::Error),
}

impl From<NetworkError> for NodeError {
    fn from(error: NetworkError) -> Self {
        match error {
            NetworkError::Listen { address, source } => Self::Listen {
                what: "peers",
                address: address.to_string(),
                setting: "p2p.listen",
                source,
            },
            other => Self::Network(other),
        }
    }
}

/// Why an address can't be listened on, and what to do about it.
pub(crate) fn advice(source: &io::Error, setting: &str) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program uses this port: stop it, or choose another port with {setting} \
             (--{setting})"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "no interface of this machine has this address: choose one that it has with {setting} \
             (--{setting})"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "this user may not use this port: choose one from 1024 with {setting} (--{setting})"
        ),
        _ => format!("{source}; the setting is {setting} (--{setting})"),
    }
}
