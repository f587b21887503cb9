//! A genesis document from the entries of its validators.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use hotshot_types::{Address, GenesisDocument, Hash, L1Block, Parameters, TimestampMs};

use crate::{
    cli::exit::{Exit, Failure},
    config, genesis_file, keys,
};

/// Collects the entries and draws the seeds.
pub(super) fn compose(
    entries: &[PathBuf],
    parameters: Parameters,
) -> Result<GenesisDocument, Failure> {
    let invalid = |message: String| Failure::new(Exit::Config, message);
    let mut salt = None;
    let mut validators = Vec::with_capacity(entries.len());
    let mut taken = BTreeMap::new();
    for path in entries {
        let entry = genesis_file::load_entry(path)?;
        if *salt.get_or_insert(entry.salt) != entry.salt {
            let message = format!(
                "{} is for another network than {}: all entries need the same --network or --salt",
                path.display(),
                entries[0].display(),
            );
            return Err(invalid(message));
        }
        config::check_dialable(&entry.validator.address)
            .map_err(|error| invalid(format!("the address in {}: {error}", path.display())))?;
        let own = [
            ("consensus key", entry.validator.key.to_string()),
            ("network key", entry.validator.network_key.to_string()),
            ("address", entry.validator.address.clone()),
        ];
        for own in own {
            let what = own.0;
            if let Some(earlier) = taken.insert(own, path) {
                return Err(invalid(format!(
                    "{} has the same {what} as {}: each validator has its own",
                    path.display(),
                    earlier.display()
                )));
            }
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
