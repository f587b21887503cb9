//! Asking peers for what is missing, until somebody has it.
//!
//! Each order runs as a task of its own that goes round the connected peers; how many ask at once
//! is bounded. What comes back is checked against the hash, history or commitment it was asked by,
//! so a peer can delay but not deceive, and one that answers wrongly is blamed.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use borsh::BorshDeserialize;
use bytes::Bytes;
use hotshot::Input;
use hotshot_types::{Epoch, EpochEnd, Hash, Header, Height, Message, Statement, codec};
use libp2p::PeerId;
use rand::seq::{IndexedRandom, SliceRandom};
use tokio::sync::{Semaphore, mpsc};

use super::{
    consensus::Fact,
    directory::Directory,
    wire::{self, EpochEnds, Headers, Request},
};
use crate::network::Network;

/// How many fetches may wait for a peer at once.
const MAX_CONCURRENT: usize = 32;
/// How long one peer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Pause after all peers were asked in vain.
const PAUSE: Duration = Duration::from_millis(100);
/// Header ranges of one order that are fetched at the same time.
const PARALLEL_RANGES: usize = 8;
/// Points for an answer that is not what was asked for.
const FALSE_ANSWER: u32 = 50;
/// Epoch ends kept for the orders to come.
const MAX_KEPT_ENDS: usize = 128;
/// Pushed headers kept until they are asked for.
const MAX_KEPT_HEADERS: usize = 256;

/// Asks peers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Fetcher(Arc<Inner>);

struct Inner {
    network: Network,
    directory: Arc<Directory>,
    facts: mpsc::Sender<Fact>,
    permits: Semaphore,
    runtime: tokio::runtime::Handle,
    /// Ends of later epochs that came along, by whom they are from.
    ends: Mutex<BTreeMap<Epoch, (PeerId, EpochEnd)>>,
    /// Headers that peers pushed, for whoever asks for them by hash.
    pushed: Mutex<Pushed>,
}

/// Headers by hash; the oldest give way.
#[derive(Default)]
struct Pushed {
    headers: HashMap<Hash, Header>,
    order: VecDeque<Hash>,
}

impl Pushed {
    fn keep(&mut self, header: Header) {
        let hash = header.hash();
        if self.headers.insert(hash, header).is_none() {
            self.order.push_back(hash);
        }
        while self.order.len() > MAX_KEPT_HEADERS {
            if let Some(oldest) = self.order.pop_front() {
                self.headers.remove(&oldest);
            }
        }
    }

    /// The headers from a height up to a block, if all are here.
    fn run(&self, from: Height, to: Hash) -> Option<Vec<Header>> {
        let mut run = vec![self.headers.get(&to)?];
        while let Some(first) = run.last().filter(|first| first.height > from) {
            run.push(self.headers.get(&first.parent_hash)?);
        }
        Some(run.into_iter().rev().cloned().collect())
    }
}

/// What one peer answered.
pub(super) enum Answer<T> {
    /// It has it, and it is right.
    Right(PeerId, T),
    /// It does not have it.
    NotThere,
    /// It answered wrongly, late or not at all.
    Nothing,
}

impl Fetcher {
    pub(super) fn new(
        network: Network,
        directory: Arc<Directory>,
        facts: mpsc::Sender<Fact>,
    ) -> Self {
        Self(Arc::new(Inner {
            network,
            directory,
            facts,
            permits: Semaphore::new(MAX_CONCURRENT),
            runtime: tokio::runtime::Handle::current(),
            ends: Mutex::default(),
            pushed: Mutex::default(),
        }))
    }

    /// Fetches a header by hash until some peer has it.
    pub(super) fn header(&self, hash: Hash) {
        let fetcher = self.clone();
        self.0.runtime.spawn(async move {
            let header = fetcher.header_named(hash).await;
            fetcher.report(Input::Header(Box::new(header))).await;
        });
    }

    /// Keeps headers that were pushed, until they are asked for.
    pub(super) fn keep(&self, headers: Vec<Header>) {
        let mut pushed = self.pushed();
        headers.into_iter().for_each(|header| pushed.keep(header));
    }

    fn pushed(&self) -> std::sync::MutexGuard<'_, Pushed> {
        self.0.pushed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn header_named(&self, hash: Hash) -> Header {
        let kept = self.pushed().headers.get(&hash).cloned();
        if let Some(header) = kept {
            return header;
        }
        let request = Request::Header(hash);
        let found = self.until_found(&request, |body| {
            decoded::<Header>(body).filter(|header| header.hash() == hash)
        });
        found.await.1
    }

    /// Fetches the headers between a height and a certified block.
    pub(super) fn range(&self, from: Height, to: Statement) {
        let fetcher = self.clone();
        self.0.runtime.spawn(async move {
            let headers = fetcher.headers(from, to).await;
            fetcher.report(Input::Headers(headers)).await;
        });
    }

    /// Asks for the end of an epoch; ends of the epochs after it come along and are kept.
    pub(super) fn epoch_end(&self, epoch: Epoch) {
        let fetcher = self.clone();
        self.0.runtime.spawn(async move {
            // Taken at most once: if it is asked for again, what was kept did not help.
            let kept = fetcher.ends().remove(&epoch);
            let (peer, end) = match kept {
                Some(kept) => kept,
                None => match fetcher.ask_for_ends(epoch).await {
                    Some(found) => found,
                    // Nobody has it yet; the state machine asks again.
                    None => return,
                },
            };
            let sender = fetcher.0.directory.sender(peer);
            let message = Message::EpochEnd(Box::new(end));
            fetcher.report(Input::Message(sender, message)).await;
        });
    }

