//! A namespace as it grows: every block verified, none left out, over as many connections as it takes.

use std::time::Duration;

use da::NamespaceId;
use futures::{Stream, StreamExt as _};
use hotshot_types::{Epoch, Height, finality::Trust};
use sequencer_proof::{Follower, VerifiedBlock, VerifiedBody, VerifiedSummary};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{
    Client, ClientError,
    evidence::Answer,
    sse::{Event, Parser},
};
use crate::types::{Interrupted, NamespaceBlock, NamespaceHead, Problem, ProblemCode, event};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What happened in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamespaceEvent {
    /// The next block that holds it.
    Block(VerifiedBlock, VerifiedBody),
    /// Up to this block, everything that the chain has of the namespace was returned.
    Complete(VerifiedSummary),
}

type Chunks = std::pin::Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>;

struct Connection {
    request: String,
    chunks: Chunks,
    parser: Parser,
}

/// A reader of one namespace at one server.
///
/// Each block is proven on its own before it is returned, and most come with the proof that none is missing before
/// them. For blocks so old that the node no longer keeps that, the next [`NamespaceEvent::Complete`] proves it, which
/// a node sends whenever it has nothing more to send.
pub struct NamespaceStream {
    client: Client,
    follower: Follower,
    /// Whether nothing is missing up to the follower's position.
    is_confirmed: bool,
    /// The height to ask for next.
    next: Height,
    connection: Option<Connection>,
    /// Where the connection's next proof starts: each goes on from the epoch that the one before reached.
    trust: Trust,
    pause: Duration,
}

impl NamespaceStream {
    /// Goes on after a verified position.
    pub(super) fn resume(client: Client, follower: Follower) -> Self {
        Self {
            trust: client.trust(),
            client,
            next: follower.height().next(),
            follower,
            is_confirmed: true,
            connection: None,
            pause: FIRST_PAUSE,
        }
    }

    /// Whether it is proven that nothing is missing up to where the reader stands.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }

    /// The client it reads with; its transcript has the last events.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Where the reader stands.
    #[must_use]
    pub fn follower(&self) -> &Follower {
        &self.follower
    }

    /// The height to start at to go on where this stream is.
    #[must_use]
    pub fn resume_from(&self) -> Height {
        self.next
    }

