//! What one node is told: flags, then environment variables, then `rollup-node.toml`, then defaults.

use std::{
    io::Read as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};
use light_client::rpc::{Endpoint, RpcError};
use sequencer_client::{ClientConfig, ClientError, client::Api};
use serde::{Deserialize, Serialize};

/// The settings file in the data directory.
const FILE_NAME: &str = "rollup-node.toml";
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Most URLs of each kind.
const MAX_URLS: usize = 16;
/// For what surrounds a transaction in a request.
const ENVELOPE_BYTES: u32 = 4_096;

/// Why the settings make no node.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The file can't be read.
    #[error("cannot read the settings {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is malformed, or has a key that means nothing.
    #[error("{} is no settings file: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// A URL of a sequencer's node.
    #[error("sequencer: {0}")]
    Sequencer(#[from] ClientError),
    /// A URL of an L1 node.
    #[error("l1: {0}")]
    L1(#[from] RpcError),
    /// A value that can't be.
    #[error("{0}")]
    Invalid(String),
}

/// How headers of the sequencer are proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProofKind {
    /// By certificates of finality: seconds, trusts more than two thirds of the stake.
    #[default]
    Certificate,
    /// By the light client on the L1: minutes, trusts the L1.
    LightClient,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// What one source says; a field that is `None` is left to the next source.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Node settings (also in rollup-node.toml)")]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Definition of the rollup [default: rollup.toml in the data directory]
    #[arg(long, env = "ROLLUP_DEFINITION", value_name = "FILE")]
    pub(crate) definition: Option<PathBuf>,
    /// Directory of the node's data; its rollup-node.toml is read [default: rollup-data]
    #[arg(long, env = "ROLLUP_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// URL of a sequencer node's API; repeat it, or separate with commas: one that lies or stalls is left
    /// [default: http://127.0.0.1:8080]
    #[arg(
        long,
        env = "ROLLUP_SEQUENCER",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub(crate) sequencer: Option<Vec<String>>,
    /// URL of a node of the home L1; repeat it, or separate with commas
    #[arg(
        long,
        env = "ROLLUP_L1",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) l1: Option<Vec<String>>,
    /// URL of a node of an L1 that carries the rollup's inbox besides the home L1; repeat it, or separate with commas
    #[arg(
        long,
        env = "ROLLUP_L1_REPLICA",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) l1_replica: Option<Vec<String>>,
    /// How the sequencer's headers are proven [default: certificate]
    #[arg(long, env = "ROLLUP_PROOF", value_enum, value_name = "KIND")]
    pub(crate) proof: Option<ProofKind>,
    /// Pause between two looks at the L1 [default: 2000]
    #[arg(long, env = "ROLLUP_L1_POLL_MS", value_name = "MS")]
    pub(crate) l1_poll_ms: Option<u64>,
    /// JSON-RPC.
    #[command(flatten)]
    pub(crate) rpc: RpcSettings,
    /// Health and metrics.
    #[command(flatten)]
    pub(crate) metrics: MetricsSettings,
    /// The inbox on the L1.
    #[command(flatten)]
    pub(crate) advance: AdvanceSettings,
    /// Logs.
    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// JSON-RPC.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RpcSettings {
    /// Where JSON-RPC is served, over HTTP and WebSocket [default: 127.0.0.1:9545]
    #[arg(
        id = "rpc.listen",
        long = "rpc.listen",
        env = "ROLLUP_RPC_LISTEN",
        value_name = "ADDR"
    )]
    pub(crate) listen: Option<SocketAddr>,
    /// Most connections at one time [default: 256]
    #[arg(
        id = "rpc.connections",
        long = "rpc.connections",
        env = "ROLLUP_RPC_CONNECTIONS",
        value_name = "N"
    )]
    pub(crate) connections: Option<u32>,
    /// Largest request in bytes [default: what the largest transaction takes, and at least 2097152]
    #[arg(
        id = "rpc.request_bytes",
        long = "rpc.request-bytes",
        env = "ROLLUP_RPC_REQUEST_BYTES",
        value_name = "BYTES"
    )]
    pub(crate) request_bytes: Option<u32>,
    /// Largest answer in bytes [default: 16777216]
    #[arg(
        id = "rpc.answer_bytes",
        long = "rpc.answer-bytes",
        env = "ROLLUP_RPC_ANSWER_BYTES",
        value_name = "BYTES"
    )]
    pub(crate) answer_bytes: Option<u32>,
    /// Most requests in a batch [default: 100]
    #[arg(
        id = "rpc.batch",
        long = "rpc.batch",
        env = "ROLLUP_RPC_BATCH",
        value_name = "N"
    )]
    pub(crate) batch: Option<u32>,
}

