//! A whole node: opens the disk, starts its parts, and stops them again.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use hotshot_types::finality::Trust;
use jsonrpsee::core::RegisterMethodError;
use light_client::Account;
use rollup_derive::{Cursor, CursorError, Rules};
use rollup_types::{Height, Vm};
use sequencer_client::{
    Claim, ClientError, Servers, TrustError,
    client::{BlockId, ServersConfig},
    trust,
};
use sequencer_proof::{VerifiedBlock, VerifiedSummary};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
    task::{JoinSet, spawn_blocking},
    time::sleep,
};

use crate::{
    Application, Definition, Node, StorageError,
    advance::Advancer,
    board::Board,
    executor::{Executor, ExecutorError, decode, rules},
    l1::{Endpoints, Reader},
    metrics::Metrics,
    replicas::Replicas,
    retries::Retries,
    server::{Context, Health, RpcServer, bind, methods, serve, warnings},
    settings::{ProofKind, RpcLimits, Settings, SettingsError},
    source::{Anchors, Source},
    storage::Storage,
    submission,
};

/// Between two tries to reach the sequencer at the start.
const PAUSE: Duration = Duration::from_secs(2);
const DEFAULT_LISTEN: &str = "127.0.0.1:9545";

/// Why a node did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    /// The machine does not take the definition.
    #[error("the definition's section [vm]: {0}")]
    Machine(String),
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The sequencer's genesis.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The sequencer's servers.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An address that can't be listened at.
    #[error("can't listen on {address}: {source}; {setting} names another address")]
    Listen {
        /// What says so.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Two methods of one name.
    #[error("JSON-RPC: {0}")]
    Methods(#[from] RegisterMethodError),
    /// What was read can't be what the rollup's chain is made of.
    #[error("{0}")]
    Derivation(String),
    /// The L1 shows that the definition is wrong.
    #[error("{0}")]
    Definition(String),
    /// A part ended.
    #[error("{0} ended, the log says why")]
    Stopped(&'static str),
}

impl From<ExecutorError> for HostError {
    fn from(error: ExecutorError) -> Self {
        match error {
            ExecutorError::Storage(error) => Self::Storage(error),
            ExecutorError::Derivation(reason) => Self::Derivation(reason),
            ExecutorError::Definition(reason) => Self::Definition(reason),
        }
    }
}

impl From<CursorError> for HostError {
    fn from(error: CursorError) -> Self {
        Self::Derivation(error.to_string())
    }
}

/// What a node runs with, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) definition: Definition,
    pub(crate) directory: std::path::PathBuf,
    pub(crate) apis: Vec<sequencer_client::client::Api>,
    pub(crate) endpoints: Vec<light_client::rpc::Endpoint>,
    pub(crate) replicas: Vec<light_client::rpc::Endpoint>,
    pub(crate) proof: ProofKind,
    pub(crate) poll: Duration,
    pub(crate) rpc: SocketAddr,
    pub(crate) limits: RpcLimits,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) advance: Option<(Account, u64)>,
}

impl Config {
    pub(crate) fn new(
        settings: &Settings,
        definition: Definition,
        account: Option<Account>,
    ) -> Result<Self, SettingsError> {
        let default = DEFAULT_LISTEN.parse();
        let default = default.map_err(|error| SettingsError::Invalid(format!("{error}")))?;
        let endpoints = match &definition.l1 {
            Some(_) => settings.endpoints()?,
            None => Vec::new(),
        };
        let replicas = settings.replicas()?;
        if !replicas.is_empty() && definition.replicas.is_empty() {
            let message = "l1_replica: the definition names no other L1".to_owned();
            return Err(SettingsError::Invalid(message));
        }
        if settings.proof == Some(ProofKind::LightClient) && definition.l1.is_none() {
            let message = "proof: the rollup has no L1, and so no light client".to_owned();
            return Err(SettingsError::Invalid(message));
        }
        if account.is_some() && definition.l1.is_none() {
            let message = "advance.account: the rollup has no L1".to_owned();
            return Err(SettingsError::Invalid(message));
        }
        let limits = settings.limits(definition.sequencer.parameters.max_transaction_bytes);
        Ok(Self {
            definition,
            directory: settings.data_dir(),
            apis: settings.apis()?,
            endpoints,
            replicas,
            proof: settings.proof.unwrap_or_default(),
            poll: Duration::from_millis(settings.l1_poll_ms.unwrap_or(2_000).max(50)),
            rpc: settings.rpc.listen.unwrap_or(default),
            limits,
            metrics: settings.metrics.listen,
            advance: account.map(|account| (account, settings.advance.every.unwrap_or(100).max(1))),
        })
    }
}

