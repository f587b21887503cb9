//! A genesis document from the entries of its validators.

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use hotshot_types::{Address, GenesisDocument, Hash, L1Block, Parameters, TimestampMs};

use crate::{
    cli::exit::{Exit, Failure},
    genesis_file, keys,
};

/// Collects the entries and draws the seeds.
pub(super) fn compose(
    entries: &[PathBuf],
    parameters: Parameters,
) -> Result<GenesisDocument, Failure> {
    let mut salt = None;
    let mut validators = Vec::with_capacity(entries.len());
    for path in entries {
        let entry = genesis_file::load_entry(path)?;
        if *salt.get_or_insert(entry.salt) != entry.salt {
            let message = format!(
                "{} is for another network than {}: all entries need the same --network or --salt",
                path.display(),
                entries[0].display(),
            );
            return Err(Failure::new(Exit::Config, message));
        }
        validators.push(entry.validator);
    }
    let salt = salt.ok_or_else(|| Failure::new(Exit::Usage, "a network needs a validator"))?;
    Ok(GenesisDocument {
        l1_chain_id: 0,
        stake_table: Address::ZERO,
        salt,
        timestamp_ms: now()?,
        l1: L1Block {
            number: 0,
            hash: Hash::ZERO,
            timestamp: 0,
        },
        seeds: [Hash(*keys::entropy()?), Hash(*keys::entropy()?)],
        parameters,
        validators,
    })
}

fn now() -> Result<TimestampMs, Failure> {
    let clock = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Config, format!("the system clock is wrong: {error}"))
    };
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| clock(&error))?;
    let ms = u64::try_from(since.as_millis()).map_err(|error| clock(&error))?;
    Ok(TimestampMs(ms))
}
