//! A node that has a database, a mempool and an API, and no consensus: the tests decide what is final.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use da::NamespaceTree;
use hotshot::EpochInfo;
use hotshot_types::{Epoch, EpochEnd, Hash, Height, Parameters};
use prometheus_client::registry::Registry;
use sequencer::{
    api::{ApiMetrics, Bounds, Context, NodeStatus, Parts, Registered, Server},
    mempool::{Mempool, MempoolLimits},
    storage::{Durability, Identity, Storage},
};
use sequencer_client::{
    Client, ClientConfig,
    client::Api,
    trust,
    types::{Problem, ProblemCode},
};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

use crate::chain::Chain;

pub(crate) struct Node {
    pub(crate) chain: Chain,
    pub(crate) storage: Storage,
    pub(crate) mempool: Mempool,
    pub(crate) status: watch::Sender<NodeStatus>,
    pub(crate) registry: Registry,
    pub(crate) address: SocketAddr,
    served: watch::Sender<Height>,
    stored: u64,
    /// A block whose namespaces the index does not know, as a node would have it that hides one.
    hidden: Option<u64>,
    bounds: Bounds,
    metrics: ApiMetrics,
    running: Option<(watch::Sender<bool>, JoinHandle<()>)>,
    directory: TempDir,
}

impl Node {
    /// Serves a chain.
    pub(crate) async fn start(chain: Chain) -> Self {
        Self::with(chain, bounds(), None).await
    }

    pub(crate) async fn with(chain: Chain, bounds: Bounds, hidden: Option<u64>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let identity = Identity {
            chain_domain: chain.domain(),
            genesis: chain.block(0).header.hash(),
            key: None,
        };
        let storage = Storage::open(directory.path(), &identity).unwrap();
        let epochs = [1, 2].map(|epoch| info(&chain, epoch));
        storage.initialize(&chain.block(0).header, &epochs).unwrap();
        let parameters = &chain.genesis.parameters;
        let mempool = Mempool::new(MempoolLimits {
            transaction_bytes: usize::try_from(parameters.max_transaction_bytes).unwrap(),
            ..MempoolLimits::default()
        });
        let served = watch::Sender::new(Height(0));
        let mut registry = Registry::default();
        let metrics = ApiMetrics::register(&mut registry);
        let server = server().await;
        let mut node = Self {
            address: server.local_addr(),
            running: None,
            chain,
            storage,
            mempool,
            status: watch::Sender::new(NodeStatus::default()),
            registry,
            served,
            stored: 0,
            hidden,
            bounds,
            metrics,
            directory,
        };
        node.store();
        node.run(server);
        node
    }

    /// Stores what the chain has and the database has not, and serves it.
    pub(crate) fn store(&mut self) {
        for height in self.stored + 1..=self.chain.height() {
            let block = self.chain.block(height).clone();
            let mut batch = self.storage.batch();
            let certificate = block.certificate.clone().unwrap();
            batch
                .decide(std::slice::from_ref(&block.header), &certificate)
                .unwrap();
            batch.put_payload(&block.header, block.payload.bytes().clone());
            let length = self.chain.genesis.parameters.epoch_length;
            if height % length == 0 {
                let epoch = Epoch(height / length);
                let header = block.header.header().clone();
                batch.put_epoch_end(&EpochEnd {
                    header,
                    certificate,
                });
                batch.put_epoch(&info(&self.chain, epoch.0 + 1));
                batch.put_epoch(&info(&self.chain, epoch.0 + 2));
            }
            self.storage.commit(batch, Durability::Buffered).unwrap();
            let mut batch = self.storage.batch();
            batch
                .advance_map(Height(height), block.map_update.as_ref().unwrap())
                .unwrap();
            let shown = if self.hidden == Some(height) {
                NamespaceTree::new(&da::Payload::empty())
            } else {
                block.tree.clone()
            };
            batch.index_block(Height(height), &shown).unwrap();
            self.storage.commit(batch, Durability::Buffered).unwrap();
            self.mempool.block_final(Height(height), &block.tree);
        }
        self.stored = self.chain.height();
        self.served.send_replace(Height(self.stored));
    }

    /// One more final block with these transactions.
    pub(crate) fn push(&mut self, namespaces: &[(u64, &[Vec<u8>])]) {
        self.chain.push(namespaces);
        self.store();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(&self.url(), ClientConfig::default()).unwrap()
    }

    /// A client that trusts the genesis document and nothing else.
    pub(crate) fn client(&self) -> Client {
        Client::new(
            self.api(),
            trust::from_genesis(&self.chain.genesis).unwrap(),
        )
    }