/// Runs a node until `shutdown` resolves or a part fails. RN9: the signal is obeyed at any await, also while it starts.
pub(crate) async fn run<A: Application>(
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), HostError> {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut running = tokio::select! {
        () = &mut shutdown => return Ok(()),
        running = begin::<A>(config) => running?,
    };
    let outcome = tokio::select! {
        () = &mut shutdown => Ok(()),
        error = running.failed() => Err(error),
    };
    running.end().await;
    outcome
}

/// The parts of a node at work.
struct Running {
    server: RpcServer,
    tasks: JoinSet<HostError>,
    stop: watch::Sender<bool>,
    /// Why the executor ended; nothing if it was told to.
    executor: oneshot::Receiver<Option<HostError>>,
}

impl Running {
    /// The first part that fails.
    async fn failed(&mut self) -> HostError {
        tokio::select! {
            ended = &mut self.executor => match ended {
                Ok(Some(error)) => error,
                _ => HostError::Stopped("the executor"),
            },
            Some(ended) = self.tasks.join_next() => match ended {
                Ok(error) => error,
                Err(_) => HostError::Stopped("a part of the node"),
            },
        }
    }

    /// Answers what is under way, and closes the disk.
    async fn end(mut self) {
        self.stop.send_replace(true);
        self.server.stop().await;
        self.tasks.shutdown().await;
        if !self.executor.is_terminated() {
            // An error says that it is gone.
            self.executor.await.ok();
        }
    }
}

async fn begin<A: Application>(config: Config) -> Result<Running, HostError> {
    let definition = &config.definition;
    let vm = A::vm(definition).map_err(HostError::Machine)?;
    let node = open(vm, definition.clone(), config.directory.clone()).await?;
    for warning in warnings(definition) {
        tracing::warn!("{warning}");
    }
    let root = trust::from_genesis(&definition.sequencer)?;
    let newest = match node.view().trust()? {
        Some(checkpoint) => checkpoint.trust_in(&definition.sequencer)?,
        None => root.clone(),
    };
    let patience = ServersConfig::default();
    let servers = Arc::new(Servers::new(config.apis.clone(), newest, patience)?);
    // Proofs that others check start at genesis.
    let provers = Arc::new(Servers::new(config.apis.clone(), root, patience)?);
    let height = match node.view().cursor()?.as_slice() {
        [] => definition.origin.0.saturating_sub(1),
        bytes => decode(bytes)?.height().0,
    };
    let board = Arc::new(Board::new(definition.origin.0, height));
    let metrics = Arc::new(Metrics::new());
    let context = Context {
        node: node.clone(),
        board: Arc::clone(&board),
        servers: provers,
        name: A::NAME,
    };
    let mut all = methods(context)?.remove_context();
    all.merge(A::methods(&node)?)?;
    let server = serve(config.rpc, config.limits, all);
    let server = server.await.map_err(|source| HostError::Listen {
        setting: "--rpc.listen",
        address: config.rpc,
        source,
    })?;
    tracing::info!(address = %server.address, "JSON-RPC");
    let mut tasks: JoinSet<HostError> = JoinSet::new();
    if let Some(address) = config.metrics {
        let listener = bind(address).await;
        let listener = listener.map_err(|source| HostError::Listen {
            setting: "--metrics.listen",
            address,
            source,
        })?;
        let health = Health {
            node: node.clone(),
            board: Arc::clone(&board),
            metrics: Arc::clone(&metrics),
        };
        tasks.spawn(async move {
            Arc::new(health).run(listener).await;
            HostError::Stopped("the server of health and metrics")
        });
    }
    {
        let (node, servers) = (node.clone(), Arc::clone(&servers));
        let board = Arc::clone(&board);
        tasks.spawn(async move { submission::run(node, &servers, &board).await.into() });
    }
    if let (Some((account, every)), Some(l1)) = (config.advance.clone(), definition.l1) {
        let advancer = Advancer {
            endpoints: config.endpoints.clone(),
            account,
            contracts: l1,
            namespace: definition.namespace,
            every,
            servers: Arc::clone(&servers),
        };
        tasks.spawn(async move { advancer.run().await });
    }
    if !config.replicas.is_empty() {
        let replicas = Replicas {
            replicas: definition.replicas.clone(),
            endpoints: config.replicas.clone(),
            namespace: definition.namespace,
            servers: Arc::clone(&servers),
            board: Arc::clone(&board),
        };
        tasks.spawn(async move { replicas.run().await });
    }
    let (stop, stopping) = watch::channel(false);
    let executor = spawn_executor(
        async move { execute(&config, node, board, metrics, servers).await },
        stopping,
    )?;
    Ok(Running {
        server,
        tasks,
        stop,
        executor,
    })
}

