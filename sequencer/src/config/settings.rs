//! The list of settings: each field is a flag, an environment variable and a key of the file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{
    Bootnode, ConfigError, FILE_NAME, ListenAddress, MempoolLimits, PeerAddress, Retention, file,
};

mod api;
mod l1;

pub use self::{
    api::{ApiSettings, MetricsSettings},
    l1::L1Settings,
};

/// What one source says; a field that is `None` is left to the next source.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Node settings (also in sequencer.toml)")]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Directory of the node's data; its sequencer.toml is read
    #[arg(
        id = "data_dir",
        long = "data-dir",
        env = "SEQUENCER_DATA_DIR",
        value_name = "DIR"
    )]
    pub data_dir: Option<PathBuf>,
    /// Genesis document of the network [default: genesis.toml in the data directory]
    #[arg(
        id = "genesis",
        long = "genesis",
        env = "SEQUENCER_GENESIS",
        value_name = "FILE"
    )]
    pub genesis: Option<PathBuf>,
    /// File of the consensus key [default: keys/consensus.key in the data directory]
    #[arg(
        id = "consensus_key",
        long = "consensus-key",
        env = "SEQUENCER_CONSENSUS_KEY",
        value_name = "FILE"
    )]
    pub consensus_key: Option<PathBuf>,
    /// File of the network key [default: keys/network.key in the data directory]
    #[arg(
        id = "network_key",
        long = "network-key",
        env = "SEQUENCER_NETWORK_KEY",
        value_name = "FILE"
    )]
    pub network_key: Option<PathBuf>,
    /// File with the password of the keys; asked for at the terminal if there is none
    #[arg(
        id = "password_file",
        long = "password-file",
        env = "SEQUENCER_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub password_file: Option<PathBuf>,
    /// Connections to peers.
    #[command(flatten)]
    pub p2p: P2pSettings,
    /// The home L1.
    #[command(flatten)]
    pub l1: L1Settings,
    /// The HTTP API.
    #[command(flatten)]
    pub api: ApiSettings,
    /// Metrics.
    #[command(flatten)]
    pub metrics: MetricsSettings,
    /// Logs.
    #[command(flatten)]
    pub log: LogSettings,
    /// What is kept.
    #[command(flatten)]
    pub retention: RetentionSettings,
    /// Bounds of the pool.
    #[command(flatten)]
    pub mempool: MempoolSettings,
}

/// Connections to peers.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct P2pSettings {
    /// Addresses for peers, comma-separated [default: the port this validator has in genesis]
    #[arg(
        id = "p2p.listen",
        long = "p2p.listen",
        env = "SEQUENCER_P2P_LISTEN",
        value_name = "MULTIADDR",
        value_delimiter = ','
    )]
    pub listen: Option<Vec<ListenAddress>>,
    /// Peers beyond those in genesis, or other addresses for them, comma-separated
    #[arg(
        id = "p2p.peers",
        long = "p2p.peers",
        env = "SEQUENCER_P2P_PEERS",
        value_name = "PEERID@MULTIADDR",
        value_delimiter = ','
    )]
    pub peers: Option<Vec<PeerAddress>>,
    /// Where others are told to reach this validator, comma-separated [default: found out]
    #[arg(
        id = "p2p.announce",
        long = "p2p.announce",
        env = "SEQUENCER_P2P_ANNOUNCE",
        value_name = "MULTIADDR",
        value_delimiter = ','
    )]
    pub announce: Option<Vec<ListenAddress>>,
    /// Nodes to ask while no validator answers, comma-separated
    #[arg(
        id = "p2p.bootnodes",
        long = "p2p.bootnodes",
        env = "SEQUENCER_P2P_BOOTNODES",
        value_name = "MULTIADDR/p2p/PEERID",
        value_delimiter = ','
    )]
    pub bootnodes: Option<Vec<Bootnode>>,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Logs.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Form of the logs on stderr [default: pretty]
    #[arg(
        id = "log.format",
        long = "log.format",
        env = "SEQUENCER_LOG_FORMAT",
        value_enum,
        value_name = "FORMAT"
    )]
    pub format: Option<LogFormat>,
    /// What is logged: a level, or tracing directives such as info,sequencer=debug [default: info]
    #[arg(
        id = "log.filter",
        long = "log.filter",
        env = "SEQUENCER_LOG_FILTER",
        value_name = "DIRECTIVES"
    )]
    pub filter: Option<String>,
}

impl LogSettings {
    /// Whether logs are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Some(LogFormat::Json)
    }
}

/// What is kept.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSettings {
    /// Epochs for which whole payloads are kept [default: 2]
    #[arg(
        id = "retention.payload_epochs",
        long = "retention.payload-epochs",
        env = "SEQUENCER_RETENTION_PAYLOAD_EPOCHS",
        value_name = "N"
    )]
    pub payload_epochs: Option<u64>,
    /// Epochs for which the node's own coded slots are kept [default: 10]
    #[arg(
        id = "retention.slot_epochs",
        long = "retention.slot-epochs",
        env = "SEQUENCER_RETENTION_SLOT_EPOCHS",
        value_name = "N"
    )]
    pub slot_epochs: Option<u64>,
    /// Keep everything for ever [default: false]
    #[arg(
        id = "retention.archive",
        long = "retention.archive",
        env = "SEQUENCER_RETENTION_ARCHIVE",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub archive: Option<bool>,
}

