//! From a configuration to a replica that may run.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use da::{Limits, NamespaceTree, Payload};
use hotshot::{Config, EpochInfo, Record, Replica, Standing, Start};
use hotshot_types::{
    Epoch, GenesisDocument, Hash, Height, Parameters, PublicKey, SealedHeader, SecretKey,
};

use sequencer_client::trust;

use super::{NodeError, watch::Duty};
use crate::{
    config::NodeConfig,
    keys::FreshMark,
    mempool::Mempool,
    storage::{Durability, Identity, Resume, Storage, StorageError},
};

/// Hashes of final blocks that the replica is given to notice contradictions.
const RECENT: usize = 4_096;
/// Final blocks whose transactions the pool is told of at start, and their bytes.
const MAX_REMEMBERED_BLOCKS: usize = 1_024;
const MAX_REMEMBERED_BYTES: usize = 128 << 20;

/// What came of opening the data directory.
pub(super) struct Started {
    pub(super) storage: Storage,
    pub(super) replica: Replica,
    pub(super) epochs: BTreeMap<Epoch, EpochInfo>,
    /// Seeds of epochs whose committee is not known yet.
    pub(super) seeds: BTreeMap<Epoch, Hash>,
    /// The key of a validator, and what is known of it.
    pub(super) validator: Option<(PublicKey, Duty)>,
}

/// Opens the data directory and restores the replica.
pub(super) fn open(config: &NodeConfig) -> Result<Started, NodeError> {
    let genesis = &config.genesis;
    let header = genesis_header(genesis)?;
    let validator = config
        .consensus_key
        .as_ref()
        .filter(|_| may_vote(config))
        .map(SecretKey::public_key);
    let identity = Identity {
        chain_domain: genesis.chain_domain(),
        genesis: header.hash(),
        key: validator,
    };
    let storage = open_storage(config, &identity)?;
    storage.initialize(&header, &first_epochs(genesis)?)?;
    let duty = match (validator, &config.fresh_mark) {
        (Some(_), Some(mark)) => Some(claim_record(mark, &storage)?),
        _ => None,
    };
    let resume = storage.resume(RECENT)?;
    let epochs = resume
        .epochs
        .iter()
        .map(|info| (info.committee.epoch(), info.clone()))
        .collect();
    tracing::info!(
        height = resume.tip.height.0,
        round = %resume.record.restart_round(),
        "opened the database"
    );
    let seeds = check_ground(&storage, &resume)?;
    let replica = Replica::new(
        replica_config(config, validator),
        Start {
            record: resume.record,
            tip: resume.tip,
            certificate: resume.certificate,
            history: resume.history,
            epochs: resume.epochs,
            seeds: seeds.clone().into_iter().collect(),
            headers: resume.headers,
            recent: resume.recent,
            genesis: header.hash(),
        },
    );
    Ok(Started {
        storage,
        // The watch over the key gives it leave to sign (K3, K4).
        replica: if validator.is_some() {
            replica.withheld()
        } else {
            replica
        },
        epochs,
        seeds,
        validator: validator.zip(duty),
    })
}

/// What the state machine stands on must be there; a database without it has lost files.
/// Returns the seed of the next epoch if the L1 had not yet told its committee.
fn check_ground(storage: &Storage, resume: &Resume) -> Result<BTreeMap<Epoch, Hash>, StorageError> {
    let damaged = |what, reason| StorageError::Damaged { what, reason };
    let epoch = resume.record.epoch();
    let is_known = |needed: Epoch| {
        let mut epochs = resume.epochs.iter();
        epochs.any(|info| info.committee.epoch() == needed)
    };
    let missing = |epoch: Epoch| damaged("epochs", format!("epoch {epoch} is missing"));
    if !is_known(epoch) {
        return Err(missing(epoch));
    }
    let mut seeds = BTreeMap::new();
    if !is_known(epoch.next()) {
        let before = epoch.previous().unwrap_or_default();
        let end = storage.epoch_end(before)?;
        let end = end.ok_or_else(|| missing(epoch.next()))?;
        seeds.insert(epoch.next(), end.header.randao_mix);
    }
    let anchor = resume.record.anchor.as_ref();
    match anchor.map(|end| end.header.height) {
        Some(height) if height > resume.tip.height => Err(damaged(
            "headers",
            format!("the final blocks up to {height}, where the safety record starts, are missing"),
        )),
        _ => Ok(seeds),
    }
}

/// Whether this node has a key that is in a committee, or may come into one.
pub(super) fn may_vote(config: &NodeConfig) -> bool {
    let has_stake_table = config.genesis.l1_chain_id != 0;
    config.validator().is_some() || (has_stake_table && config.consensus_key.is_some())
}

/// Where the database of a data directory is.
pub(crate) fn database(data_dir: &Path) -> PathBuf {
    data_dir.join("db")
}

/// Whose data a node of this network writes.
pub(crate) fn identity(
    genesis: &GenesisDocument,
    key: Option<PublicKey>,
) -> Result<Identity, NodeError> {
    Ok(Identity {
        chain_domain: genesis.chain_domain(),
        genesis: genesis_header(genesis)?.hash(),
        key,
    })
}

/// A record that is damaged is lost (K3): nothing can bring it back, and what is left of it must
/// not be signed on.
fn open_storage(config: &NodeConfig, identity: &Identity) -> Result<Storage, NodeError> {
    let path = database(&config.data_dir);
    match Storage::open(&path, identity) {
        Err(StorageError::RecordDamaged(why)) => {
            tracing::error!(
                "the safety record of this key is damaged: {why}. It is given up; the key signs \
                 nothing until the network has passed the epochs in which it may have signed"
            );
            if let Some(mark) = &config.fresh_mark {
                mark.remove()?;
            }
            Ok(Storage::open_without_record(&path, identity)?)
        }
        opened => Ok(opened?),
    }
}

