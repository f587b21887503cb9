//! What the sequencer made final, verified, from several servers.
//!
//! Two ways to know what is final. By certificate: the committee signed it, and it is known within a second. By light
//! client: it is the block that the contract on the L1 stores, or one before; later, but no certificate is looked at, so a
//! node in this way believes what the L1 believes. Either way each block of the namespace is checked on its own, and that
//! none is missing; a server that is caught is left, and named in the log once for each kind of fault.

mod anchors;
mod by_certificate;
mod by_light_client;

use std::sync::Arc;

use da::NamespaceId;
use hotshot_types::{Epoch, Height};
use rollup_derive::Fact;
use sequencer_client::{
    ClientError, Servers,
    client::{BlockId, VerifiedNamespace},
};
use sequencer_proof::{Anchor, Checkpoint, Follower, VerifiedBlock, VerifiedBody};
use tokio::{
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
};

pub(crate) use anchors::Anchors;

/// Facts that wait for the executor.
const AHEAD: usize = 64;

/// Why the sequencer tells nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The servers.
    #[error(transparent)]
    Client(Arc<ClientError>),
    /// The L1 does not say what its light client stores.
    #[error("the light client can't be read: {0}")]
    L1(String),
    /// The block does not hold the namespace, although it was told before that it does.
    #[error("block {0} does not hold the namespace")]
    Absent(Height),
    /// The reader ended.
    #[error("the stream of the namespace ended")]
    Ended,
}

impl SourceError {
    /// Whether no server is left to ask.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Client(error) if matches!(**error, ClientError::AllLeft(_)))
    }
}

impl From<ClientError> for SourceError {
    fn from(error: ClientError) -> Self {
        Self::Client(Arc::new(error))
    }
}

type Facts = mpsc::Sender<Result<Fact, SourceError>>;

/// How it is known what is final.
#[derive(Debug)]
enum Way {
    Certificate,
    LightClient {
        anchors: Arc<Mutex<Anchors>>,
        /// The newest anchor that was opened.
        newest: watch::Sender<Option<Anchor>>,
    },
}

/// Reads one namespace.
#[derive(Debug)]
pub(crate) struct Source {
    servers: Arc<Servers>,
    namespace: NamespaceId,
    way: Way,
    facts: mpsc::Receiver<Result<Fact, SourceError>>,
    reader: JoinHandle<()>,
    noted: Option<Epoch>,
    /// Evidence that is in the log.
    named: usize,
}

impl Source {
    /// By certificate, after a position.
    pub(crate) fn by_certificate(servers: Arc<Servers>, from: Follower) -> Self {
        Self::new(servers, Way::Certificate, from)
    }

    /// By the light client on the L1, after a position.
    pub(crate) fn by_light_client(servers: Arc<Servers>, anchors: Anchors, from: Follower) -> Self {
        let way = Way::LightClient {
            anchors: Arc::new(Mutex::new(anchors)),
            newest: watch::Sender::new(None),
        };
        Self::new(servers, way, from)
    }

    fn new(servers: Arc<Servers>, way: Way, from: Follower) -> Self {
        let namespace = from.namespace();
        let (facts, reader) = read(&servers, &way, from);
        Self {
            servers,
            namespace,
            way,
            facts,
            reader,
            noted: None,
            named: 0,
        }
    }

    /// The next block of the namespace, or that there is none up to a header. Of errors only the last one counts, and only
    /// if nothing follows it: whoever pauses after each would hear of old ones for long. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Fact, SourceError> {
        let mut fact = self.facts.recv().await;
        while matches!(fact, Some(Err(_)))
            && let Ok(next) = self.facts.try_recv()
        {
            fact = Some(next);
        }
        self.name();
        fact.unwrap_or(Err(SourceError::Ended))
    }

    /// The header at a height. By light client, waits until the L1 has come to it.
    pub(crate) async fn header(&mut self, height: Height) -> Result<VerifiedBlock, SourceError> {
        let outcome = match self.anchor(height).await? {
            None => self.servers.block(BlockId::Height(height)).await,
            Some(anchor) => self.servers.block_under(&anchor, height).await,
        };
        self.name();
        Ok(outcome?)
    }

    /// The newest final block there is.
    pub(crate) async fn head(&mut self) -> Result<VerifiedBlock, SourceError> {
        let outcome = match self.anchor(Height(0)).await? {
            None => self.servers.head().await,
            Some(anchor) => {
                let height = anchor.block().header.height;
                self.servers.block_under(&anchor, height).await
            }
        };
        self.name();
        Ok(outcome?)
    }

    /// The namespace's transactions in the block at a height, which holds it.
    pub(crate) async fn block(
        &mut self,
        height: Height,
    ) -> Result<(VerifiedBlock, VerifiedBody), SourceError> {
        let namespace = self.namespace;
        let outcome = match self.anchor(height).await? {
            None => {
                let read = self.servers.namespace(BlockId::Height(height), namespace);
                let read = read.await;
                read.map(|VerifiedNamespace { block, body }| (block, body))
            }
            Some(anchor) => {
                let read = self.servers.namespace_under(&anchor, height, namespace);
                read.await
            }
        };
        self.name();
        let (block, body) = outcome?;
        Ok((block, body.ok_or(SourceError::Absent(height))?))
    }

    /// The newest anchor, once it is not below a height; none by certificate.
    async fn anchor(&self, height: Height) -> Result<Option<Anchor>, SourceError> {
        let Way::LightClient { newest, .. } = &self.way else {
            return Ok(None);
        };
        let mut newest = newest.subscribe();
        let reaches = |anchor: &Option<Anchor>| {
            let anchor = anchor.as_ref();
            anchor.is_some_and(|anchor| anchor.block().header.height >= height)
        };
        let anchor = newest.wait_for(reaches).await;
        anchor
            .map(|anchor| anchor.clone())
            .map_err(|_| SourceError::Ended)
    }

    /// Goes on somewhere else.
    pub(crate) fn restart(&mut self, from: Follower) {
        self.reader.abort();
        (self.facts, self.reader) = read(&self.servers, &self.way, from);
    }

    /// The newest committee, if it is newer than what was asked for last.
    pub(crate) fn new_trust(&mut self) -> Option<Checkpoint> {
        let trust = self.servers.trust();
        let is_new = self.noted != Some(trust.epoch());
        self.noted = Some(trust.epoch());
        is_new.then(|| Checkpoint::of(&trust))
    }

    /// Says in the log what servers were caught with since the last time.
    fn name(&mut self) {
        let evidence = self.servers.evidence();
        for caught in evidence.iter().skip(self.named) {
            let is_left = caught.fault.is_lie();
            tracing::warn!(server = %caught.server, fault = ?caught.fault, is_left, "{caught}");
        }
        self.named = evidence.len();
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn read(
    servers: &Arc<Servers>,
    way: &Way,
    from: Follower,
) -> (mpsc::Receiver<Result<Fact, SourceError>>, JoinHandle<()>) {
    let (facts, receiver) = mpsc::channel(AHEAD);
    let servers = Arc::clone(servers);
    let reader = match way {
        Way::Certificate => tokio::spawn(async move {
            by_certificate::read(&servers, from, &facts).await;
        }),
        Way::LightClient { anchors, newest } => {
            let (anchors, newest) = (Arc::clone(anchors), newest.clone());
            tokio::spawn(async move {
                let mut anchors = anchors.lock().await;
                by_light_client::read(&servers, &mut anchors, &newest, from, &facts).await;
            })
        }
    };
    (receiver, reader)
}

#[cfg(test)]
mod tests;
