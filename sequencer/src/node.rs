//! A node: the cores, and everything they need from the world.
//!
//! Who owns what: the consensus loop (`consensus`) the state machine, the payload task
//! (`payloads`) the blocks above the last settled one, the network its connections, and
//! `Storage` whatever lasts. They talk over bounded channels; whoever finds one full waits,
//! except for frames to peers, of which the oldest give way.

mod addresses;
mod clock;
mod consensus;
mod directory;
mod error;
mod fetch;
mod forward;
mod heard;
mod home;
mod inbound;
mod lookout;
mod metrics;
mod pairings;
mod payloads;
mod peers;
pub(crate) mod probe;
mod publish;
mod retention;
mod roster;
mod serve;
mod start;
mod status;
mod watch;
mod wire;

use std::{sync::Arc, thread};

use hotshot_types::Height;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, watch as channel};

pub use self::error::NodeError;
pub(crate) use self::start::{first_epochs, genesis_header};
use self::{
    clock::Clock,
    consensus::{Consensus, MAX_FACTS, Position},
    directory::Directory,
    fetch::Fetcher,
    heard::Heard,
    lookout::Lookout,
    metrics::{ConsensusMetrics, CopiedMetrics},
    pairings::Pairings,
    peers::Peers,
    roster::Roster,
    start::Started,
    watch::Leave,
};
pub(crate) use self::{
    error::advice,
    start::{database, identity},
};
use crate::{
    api::{self, ApiMetrics, Bounds, Context, MetricsServer, Registered, Server},
    config::NodeConfig,
    mempool::{Mempool, MempoolLimits},
    network::{Inbound, Network, NetworkConfig},
};

/// Frames with address records that may wait; further ones are dropped, they come again.
const MAX_PASSED: usize = 64;

/// Runs a node until `shutdown` completes or something fails that it can't go on without.
///
/// # Errors
/// What is wrong, and what to do about it.
pub async fn run(config: NodeConfig, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
    run_until(config, Height::MAX, shutdown).await
}

/// Follows the chain until a block at `height` is final here.
pub(crate) async fn follow_until(
    mut config: NodeConfig,
    height: Height,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    // Without a key the node is none of the validators and signs nothing.
    config.consensus_key = None;
    if let Some(l1) = &mut config.l1 {
        l1.account = None;
    }
    config.api.listen = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    config.metrics = None;
    run_until(config, height, shutdown).await
}

