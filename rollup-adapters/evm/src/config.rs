//! The section `[vm]` of a rollup's definition (RE1).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use revm::handler::SYSTEM_ADDRESS;
use serde::{Deserialize, Serialize};

use crate::predeploys::{BRIDGE, TOKEN_FACTORY};

/// The highest chain id: a legacy signature has room for no higher one (EIP-2294).
const MAX_CHAIN_ID: u64 = u64::MAX / 2 - 36;
/// The lowest base fee, 0.01 gwei: what keeps every node busy is never for nothing.
pub(crate) const MIN_BASE_FEE: u64 = 10_000_000;
/// The base fee rises no higher than this.
pub(crate) const MAX_BASE_FEE: u64 = 1 << 60;
/// Longest code of an account (EIP-170).
const MAX_CODE: usize = 24_576;

/// What the rollup's machine is to be; the same on every node, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvmConfig {
    /// Chain id of the rollup, which is its namespace too.
    pub chain_id: u64,
    /// Who gets all fees, the base fee too.
    pub fee_account: Address,
    /// Chain id of the L1 that holds the escrow; the only one that withdrawals can go to.
    pub home_l1_chain_id: u64,
    /// Base fee of the genesis block, in wei per gas.
    #[serde(default = "one_gwei")]
    pub base_fee: u64,
    /// Accounts at genesis. Their ether is backed by nothing on the L1.
    #[serde(default)]
    pub alloc: BTreeMap<Address, GenesisAccount>,
}

/// An account at genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisAccount {
    /// In wei: a string, decimal or hexadecimal after `0x`.
    #[serde(default)]
    pub balance: U256,
    /// Transactions sent, or contracts made.
    #[serde(default)]
    pub nonce: u64,
    /// Runtime code.
    #[serde(default)]
    pub code: Bytes,
    /// Values of storage slots.
    #[serde(default)]
    pub storage: BTreeMap<B256, B256>,
}

/// What is wrong with an [`EvmConfig`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// EIP-155 has no room for it.
    #[error("chain_id is {0}, but must be from 1 to {MAX_CHAIN_ID}")]
    ChainId(u64),
    /// Fees would be lost.
    #[error("fee_account is {0}, where nobody could use the fees")]
    FeeAccount(Address),
    /// No L1 has it.
    #[error("home_l1_chain_id is 0; name the L1 that holds the escrow")]
    HomeChain,
    /// Out of range.
    #[error("base_fee is {0}, but must be from {MIN_BASE_FEE} to {MAX_BASE_FEE} wei per gas")]
    BaseFee(u64),
    /// The machine puts its own code there.
    #[error("alloc has {0}, which belongs to the machine")]
    Reserved(Address),
    /// It would not be in the state.
    #[error("alloc has {0} with neither balance, nonce nor code")]
    Empty(Address),
    /// A creation could meet it as unused.
    #[error("alloc has {0} with storage but neither nonce nor code")]
    Storage(Address),
    /// A slot that is 0 is not in the state.
    #[error("alloc has {0} with slot {1} set to 0")]
    EmptySlot(Address, B256),
    /// The EVM would not have let it be deployed.
    #[error("alloc has {0} with code that is longer than {MAX_CODE} bytes or begins with 0xef")]
    Code(Address),
    /// More than withdrawals could ever take out.
    #[error("the balances in alloc are 2^128 wei or more in sum")]
    Supply,
}

impl EvmConfig {
    /// Whether a rollup can be run so.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(1..=MAX_CHAIN_ID).contains(&self.chain_id) {
            return Err(ConfigError::ChainId(self.chain_id));
        }
        if is_reserved(self.fee_account) {
            return Err(ConfigError::FeeAccount(self.fee_account));
        }
        if self.home_l1_chain_id == 0 {
            return Err(ConfigError::HomeChain);
        }
        if !(MIN_BASE_FEE..=MAX_BASE_FEE).contains(&self.base_fee) {
            return Err(ConfigError::BaseFee(self.base_fee));
        }
        let mut supply = U256::ZERO;
        for (&address, account) in &self.alloc {
            account.check(address)?;
            supply = supply.saturating_add(account.balance);
        }
        if supply > U256::from(u128::MAX) {
            return Err(ConfigError::Supply);
        }
        Ok(())
    }
}

impl GenesisAccount {
    fn check(&self, address: Address) -> Result<(), ConfigError> {
        if is_reserved(address) {
            return Err(ConfigError::Reserved(address));
        }
        if self.balance.is_zero() && self.nonce == 0 && self.code.is_empty() {
            return Err(ConfigError::Empty(address));
        }
        if !self.storage.is_empty() && self.nonce == 0 && self.code.is_empty() {
            return Err(ConfigError::Storage(address));
        }
        if let Some((slot, _)) = self.storage.iter().find(|(_, value)| value.is_zero()) {
            return Err(ConfigError::EmptySlot(address, *slot));
        }
        if self.code.len() > MAX_CODE || self.code.first() == Some(&0xef) {
            return Err(ConfigError::Code(address));
        }
        Ok(())
    }
}

/// Addresses of the zero account, the precompiles, the system caller and the predeploys.
fn is_reserved(address: Address) -> bool {
    let is_small = address.iter().take(18).all(|byte| *byte == 0);
    is_small || [BRIDGE, TOKEN_FACTORY, SYSTEM_ADDRESS].contains(&address)
}

const fn one_gwei() -> u64 {
    1_000_000_000
}