fn replica_config(config: &NodeConfig, key: Option<PublicKey>) -> Config {
    let parameters = &config.genesis.parameters;
    Config {
        domain: config.genesis.chain_domain(),
        epoch_length: parameters.epoch_length,
        view_timeout_ms: parameters.view_timeout_ms,
        empty_block_delay_ms: parameters.empty_block_delay_ms,
        l1_settled_ms: if parameters.development {
            4_000
        } else {
            60_000
        },
        max_payload_bytes: parameters.max_payload_bytes,
        validator: key
            .zip(config.consensus_key.clone())
            .map(|(key, secret)| (key, Box::new(secret) as _)),
    }
}

/// K3: a key that has never signed gets an empty record, durably and once. A key without record
/// that may have signed has lost it.
fn claim_record(mark: &FreshMark, storage: &Storage) -> Result<Duty, NodeError> {
    let resume = storage.resume(1)?;
    let returns = storage.return_epoch()?;
    let unused = mark.is_set()?;
    if resume.has_record || returns.is_some() || !unused {
        // A crash between the two steps below left the mark behind.
        mark.remove()?;
        let is_lost = !resume.has_record && returns.is_none();
        if is_lost {
            tracing::error!(
                "this key may have signed before, and its safety record is not in the data \
                 directory: it signs nothing until the network has passed the epochs in which it \
                 may have signed"
            );
        }
        let record = if resume.has_record {
            resume.record
        } else {
            Record::unused()
        };
        let from = returns.unwrap_or(Epoch::FIRST);
        return Ok(Duty {
            standing: Standing { record, from },
            is_lost,
        });
    }
    let record = if resume.tip.height == Height(0) {
        Record::unused()
    } else {
        resume.record
    };
    let mut batch = storage.batch();
    batch.put_record(&record);
    storage.commit(batch, Durability::Synced)?;
    mark.remove()?;
    Ok(Duty {
        standing: Standing {
            record,
            from: Epoch::FIRST,
        },
        is_lost: false,
    })
}

/// The committees and seeds that the genesis document fixes.
pub(crate) fn first_epochs(genesis: &GenesisDocument) -> Result<[EpochInfo; 2], NodeError> {
    let committee = genesis
        .committee(Epoch::FIRST)
        .map_err(|error| NodeError::Genesis(error.to_string()))?;
    Ok([1, 2].map(|epoch| EpochInfo {
        committee: Arc::new(committee.in_epoch(Epoch(epoch))),
        seed: genesis.seeds[usize::from(epoch == 2)],
    }))
}

/// The genesis block (R4).
pub(crate) fn genesis_header(genesis: &GenesisDocument) -> Result<SealedHeader, NodeError> {
    trust::genesis_block(genesis).map_err(|error| NodeError::Genesis(error.to_string()))
}

/// Indexes the blocks whose transactions were only in memory. One whose payload can't be read is
/// indexed when peers have sent it again.
pub(super) fn index_again(storage: &Storage, parameters: &Parameters) -> Result<(), NodeError> {
    let limits = limits(parameters);
    let mut height = storage.indexed_height().next();
    while height <= storage.map_height() {
        let header = storage.header(height)?;
        let header = header.ok_or(StorageError::damaged("headers", "one is missing"))?;
        let payload = storage.payload(&header).ok().flatten().unwrap_or_default();
        let is_whole = payload.len() == header.payload_len as usize;
        match Payload::decode(payload, &limits) {
            Ok(payload) if is_whole => {
                let mut batch = storage.batch();
                batch.index_block(height, &NamespaceTree::new(&payload))?;
                storage.commit(batch, Durability::Buffered)?;
            }
            _ => tracing::warn!(%height, "not indexed: its payload can't be read"),
        }
        height = height.next();
    }
    Ok(())
}

/// Tells the pool which transactions the newest blocks hold, so that it takes none of them again
/// after a restart.
pub(super) fn remember_recent(
    storage: &Storage,
    mempool: &Mempool,
    parameters: &Parameters,
) -> Result<(), NodeError> {
    let limits = limits(parameters);
    let mut recent = Vec::new();
    let mut bytes = 0;
    let mut next = storage.indexed_height();
    for _ in 0..MAX_REMEMBERED_BLOCKS {
        let height = next;
        let Some(header) = storage
            .header(height)?
            .filter(|header| header.height > Height(0))
        else {
            break;
        };
        next = Height(height.0 - 1);
        let payload = match storage.payload(&header) {
            Ok(payload) => payload.unwrap_or_default(),
            Err(error) => {
                // The storage has noted it, and peers have it: no reason not to start.
                tracing::warn!(%error, %height, "a stored payload can't be read and is fetched again");
                continue;
            }
        };
        if payload.len() != header.payload_len as usize {
            break;
        }
        bytes += payload.len();
        if let Ok(payload) = Payload::decode(payload, &limits) {
            recent.push((height, NamespaceTree::new(&payload)));
        }
        if bytes >= MAX_REMEMBERED_BYTES {
            break;
        }
    }
    for (height, namespaces) in recent.iter().rev() {
        mempool.block_final(*height, namespaces);
    }
    Ok(())
}

/// The network's limits as the crate `da` wants them.
pub(super) fn limits(parameters: &Parameters) -> Limits {
    Limits {
        payload_bytes: parameters.max_payload_bytes,
        namespaces: parameters.max_namespaces,
        transaction_bytes: parameters.max_transaction_bytes,
    }
}

/// A limit in bytes as a size in memory.
pub(super) fn bytes(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
