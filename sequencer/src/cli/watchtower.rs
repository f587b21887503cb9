//! `sequencer watchtower`: reports what validators did wrong to the contracts on L1.

use std::{path::PathBuf, time::Duration};

use futures::future::join_all;
use hotshot_types::GenesisDocument;
use light_client::{Account, rpc::Endpoint};
use prometheus_client::registry::Registry;
use sequencer_client::{ClientConfig, client::Api};

use super::{
    exit::{Exit, Failure},
    l1::{Fees, Service, Target, not_home},
    output,
};
use crate::{
    genesis_file,
    keys::{self, PasswordSource, Unlock},
    reporter::{Place, ReportConfig, ReportFamilies, Reported, Reporter, Source},
};

/// Most nodes whose evidence is read.
const MAX_URLS: usize = 64;

/// Arguments of `watchtower`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Anybody may: who signed two things that exclude each other is slashed, and whoever reports it first \
is paid a part. The account pays the fees and needs no other power. Nothing that a node says is believed: name several, \
since one may hide evidence. Two contradicting final blocks freeze the light client of each L1 named; that takes a node \
on each branch. Watchtowers keep no state and do not disturb each other; give each an account of its own."
)]
pub(crate) struct Args {
    /// URL of a node's API; repeat it
    #[arg(
        long = "url",
        alias = "api",
        env = "SEQUENCER_URL",
        value_name = "URL",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:8080"
    )]
    urls: Vec<String>,
    /// Genesis document of the network, which names the stake table [default: that of the first node]
    #[arg(long, env = "SEQUENCER_GENESIS", value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// URL of a node of an L1, with #ADDRESS of its light client where it is not the home L1; repeat it
    #[arg(
        long = "l1",
        env = "SEQUENCER_WATCHTOWER_L1",
        value_name = "URL[#ADDRESS]",
        value_delimiter = ',',
        required = true,
        hide_env_values = true
    )]
    l1: Vec<Target>,
    /// Key file of the account that pays and is paid: a keystore of EIP-2335 or 32 bytes in hex, mode 0600
    #[arg(long, env = "SEQUENCER_WATCHTOWER_KEY", value_name = "FILE")]
    key: PathBuf,
    /// File with the password of the key
    #[arg(long, env = "SEQUENCER_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Pause between two looks
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(50..))]
    poll_ms: u64,
    /// Longest random wait before a report, so that not all who see the same pay for it
    #[arg(long, value_name = "MS", default_value_t = 800)]
    stagger_ms: u64,
    #[command(flatten)]
    fees: Fees,
    #[command(flatten)]
    service: Service,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    args.service.start_logs()?;
    if args.urls.len() > MAX_URLS {
        let message = format!("--url may be repeated {MAX_URLS} times at most");
        return Err(Failure::new(Exit::Usage, message));
    }
    let password = PasswordSource::of(args.password_file.as_deref(), None);
    let account = keys::load_account(&args.key, &mut Unlock::with(password))?;
    let urls = args.urls.iter();
    let apis = urls.map(|url| Api::new(url, ClientConfig::default()));
    let apis: Vec<Api> = apis.collect::<Result<_, _>>()?;
    let mut registry = Registry::with_prefix("sequencer");
    let families = ReportFamilies::register(&mut registry);
    let reporters = args
        .service
        .once_reachable(async || prepare(&args, &apis, &account, &families).await)
        .await?;
    if args.service.once {
        return once(reporters, args.service.json).await;
    }
    let work = async {
        join_all(reporters.into_iter().map(Reporter::run)).await;
        Ok::<(), Failure>(())
    };
    args.service.run(registry, work).await
}

/// One reporter for each L1.
async fn prepare(
    args: &Args,
    apis: &[Api],
    account: &Account,
    families: &ReportFamilies,
) -> Result<Vec<Reporter>, Failure> {
    let genesis = match &args.genesis {
        Some(file) => genesis_file::load(file)?,
        None => first_genesis(apis).await?,
    };
    let domain = genesis.chain_domain();
    let sources: Vec<Source> = apis.iter().cloned().map(Source::Api).collect();
    let config = ReportConfig {
        poll: Duration::from_millis(args.poll_ms),
        stagger: Duration::from_millis(args.stagger_ms),
        sending: args.fees.sending(),
    };
    let mut reporters = Vec::new();
    for target in &args.l1 {
        let place = place(target, &genesis).await?;
        let metrics = families.of(place.name());
        tracing::info!(l1 = place.name(), account = %account.address(), nodes = sources.len(), "looking for evidence");
        let (sources, account) = (sources.clone(), account.clone());
        reporters.push(Reporter::new(
            sources, domain, place, account, config, metrics,
        ));
    }
    Ok(reporters)
}

/// Without a document of the user's own, that of the first node that answers.
async fn first_genesis(apis: &[Api]) -> Result<GenesisDocument, Failure> {
    let mut failure = None;
    for api in apis {
        match api.genesis().await {
            Ok(genesis) => {
                tracing::warn!(
                    node = api.url(), stake_table = %genesis.stake_table,
                    "the stake table is the one that this node names; name your own genesis document with --genesis"
                );
                return Ok(genesis);
            }
            Err(error) => failure = Some(error),
        }
    }
    Err(match failure {
        Some(error) => error.into(),
        None => Failure::new(Exit::Usage, "pass --url URL of a node"),
    })
}

/// What there is to report to on an L1.
async fn place(target: &Target, genesis: &GenesisDocument) -> Result<Place, Failure> {
    let endpoint = Endpoint::new(&target.url.0)?;
    let chain_id = endpoint.chain_id().await?;
    let is_home = genesis.l1_chain_id != 0 && chain_id == genesis.l1_chain_id;
    if !is_home && target.light_client.is_none() {
        return Err(not_home(&endpoint, chain_id, genesis.l1_chain_id));
    }
    Ok(Place {
        endpoints: vec![endpoint],
        home: is_home.then_some((genesis.stake_table, chain_id)),
        light_client: target.light_client,
    })
}

async fn once(reporters: Vec<Reporter>, json: bool) -> Result<(), Failure> {
    let mut all = Vec::new();
    for mut reporter in reporters {
        all.extend(reporter.look().await?);
    }
    if json {
        return output::json(&all);
    }
    if all.is_empty() {
        return output::line("nothing to report");
    }
    for reported in all {
        match reported {
            Reported::Slashed {
                operator,
                epoch,
                reward,
                l1_block,
                gas,
            } => output::line(format_args!(
                "operator {operator} slashed for an offence in epoch {epoch}, in L1 block {l1_block} for {gas} gas; paid {reward} (in units of 1e-18 tokens)"
            ))?,
            Reported::Frozen {
                light_client,
                l1_block,
                gas,
                ..
            } => output::line(format_args!(
                "light client {light_client} frozen in L1 block {l1_block} for {gas} gas"
            ))?,
        }
    }
    Ok(())
}
