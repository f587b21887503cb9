//! `sequencer relay`: keeps light clients up to date.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use futures::future::select_all;
use hotshot_types::Address;
use light_client::{
    Account,
    rpc::Endpoint,
    send::{SendConfig, Sender},
};
use prometheus_client::registry::Registry;
use sequencer_client::{ClientConfig, client::Api};
use tokio::sync::watch;

use super::{
    exit::{Exit, Failure},
    output,
    run::{logs, stop},
};
use crate::{
    api::MetricsServer,
    config::{L1Url, LogSettings},
    keys::{self, PasswordSource, Unlock},
    relay::{self, RelayConfig, RelayMetrics, Relayer},
};

/// Pauses while the node or an L1 can't be reached at the start.
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Arguments of `relay`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Anybody may relay: the contract checks what it is given. The account pays the fees and needs no \
other power. Several L1s are kept up to date at once; for the home L1 the stake table says where the light client is, \
for another one write its address behind the URL: http://127.0.0.1:8546#0x1234.."
)]
pub(crate) struct Args {
    /// URL of a node's API
    #[arg(
        long,
        env = "SEQUENCER_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    url: String,
    /// URL of a node of an L1, with #ADDRESS of its light client where it is not the home L1; repeat it
    #[arg(
        long = "l1",
        env = "SEQUENCER_RELAY_L1",
        value_name = "URL[#ADDRESS]",
        value_delimiter = ',',
        required = true,
        hide_env_values = true
    )]
    l1: Vec<Target>,
    /// Key file of the account that pays: a keystore of EIP-2335 or 32 bytes in hex, mode 0600
    #[arg(long, env = "SEQUENCER_RELAY_KEY", value_name = "FILE")]
    key: PathBuf,
    /// File with the password of the key
    #[arg(long, env = "SEQUENCER_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Relay whenever a light client is this many blocks behind; once an epoch in any case
    #[arg(long, value_name = "BLOCKS", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    /// Pause between two looks
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(50..))]
    poll_ms: u64,
    /// Most that is paid for a unit of gas
    #[arg(long, value_name = "GWEI", default_value_t = 500)]
    max_fee_gwei: u64,
    /// Send a transaction again with a higher fee after this long without a block
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..))]
    bump_after: u64,
    /// Relay what is due now, then end
    #[arg(long)]
    once: bool,
    /// Serve Prometheus metrics at this address
    #[arg(long = "metrics.listen", value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// Print JSON (with --once), write logs as JSON (without)
    #[arg(long)]
    json: bool,
}

/// A light client on an L1.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) url: L1Url,
    pub(super) light_client: Option<Address>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (url, address) = match text.split_once('#') {
            Some((url, address)) => (url, Some(address)),
            None => (text, None),
        };
        let light_client = address.map(|address| {
            address
                .parse()
                .map_err(|error| format!("`{address}` is no address: {error}"))
        });
        Ok(Self {
            url: url.parse().map_err(|error| format!("{error}"))?,
            light_client: light_client.transpose()?,
        })
    }
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut settings = LogSettings::default();
    if args.json {
        settings.format = Some(crate::config::LogFormat::Json);
    }
    logs::start(&settings)?;
    let password = PasswordSource::of(args.password_file.as_deref(), None);
    let account = keys::load_account(&args.key, &mut Unlock::with(password))?;
    let api = Api::new(&args.url, ClientConfig::default())?;
    let endpoints: Vec<Endpoint> = args
        .l1
        .iter()
        .map(|target| Endpoint::new(&target.url.0))
        .collect::<Result<_, _>>()?;
    let names: Vec<String> = endpoints.iter().map(|l1| l1.name().to_owned()).collect();
    let mut registry = Registry::with_prefix("sequencer");
    let metrics = RelayMetrics::register(&mut registry, &names);
    let mut rest = FIRST_REST;
    let relayers = loop {
        match prepare(&args, &api, &endpoints, &metrics, &account).await {
            Err(failure) if failure.is_passing() && !args.once => {
                tracing::warn!(%failure, "not relaying yet");
                tokio::time::sleep(rest).await;
                rest = LONGEST_REST.min(2 * rest);
            }
            outcome => break outcome?,
        }
    };
    if args.once {
        return once(relayers, args.json).await;
    }
    let (running, stopping) = watch::channel(false);
    if let Some(address) = args.metrics {
        let server = MetricsServer::bind(address).await.map_err(|error| {
            Failure::new(
                Exit::Config,
                format!("can't listen for metrics on {address}: {error}"),
            )
        })?;
        tokio::spawn(server.run(Arc::new(registry), stopping));
    }
    let shutdown = stop::requested().map_err(|error| Failure::new(Exit::Internal, error))?;
    let tasks = relayers.into_iter().map(|relayer| Box::pin(relayer.run()));
    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        (outcome, _, _) = select_all(tasks) => outcome,
    };
    running.send_replace(true);
    Ok(outcome?)
}

/// Looks what is where; a node or an L1 that can't be reached now may come later.
async fn prepare(
    args: &Args,
    api: &Api,
    endpoints: &[Endpoint],
    metrics: &[RelayMetrics],
    account: &Account,
) -> Result<Vec<Relayer>, Failure> {
    let genesis = api.genesis().await?;
    let config = RelayConfig {
        every_blocks: args.every,
        poll: Duration::from_millis(args.poll_ms),
        ..RelayConfig::default()
    };
    let sending = SendConfig {
        patience: Duration::from_secs(args.bump_after),
        most_fee: u128::from(args.max_fee_gwei) * 1_000_000_000,
        ..SendConfig::default()
    };
    let mut relayers = Vec::new();
    for ((endpoint, target), metrics) in endpoints.iter().zip(&args.l1).zip(metrics) {
        let sender = Sender::new(endpoint.clone(), account.clone(), sending).await?;
        let light_client = match target.light_client {
            Some(address) => address,
            None if sender.chain_id() == genesis.l1_chain_id => {
                relay::home_light_client(endpoint, genesis.stake_table).await?
            }
            None => {
                let message = format!(
                    "{} is not the home L1 of this network (chain {} and not {}): write the light client's address behind the URL, after #",
                    endpoint.name(),
                    sender.chain_id(),
                    genesis.l1_chain_id
                );
                return Err(Failure::new(Exit::Usage, message));
            }
        };
        tracing::info!(l1 = endpoint.name(), account = %sender.address(), %light_client, "relaying");
        let (api, metrics) = (api.clone(), metrics.clone());
        relayers.push(Relayer::new(api, sender, light_client, config, metrics).await?);
    }
    Ok(relayers)
}

async fn once(relayers: Vec<Relayer>, json: bool) -> Result<(), Failure> {
    let mut all = Vec::new();
    for mut relayer in relayers {
        all.extend(relayer.finish().await?);
    }
    if json {
        return output::json(&all);
    }
    if all.is_empty() {
        return output::line("nothing to relay");
    }
    for relayed in all {
        output::line(format_args!(
            "relayed block {} of epoch {} in L1 block {} for {} gas",
            relayed.height, relayed.epoch, relayed.l1_block, relayed.gas
        ))?;
    }
    Ok(())
}