    fn run(&mut self, server: Server) {
        let context = Context::new(Parts {
            storage: self.storage.clone(),
            mempool: self.mempool.clone(),
            genesis: self.chain.genesis.clone(),
            status: self.status.subscribe(),
            served: self.served.subscribe(),
            registered: watch::channel(Registered::default()).1,
            bounds: self.bounds,
            metrics: self.metrics.clone(),
        });
        let shutdown = watch::Sender::new(false);
        let server = tokio::spawn(server.run(context, shutdown.subscribe()));
        self.running = Some((shutdown, server));
    }

    /// Stops the server; its port is free afterwards.
    pub(crate) async fn stop(&mut self) {
        if let Some((shutdown, server)) = self.running.take() {
            shutdown.send_replace(true);
            server.await.unwrap();
        }
    }

    /// Where its database is.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Ends the node; what is left is its database.
    pub(crate) async fn into_database(mut self) -> (Chain, TempDir) {
        self.stop().await;
        self.storage.write_index().unwrap();
        (self.chain, self.directory)
    }

    /// Serves again at the same port, as after a restart.
    pub(crate) async fn restart(&mut self) {
        let server = Server::bind(self.address).await.unwrap();
        self.run(server);
    }

    /// The answer to a request: status, content type and body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String, Bytes) {
        let response = reqwest::get(format!("{}{path}", self.url())).await.unwrap();
        read(response).await
    }

    /// The problem that a request is refused with.
    pub(crate) async fn problem(&self, path: &str) -> Problem {
        let (status, form, body) = self.get(path).await;
        problem_of(status, &form, &body)
    }
}

/// The sample chain: see [`Chain::sample`].
pub(crate) async fn sample() -> Node {
    Node::start(Chain::sample()).await
}

/// 300 blocks, each of an epoch of its own: more epochs than one proof holds.
pub(crate) async fn of_many_epochs() -> Node {
    let parameters = Parameters {
        epoch_length: 1,
        ..Parameters::development()
    };
    let mut chain = Chain::of(Hash([7; 32]), parameters);
    for _ in 0..300 {
        chain.push(&[]);
    }
    Node::start(chain).await
}

/// A server at a port that nobody takes while it is down.
async fn server() -> Server {
    loop {
        let address = ([127, 0, 0, 1], crate::ports::free()).into();
        if let Ok(server) = Server::bind(address).await {
            return server;
        }
    }
}

/// The product's bounds, but what comes now and then comes often, and nobody is too slow for a node
/// on a busy machine.
pub(crate) fn bounds() -> Bounds {
    const PATIENCE: Duration = Duration::from_secs(300);
    Bounds {
        heartbeat: Duration::from_millis(300),
        head_interval: Duration::from_millis(50),
        head_timeout: PATIENCE,
        body_timeout: PATIENCE,
        stall_timeout: PATIENCE,
        stream_stall: PATIENCE,
        drain: Duration::from_secs(20),
        ..Bounds::default()
    }
}

fn info(chain: &Chain, epoch: u64) -> EpochInfo {
    let seed = match epoch {
        1 => chain.genesis.seeds[0],
        2 => chain.genesis.seeds[1],
        _ => {
            let end = (epoch - 2) * chain.genesis.parameters.epoch_length;
            // The node knows an epoch before its seed is drawn.
            let known = (end <= chain.height()).then(|| chain.header(end).randao_mix);
            known.unwrap_or_default()
        }
    };
    EpochInfo {
        committee: Arc::clone(&chain.committee(epoch)),
        seed,
    }
}

pub(crate) async fn read(response: reqwest::Response) -> (u16, String, Bytes) {
    let status = response.status().as_u16();
    let form = response.headers().get("content-type");
    let form = form
        .map(|form| form.to_str().unwrap().to_owned())
        .unwrap_or_default();
    (status, form, response.bytes().await.unwrap())
}

/// Reads a problem, and checks that it is a proper one.
pub(crate) fn problem_of(status: u16, form: &str, body: &[u8]) -> Problem {
    assert_eq!(
        form,
        "application/problem+json",
        "{}",
        String::from_utf8_lossy(body)
    );
    let problem: Problem = serde_json::from_slice(body).unwrap();
    assert_eq!(problem.status, status);
    assert_ne!(problem.code, ProblemCode::Unknown);
    assert_eq!(
        problem.kind,
        format!("urn:sequencer:problem:{}", problem.code.name())
    );
    assert!(
        problem.detail.len() > 20,
        "{problem:?} does not say what to do"
    );
    problem
}
