//! Telling nodes without stake what has become final.
//!
//! They are in no committee, so no vote reaches them. Every connected peer that hears no votes is pushed the newest
//! final headers with a certificate on the last one as soon as it is final, at most twenty times a second; what was
//! final in between comes along, and what is missing is fetched. Payloads are asked for, so each follower decides how
//! much it takes. A second without news is filled with a repetition: that is how a new follower hears of a chain that
//! stands still. Pushed and not polled: it costs one frame a block instead of a request and a reply, and no time.

use std::time::Duration;

use bytes::Bytes;
use hotshot_types::{Header, Height};
use libp2p::PeerId;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{
    consensus::Position,
    directory::Directory,
    wire::{self, Bulk, Finals},
};
use crate::{
    network::{Lane, Network, PeerStatus},
    storage::{Storage, StorageError},
};

/// Shortest time between two pushes.
const MIN_PAUSE: Duration = Duration::from_millis(50);
/// Time after which the last push is repeated.
const REPEAT: Duration = Duration::from_secs(1);

/// Pushes until the node stops.
pub(super) async fn run(
    storage: Storage,
    network: Network,
    directory: std::sync::Arc<Directory>,
    mut position: watch::Receiver<Position>,
) {
    let mut pushed = Height(0);
    let mut last = Instant::now();
    loop {
        let moved = position.wait_for(|position| position.tip != pushed);
        // Without news the last push is repeated.
        if let Ok(Err(_)) = timeout(REPEAT, moved).await.map(|moved| moved.map(drop)) {
            return;
        }
        sleep_until(last + MIN_PAUSE).await;
        last = Instant::now();
        let tip = position.borrow_and_update().tip;
        let followers = followers(&network, &directory);
        if tip > Height(0) && !followers.is_empty() {
            push(&storage, &network, &followers, pushed, tip).await;
        }
        pushed = tip;
    }
}

/// Everybody connected who hears no votes from us.
fn followers(network: &Network, directory: &Directory) -> Vec<PeerId> {
    let mut peers = network.peers();
    let hears_votes = |peer: &PeerStatus| peer.is_configured && directory.is_validator(&peer.id);
    peers.retain(|peer| peer.is_connected && !hears_votes(peer));
    peers.into_iter().map(|peer| peer.id).collect()
}

async fn push(
    storage: &Storage,
    network: &Network,
    followers: &[PeerId],
    pushed: Height,
    tip: Height,
) {
    let storage = storage.clone();
    let read = tokio::task::spawn_blocking(move || frame(&storage, pushed, tip));
    let frame = match read.await {
        Ok(Ok(Some(frame))) => frame,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => return tracing::warn!(%error, "final blocks can't be read"),
        Err(error) => return tracing::warn!(%error, "final blocks can't be read"),
    };
    for peer in followers {
        if let Err(error) = network.send(*peer, Lane::Bulk, frame.clone()) {
            tracing::debug!(%peer, %error, "final blocks not pushed");
        }
    }
}

/// The headers above `pushed` up to `tip`, at least the last one and at most the newest few.
fn frame(storage: &Storage, pushed: Height, tip: Height) -> Result<Option<Bytes>, StorageError> {
    let Some(certificate) = storage.certificate(tip)? else {
        return Ok(None);
    };
    let most = u64::try_from(wire::MAX_PUSHED).unwrap_or(u64::MAX);
    let first = pushed
        .0
        .saturating_add(1)
        .max(tip.0.saturating_sub(most - 1));
    let first = first.clamp(1, tip.0);
    let count = usize::try_from(tip.0 - first + 1).unwrap_or(wire::MAX_PUSHED);
    let headers: Vec<Header> = storage
        .headers(Height(first), count)?
        .iter()
        .map(|header| header.header().clone())
        .collect();
    let finals = Finals {
        headers,
        certificate,
    };
    let frame = Bulk::Final(Box::new(finals)).encode();
    frame.map(Some).or(Ok(None))
}
