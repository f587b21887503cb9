//! The stream protocols of one chain and how a stream is negotiated.
//!
//! Protocol ids carry the first eight bytes of the chain domain: peers of different chains find no common protocol
//! and part.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use libp2p::{
    Stream, StreamProtocol,
    core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo},
};

use super::config::Lane;

/// What a stream between two peers is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// Frames of a lane from the opener to the acceptor, as long as the connection lives.
    Lane(Lane),
    /// One request from the opener and one response to it.
    Request,
    /// Liveness probes of the opener, echoed by the acceptor.
    Pulse,
}

/// Every kind of stream.
const KINDS: [StreamKind; 4] = [
    StreamKind::Lane(Lane::Control),
    StreamKind::Lane(Lane::Bulk),
    StreamKind::Request,
    StreamKind::Pulse,
];

/// The protocol ids of one chain.
#[derive(Debug, Clone)]
pub(crate) struct Protocols {
    ids: [StreamProtocol; KINDS.len()],
}

impl Protocols {
    pub(crate) fn new(chain_domain: &[u8; 32]) -> Self {
        let chain = hex::encode(&chain_domain[..8]);
        let id = |kind: &str| {
            StreamProtocol::try_from_owned(format!("/sequencer/{chain}/{kind}/1"))
                .expect("an id that starts with a slash is valid")
        };
        Self {
            ids: [id("control"), id("bulk"), id("request"), id("pulse")],
        }
    }

    fn kind_of(&self, id: &StreamProtocol) -> Option<StreamKind> {
        self.ids
            .iter()
            .zip(KINDS)
            .find(|(known, _)| *known == id)
            .map(|(_, kind)| kind)
    }

    /// Offers one kind, to open a stream.
    pub(crate) fn offer(&self, kind: StreamKind) -> Offer {
        let index = match kind {
            StreamKind::Lane(lane) => lane.index(),
            StreamKind::Request => 2,
            StreamKind::Pulse => 3,
        };
        Offer {
            id: self.ids[index].clone(),
        }
    }
}

/// Accepts any of our protocols on an inbound stream.
impl UpgradeInfo for Protocols {
    type Info = StreamProtocol;
    type InfoIter = std::array::IntoIter<StreamProtocol, { KINDS.len() }>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.ids.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Protocols {
    type Output = (Option<StreamKind>, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, id: StreamProtocol) -> Self::Future {
        ready(Ok((self.kind_of(&id), stream)))
    }
}

/// Offers exactly one protocol on an outbound stream.
#[derive(Debug)]
pub(crate) struct Offer {
    id: StreamProtocol,
}

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = std::iter::Once<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once(self.id.clone())
    }
}

impl OutboundUpgrade<Stream> for Offer {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}