    fn ends(&self) -> std::sync::MutexGuard<'_, BTreeMap<Epoch, (PeerId, EpochEnd)>> {
        self.0.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_for_ends(&self, epoch: Epoch) -> Option<(PeerId, EpochEnd)> {
        for peer in self.everybody() {
            let answer = self
                .ask(peer, &Request::EpochEnds(epoch), |body| {
                    let ends = decoded::<EpochEnds>(body)?;
                    let consecutive = (epoch.0..)
                        .zip(&ends)
                        .all(|(at, end)| end.header.epoch.0 == at);
                    consecutive.then_some(ends)
                })
                .await;
            let Answer::Right(peer, ends) = answer else {
                continue;
            };
            let mut ends = ends.into_iter();
            if let Some(first) = ends.next() {
                let mut kept = self.ends();
                kept.retain(|known, _| *known > epoch);
                for end in ends.take(MAX_KEPT_ENDS) {
                    kept.insert(end.header.epoch, (peer, end));
                }
                return Some((peer, first));
            }
        }
        None
    }

    /// K1: the certified header by its hash; what comes before it in ranges, in parallel, each
    /// proven by the certified header's history.
    async fn headers(&self, from: Height, to: Statement) -> Vec<Header> {
        if let Some(run) = self.pushed().run(from, to.hash) {
            return run;
        }
        let last = self.header_named(to.hash).await;
        let mut headers = Vec::new();
        let mut starts: Vec<u64> = (from.0..to.height.0)
            .step_by(usize::try_from(wire::MAX_HEADERS).expect("a small number"))
            .collect();
        while !starts.is_empty() {
            let wave = starts.drain(..starts.len().min(PARALLEL_RANGES));
            let parts = wave.map(|start| {
                let end = (start + wire::MAX_HEADERS - 1).min(to.height.0 - 1);
                self.run_of(Height(start), Height(end), &last)
            });
            for part in futures::future::join_all(parts).await {
                headers.extend(part);
            }
        }
        headers.push(last);
        headers
    }

    async fn run_of(&self, from: Height, to: Height, under: &Header) -> Vec<Header> {
        let request = Request::Headers {
            from,
            to,
            under: under.height,
        };
        let (_, headers) = self
            .until_found(&request, |body| {
                let run = decoded::<Headers>(body)?;
                is_proven_run(&run, from, to, under).then_some(run.headers)
            })
            .await;
        headers
    }

    /// Asks one peer after the other, again and again, until one has it.
    async fn until_found<T>(
        &self,
        request: &Request,
        check: impl Fn(&Bytes) -> Option<T>,
    ) -> (PeerId, T) {
        loop {
            for peer in self.everybody() {
                if let Answer::Right(peer, found) = self.ask(peer, request, &check).await {
                    return (peer, found);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Asks one peer and checks what it says; an answer that fails the check is blamed.
    pub(super) async fn ask<T>(
        &self,
        peer: PeerId,
        request: &Request,
        check: impl Fn(&Bytes) -> Option<T>,
    ) -> Answer<T> {
        let Ok(_permit) = self.0.permits.acquire().await else {
            return Answer::Nothing;
        };
        let frame = Bytes::from(codec::encode(request));
        let reply = match self.0.network.request(peer, frame, PATIENCE).await {
            Ok(reply) => reply,
            Err(error) => {
                tracing::trace!(%peer, %error, "no answer");
                return Answer::Nothing;
            }
        };
        let found = match wire::body_of(&reply) {
            Ok(None) => return Answer::NotThere,
            Ok(Some(body)) => check(&body),
            Err(_) => None,
        };
        found.map_or_else(
            || {
                self.0.network.blame(
                    peer,
                    FALSE_ANSWER,
                    "an answer that is not what was asked for",
                );
                Answer::Nothing
            },
            |found| Answer::Right(peer, found),
        )
    }

    /// The connected validators, then other peers, each in random order.
    pub(super) fn everybody(&self) -> Vec<PeerId> {
        some_peers(&self.0.network, usize::MAX)
    }

    async fn report(&self, input: Input) {
        if self
            .0
            .facts
            .send(Fact::Input(Box::new(input)))
            .await
            .is_err()
        {
            tracing::debug!("consensus has stopped");
        }
    }
}

/// At most `count` connected validators, at random.
pub(super) fn some_peers(network: &Network, count: usize) -> Vec<PeerId> {
    let mut peers: Vec<PeerId> = network
        .peers()
        .into_iter()
        .filter(|peer| peer.is_connected && peer.is_configured)
        .map(|peer| peer.id)
        .collect();
    let mut random = rand::rng();
    if count >= peers.len() {
        peers.shuffle(&mut random);
        return peers;
    }
    peers.sample(&mut random, count).copied().collect()
}

pub(super) fn decoded<T: BorshDeserialize>(body: &Bytes) -> Option<T> {
    codec::decode(body).ok()
}

/// Whether the headers are those of these heights in the history of `under`.
fn is_proven_run(run: &Headers, from: Height, to: Height, under: &Header) -> bool {
    let (Some(first), Some(last), Some(proof)) =
        (run.headers.first(), run.headers.last(), &run.proof)
    else {
        return false;
    };
    let linked = run.headers.windows(2).all(|pair| {
        pair[1].parent_hash == pair[0].hash() && pair[1].height == pair[0].height.next()
    });
    linked
        && (first.height, last.height) == (from, to)
        && (proof.height, proof.count) == (to, under.height.0)
        && proof.verify(under.history_root, last.hash())
}