    /// The next event. Broken connections are opened anew, from the height reached.
    ///
    /// # Errors
    /// No connection within the client's patience, a refusal, or a false answer. After a false answer the stream is
    /// of no more use: ask another node.
    pub async fn next(&mut self) -> Result<NamespaceEvent, ClientError> {
        let deadline = Instant::now() + self.client.api().config().patience;
        loop {
            match self.attempt().await {
                Ok(Some(event)) => {
                    self.pause = FIRST_PAUSE;
                    return Ok(event);
                }
                Ok(None) => self.connection = None,
                Err(error) if error.is_transient() && Instant::now() < deadline => {
                    self.connection = None;
                }
                Err(error) => return Err(error),
            }
            sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One event of one connection; nothing when the connection came to its end. May be dropped at any time.
    pub(super) async fn attempt(&mut self) -> Result<Option<NamespaceEvent>, ClientError> {
        if self.connection.is_none() {
            let trust = self.client.trust();
            let namespace = self.follower.namespace();
            let connection = connect(&self.client, namespace, self.next, trust.epoch());
            self.connection = Some(connection.await?);
            self.trust = trust;
        }
        while let Some(event) = self.receive().await? {
            let parsed = match event.name.as_str() {
                event::BLOCK => Some(self.take_block(&event)?),
                event::HEAD => Some(self.take_head(&event)?),
                event::INTERRUPTED => {
                    let why: Interrupted = self.parse(&event)?;
                    if why.reason == "pruned" {
                        let problem = Problem::new(ProblemCode::Pruned, why.detail);
                        return Err(ClientError::Refused(Box::new(problem)));
                    }
                    return Ok(None);
                }
                _ => None,
            };
            if parsed.is_some() {
                return Ok(parsed);
            }
        }
        Ok(None)
    }

    async fn receive(&mut self) -> Result<Option<Event>, ClientError> {
        let Some(connection) = &mut self.connection else {
            return Ok(None);
        };
        let api = self.client.api();
        let deadline = Instant::now() + api.config().stall;
        loop {
            let event = connection.parser.next();
            if let Some(event) = event.map_err(|_| ClientError::TooLarge(api.config().max_bytes))? {
                api.transcript().note(Answer {
                    request: connection.request.clone(),
                    status: 200,
                    body: event.data.clone().into(),
                });
                return Ok(Some(event));
            }
            let Ok(chunk) = timeout_at(deadline, connection.chunks.next()).await else {
                let url = api.url().into();
                return Err(ClientError::Timeout { url });
            };
            match chunk {
                Some(Ok(chunk)) => connection.parser.push(&chunk),
                // An end in the middle is as good as a regular one: the next connection starts where this one was.
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, event: &Event) -> Result<T, ClientError> {
        self.client.api().parse(event.data.as_bytes())
    }

    fn take_block(&mut self, event: &Event) -> Result<NamespaceEvent, ClientError> {
        let sent: NamespaceBlock = self.parse(event)?;
        let namespace = self.follower.namespace();
        let (block, body) = self
            .client
            .check_namespace_block(namespace, &sent, &mut self.trust)?;
        let mut follower = self.follower.clone();
        follower.accept(&block.header, body.leaf())?;
        if let Some(entry) = body.summary() {
            follower.check(&block.header, entry)?;
        }
        self.is_confirmed = body.summary().is_some();
        self.follower = follower;
        self.next = block.header.height.next();
        Ok(NamespaceEvent::Block(block, body))
    }

    fn take_head(&mut self, event: &Event) -> Result<NamespaceEvent, ClientError> {
        let sent: NamespaceHead = self.parse(event)?;
        let finality = sent.finality.ok_or(ClientError::Unproven("the header"))?;
        let block = self.client.check_finality(&finality, &mut self.trust)?;
        let proof = sent
            .accumulator
            .ok_or(ClientError::Unproven("the accumulator"))?;
        let head = VerifiedSummary::new(block, self.follower.namespace(), &proof)?;
        self.follower.check(&head.header, head.entry())?;
        self.is_confirmed = true;
        self.next = head.header.height.next();
        Ok(NamespaceEvent::Complete(head))
    }
}

async fn connect(
    client: &Client,
    namespace: NamespaceId,
    from: Height,
    from_epoch: Epoch,
) -> Result<Connection, ClientError> {
    let path = format!("v1/stream/namespaces/{namespace}");
    let query = [
        ("proof", "true".to_owned()),
        ("from", from.to_string()),
        ("from_epoch", from_epoch.to_string()),
    ];
    let api = client.api();
    let response = timeout(api.config().timeout, api.open(&path, &query))
        .await
        .map_err(|_| ClientError::Timeout {
            url: api.url().into(),
        })??;
    Ok(Connection {
        request: response.url().to_string(),
        chunks: Box::pin(response.bytes_stream()),
        parser: Parser::new(api.config().max_bytes),
    })
}

impl Client {
    /// Checks one block of a namespace's history: its header is final, these are all its transactions, and the summary
    /// that came with it, if one did, is that of the header. The trust, from where the proof was asked for, moves on to
    /// the epoch of the certificate.
    ///
    /// # Errors
    /// A missing or wrong proof.
    pub fn check_namespace_block(
        &self,
        namespace: NamespaceId,
        sent: &NamespaceBlock,
        trust: &mut Trust,
    ) -> Result<(VerifiedBlock, VerifiedBody), ClientError> {
        let finality = sent
            .finality
            .as_ref()
            .ok_or(ClientError::Unproven("the header"))?;
        let proof = sent
            .proof
            .as_ref()
            .ok_or(ClientError::Unproven("the namespace"))?;
        let block = self.check_finality(finality, trust)?;
        let body = VerifiedBody::new(&block, namespace, &sent.transactions, proof)?
            .ok_or(ClientError::OtherSubject("namespace"))?;
        let body = match &sent.accumulator {
            Some(accumulator) => body.with_summary(&block, accumulator)?,
            None => body,
        };
        Ok((block, body))
    }
}
