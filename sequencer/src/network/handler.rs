//! Opens and accepts the streams of one connection on behalf of its link.
//!
//! `libp2p-stream` does the same for whole peers; it was not used because it opens streams one after the other, picks
//! a random connection when there are two, drops inbound streams that come in quick succession, and never forgets a
//! closed connection.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use libp2p::{
    Stream,
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
        handler::{
            ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
        },
    },
};
use tokio::sync::{mpsc, oneshot};

use super::{
    metrics::{Metrics, Rejection},
    protocol::{Offer, Protocols, StreamKind},
};

/// Inbound streams that may wait for the link, and orders that may wait for the handler; further streams are reset.
const STREAM_BACKLOG: usize = 64;

/// Why a stream could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the connection is closed")]
    Closed,
    #[error("the peer does not speak the protocol")]
    Unsupported,
    #[error("the stream was not negotiated: {0}")]
    Failed(String),
}

type Opened = oneshot::Sender<Result<Stream, OpenError>>;

/// Orders streams to be opened on one connection.
#[derive(Debug, Clone)]
pub(crate) struct Opener {
    orders: mpsc::Sender<(StreamKind, Opened)>,
}

impl Opener {
    pub(crate) async fn open(&self, kind: StreamKind) -> Result<Stream, OpenError> {
        let (opened, stream) = oneshot::channel();
        self.orders
            .send((kind, opened))
            .await
            .map_err(|_| OpenError::Closed)?;
        stream.await.map_err(|_| OpenError::Closed)?
    }
}

/// The link's ends of the channels to a connection's handler.
pub(crate) struct LinkEnds {
    pub(crate) opener: Opener,
    pub(crate) inbound: mpsc::Receiver<(StreamKind, Stream)>,
}

pub(crate) struct Handler {
    protocols: Protocols,
    metrics: Arc<Metrics>,
    handshake_timeout: Duration,
    orders: mpsc::Receiver<(StreamKind, Opened)>,
    inbound: mpsc::Sender<(StreamKind, Stream)>,
}

impl Handler {
    pub(crate) fn new(
        protocols: Protocols,
        metrics: Arc<Metrics>,
        handshake_timeout: Duration,
    ) -> (Self, LinkEnds) {
        let (order, orders) = mpsc::channel(STREAM_BACKLOG);
        let (accepted, inbound) = mpsc::channel(STREAM_BACKLOG);
        let handler = Self {
            protocols,
            metrics,
            handshake_timeout,
            orders,
            inbound: accepted,
        };
        (
            handler,
            LinkEnds {
                opener: Opener { orders: order },
                inbound,
            },
        )
    }

    fn on_inbound(&self, kind: Option<StreamKind>, stream: Stream) {
        let accepted = kind.is_some_and(|kind| self.inbound.try_send((kind, stream)).is_ok());
        if !accepted {
            self.metrics.reject(Rejection::Overload);
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = Protocols;
    type OutboundProtocol = Offer;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Opened;

    fn listen_protocol(&self) -> SubstreamProtocol<Protocols> {
        SubstreamProtocol::new(self.protocols.clone(), ()).with_timeout(self.handshake_timeout)
    }

    fn connection_keep_alive(&self) -> bool {
        // The link decides when a connection is over.
        true
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Offer, Opened, Infallible>> {
        match self.orders.poll_recv(cx) {
            Poll::Ready(Some((kind, opened))) => {
                let protocol = SubstreamProtocol::new(self.protocols.offer(kind), opened)
                    .with_timeout(self.handshake_timeout);
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Protocols, Offer, (), Opened>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (kind, stream),
                info: (),
            }) => {
                self.on_inbound(kind, stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol,
                info,
            }) => {
                answer(info, Ok(protocol));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let error = match error {
                    StreamUpgradeError::NegotiationFailed => OpenError::Unsupported,
                    other => OpenError::Failed(other.to_string()),
                };
                answer(info, Err(error));
            }
            _ => {}
        }
    }
}

fn answer(opened: Opened, result: Result<Stream, OpenError>) {
    // Whoever ordered the stream may have given up; dropping the stream resets it.
    drop(opened.send(result));
}
