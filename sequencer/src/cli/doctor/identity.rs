//! Genesis document, keys and database, and whether they belong together.

use hotshot_types::{GenesisDocument, Hash, PublicKey, SecretKey};

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
    let secret = match keys::load_consensus(&consensus) {
        Ok(secret) => Some(secret),
        Err(error) => {
            report.fail("consensus-key", error, Exit::Key);
            None
        }
    };
    let pair = match keys::load_network(&network) {
        Ok(pair) => {
            report.ok(
                "network-key",
                format!(
                    "readable by its owner alone, peer id {}",
                    keys::peer_id(&pair)
                ),
            );
            Some(pair)
        }
        Err(error) => {
            report.fail("network-key", error, Exit::Key);
            None
        }
    };
    let Some(secret) = secret else {
        return;
    };
    match keys::FreshMark::of(&consensus, &secret).is_set() {
        Ok(is_unused) => scene.is_unused = is_unused,
        Err(error) => report.fail("consensus-key", error, Exit::Key),
    }
    scene.key = Some(secret.public_key());
    let Some(genesis) = &scene.genesis else {
        report.ok("consensus-key", "readable by its owner alone");
        return;
    };
    scene.validator = place(genesis, &secret);
    match (scene.validator, pair) {
        (Some(index), Some(pair)) => match config::own_index(genesis, Some(&secret), &pair) {
            Ok(_) => report.ok(
                "consensus-key",
                format!("readable by its owner alone, validator {index} of the genesis document"),
            ),
            Err(error) => report.fail("consensus-key", error, Exit::Config),
        },
        (Some(index), None) => report.ok(
            "consensus-key",
            format!("validator {index} of the genesis document"),
        ),
        (None, _) => report.warn(
            "consensus-key",
            "not a validator of the genesis document: this node follows and signs nothing",
        ),
    }
}

fn place(genesis: &GenesisDocument, secret: &SecretKey) -> Option<usize> {
    let key = secret.public_key();
    genesis
        .validators
        .iter()
        .position(|validator| validator.key == key)
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