async fn run_until(
    config: NodeConfig,
    height: Height,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    let Started {
        storage,
        replica,
        epochs,
        seeds,
        validator,
    } = start::open(&config)?;
    let api_server = Server::bind(config.api.listen)
        .await
        .map_err(|source| NodeError::Listen {
            what: "the API",
            address: config.api.listen.to_string(),
            setting: "api.listen",
            source,
        })?;
    let metrics_server = match config.metrics {
        None => None,
        Some(address) => {
            Some(
                MetricsServer::bind(address)
                    .await
                    .map_err(|source| NodeError::Listen {
                        what: "metrics",
                        address: address.to_string(),
                        setting: "metrics.listen",
                        source,
                    })?,
            )
        }
    };

    let own = config.network_key.public().to_peer_id();
    let directory = Arc::new(Directory::new(&config.genesis, own)?);
    let domain = config.genesis.chain_domain();
    let mut network_config = NetworkConfig::new(config.network_key.clone(), domain.0);
    network_config.listen.clone_from(&config.p2p.listen);
    network_config.peers = peers::first(&directory, &config);
    let (network, inbound) = Network::spawn(network_config).await?;
    let mut registry = Registry::with_prefix("sequencer");
    let api_metrics = ApiMetrics::register(&mut registry);
    let consensus_metrics = ConsensusMetrics::register(&mut registry);
    let included = consensus_metrics.included();
    storage.metrics().register(&mut registry);

    let mempool = Mempool::new(MempoolLimits {
        total_bytes: start::bytes(config.mempool.max_bytes),
        namespace_bytes: start::bytes(config.mempool.namespace_bytes),
        source_bytes: start::bytes(config.mempool.source_bytes),
        transaction_bytes: config.genesis.parameters.max_transaction_bytes as usize,
        ..MempoolLimits::default()
    });
    let closing = storage.clone();
    start::index_again(&storage, &config.genesis.parameters)?;
    start::remember_recent(&storage, &mempool, &config.genesis.parameters)?;
    let heard = Arc::new(Heard::default());
    let clock = Clock::start();
    let (facts, fact_inbox) = mpsc::channel(MAX_FACTS);
    let (failure, mut failures) = mpsc::channel(1);
    let (position, position_watch) = channel::channel(Position::default());
    let mut reached = position_watch.clone();
    let (served, served_watch) = channel::channel(storage.map_height());
    let (stop, stopping) = channel::channel(false);
    let key = validator.as_ref().map(|(key, _)| *key);
    let known = epochs.values().map(|info| Arc::clone(&info.committee));
    let roster = Arc::new(Roster::new(
        key,
        Arc::clone(&directory),
        storage.clone(),
        known,
    ));
    let home = home::start(
        &config,
        clock,
        &directory,
        &roster,
        &facts,
        &mut registry,
        &stopping,
    )?;
    home::report(&config, &storage, &mut registry, &stopping);
    let fetcher = Fetcher::new(network.clone(), Arc::clone(&directory), facts.clone());
    let mender = payloads::Mender {
        storage: storage.clone(),
        fetcher: fetcher.clone(),
        roster: Arc::clone(&roster),
        limits: start::limits(&config.genesis.parameters),
    };
    tokio::spawn(mender.run(stopping.clone()));
    let me = config.validator();
    let (leave, leave_watch) = channel::channel(match key {
        Some(_) => Leave::Watching,
        None => Leave::Given,
    });
    let (payloads, payload_task) = payloads::spawn(payloads::Parts {
        storage: storage.clone(),
        network: network.clone(),
        fetcher: fetcher.clone(),
        mempool: mempool.clone(),
        clock,
        parameters: config.genesis.parameters,
        roster: Arc::clone(&roster),
        facts: facts.clone(),
        served,
        failure,
    })?;
    let mut payload_task = tokio::spawn(payload_task);

    let consensus = Consensus {
        replica,
        clock,
        storage: storage.clone(),
        network: network.clone(),
        directory: Arc::clone(&directory),
        fetcher: fetcher.clone(),
        epochs,
        seeds,
        roster: Arc::clone(&roster),
        epoch_length: config.genesis.parameters.epoch_length,
        stake_table: home.as_ref().map(|home| home.questions.clone()),
        key,
        payloads: payloads.clone(),
        pairings: Pairings::new(
            payloads.workers().clone(),
            facts.clone(),
            consensus_metrics.pairing_checks.clone(),
        ),
        facts: facts.clone(),
        position,
        metrics: consensus_metrics,
        built: None,
        backlog: std::collections::VecDeque::new(),
        active: None,
        returning: false,
    };
    let (ended, mut consensus_end) = mpsc::channel(1);
    let consensus_stop = stopping.clone();
    let consensus_thread = thread::Builder::new()
        .name("consensus".into())
        .spawn(move || {
            let result = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .map_err(NodeError::Runtime)
                .and_then(|runtime| runtime.block_on(consensus.run(fact_inbox, consensus_stop)));
            // The receiver is gone only if the node is stopping anyway.
            drop(ended.blocking_send(result));
        })
        .map_err(NodeError::Runtime)?;

    let Inbound {
        control,
        bulk,
        requests,
        events,
    } = inbound;
    tokio::spawn(inbound::control(
        control,
        network.clone(),
        Arc::clone(&directory),
        Arc::clone(&heard),
        facts.clone(),
    ));
    let lookout = Arc::new(Lookout::new(
        domain,
        clock,
        Arc::clone(&directory),
        Arc::clone(&heard),
        facts.clone(),
    ));
    let (watch_failure, mut watch_end) = mpsc::channel(1);
    if let Some(((_, duty), key)) = validator.zip(config.consensus_key.clone()) {
        let watching = watch::run(watch::Parts {
            key,
            duty,
            domain,
            epoch_length: config.genesis.parameters.epoch_length,
            view_timeout_ms: config.genesis.parameters.view_timeout_ms,
            roster: Arc::clone(&roster),
            clock,
            storage: storage.clone(),
            network: network.clone(),
            directory: Arc::clone(&directory),
            facts: facts.clone(),
            position: position_watch.clone(),
            leave,
        });
        tokio::spawn(async move {
            if let Err(error) = watching.await
                && watch_failure.send(error).await.is_err()
            {
                tracing::debug!("the node has stopped");
            }
        });
    }
    let (passed, records) = mpsc::channel(MAX_PASSED);
    let bulk_parts = inbound::BulkParts {
        network: network.clone(),
        directory: Arc::clone(&directory),
        mempool: mempool.clone(),
        payloads,
        facts,
        fetcher,
        heard: Arc::clone(&heard),
        passed,
    };
    tokio::spawn(inbound::bulk(bulk, bulk_parts));
    let peers = Peers::new(
        &config,
        network.clone(),
        Arc::clone(&directory),
        Arc::clone(&heard),
    );
    tokio::spawn(peers.run(events, records));
    tokio::spawn(serve::run(
        requests,
        network.clone(),
        Arc::clone(&directory),
        storage.clone(),
        lookout,
    ));
    tokio::spawn(publish::run(
        storage.clone(),
        network.clone(),
        Arc::clone(&directory),
        position_watch.clone(),
    ));
    let (pool, net, at) = (mempool.clone(), network.clone(), position_watch.clone());
    if start::may_vote(&config) {
        tokio::spawn(forward::run(pool, net, Arc::clone(&roster), at));
    } else {
        tokio::spawn(forward::run_for_follower(pool, net, directory, at));
    }
    tokio::spawn(retention::run(
        storage.clone(),
        config.retention,
        config.genesis.parameters.epoch_length,
        served_watch.clone(),
    ));
    let (status, status_watch) = channel::channel(api::NodeStatus::default());
    tokio::spawn(status::run(status::Parts {
        network: network.clone(),
        mempool: mempool.clone(),
        storage: storage.clone(),
        position: position_watch,
        served: served_watch.clone(),
        status,
        metrics: CopiedMetrics::register(&mut registry),
        included,
        leave: leave_watch,
        heard,
        roster,
        l1: home.as_ref().map(|home| home.status.clone()),
    }));
    let nobody = || channel::channel(Registered::default()).1;

    let context = Context::new(api::Parts {
        storage: storage.clone(),
        mempool,
        genesis: config.genesis.clone(),
        status: status_watch,
        served: served_watch,
        registered: home.map_or_else(nobody, |home| home.registered),
        bounds: Bounds {
            source_rate: config.api.source_rate,
            ..Bounds::with_streams(config.api.max_streams, config.api.connections)
        },
        metrics: api_metrics,
    });
    tracing::info!(
        api = %format!("http://{}", api_server.local_addr()),
        p2p = %listed(network.listen_addresses()),
        peer = %network.local_peer_id(),
        validator = %me.map_or_else(|| "none".into(), |me| me.to_string()),
        "node started"
    );
    let api_task = tokio::spawn(api_server.run(context, stopping.clone()));
    if let Some(server) = metrics_server {
        tokio::spawn(server.run(Arc::new(registry), stopping.clone()));
    }

    let result = tokio::select! {
        () = shutdown => Ok(()),
        Some(error) = failures.recv() => Err(error.into()),
        Some(error) = watch_end.recv() => Err(error),
        // Without a result it ended by a panic.
        result = consensus_end.recv() => result.unwrap_or(Err(NodeError::Stopped("consensus"))),
        _ = &mut payload_task => Err(NodeError::Stopped("payload")),
        Ok(_) = reached.wait_for(|position| position.tip >= height) => Ok(()),
    };
    tracing::info!("stopping");
    stop.send_replace(true);
    if let Err(error) = api_task.await {
        tracing::warn!(%error, "the API did not stop cleanly");
    }
    let join = tokio::task::spawn_blocking(move || consensus_thread.join());
    if !matches!(join.await, Ok(Ok(()))) {
        tracing::error!("the consensus thread panicked");
    }
    network.shutdown().await;
    if result.is_ok() {
        // The next start, and tools for a stopped node, then find it.
        closing.write_index()?;
    }
    result
}

/// Several values in one field of a log line.
pub(crate) fn listed(values: impl IntoIterator<Item: std::fmt::Display>) -> String {
    let texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    texts.join(", ")
}
