//! Answering what peers ask for, from storage.

use std::sync::Arc;

use bytes::Bytes;
use hotshot_types::{Hash, Header, codec};
use tokio::sync::{Semaphore, mpsc};

use super::{
    clock::Clock,
    directory::Directory,
    lookout::Lookout,
    wire::{self, Greeting, Headers, MapChunk, Request},
};
use crate::{
    network::{InboundRequest, Network},
    storage::{Storage, StorageError},
};

/// How many requests are answered at once; the others wait in the network's queue.
const MAX_CONCURRENT: usize = 8;
/// How many of peers without stake, and how many of these may wait; further ones are refused.
const MAX_CONCURRENT_OF_STRANGERS: usize = 2;
const MAX_WAITING_OF_STRANGERS: usize = 64;
/// Points for a request that can't be read.
const MALFORMED: u32 = 50;

/// Answers requests until the network stops.
pub(super) async fn run(
    mut requests: mpsc::Receiver<InboundRequest>,
    network: Network,
    directory: Arc<Directory>,
    storage: Storage,
    lookout: Arc<Lookout>,
) {
    let (crowd, strangers) = mpsc::channel(MAX_WAITING_OF_STRANGERS);
    let served = serve(
        strangers,
        MAX_CONCURRENT_OF_STRANGERS,
        network.clone(),
        storage.clone(),
        Arc::clone(&lookout),
    );
    tokio::spawn(served);
    let (council, validators) = mpsc::channel(1);
    tokio::spawn(serve(validators, MAX_CONCURRENT, network, storage, lookout));
    while let Some(request) = requests.recv().await {
        if directory.is_validator(&request.peer) {
            if council.send(request).await.is_err() {
                return;
            }
        } else if crowd.try_send(request).is_err() {
            tracing::debug!("a request of a peer without stake refused: too many wait");
        }
    }
}

/// Answers requests, so many at once.
async fn serve(
    mut requests: mpsc::Receiver<InboundRequest>,
    at_once: usize,
    network: Network,
    storage: Storage,
    lookout: Arc<Lookout>,
) {
    let permits = Arc::new(Semaphore::new(at_once));
    while let Some(InboundRequest {
        peer,
        body,
        responder,
    }) = requests.recv().await
    {
        let Ok(request) = codec::decode::<Request>(&body) else {
            network.blame(peer, MALFORMED, "a request that can't be read");
            continue;
        };
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        if let Request::Watch(announcement) = request {
            let lookout = Arc::clone(&lookout);
            tokio::spawn(async move {
                let reply = lookout.answer(peer, announcement).await;
                let reply = reply.map_or_else(wire::not_found, |body| wire::found(&body));
                if let Err(error) = responder.respond(reply) {
                    tracing::debug!(%peer, %error, "answer not sent");
                }
                drop(permit);
            });
            continue;
        }
        let storage = storage.clone();
        tokio::task::spawn_blocking(move || {
            let reply = answer(&storage, &request).unwrap_or_else(|error| {
                tracing::warn!(%error, request = request.name(), "a request could not be answered");
                None
            });
            let reply = reply.map_or_else(wire::not_found, |body| wire::found(&body));
            if let Err(error) = responder.respond(reply) {
                tracing::debug!(%peer, %error, "answer not sent");
            }
            drop(permit);
        });
    }
}

fn answer(storage: &Storage, request: &Request) -> Result<Option<Bytes>, StorageError> {
    match request {
        Request::Header(hash) => {
            let header = storage.header_by_hash(*hash)?;
            Ok(header.map(|header| codec::encode(header.header()).into()))
        }
        Request::Headers { from, to, under } => headers(storage, *from, *to, *under),
        Request::EpochEnds(from) => {
            let mut ends = Vec::new();
            let mut epoch = *from;
            for _ in 0..wire::MAX_EPOCH_ENDS {
                let Some(end) = storage.epoch_end(epoch)? else {
                    break;
                };
                ends.push(end);
                epoch = epoch.plus(1);
            }
            Ok((!ends.is_empty()).then(|| codec::encode(&ends).into()))
        }
        Request::Payload(hash) => storage.payload_by_hash(*hash),
        Request::Slots(hash) => slots(storage, *hash),
        Request::Map { height, from } => map(storage, *height, *from),
        Request::Greet => {
            let greeting = Greeting {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                now_ms: Clock::start().now(),
                tip: storage.tip()?.header().clone(),
            };
            Ok(Some(codec::encode(&greeting).into()))
        }
        // Not about what is stored: `Lookout` answers it.
        Request::Watch(_) => Ok(None),
    }
}

fn headers(
    storage: &Storage,
    from: hotshot_types::Height,
    to: hotshot_types::Height,
    under: hotshot_types::Height,
) -> Result<Option<Bytes>, StorageError> {
    let count = to.0.checked_sub(from.0).map(|more| more + 1);
    let Some(count) = count.filter(|count| *count <= wire::MAX_HEADERS) else {
        return Ok(None);
    };
    let limit = usize::try_from(count).expect("at most MAX_HEADERS");
    let headers: Vec<Header> = storage
        .headers(from, limit)?
        .iter()
        .map(|header| header.header().clone())
        .collect();
    if headers.len() != limit || under <= to {
        return Ok(None);
    }
    let proof = storage.header_proof(to, under)?;
    Ok(Some(codec::encode(&Headers { headers, proof }).into()))
}

fn slots(storage: &Storage, hash: Hash) -> Result<Option<Bytes>, StorageError> {
    let Some(header) = storage.header_by_hash(hash)? else {
        return Ok(None);
    };
    Ok(storage
        .slots(&header)?
        .map(|range| codec::encode(&range).into()))
}

fn map(
    storage: &Storage,
    height: hotshot_types::Height,
    from: Hash,
) -> Result<Option<Bytes>, StorageError> {
    let Some(head) = storage.map_head(height)? else {
        return Ok(None);
    };
    let store = storage.map_store();
    match da::NamespaceMap::new(&store, head).chunk(from.0, wire::MAX_MAP_ENTRIES) {
        Ok(chunk) => {
            let chunk = MapChunk {
                entries: chunk.entries,
                next: chunk.next.map(Hash),
            };
            Ok(Some(codec::encode(&chunk).into()))
        }
        Err(da::MapError::Store(error)) => Err(error),
        Err(error) => {
            tracing::warn!(%error, %height, "the namespace map can't be listed");
            Ok(None)
        }
    }
}
