//! Frames from peers, decoded and handed to whom they are for.

use std::sync::Arc;

use hotshot::{Input, Sender};
use hotshot_types::{Message, codec};
use libp2p::PeerId;
use tokio::sync::mpsc;

use super::{
    consensus::Fact,
    directory::Directory,
    fetch::Fetcher,
    heard::Heard,
    payloads::{self, Received},
    peers::Passed,
    wire::{Bulk, Finals},
};
use crate::{
    mempool::{Mempool, Source},
    network::{InboundMessage, Network},
};

/// Points for a frame that can't be read.
const MALFORMED: u32 = 50;
/// All nodes without stake have room for this many sources in the pool, so that no crowd of them fills it.
const FOLLOWER_SOURCES: u64 = 4;

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

/// Where the frames of the bulk lane go.
pub(super) struct BulkParts {
    pub(super) network: Network,
    pub(super) directory: Arc<Directory>,
    pub(super) mempool: Mempool,
    pub(super) payloads: payloads::Handle,
    pub(super) facts: mpsc::Sender<Fact>,
    pub(super) fetcher: Fetcher,
    pub(super) heard: Arc<Heard>,
    pub(super) passed: mpsc::Sender<Passed>,
}

/// Shards, forwarded transactions, and what nodes without stake are told.
pub(super) async fn bulk(mut frames: mpsc::Receiver<InboundMessage>, parts: BulkParts) {
    let BulkParts {
        network,
        directory,
        mempool,
        payloads,
        ..
    } = &parts;
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
                    .submit_many(source(&directory.sender(peer)), transactions)
                    .into_iter()
                    .filter(Result::is_err)
                    .count();
                if refused > 0 {
                    tracing::debug!(%peer, refused, "forwarded transactions refused");
                }
            }
            Ok(Bulk::Final(finals)) => {
                if !on_final(&parts, peer, *finals).await {
                    return;
                }
            }
            Ok(Bulk::Addresses(records)) => {
                // The next exchange brings what does not fit now.
                if parts.passed.try_send((peer, records)).is_err() {
                    tracing::debug!(%peer, "addresses not taken");
                }
            }
            Err(error) => {
                tracing::debug!(%peer, %error, "malformed bulk frame");
                network.blame(peer, MALFORMED, "a malformed bulk frame");
            }
        }
    }
}

/// Validators forward what they can't build themselves; nodes without stake what they can't build at all.
fn source(sender: &Sender) -> Source {
    match sender.key {
        Some(_) => Source::Peer(sender.peer),
        None => Source::Follower(sender.peer % FOLLOWER_SOURCES),
    }
}

/// What became final; false when consensus has stopped. The headers wait until consensus asks for them by hash, the
/// certificate is verified there.
async fn on_final(parts: &BulkParts, peer: PeerId, finals: Finals) -> bool {
    let Finals {
        headers,
        certificate,
    } = finals;
    // What strangers claim says nothing about how far others are.
    if parts.network.is_configured(&peer) {
        parts.heard.note_pushed(peer, certificate.height());
    }
    parts.fetcher.keep(headers);
    let sender = parts.directory.sender(peer);
    let input = Input::Message(sender, Message::Final(certificate, None));
    let fact = Fact::Input(Box::new(input));
    parts.facts.send(fact).await.is_ok()
}
