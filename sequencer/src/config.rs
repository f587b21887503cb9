//! What an operator chooses about a node.
//!
//! [`Settings`] lists every setting once; a command-line flag, a `SEQUENCER_*` variable and a key
//! of `sequencer.toml` are made from each field, and the first of them that speaks wins, else the
//! default. [`NodeConfig`] is the outcome: complete, checked, with genesis and keys read.
//!
//! What all nodes of a network must share is not here but in the genesis document.

mod address;
mod error;
mod file;
mod origin;
mod settings;
mod suggest;
mod template;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use hotshot_types::{GenesisDocument, Hash, PublicKey, SecretKey, ValidatorIndex};
use libp2p::{Multiaddr, identity::Keypair, multiaddr::Protocol};
use light_client::{Account, rpc::Endpoint};

pub use self::{
    address::{AddressError, Bootnode, L1Url, ListenAddress, PeerAddress},
    error::ConfigError,
    settings::{
        ApiSettings, L1Settings, LogFormat, LogSettings, MempoolSettings, MetricsSettings,
        P2pSettings, RetentionSettings, Settings,
    },
};
pub(crate) use self::{
    address::{check_dialable, socket},
    file::unknown_variables,
    origin::{Effective, Origin, TracedSettings},
    template::{FILE_NAME, template},
};
use crate::{genesis_file, keys, mempool::ENTRY_BYTES};

/// Port of peers where nothing says otherwise.
pub const DEFAULT_P2P_PORT: u16 = 9000;
/// Where the API listens by default.
pub const DEFAULT_API: &str = "127.0.0.1:8080";
/// Connections to the API at one time by default.
pub const DEFAULT_API_CONNECTIONS: u32 = 1_024;
/// Requests a second of one source by default, where the API is public.
pub const DEFAULT_API_SOURCE_RATE: u32 = 100;
/// Where the metrics are served by default.
pub const DEFAULT_METRICS: &str = "127.0.0.1:9090";

/// Everything a node is started with.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Directory of the node's data.
    pub data_dir: PathBuf,
    /// The network to join; it has been checked.
    pub genesis: GenesisDocument,
    /// Signs votes and proposals; a node without one follows.
    pub consensus_key: Option<SecretKey>,
    /// Tells whether the consensus key has ever signed (K3).
    pub fresh_mark: Option<keys::FreshMark>,
    /// Authenticates connections to peers.
    pub network_key: Keypair,
    /// Connections to peers.
    pub p2p: P2pConfig,
    /// The L1 with the stake table, if the network has one.
    pub l1: Option<L1Config>,
    /// The HTTP API.
    pub api: ApiConfig,
    /// Where `/metrics` is served, if it is.
    pub metrics: Option<SocketAddr>,
    /// What is kept, and for how long.
    pub retention: Retention,
    /// Bounds of the pool of transactions.
    pub mempool: MempoolLimits,
}

/// Connections to peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct P2pConfig {
    /// Addresses to listen on.
    pub listen: Vec<Multiaddr>,
    /// Where others are told to reach this node; none if that is to be found out.
    pub announce: Option<Vec<Multiaddr>>,
    /// Peers beyond those of the genesis document, or other addresses for those.
    pub peers: Vec<PeerAddress>,
    /// Nodes to ask while no validator answers.
    pub bootnodes: Vec<Bootnode>,
}

/// The L1 with the stake table.
#[derive(Clone, Debug)]
pub struct L1Config {
    /// Its nodes.
    pub endpoints: Vec<Endpoint>,
    /// Pause between two looks.
    pub poll: Duration,
    /// Where the stake table's events begin; none for the genesis document's L1 block.
    pub from_block: Option<u64>,
    /// Reports misbehaviour and pays for it; none if this node does not.
    pub account: Option<Account>,
}

/// The HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether it may listen on an address that other machines reach.
    pub is_public: bool,
    /// Streams at one time; more are refused.
    pub max_streams: u32,
    /// Connections at one time besides those of streams.
    pub connections: u32,
    /// Requests a second of one source; none if they are not limited.
    pub source_rate: Option<u32>,
}

/// What is kept, and for how long, in epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Epochs for which whole payloads are kept.
    pub payload_epochs: u64,
    /// Epochs for which the node's own slots are kept.
    pub slot_epochs: u64,
    /// Whether everything is kept for ever.
    pub is_archive: bool,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            payload_epochs: 2,
            slot_epochs: 10,
            is_archive: false,
        }
    }
}

/// Bounds of the pool, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MempoolLimits {
    /// Of all transactions.
    pub max_bytes: u64,
    /// Of one namespace's.
    pub namespace_bytes: u64,
    /// Of one submitter's.
    pub source_bytes: u64,
}

impl Default for MempoolLimits {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            namespace_bytes: 64 << 20,
            source_bytes: 16 << 20,
        }
    }
}

impl MempoolLimits {
    /// Each limit by the name of its setting.
    fn named(&self) -> [(&'static str, u64); 3] {
        [
            ("mempool.max_bytes", self.max_bytes),
            ("mempool.namespace_bytes", self.namespace_bytes),
            ("mempool.source_bytes", self.source_bytes),
        ]
    }

    /// Checks that the largest transaction of the network fits into an empty pool.
    fn check_room(&self, transaction_bytes: u32) -> Result<(), ConfigError> {
        let needed = u64::from(transaction_bytes) + ENTRY_BYTES as u64;
        for (setting, limit) in self.named() {
            if limit < needed {
                return Err(ConfigError::PoolTooSmall {
                    setting,
                    limit,
                    transaction_bytes,
                    needed,
                });
            }
        }
        Ok(())
    }
}

impl NodeConfig {
    /// Completes the settings with defaults, reads genesis and keys, and checks everything that
    /// can be checked before a port or a database is opened.
    ///
    /// # Errors
    /// The first thing that is wrong, and what to do about it.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let source = keys::PasswordSource::of(settings.password_file.as_deref(), None);
        Self::load_with(settings, &mut keys::Unlock::with(source))
    }

