//! What the network hands to the host, and the channels it comes through.
//!
//! Every channel is bounded. Frames and requests wait in their streams when the host is slow (back-pressure reaches
//! the sender); events are dropped and counted when the host leaves more than the channel holds, and
//! [`Network::peers`](super::Network::peers) tells the truth at any time.

use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::{mpsc, oneshot};

use super::{
    budget::Held,
    config::{Lane, NetworkConfig},
    error::RespondError,
};

/// Events that may wait for the host.
const EVENT_BACKLOG: usize = 1024;

/// The host's ends of the channels. Dropping one makes the network stop reading what would go there.
#[derive(Debug)]
pub struct Inbound {
    /// Frames of the control lane.
    pub control: mpsc::Receiver<InboundMessage>,
    /// Frames of the bulk lane.
    pub bulk: mpsc::Receiver<InboundMessage>,
    /// Requests to answer.
    pub requests: mpsc::Receiver<InboundRequest>,
    /// Peers that came and went.
    pub events: mpsc::Receiver<PeerEvent>,
}

/// A frame from an authenticated peer.
#[derive(Debug, Clone)]
pub struct InboundMessage {
    /// Who sent it; not necessarily a configured peer.
    pub peer: PeerId,
    /// The lane it came on.
    pub lane: Lane,
    /// The frame.
    pub bytes: Bytes,
    /// Its room; the peer may send more when this message is gone.
    pub(crate) _held: Held,
}

/// A request from an authenticated peer.
#[derive(Debug)]
pub struct InboundRequest {
    /// Who asks; not necessarily a configured peer.
    pub peer: PeerId,
    /// The request.
    pub body: Bytes,
    /// Takes the response.
    pub responder: Responder,
}

/// Takes the response to one request. Dropping it tells the requester that the request is refused.
#[derive(Debug)]
pub struct Responder {
    pub(crate) response: oneshot::Sender<Bytes>,
    pub(crate) cap: usize,
}

impl Responder {
    /// Answers the request; never blocks.
    ///
    /// # Errors
    ///
    /// [`RespondError::TooLarge`] over the bulk frame cap, [`RespondError::Gone`] if nobody waits any more.
    pub fn respond(self, response: Bytes) -> Result<(), RespondError> {
        let size = response.len();
        if size > self.cap {
            return Err(RespondError::TooLarge {
                size,
                cap: self.cap,
            });
        }
        self.response.send(response).map_err(|_| RespondError::Gone)
    }
}

/// A peer came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerEvent {
    /// The peer is connected and its streams are open. After a restart of the peer this follows a `Disconnected`.
    Connected(PeerId),
    /// The last connection to the peer is gone. Frames that had come in by then may still follow.
    Disconnected(PeerId),
}

/// The network's ends of the channels.
#[derive(Clone)]
pub(crate) struct HostChannels {
    pub(crate) lanes: [mpsc::Sender<InboundMessage>; Lane::ALL.len()],
    pub(crate) requests: mpsc::Sender<InboundRequest>,
    pub(crate) events: mpsc::Sender<PeerEvent>,
}

pub(crate) fn channels(config: &NetworkConfig) -> (HostChannels, Inbound) {
    let (control_in, control) = mpsc::channel(config.control.inbound_frames);
    let (bulk_in, bulk) = mpsc::channel(config.bulk.inbound_frames);
    let (requests_in, requests) = mpsc::channel(config.inbound_requests);
    let (events_in, events) = mpsc::channel(EVENT_BACKLOG);
    let host = HostChannels {
        lanes: [control_in, bulk_in],
        requests: requests_in,
        events: events_in,
    };
    (
        host,
        Inbound {
            control,
            bulk,
            requests,
            events,
        },
    )
}
