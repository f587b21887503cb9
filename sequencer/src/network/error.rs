//! The errors of the network's boundary, one enum for each thing that can be asked of it.

use std::io;

use libp2p::{Multiaddr, PeerId};

/// Why the network could not start.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// An address could not be listened on, most often because another process holds the port.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address as configured.
        address: Multiaddr,
        /// What the system said.
        source: io::Error,
    },
    /// The transport could not be built from the key.
    #[error("cannot build the transport: {0}")]
    Transport(String),
}

/// Why a frame was not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The peer is neither configured nor connected (or it is ourselves).
    #[error("peer {0} is neither configured nor connected")]
    UnknownPeer(PeerId),
    /// The frame is larger than its lane allows.
    #[error("a frame of {size} bytes is over the cap of {cap}")]
    TooLarge {
        /// Bytes of the frame.
        size: usize,
        /// Most bytes the lane allows.
        cap: usize,
    },
}

/// Why a request brought no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no connection to the peer now.
    #[error("not connected to the peer")]
    NotConnected,
    /// No complete response came in time.
    #[error("no response in time")]
    Timeout,
    /// The peer closed the stream without a response: it has none, or it is overloaded.
    #[error("the peer refused the request")]
    Refused,
    /// The request body is larger than allowed.
    #[error("a request of {size} bytes is over the cap of {cap}")]
    TooLarge {
        /// Bytes of the request.
        size: usize,
        /// Most bytes allowed.
        cap: usize,
    },
    /// The connection or the stream broke, or the response was malformed.
    #[error("the exchange broke: {0}")]
    Broken(String),
}

/// Why a response was not handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RespondError {
    /// The response is larger than a bulk frame.
    #[error("a response of {size} bytes is over the cap of {cap}")]
    TooLarge {
        /// Bytes of the response.
        size: usize,
        /// Most bytes allowed.
        cap: usize,
    },
    /// The requester is gone or the answer came too late.
    #[error("the requester is gone")]
    Gone,
}