    /// As [`Self::load`], with a source for the password of the keys that is not in the settings.
    ///
    /// # Errors
    /// The first thing that is wrong, and what to do about it.
    pub fn load_with(settings: &Settings, unlock: &mut keys::Unlock) -> Result<Self, ConfigError> {
        let data_dir = settings.data_dir.clone().ok_or(ConfigError::NoDataDir)?;
        let genesis = genesis_file::load(&settings.genesis_path()?)?;
        let mempool = settings.mempool.resolve(MempoolLimits::default())?;
        mempool.check_room(genesis.parameters.max_transaction_bytes)?;
        let consensus_path = settings.consensus_key_path()?;
        let network_path = settings.network_key_path()?;
        // Who names a file means it; who has none follows without stake.
        let has_consensus = settings.consensus_key.is_some() || consensus_path.exists();
        // The network key of a node without stake is nobody's but its own.
        let guarded = has_consensus && !genesis.parameters.development;
        for path in [&consensus_path, &network_path] {
            if guarded && !keys::public(path)?.is_encrypted {
                return Err(ConfigError::DevelopmentKey(path.clone()));
            }
        }
        let consensus_key = has_consensus
            .then(|| keys::load_consensus(&consensus_path, unlock))
            .transpose()?;
        let network_key = keys::load_network(&network_path, unlock)?;
        let key = consensus_key.as_ref().map(SecretKey::public_key);
        let validator = if genesis.l1_chain_id == 0 {
            own_index(&genesis, key, Hash(keys::network_public(&network_key)))?
        } else {
            // The stake table may have other keys by now than the genesis document.
            let mut validators = genesis.validators.iter();
            validators.position(|known| Some(known.key) == key)
        };
        let p2p = P2pConfig {
            listen: match &settings.p2p.listen {
                Some(listen) => listen.iter().map(|address| address.0.clone()).collect(),
                None => vec![default_listen(&genesis, validator)?],
            },
            announce: settings
                .p2p
                .announce
                .as_ref()
                .map(|announce| announce.iter().map(|address| address.0.clone()).collect()),
            peers: settings.p2p.peers.clone().unwrap_or_default(),
            bootnodes: settings.p2p.bootnodes.clone().unwrap_or_default(),
        };
        let mut l1 = settings.l1.resolve(&genesis)?;
        if let Some(l1) = &mut l1 {
            l1.account = settings.l1.account(unlock)?;
        }
        let retention = Retention::default();
        Ok(Self {
            data_dir,
            genesis,
            fresh_mark: consensus_key
                .as_ref()
                .map(|key| keys::FreshMark::of(&consensus_path, &key.public_key())),
            consensus_key,
            network_key,
            p2p,
            l1,
            api: settings.api.resolve()?,
            metrics: settings.metrics.resolve(),
            retention: settings.retention.resolve(retention)?,
            mempool,
        })
    }

    /// The node's place among the genesis validators, if it is one of them.
    #[must_use]
    pub fn validator(&self) -> Option<ValidatorIndex> {
        let key = self.consensus_key.as_ref()?.public_key();
        let position = self
            .genesis
            .validators
            .iter()
            .position(|validator| validator.key == key)?;
        Some(ValidatorIndex::at(position))
    }
}

/// Where our public keys stand in the genesis document. Consensus key and network key must agree there:
/// peers would otherwise dial somebody else.
pub(crate) fn own_index(
    genesis: &GenesisDocument,
    key: Option<PublicKey>,
    actual: Hash,
) -> Result<Option<usize>, ConfigError> {
    let validators = &genesis.validators;
    let Some(index) = validators.iter().position(|known| Some(known.key) == key) else {
        // Others would take what this node says for that validator's word.
        return match validators
            .iter()
            .position(|known| known.network_key == actual)
        {
            Some(index) => Err(ConfigError::OtherConsensusKey { index }),
            None => Ok(None),
        };
    };
    let expected = validators[index].network_key;
    if expected == actual {
        Ok(Some(index))
    } else {
        Err(ConfigError::OtherNetworkKey {
            index,
            expected,
            actual,
        })
    }
}

/// The port that the genesis document promises for us: on all interfaces, unless the promise
/// itself is a loopback address.
pub(crate) fn default_listen(
    genesis: &GenesisDocument,
    validator: Option<usize>,
) -> Result<Multiaddr, ConfigError> {
    let Some(index) = validator else {
        return Ok(any_interface(DEFAULT_P2P_PORT));
    };
    let text = &genesis.validators[index].address;
    let promised: Multiaddr = text.parse().map_err(|_| ConfigError::GenesisAddress {
        index,
        address: text.clone(),
    })?;
    let is_loopback = promised.iter().any(|part| match part {
        Protocol::Ip4(ip) => ip.is_loopback(),
        Protocol::Ip6(ip) => ip.is_loopback(),
        _ => false,
    });
    if is_loopback {
        return Ok(promised);
    }
    let port = promised.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    Ok(any_interface(port.unwrap_or(DEFAULT_P2P_PORT)))
}

fn any_interface(port: u16) -> Multiaddr {
    Multiaddr::empty()
        .with(Protocol::Ip4(std::net::Ipv4Addr::UNSPECIFIED))
        .with(Protocol::Tcp(port))
}

/// Where the settings file of a data directory is.
#[must_use]
pub fn settings_path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE_NAME)
}

#[cfg(test)]
mod tests;
