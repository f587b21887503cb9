//! Calls that change nothing: `eth_call` and `eth_estimateGas`.

use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, Bytes, Log, U256};

/// What to call. Needs no signature; the nonce is not checked, and gas costs nothing unless a price is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRequest {
    /// Who calls; the zero address by default.
    pub from: Address,
    /// The called account; none creates a contract.
    pub to: Option<Address>,
    /// Wei to send along; the caller has to have it.
    pub value: U256,
    /// Gas limit; a block's by default and at most.
    pub gas: Option<u64>,
    /// Wei per gas; 0 by default, else the caller has to have it.
    pub gas_price: u128,
    /// Input, or initialisation code.
    pub data: Bytes,
    /// Warmed addresses and slots.
    pub access_list: AccessList,
    /// Delegations (EIP-7702), already signed.
    pub authorization_list: Vec<SignedAuthorization>,
}

/// What a call that succeeded returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallResult {
    /// Returned bytes; of a creation the code.
    pub output: Bytes,
    /// Gas that it used, after refunds.
    pub gas_used: u64,
    /// What it logged.
    pub logs: Vec<Log>,
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// It reverted, with these bytes.
    #[error("execution reverted")]
    Reverted(Bytes),
    /// It ran out of gas or did what the EVM forbids.
    #[error("execution halted: {0}")]
    Halted(String),
    /// It could not start.
    #[error("{0}")]
    Refused(String),
}
