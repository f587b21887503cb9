//! Several servers of one network: who answers, who is left, and what it was caught with.
//!
//! A server that is caught with a lie is not asked again by this client. One that is slow, out of reach or behind
//! rests for a while that doubles with each time, and is asked again when the others fail, too. What one server's
//! answers prove is remembered for all of them.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use da::{AccumulatorEntry, NamespaceId};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, pending},
    stream::FuturesUnordered,
};
use hotshot_types::{Hash, Height, finality::Trust};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Api, BlockId, Client, ClientError, Evidence, Exchange, VerifiedBlock, VerifiedNamespace,
    VerifiedTransaction,
};
use crate::{Cursor, Follower, ProofFile, Proven};

mod anchored;
mod blame;
mod standing;
mod stream;
mod submitting;

use standing::Standing;
pub use stream::ServersStream;

/// Most servers of a client.
const MOST: usize = 16;

/// How patient a client of several servers is with each of them.
#[derive(Clone, Copy, Debug)]
pub struct ServersConfig {
    /// A server that has not answered for this long gets a competitor.
    pub hedge: Duration,
    /// A server that does not show, for this long, what another one proved final is behind. Blocks carry the time
    /// of their proposal, so this is also how far apart such blocks are.
    pub stale: Duration,
}

impl Default for ServersConfig {
    fn default() -> Self {
        Self {
            hedge: Duration::from_secs(2),
            stale: Duration::from_secs(10),
        }
    }
}

/// A client of several servers with one trust root. What it returns was verified, whichever server it came from.
#[derive(Debug)]
pub struct Servers {
    clients: Vec<Client>,
    standings: Mutex<Vec<Standing>>,
    /// The one to ask first: the last that answered well.
    first: AtomicUsize,
    /// One of each kind for each server.
    evidence: Mutex<Vec<Arc<Evidence>>>,
    config: ServersConfig,
}

/// An answer to one attempt, and what it cost.
struct Attempt<T> {
    server: usize,
    transcript: Vec<Exchange>,
    outcome: Result<T, ClientError>,
}

impl Servers {
    /// Asks these servers, the first one first, and trusts a committee.
    ///
    /// # Errors
    /// No server, or more than 16.
    pub fn new(apis: Vec<Api>, root: Trust, config: ServersConfig) -> Result<Self, ClientError> {
        let mut apis = apis.into_iter();
        let first = apis.next().ok_or(ClientError::Servers(MOST))?;
        let first = Client::new(first, root);
        let mut clients = vec![first];
        for api in apis {
            let next = clients[0].at(api);
            clients.push(next);
        }
        if clients.len() > MOST {
            return Err(ClientError::Servers(MOST));
        }
        Ok(Self {
            standings: Mutex::new(vec![Standing::default(); clients.len()]),
            clients,
            first: AtomicUsize::new(0),
            evidence: Mutex::default(),
            config,
        })
    }

    /// The servers that are still asked.
    #[must_use]
    pub fn asked(&self) -> Vec<&str> {
        let order = self.order();
        order.iter().map(|server| self.url(*server)).collect()
    }

    /// Its patience.
    #[must_use]
    pub fn config(&self) -> &ServersConfig {
        &self.config
    }