/// Health and metrics.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsSettings {
    /// Where /healthz, /readyz and /metrics are served [default: nowhere]
    #[arg(
        id = "metrics.listen",
        long = "metrics.listen",
        env = "ROLLUP_METRICS_LISTEN",
        value_name = "ADDR"
    )]
    pub(crate) listen: Option<SocketAddr>,
}

/// Keeping the rollup's inbox on the L1 up to date.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdvanceSettings {
    /// Key file of an L1 account that pays for keeping the rollup's inbox up to date [default: nobody does]
    #[arg(
        id = "advance.account",
        long = "advance.account",
        env = "ROLLUP_ADVANCE_ACCOUNT",
        value_name = "KEYFILE"
    )]
    pub(crate) account: Option<PathBuf>,
    /// Blocks of the sequencer between two updates of the inbox, at least [default: 100]
    #[arg(
        id = "advance.every",
        long = "advance.every",
        env = "ROLLUP_ADVANCE_EVERY",
        value_name = "BLOCKS"
    )]
    pub(crate) every: Option<u64>,
}

/// Logs.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogSettings {
    /// Form of the logs on stderr [default: pretty]
    #[arg(
        id = "log.format",
        long = "log.format",
        env = "ROLLUP_LOG_FORMAT",
        value_enum,
        value_name = "FORMAT"
    )]
    pub(crate) format: Option<LogFormat>,
    /// What is logged: a level, or tracing directives such as info,rollup_node=debug [default: info]
    #[arg(
        id = "log.filter",
        long = "log.filter",
        env = "ROLLUP_LOG_FILTER",
        value_name = "DIRECTIVES"
    )]
    pub(crate) filter: Option<String>,
}

impl LogSettings {
    /// Whether logs are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Some(LogFormat::Json)
    }
}

