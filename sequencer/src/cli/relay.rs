//! `sequencer relay`: keeps light clients up to date.

use std::{path::PathBuf, time::Duration};

use futures::future::select_all;
use light_client::{Account, rpc::Endpoint, send::Sender};
use prometheus_client::registry::Registry;
use sequencer_client::{ClientConfig, client::Api};

use super::{
    exit::Failure,
    l1::{Fees, Service, Target, not_home},
    output,
};
use crate::{
    keys::{self, PasswordSource, Unlock},
    relay::{self, RelayConfig, RelayMetrics, Relayer},
};

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
    #[command(flatten)]
    fees: Fees,
    #[command(flatten)]
    service: Service,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    args.service.start_logs()?;
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
    let relayers = args
        .service
        .once_reachable(async || prepare(&args, &api, &endpoints, &metrics, &account).await)
        .await?;
    if args.service.once {
        return once(relayers, args.service.json).await;
    }
    let tasks = relayers.into_iter().map(|relayer| Box::pin(relayer.run()));
    // The first that can't go on ends the others.
    let work = async { select_all(tasks).await.0 };
    args.service.run(registry, work).await
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
    let mut relayers = Vec::new();
    for ((endpoint, target), metrics) in endpoints.iter().zip(&args.l1).zip(metrics) {
        let sender = Sender::new(endpoint.clone(), account.clone(), args.fees.sending()).await?;
        let light_client = match target.light_client {
            Some(address) => address,
            None if sender.chain_id() == genesis.l1_chain_id => {
                relay::home_light_client(endpoint, genesis.stake_table).await?
            }
            None => return Err(not_home(endpoint, sender.chain_id(), genesis.l1_chain_id)),
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