    /// The newest committee that any of them led to.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.clients[0].trust()
    }

    fn url(&self, server: usize) -> &str {
        self.clients[server].api().url()
    }

    /// Whom to ask, in this order.
    fn order(&self) -> Vec<usize> {
        let standings = self.standings();
        let (count, first) = (self.clients.len(), self.first.load(Relaxed));
        let mut order: Vec<_> = (0..count)
            .map(|step| (first + step) % count)
            .filter(|server| !standings[*server].is_left())
            .collect();
        let now = Instant::now();
        order.sort_by_key(|server| standings[*server].rests_until(now));
        order
    }

    fn standings(&self) -> std::sync::MutexGuard<'_, Vec<Standing>> {
        self.standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks one server after the other until one answers truly. Whoever is slow gets a competitor.
    ///
    /// # Errors
    /// The refusal that all agree on, or else the last error.
    pub async fn ask<T: Send>(
        &self,
        question: impl for<'a> Fn(&'a Client) -> BoxFuture<'a, Result<T, ClientError>> + Sync,
    ) -> Result<T, ClientError> {
        let mut waiting = self.order().into_iter();
        let mut running = FuturesUnordered::new();
        let mut asked: Vec<(usize, Instant)> = Vec::new();
        let (mut refusal, mut last) = (None, None);
        loop {
            if running.is_empty() {
                let Some(server) = waiting.next() else {
                    return Err(refusal.or(last).unwrap_or_else(|| self.all_left()));
                };
                asked.push((server, Instant::now()));
                running.push(self.attempt(server, &question));
            }
            let hedge = async {
                if waiting.len() == 0 {
                    pending::<()>().await;
                }
                sleep(self.config.hedge).await;
            };
            tokio::select! {
                Some(Attempt { server, transcript, outcome }) = running.next() => {
                    asked.retain(|(other, _)| *other != server);
                    match outcome {
                        Ok(answer) => {
                            self.answered(server, &asked);
                            return Ok(answer);
                        }
                        Err(error) => {
                            self.judge(server, &error, transcript);
                            match &error {
                                ClientError::Refused(problem) if is_final(problem.status) => {
                                    return Err(error);
                                }
                                ClientError::Refused(_)
                                | ClientError::NotFinal
                                | ClientError::Pruned(_) => {
                                    refusal = Some(error);
                                }
                                _ => last = Some(error),
                            }
                        }
                    }
                }
                () = hedge => if let Some(server) = waiting.next() {
                    asked.push((server, Instant::now()));
                    running.push(self.attempt(server, &question));
                },
            }
        }
    }

    async fn attempt<T>(
        &self,
        server: usize,
        question: &(impl for<'a> Fn(&'a Client) -> BoxFuture<'a, Result<T, ClientError>> + Sync),
    ) -> Attempt<T> {
        let client = self.recorded(server);
        let outcome = question(&client).await;
        Attempt {
            server,
            transcript: client.api().transcript().exchanges(),
            outcome,
        }
    }

    /// A server's client with a transcript of its own.
    fn recorded(&self, server: usize) -> Client {
        let client = &self.clients[server];
        client.at(client.api().recorded())
    }

    /// One answered; whoever had longer and has not is slow.
    fn answered(&self, server: usize, others: &[(usize, Instant)]) {
        self.first.store(server, Relaxed);
        self.standings()[server].answered();
        for (other, since) in others {
            if since.elapsed() >= self.config.hedge {
                self.silent(*other, since.elapsed());
            }
        }
    }

    /// The newest block that any of them proves final. Those that are far behind it rest.
    ///
    /// # Errors
    /// No server proves one.
    pub async fn head(&self) -> Result<VerifiedBlock, ClientError> {
        let mut running: FuturesUnordered<_> = self
            .order()
            .into_iter()
            .map(|server| self.attempt(server, &latest))
            .collect();
        let mut heads: Vec<(usize, VerifiedBlock, Vec<Exchange>)> = Vec::new();
        let mut last = None;
        // Each attempt ends by itself; once there is an answer, the others get some time, but not all.
        let mut end: Option<Instant> = None;
        loop {
            let over = async {
                match end {
                    Some(end) => sleep_until(end).await,
                    None => pending().await,
                }
            };
            let attempt = tokio::select! {
                attempt = running.next() => attempt,
                () = over => break,
            };
            let Some(attempt) = attempt else { break };
            match attempt.outcome {
                Ok(block) => {
                    end.get_or_insert_with(|| Instant::now() + self.config.hedge);
                    heads.push((attempt.server, block, attempt.transcript));
                }
                Err(error) => {
                    self.judge(attempt.server, &error, attempt.transcript);
                    last = Some(error);
                }
            }
        }
        let newest = heads.iter().max_by_key(|(_, block, _)| block.header.height);
        let Some((server, newest, proof)) = newest else {
            return Err(last.unwrap_or_else(|| self.all_left()));
        };
        for (other, block, _) in &heads {
            if self.is_stale(block, newest) {
                self.behind(
                    *other,
                    block.header.height,
                    newest.header.height,
                    proof.clone(),
                );
            }
        }
        if self.standings()[self.first.load(Relaxed)].is_away(Instant::now()) {
            self.first.store(*server, Relaxed);
        }
        Ok(newest.clone())
    }

    fn is_stale(&self, shown: &VerifiedBlock, proven: &VerifiedBlock) -> bool {
        let (shown, proven) = (&shown.header, &proven.header);
        let apart = proven.timestamp_ms.0.saturating_sub(shown.timestamp_ms.0);
        proven.height > shown.height && u128::from(apart) > self.config.stale.as_millis()
    }

    /// With several servers `latest` is the newest that any of them proves.
    async fn fixed(&self, id: BlockId) -> Result<BlockId, ClientError> {
        if id == BlockId::Latest && self.clients.len() > 1 {
            return Ok(BlockId::Height(self.head().await?.header.height));
        }
        Ok(id)
    }

    /// As [`Client::block`].
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn block(&self, id: BlockId) -> Result<VerifiedBlock, ClientError> {
        if id == BlockId::Latest {
            return self.head().await;
        }
        self.ask(|client| client.block(id).boxed()).await
    }

    /// As [`Client::namespace`].
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn namespace(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<VerifiedNamespace, ClientError> {
        let id = self.fixed(id).await?;
        self.ask(|client| client.namespace(id, namespace).boxed())
            .await
    }

    /// As [`Client::transaction`].
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn transaction(
        &self,
        hash: Hash,
        namespace: Option<NamespaceId>,
    ) -> Result<VerifiedTransaction, ClientError> {
        self.ask(|client| client.transaction(hash, namespace).boxed())
            .await
    }

    /// As [`Client::accumulator`].
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn accumulator(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<(VerifiedBlock, AccumulatorEntry), ClientError> {
        let id = self.fixed(id).await?;
        self.ask(|client| client.accumulator(id, namespace).boxed())
            .await
    }

    /// As [`Client::prove_block`].
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn prove_block(&self, id: BlockId) -> Result<(ProofFile, Proven), ClientError> {
        let id = self.fixed(id).await?;
        self.ask(|client| client.prove_block(id).boxed()).await
    }

    /// As [`Client::prove_namespace`].
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn prove_namespace(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<(ProofFile, Proven), ClientError> {
        let id = self.fixed(id).await?;
        self.ask(|client| client.prove_namespace(id, namespace).boxed())
            .await
    }

    /// As [`Client::prove_transaction`].
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn prove_transaction(
        &self,
        hash: Hash,
        namespace: Option<NamespaceId>,
    ) -> Result<(ProofFile, Proven), ClientError> {
        self.ask(|client| client.prove_transaction(hash, namespace).boxed())
            .await
    }

    /// As [`Client::prove_accumulator`].
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn prove_accumulator(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<(ProofFile, Proven), ClientError> {
        let id = self.fixed(id).await?;
        self.ask(|client| client.prove_accumulator(id, namespace).boxed())
            .await
    }

    /// Reads a namespace from a height on, for as long as the caller wants.
    ///
    /// # Errors
    /// The start can't be proven.
    pub async fn follow(
        &self,
        namespace: NamespaceId,
        from: Height,
    ) -> Result<ServersStream<'_>, ClientError> {
        let start = self
            .ask(|client| client.start(namespace, from).boxed())
            .await?;
        Ok(self.follow_after(start))
    }

    /// Goes on where a reader stopped. The trust root should be the cursor's: it is the newest.
    #[must_use]
    pub fn follow_after(&self, start: Follower) -> ServersStream<'_> {
        ServersStream::new(self, start)
    }

    /// Where a reader stands.
    #[must_use]
    pub fn cursor(&self, at: &Follower) -> Cursor {
        Cursor::new(at, &self.trust())
    }
}

/// Whether other servers would refuse, too.
fn is_final(status: u16) -> bool {
    matches!(status, 400 | 405 | 413 | 415)
}

fn latest(client: &Client) -> BoxFuture<'_, Result<VerifiedBlock, ClientError>> {
    client.block(BlockId::Latest).boxed()
}
