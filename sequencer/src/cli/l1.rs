//! What the verbs that work for light clients share: where these are, fees, and how they run.

use std::{net::SocketAddr, str::FromStr, sync::Arc, time::Duration};

use hotshot_types::Address;
use light_client::{rpc::Endpoint, send::SendConfig};
use program::{logs, stop};
use prometheus_client::registry::Registry;
use tokio::{sync::watch, time::sleep};

use super::exit::{Exit, Failure};
use crate::{api::MetricsServer, config::L1Url};

/// Pauses while a node or an L1 can't be reached at the start.
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(30);

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

/// The light client's address is missing, and this L1 has no stake table that knows it.
pub(super) fn not_home(endpoint: &Endpoint, chain_id: u64, home: u64) -> Failure {
    let message = format!(
        "{} is not the home L1 of this network (chain {chain_id} and not {home}): write the light client's address behind the URL, after #",
        endpoint.name()
    );
    Failure::new(Exit::Usage, message)
}

/// What may be paid for a transaction.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Fees {
    /// Most that is paid for a unit of gas
    #[arg(long, value_name = "GWEI", default_value_t = 500)]
    max_fee_gwei: u64,
    /// Send a transaction again with a higher fee after this long without a block
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..))]
    bump_after: u64,
}

impl Fees {
    pub(super) fn sending(self) -> SendConfig {
        SendConfig {
            patience: Duration::from_secs(self.bump_after),
            most_fee: u128::from(self.max_fee_gwei) * 1_000_000_000,
            ..SendConfig::default()
        }
    }
}

/// How the verb runs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Service {
    /// Do what is due now, then end
    #[arg(long)]
    pub(super) once: bool,
    /// Serve Prometheus metrics at this address
    #[arg(long = "metrics.listen", value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// Print JSON (with --once), write logs as JSON (without)
    #[arg(long)]
    pub(super) json: bool,
}

impl Service {
    /// From here on there are logs.
    pub(super) fn start_logs(self) -> Result<(), Failure> {
        logs::start(None, self.json)
    }

    /// Tries again what fails because something can't be reached yet; not with `--once`.
    pub(super) async fn once_reachable<T>(
        self,
        prepare: impl AsyncFn() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut rest = FIRST_REST;
        loop {
            match prepare().await {
                Err(failure) if failure.is_passing() && !self.once => {
                    tracing::warn!(%failure, "not at work yet");
                    sleep(rest).await;
                    rest = LONGEST_REST.min(2 * rest);
                }
                outcome => return outcome,
            }
        }
    }

    /// Works until it is done or asked to stop, and serves the metrics meanwhile.
    pub(super) async fn run<E: Into<Failure>>(
        self,
        registry: Registry,
        work: impl Future<Output = Result<(), E>>,
    ) -> Result<(), Failure> {
        let (running, stopping) = watch::channel(false);
        if let Some(address) = self.metrics {
            let server = MetricsServer::bind(address).await.map_err(|error| {
                Failure::new(
                    Exit::Config,
                    format!("can't listen for metrics on {address}: {error}"),
                )
            })?;
            tokio::spawn(server.run(Arc::new(registry), stopping));
        }
        let shutdown = stop::requested().map_err(|error| Failure::new(Exit::Internal, error))?;
        let outcome = tokio::select! {
            () = shutdown => Ok(()),
            outcome = work => outcome.map_err(Into::into),
        };
        running.send_replace(true);
        outcome
    }
}