/// The limits of JSON-RPC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RpcLimits {
    pub(crate) connections: u32,
    pub(crate) request_bytes: u32,
    pub(crate) answer_bytes: u32,
    pub(crate) batch: u32,
    /// How long a peer may take for the head of a request, for its body, and to take anything of an answer; how long it may
    /// say nothing.
    pub(crate) patience: Duration,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self {
            connections: 256,
            request_bytes: 2 << 20,
            answer_bytes: 16 << 20,
            batch: 100,
            patience: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Adds what the settings file says where flags and environment are silent: `explicit`, which must exist, or the one
    /// in the data directory, if there is one. Paths in it are relative to it.
    pub(crate) fn with_file(self, explicit: Option<&Path>) -> Result<Self, SettingsError> {
        let path = explicit.map_or_else(|| self.data_dir().join(FILE_NAME), Path::to_owned);
        if explicit.is_none() && !path.exists() {
            return Ok(self);
        }
        Ok(self.or(read(&path)?))
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir
            .clone()
            .unwrap_or_else(|| "rollup-data".into())
    }

    pub(crate) fn definition(&self) -> PathBuf {
        let default = || self.data_dir().join("rollup.toml");
        self.definition.clone().unwrap_or_else(default)
    }

    /// The sequencer's nodes.
    pub(crate) fn apis(&self) -> Result<Vec<Api>, SettingsError> {
        let default = ["http://127.0.0.1:8080".to_owned()];
        let urls = self.sequencer.as_deref().unwrap_or(&default);
        bounded("sequencer", urls.len())?;
        let apis = urls
            .iter()
            .map(|url| Api::new(url, ClientConfig::default()));
        Ok(apis.collect::<Result<_, _>>()?)
    }

    /// The nodes of the home L1.
    pub(crate) fn endpoints(&self) -> Result<Vec<Endpoint>, SettingsError> {
        let urls = self.l1.as_deref().unwrap_or_default();
        if urls.is_empty() {
            return Err(SettingsError::Invalid(
                "l1: the rollup has a home L1: pass --l1 URL of a node of it, best several of different operators".into(),
            ));
        }
        endpoints("l1", urls)
    }

    /// Nodes of the other L1s.
    pub(crate) fn replicas(&self) -> Result<Vec<Endpoint>, SettingsError> {
        let urls = self.l1_replica.as_deref().unwrap_or_default();
        if urls.is_empty() {
            return Ok(Vec::new());
        }
        endpoints("l1_replica", urls)
    }

    /// For transactions of at most so many bytes.
    pub(crate) fn limits(&self, transaction_bytes: u32) -> RpcLimits {
        let default = RpcLimits::default();
        // In hex.
        let largest = transaction_bytes.saturating_mul(2);
        let request_bytes = largest.saturating_add(ENVELOPE_BYTES);
        let request_bytes = request_bytes.max(default.request_bytes);
        RpcLimits {
            connections: self.rpc.connections.unwrap_or(default.connections),
            request_bytes: self.rpc.request_bytes.unwrap_or(request_bytes),
            answer_bytes: self.rpc.answer_bytes.unwrap_or(default.answer_bytes),
            batch: self.rpc.batch.unwrap_or(default.batch),
            patience: default.patience,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            definition: self.definition.or(other.definition),
            data_dir: self.data_dir.or(other.data_dir),
            sequencer: self.sequencer.or(other.sequencer),
            l1: self.l1.or(other.l1),
            l1_replica: self.l1_replica.or(other.l1_replica),
            proof: self.proof.or(other.proof),
            l1_poll_ms: self.l1_poll_ms.or(other.l1_poll_ms),
            rpc: RpcSettings {
                listen: self.rpc.listen.or(other.rpc.listen),
                connections: self.rpc.connections.or(other.rpc.connections),
                request_bytes: self.rpc.request_bytes.or(other.rpc.request_bytes),
                answer_bytes: self.rpc.answer_bytes.or(other.rpc.answer_bytes),
                batch: self.rpc.batch.or(other.rpc.batch),
            },
            metrics: MetricsSettings {
                listen: self.metrics.listen.or(other.metrics.listen),
            },
            advance: AdvanceSettings {
                account: self.advance.account.or(other.advance.account),
                every: self.advance.every.or(other.advance.every),
            },
            log: LogSettings {
                format: self.log.format.or(other.log.format),
                filter: self.log.filter.or(other.log.filter),
            },
        }
    }
}

fn bounded(name: &str, urls: usize) -> Result<(), SettingsError> {
    if (1..=MAX_URLS).contains(&urls) {
        return Ok(());
    }
    let message = format!("{name}: {urls} URLs; it takes 1 to {MAX_URLS}");
    Err(SettingsError::Invalid(message))
}

fn endpoints(name: &str, urls: &[String]) -> Result<Vec<Endpoint>, SettingsError> {
    bounded(name, urls.len())?;
    let endpoints = urls.iter().map(|url| Endpoint::new(url));
    Ok(endpoints.collect::<Result<_, _>>()?)
}

fn read(path: &Path) -> Result<Settings, SettingsError> {
    let unreadable = |source| SettingsError::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text))
        .map_err(unreadable)?;
    let mut settings: Settings = toml::from_str(&text).map_err(|error| SettingsError::Parse {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })?;
    let directory = path.parent().unwrap_or(Path::new(""));
    for file in [
        &mut settings.definition,
        &mut settings.data_dir,
        &mut settings.advance.account,
    ] {
        *file = file.take().map(|file| directory.join(file));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests;