/// Machine and disk block, so the executor has a thread of its own.
fn spawn_executor(
    work: impl Future<Output = HostError> + Send + 'static,
    mut stopping: watch::Receiver<bool>,
) -> Result<oneshot::Receiver<Option<HostError>>, HostError> {
    let (ended, end) = oneshot::channel();
    let handle = Handle::current();
    let thread = thread::Builder::new().name("executor".into());
    let spawned = thread.spawn(move || {
        let outcome = handle.block_on(async {
            tokio::select! {
                error = work => Some(error),
                // An error says that the host is gone.
                _ = stopping.wait_for(|stop| *stop) => None,
            }
        });
        // Nobody listens to a node that could not begin.
        ended.send(outcome).ok();
    });
    spawned.map_err(|_| HostError::Stopped("the executor's thread"))?;
    Ok(end)
}

/// The disk may take long: replaying a journal, or a lock.
async fn open<V: Vm>(
    vm: V,
    definition: Definition,
    directory: std::path::PathBuf,
) -> Result<Node<V>, HostError> {
    let opening = spawn_blocking(move || {
        let storage = Storage::open(&directory, definition.digest(), &vm.genesis())?;
        Node::new(vm, definition, storage)
    });
    let opened = opening.await;
    Ok(opened.map_err(|_| HostError::Stopped("opening the database"))??)
}

async fn execute<V: Vm>(
    config: &Config,
    node: Node<V>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    servers: Arc<Servers>,
) -> HostError {
    let start = match start(&node, &board, &servers).await {
        Ok(start) => start,
        Err(error) => return error,
    };
    let reader = config.definition.l1.map(|contracts| {
        let endpoints = Endpoints::new(config.endpoints.clone(), contracts.chain_id);
        Reader::new(
            endpoints,
            contracts,
            config.definition.sequencer.chain_domain(),
        )
    });
    let source = match (config.proof, config.definition.l1) {
        (ProofKind::LightClient, Some(l1)) => {
            let endpoints = Endpoints::new(config.endpoints.clone(), l1.chain_id);
            let anchors = Anchors::new(endpoints, l1.light_client);
            Source::by_light_client(servers, anchors, start.follower())
        }
        _ => Source::by_certificate(servers, start.follower()),
    };
    let executor = Executor::new(node, board, metrics, source, reader, config.poll, start);
    match executor {
        Ok(executor) => executor.run().await.into(),
        Err(error) => error.into(),
    }
}

/// Where derivation starts: where the disk says, or at the origin.
async fn start<V: Vm>(
    node: &Node<V>,
    board: &Board,
    servers: &Servers,
) -> Result<Cursor, HostError> {
    let mut retries = Retries::default();
    let newest = loop {
        // Also leads the trust to the newest committee, over however many epochs.
        match servers.block(BlockId::Latest).await {
            Ok(block) => break block,
            Err(error @ ClientError::AllLeft(_)) => return Err(error.into()),
            Err(error) => {
                retries.failed("reading the sequencer", &error);
                let reason = format!("the sequencer can't be read: {error}");
                board.trouble("start", Some(reason));
                sleep(PAUSE).await;
            }
        }
    };
    board.seen(newest.header.height.0);
    board.trouble("start", None);
    let stored = node.view().cursor()?;
    if !stored.is_empty() {
        return Ok(decode(&stored)?);
    }
    let rules = rules(node.definition());
    let before = rules.origin.0.saturating_sub(1);
    if before == 0 {
        return Ok(Cursor::start(&rules, None)?);
    }
    let root = trust::from_genesis(&node.definition().sequencer)?;
    loop {
        match before_origin(servers, &rules, &root).await {
            Ok(summary) => return Ok(Cursor::start(&rules, Some(&summary))?),
            Err(error @ ClientError::AllLeft(_)) => return Err(error.into()),
            Err(error) => {
                retries.failed("reading what was before the rollup's origin", &error);
                let reason = format!(
                    "the sequencer does not tell what was before the rollup's origin: {error}"
                );
                board.trouble("start", Some(reason));
                sleep(PAUSE).await;
            }
        }
    }
}

/// The summary of the namespace right before the origin: what was there before does not count.
async fn before_origin(
    servers: &Servers,
    rules: &Rules,
    root: &Trust,
) -> Result<VerifiedSummary, ClientError> {
    let id = BlockId::Height(Height(rules.origin.0 - 1));
    let (file, _) = servers.prove_accumulator(id, rules.namespace).await?;
    let Claim::Accumulator { proof, .. } = &file.claim else {
        return Err(ClientError::OtherSubject("accumulator"));
    };
    let (block, _) = VerifiedBlock::by_file(&file, &mut root.clone())?;
    Ok(VerifiedSummary::new(block, rules.namespace, proof)?)
}

#[cfg(test)]
mod tests;
