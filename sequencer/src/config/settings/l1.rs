//! Settings about the L1 that has the stake table.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::Args;
use hotshot_types::GenesisDocument;
use light_client::{Account, rpc::Endpoint};
use serde::{Deserialize, Serialize};

use crate::{
    config::{ConfigError, L1Config, L1Url},
    keys::{self, PasswordSource, Unlock},
};

/// Most endpoints of the L1.
const MAX_ENDPOINTS: usize = 16;
/// Pause between two looks at the L1 by default.
const DEFAULT_POLL_MS: u32 = 4_000;

/// The L1 that has the stake table.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct L1Settings {
    /// HTTP URLs of nodes of the L1 with the stake table, comma-separated
    #[arg(
        id = "l1.endpoints",
        long = "l1.endpoints",
        env = "SEQUENCER_L1_ENDPOINTS",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub endpoints: Option<Vec<L1Url>>,
    /// Pause between two looks at the L1 in milliseconds [default: 4000]
    #[arg(
        id = "l1.poll_ms",
        long = "l1.poll-ms",
        env = "SEQUENCER_L1_POLL_MS",
        value_name = "MS"
    )]
    pub poll_ms: Option<NonZeroU32>,
    /// L1 block from which to look for the stake table's events [default: that of genesis]
    #[arg(
        id = "l1.from_block",
        long = "l1.from-block",
        env = "SEQUENCER_L1_FROM_BLOCK",
        value_name = "NUMBER"
    )]
    pub from_block: Option<u64>,
    /// Key file of an L1 account that reports misbehaviour of validators; it pays the fees and is paid
    #[arg(
        id = "l1.account",
        long = "l1.account",
        env = "SEQUENCER_L1_ACCOUNT",
        value_name = "FILE"
    )]
    pub account: Option<PathBuf>,
    /// File with the password of that key [default: the password of the node's keys]
    #[arg(
        id = "l1.account_password_file",
        long = "l1.account-password-file",
        env = "SEQUENCER_L1_ACCOUNT_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub account_password_file: Option<PathBuf>,
}

impl L1Settings {
    /// How to reach the L1 of this network, without the account; none if it has none.
    pub(crate) fn resolve(
        &self,
        genesis: &GenesisDocument,
    ) -> Result<Option<L1Config>, ConfigError> {
        let urls = self.endpoints.as_deref().unwrap_or_default();
        match (genesis.l1_chain_id, urls) {
            (0, []) if self.account.is_none() => return Ok(None),
            (0, _) => return Err(ConfigError::NoL1),
            (chain_id, []) => return Err(ConfigError::L1Endpoints { chain_id }),
            _ => {}
        }
        if urls.len() > MAX_ENDPOINTS {
            return Err(ConfigError::L1TooMany(MAX_ENDPOINTS));
        }
        let endpoints = urls.iter().map(|url| Ok(Endpoint::new(&url.0)?));
        Ok(Some(L1Config {
            endpoints: endpoints.collect::<Result<_, ConfigError>>()?,
            poll: Duration::from_millis(
                self.poll_ms.map_or(DEFAULT_POLL_MS, NonZeroU32::get).into(),
            ),
            from_block: self.from_block,
            account: None,
        }))
    }

    /// Opens the account that reports.
    pub(crate) fn account(&self, unlock: &mut Unlock) -> Result<Option<Account>, ConfigError> {
        let Some(path) = &self.account else {
            return Ok(None);
        };
        let account = match &self.account_password_file {
            Some(file) => {
                let source = PasswordSource::of(Some(file), None);
                keys::load_account(path, &mut Unlock::with(source))?
            }
            None => keys::load_account(path, unlock)?,
        };
        Ok(Some(account))
    }

    /// These, and the other's where these are silent.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            endpoints: self.endpoints.or(other.endpoints),
            poll_ms: self.poll_ms.or(other.poll_ms),
            from_block: self.from_block.or(other.from_block),
            account: self.account.or(other.account),
            account_password_file: self.account_password_file.or(other.account_password_file),
        }
    }
}
