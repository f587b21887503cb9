//! What the sequencer made final, verified, from several servers.

use std::{sync::Arc, time::Duration};

use hotshot_types::Height;
use rollup_derive::Fact;
use sequencer_client::{
    ClientError, Servers,
    client::{BlockId, NamespaceEvent},
};
use sequencer_proof::{Checkpoint, Follower, VerifiedBlock, VerifiedBody};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::sleep,
};

/// Events that wait for the executor.
const AHEAD: usize = 64;
const PAUSE: Duration = Duration::from_secs(1);

/// Why the sequencer tells nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The servers.
    #[error(transparent)]
    Client(Arc<ClientError>),
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

/// Reads one namespace.
#[derive(Debug)]
pub(crate) struct Source {
    servers: Arc<Servers>,
    events: mpsc::Receiver<Result<Fact, SourceError>>,
    _reader: oneshot::Sender<()>,
    noted: Option<hotshot_types::Epoch>,
}

impl Source {
    pub(crate) fn new(servers: Arc<Servers>, from: Follower) -> Self {
        let (events, reader) = read(Arc::clone(&servers), from);
        Self {
            servers,
            events,
            _reader: reader,
            noted: None,
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Fact, SourceError> {
        self.events.recv().await.unwrap_or(Err(SourceError::Ended))
    }

    pub(crate) async fn header(&mut self, height: Height) -> Result<VerifiedBlock, SourceError> {
        Ok(self.servers.block(BlockId::Height(height)).await?)
    }

    pub(crate) async fn block(
        &mut self,
        height: Height,
    ) -> Result<(VerifiedBlock, VerifiedBody), SourceError> {
        let _ = height;
        Err(SourceError::Ended)
    }

    pub(crate) fn restart(&mut self, from: Follower) {
        (self.events, self._reader) = read(Arc::clone(&self.servers), from);
    }

    /// The newest committee, if it is newer than what was asked for last.
    pub(crate) fn new_trust(&mut self) -> Option<Checkpoint> {
        let trust = self.servers.trust();
        let is_new = self.noted != Some(trust.epoch());
        self.noted = Some(trust.epoch());
        is_new.then(|| Checkpoint::of(&trust))
    }
}

fn read(
    servers: Arc<Servers>,
    from: Follower,
) -> (
    mpsc::Receiver<Result<Fact, SourceError>>,
    oneshot::Sender<()>,
) {
    let (sender, events) = mpsc::channel(AHEAD);
    let (reader, stopped) = oneshot::channel::<()>();
    let handle = Handle::current();
    std::thread::spawn(move || {
        handle.block_on(async {
            tokio::select! {
                () = pump(&servers, from, sender) => {}
                _ = stopped => {}
            }
        });
    });
    (events, reader)
}

async fn pump(servers: &Servers, from: Follower, sender: mpsc::Sender<Result<Fact, SourceError>>) {
    let mut stream = servers.follow_after(from);
    loop {
        let event = stream.next().await.map(|event| match event {
            NamespaceEvent::Block(block, body) => Fact::Block(block, body),
            NamespaceEvent::Complete(summary) => Fact::Complete(summary),
        });
        let failed = event.is_err();
        if sender.send(event.map_err(Into::into)).await.is_err() {
            return;
        }
        if failed {
            sleep(PAUSE).await;
        }
    }
}