/// Bounds of the pool.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MempoolSettings {
    /// Bytes of all waiting transactions [default: 268435456]
    #[arg(
        id = "mempool.max_bytes",
        long = "mempool.max-bytes",
        env = "SEQUENCER_MEMPOOL_MAX_BYTES",
        value_name = "BYTES"
    )]
    pub max_bytes: Option<u64>,
    /// Bytes of one namespace's waiting transactions [default: 67108864]
    #[arg(
        id = "mempool.namespace_bytes",
        long = "mempool.namespace-bytes",
        env = "SEQUENCER_MEMPOOL_NAMESPACE_BYTES",
        value_name = "BYTES"
    )]
    pub namespace_bytes: Option<u64>,
    /// Bytes of one submitter's waiting transactions [default: 16777216]
    #[arg(
        id = "mempool.source_bytes",
        long = "mempool.source-bytes",
        env = "SEQUENCER_MEMPOOL_SOURCE_BYTES",
        value_name = "BYTES"
    )]
    pub source_bytes: Option<u64>,
}

impl Settings {
    /// Adds what the settings file says where flags and environment are silent.
    ///
    /// The file is `explicit`, which must exist, or the data directory's `sequencer.toml` if
    /// there is one. Paths in it are relative to its directory.
    ///
    /// # Errors
    /// A file that cannot be read, is malformed or has unknown keys.
    pub fn with_file(self, explicit: Option<PathBuf>) -> Result<Self, ConfigError> {
        let path = match (&explicit, &self.data_dir) {
            (Some(path), _) => path.clone(),
            (None, Some(data_dir)) => data_dir.join(FILE_NAME),
            (None, None) => return Ok(self),
        };
        if explicit.is_none() && !path.exists() {
            return Ok(self);
        }
        Ok(self.or(file::read(&path)?))
    }

    /// These settings, and the other's where these are silent.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(other.data_dir),
            genesis: self.genesis.or(other.genesis),
            consensus_key: self.consensus_key.or(other.consensus_key),
            network_key: self.network_key.or(other.network_key),
            password_file: self.password_file.or(other.password_file),
            p2p: P2pSettings {
                listen: self.p2p.listen.or(other.p2p.listen),
                peers: self.p2p.peers.or(other.p2p.peers),
                announce: self.p2p.announce.or(other.p2p.announce),
                bootnodes: self.p2p.bootnodes.or(other.p2p.bootnodes),
            },
            l1: self.l1.or(other.l1),
            api: self.api.or(other.api),
            metrics: MetricsSettings {
                enabled: self.metrics.enabled.or(other.metrics.enabled),
                listen: self.metrics.listen.or(other.metrics.listen),
            },
            log: LogSettings {
                format: self.log.format.or(other.log.format),
                filter: self.log.filter.or(other.log.filter),
            },
            retention: RetentionSettings {
                payload_epochs: self
                    .retention
                    .payload_epochs
                    .or(other.retention.payload_epochs),
                slot_epochs: self.retention.slot_epochs.or(other.retention.slot_epochs),
                archive: self.retention.archive.or(other.retention.archive),
            },
            mempool: MempoolSettings {
                max_bytes: self.mempool.max_bytes.or(other.mempool.max_bytes),
                namespace_bytes: self
                    .mempool
                    .namespace_bytes
                    .or(other.mempool.namespace_bytes),
                source_bytes: self.mempool.source_bytes.or(other.mempool.source_bytes),
            },
        }
    }

    /// Checks what can be checked without another file.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.api.resolve()?;
        self.retention.resolve(Retention::default())?;
        self.mempool.resolve(MempoolLimits::default())?;
        Ok(())
    }

    /// Where the genesis document is.
    ///
    /// # Errors
    /// Nothing says where.
    pub fn genesis_path(&self) -> Result<PathBuf, ConfigError> {
        self.place(&self.genesis, "genesis.toml")
    }

    /// Where the consensus key is.
    ///
    /// # Errors
    /// Nothing says where.
    pub fn consensus_key_path(&self) -> Result<PathBuf, ConfigError> {
        self.place(&self.consensus_key, "keys/consensus.key")
    }

    /// Where the network key is.
    ///
    /// # Errors
    /// Nothing says where.
    pub fn network_key_path(&self) -> Result<PathBuf, ConfigError> {
        self.place(&self.network_key, "keys/network.key")
    }

    fn place(&self, chosen: &Option<PathBuf>, default: &str) -> Result<PathBuf, ConfigError> {
        match (chosen, &self.data_dir) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(data_dir)) => Ok(data_dir.join(default)),
            (None, None) => Err(ConfigError::NoDataDir),
        }
    }
}

impl RetentionSettings {
    pub(crate) fn resolve(&self, default: Retention) -> Result<Retention, ConfigError> {
        let payloads = self.payload_epochs.unwrap_or(default.payload_epochs);
        let slots = self
            .slot_epochs
            .unwrap_or(default.slot_epochs.max(payloads));
        if slots < payloads {
            return Err(ConfigError::Retention { slots, payloads });
        }
        Ok(Retention {
            payload_epochs: payloads,
            slot_epochs: slots,
            is_archive: self.archive.unwrap_or(default.is_archive),
        })
    }
}

impl MempoolSettings {
    pub(crate) fn resolve(&self, default: MempoolLimits) -> Result<MempoolLimits, ConfigError> {
        let limits = MempoolLimits {
            max_bytes: self.max_bytes.unwrap_or(default.max_bytes),
            namespace_bytes: self.namespace_bytes.unwrap_or(default.namespace_bytes),
            source_bytes: self.source_bytes.unwrap_or(default.source_bytes),
        };
        match limits.named().into_iter().find(|(_, limit)| *limit == 0) {
            Some((setting, _)) => Err(ConfigError::NoPool(setting)),
            None => Ok(limits),
        }
    }
}
