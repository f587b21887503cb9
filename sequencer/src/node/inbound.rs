//! Frames from peers, decoded and handed to whom they are for.

use std::sync::Arc;

use hotshot::Input;
use hotshot_types::{Message, codec};
use tokio::sync::mpsc;

use super::{
    consensus::Fact,
    directory::Directory,
    heard::Heard,
    payloads::{self, Received},
    wire::Bulk,
};
use crate::{
    mempool::{Mempool, Source},
    network::{InboundMessage, Network, PeerEvent},
};

/// Points for a frame that can't be read.
const MALFORMED: u32 = 50;

/// Consensus messages.
pub(super) async fn control(
    mut frames: mpsc::Receiver<InboundMessage>,
    network: Network,
    directory: Arc<Directory>,
    heard: Arc<Heard>,
    facts: mpsc::Sender<Fact>,
) {
    while let Some(InboundMessage { peer, bytes, .. }) = frames.recv().await {
        match codec::decode::<Message>(&bytes) {
            Ok(message) => {
                let sender = directory.sender(peer);
                if let Some(key) = &sender.key {
                    heard.note(key, &message);
                }
                let input = Input::Message(sender, message);
                if facts.send(Fact::Input(Box::new(input))).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%peer, %error, "malformed message");
                network.blame(peer, MALFORMED, "a malformed consensus message");
            }
        }
    }
}

/// Shards and forwarded transactions.
pub(super) async fn bulk(
    mut frames: mpsc::Receiver<InboundMessage>,
    network: Network,
    directory: Arc<Directory>,
    mempool: Mempool,
    payloads: payloads::Handle,
) {
    while let Some(InboundMessage { peer, bytes, .. }) = frames.recv().await {
        match Bulk::decode(&bytes) {
            Ok(Bulk::Disperse(shards)) => {
                payloads
                    .receive(Received {
                        peer,
                        disperse: true,
                        shards,
                    })
                    .await;
            }
            Ok(Bulk::Echo(shards)) => {
                payloads
                    .receive(Received {
                        peer,
                        disperse: false,
                        shards,
                    })
                    .await;
            }
            Ok(Bulk::Transactions(transactions)) => {
                let refused = mempool
                    .submit_many(Source::Peer(directory.sender(peer).peer), transactions)
                    .into_iter()
                    .filter(Result::is_err)
                    .count();
                if refused > 0 {
                    tracing::debug!(%peer, refused, "forwarded transactions refused");
                }
            }
            Err(error) => {
                tracing::debug!(%peer, %error, "malformed bulk frame");
                network.blame(peer, MALFORMED, "a malformed bulk frame");
            }
        }
    }
}

/// Connections that come and go.
pub(super) async fn events(mut events: mpsc::Receiver<PeerEvent>) {
    while let Some(event) = events.recv().await {
        match event {
            PeerEvent::Connected(peer) => tracing::info!(%peer, "connected"),
            PeerEvent::Disconnected(peer) => tracing::info!(%peer, "disconnected"),
        }
    }
}
