//! Genesis document, keys and database, and whether they belong together.

use std::path::Path;

use hotshot_types::{GenesisDocument, Hash, PublicKey};

use super::{Report, Scene};
use crate::{
    cli::exit::{Exit, Failure},
    config, genesis_file, keys, node,
    storage::Storage,
};

/// Reads the genesis document.
pub(super) fn genesis(scene: &mut Scene, report: &mut Report) {
    let loaded = scene
        .settings
        .genesis_path()
        .map_err(Failure::from)
        .and_then(|path| Ok(genesis_file::load(&path)?));
    match loaded {
        Ok(document) => {
            opening(&document, report);
            scene.genesis = Some(document);
        }
        Err(error) => report.fail("genesis", error, Exit::Config),
    }
}

fn opening(document: &GenesisDocument, report: &mut Report) {
    let about = format!(
        "{} validators, hash {}: compare it with the other operators",
        document.validators.len(),
        document.hash()
    );
    let ahead = document
        .timestamp_ms
        .0
        .saturating_sub(node::probe::wall_ms());
    if ahead == 0 {
        report.ok("genesis", about);
    } else {
        report.warn(
            "genesis",
            format!(
                "{about}. The network starts in {} s by this machine's clock",
                ahead / 1_000
            ),
        );
    }
}

/// Reads the keys, and looks for them in the genesis document.
pub(super) fn keys(scene: &mut Scene, report: &mut Report) {
    let (consensus, network) = match (
        scene.settings.consensus_key_path(),
        scene.settings.network_key_path(),
    ) {
        (Ok(consensus), Ok(network)) => (consensus, network),
        (Err(error), _) | (_, Err(error)) => {
            report.fail("keys", error, Exit::Config);
            return;
        }
    };
    let network = read(&network, "network-key", report).and_then(|key| {
        let id = key.peer_id()?;
        report.ok("network-key", format!("{}, peer id {id}", guarded(&key)));
        key.network()
    });
    if scene.settings.consensus_key.is_none() && !consensus.exists() && network.is_some() {
        report.warn(
            "consensus-key",
            "there is none: this node follows and signs nothing",
        );
        return;
    }
    let Some(found) = read(&consensus, "consensus-key", report) else {
        return;
    };
    let Some(key) = found.consensus() else {
        return report.fail(
            "consensus-key",
            keys::KeyFileError::Malformed(consensus),
            Exit::Key,
        );
    };
    match keys::FreshMark::of(&consensus, &key).is_set() {
        Ok(is_unused) => scene.is_unused = is_unused,
        Err(error) => report.fail("consensus-key", error, Exit::Key),
    }
    scene.key = Some(key);
    let about = guarded(&found);
    let Some(genesis) = &scene.genesis else {
        return report.ok("consensus-key", about);
    };
    scene.validator = genesis
        .validators
        .iter()
        .position(|validator| validator.key == key);
    let place = network.map(|network| config::own_index(genesis, Some(key), network));
    let is_open = !found.is_encrypted && !genesis.parameters.development;
    match (scene.validator, place) {
        (_, Some(Err(error))) => report.fail("consensus-key", error, Exit::Config),
        _ if is_open => report.fail(
            "consensus-key",
            config::ConfigError::DevelopmentKey(consensus),
            Exit::Key,
        ),
        (Some(index), _) => report.ok(
            "consensus-key",
            format!("{about}, validator {index} of the genesis document"),
        ),
        (None, _) => report.warn(
            "consensus-key",
            "not a validator of the genesis document: this node follows and signs nothing",
        ),
    }
}

/// What a key file tells without its password.
fn read(path: &Path, name: &'static str, report: &mut Report) -> Option<keys::Public> {
    match keys::public(path) {
        Ok(key) => Some(key),
        Err(error) => {
            report.fail(name, error, Exit::Key);
            None
        }
    }
}

fn guarded(key: &keys::Public) -> &'static str {
    if key.is_encrypted {
        "encrypted, readable by its owner alone"
    } else {
        "not encrypted, readable by its owner alone"
    }
}

/// Opens the database as `run` would, unless a node has it open.
pub(super) fn database(scene: &Scene, report: &mut Report) {
    let Some(genesis) = &scene.genesis else {
        return;
    };
    if scene.is_running {
        // The node checked it when it started; `peers` compares what it says.
        return;
    }
    let directory = node::database(&scene.data_dir);
    if !directory.join("db").exists() {
        return fresh(scene, report);
    }
    let key = scene.key.filter(|_| scene.validator.is_some());
    match look(&directory, genesis, key) {
        Ok((height, has_record)) => {
            let about = format!(
                "belongs to this network{}, block {height} is its last",
                if key.is_some() { " and key" } else { "" }
            );
            if key.is_some() && !has_record && !scene.is_unused {
                report.warn("database", format!("{about}. {NO_RECORD}"));
            } else {
                report.ok("database", about);
            }
        }
        Err(failure) => {
            let exit = failure.exit();
            report.fail("database", failure, exit);
        }
    }
}

const NO_RECORD: &str = "The key's safety record is not in it, and the key may have signed before: \
this node will follow and sign nothing. Restore the data directory that belongs to the key";

fn fresh(scene: &Scene, report: &mut Report) {
    if scene.validator.is_some() && !scene.is_unused {
        report.warn("database", format!("there is none yet. {NO_RECORD}"));
    } else {
        report.ok(
            "database",
            "there is none yet: the first run starts from genesis",
        );
    }
}

fn look(
    directory: &std::path::Path,
    genesis: &GenesisDocument,
    key: Option<PublicKey>,
) -> Result<(u64, bool), Failure> {
    let storage = Storage::open(directory, &node::identity(genesis, key)?)?;
    if storage.tip().is_err() {
        return Ok((0, false));
    }
    let resume = storage.resume(1)?;
    Ok((resume.tip.height.0, resume.has_record))
}

/// Whether a running node is of the same network.
pub(super) fn same_network(genesis: &GenesisDocument, domain: Hash) -> bool {
    genesis.chain_domain() == domain
}
