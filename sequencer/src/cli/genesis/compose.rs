//! A genesis document from the entries of its validators.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use hotshot_types::{GenesisDocument, Hash, L1Block, Parameters, TimestampMs};
use light_client::rpc::{Endpoint, Tag};

use crate::{
    cli::exit::{Exit, Failure},
    config::{self, L1Url},
    genesis_file, keys,
};

/// Collects the entries and draws the seeds.
pub(super) async fn compose(
    entries: &[PathBuf],
    parameters: Parameters,
    l1: Option<&L1Url>,
) -> Result<GenesisDocument, Failure> {
    let invalid = |message: String| Failure::new(Exit::Config, message);
    let mut network = None;
    let mut validators = Vec::with_capacity(entries.len());
    let mut taken = BTreeMap::new();
    for path in entries {
        let entry = genesis_file::load_entry(path)?;
        let named = (entry.l1_chain_id, entry.stake_table, entry.salt);
        if *network.get_or_insert(named) != named {
            let message = format!(
                "{} is for another network than {}: all entries need the same --network or --salt, --l1-chain-id and --stake-table",
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
    let (l1_chain_id, stake_table, salt) =
        network.ok_or_else(|| Failure::new(Exit::Usage, "a network needs a validator"))?;
    Ok(GenesisDocument {
        l1_chain_id,
        stake_table,
        salt,
        timestamp_ms: now()?,
        l1: final_block(l1_chain_id, l1).await?,
        seeds: [Hash(*keys::entropy()?), Hash(*keys::entropy()?)],
        parameters,
        validators,
    })
}

/// The L1 block that the network starts at. The stake table is deployed after it.
async fn final_block(chain_id: u64, url: Option<&L1Url>) -> Result<L1Block, Failure> {
    let url = match (chain_id, url) {
        (0, None) => return Ok(L1Block::default()),
        (0, Some(_)) => {
            let message = "--l1 is for entries that name an L1: make them with --l1-chain-id and --stake-table";
            return Err(Failure::new(Exit::Usage, message));
        }
        (_, None) => {
            let message = format!(
                "the entries name the L1 with chain id {chain_id}: pass --l1 URL of one of its nodes"
            );
            return Err(Failure::new(Exit::Usage, message));
        }
        (_, Some(url)) => url,
    };
    let endpoint = Endpoint::new(&url.0)?;
    let found = endpoint.chain_id().await?;
    if found != chain_id {
        let message = format!(
            "{} is a node of chain {found}, the entries are for chain {chain_id}",
            endpoint.name()
        );
        return Err(Failure::new(Exit::Config, message));
    }
    let block = endpoint.block(Tag::Finalized).await?;
    let block = block.ok_or_else(|| {
        Failure::new(
            Exit::NotFound,
            "the L1 has no final block yet: try again in a while",
        )
    })?;
    Ok(block.l1_block())
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
