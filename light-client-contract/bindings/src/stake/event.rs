//! One log of the stake table, and what it says.

use alloy_sol_types::SolEvent as _;
use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Address, Hash, PublicKey};

use super::Rule;
use crate::{
    abi::{from_amount, stake_table::IStakeTable as Events},
    points,
    rpc::Log,
};

/// Largest data of a log: a registration with the longest address is far below.
const MAX_DATA: usize = 4_096;

/// Why a log is not the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StakeError {
    /// Its hash does not follow from the events before.
    #[error("an event of the stake table is missing, or one was made up")]
    NotNext,
    /// It is in the chain of events, but of no kind that this program knows.
    #[error("the stake table has an event that this program does not know: update it")]
    Unknown,
}

/// A chained log as the contract emitted it: everything its hash is over.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StakeLog {
    /// In which L1 block.
    pub block: u64,
    /// Names the event.
    pub topic: Hash,
    /// The operator, left-padded.
    pub subject: Hash,
    /// The hash over this event and all before it, as the contract says.
    pub chain: Hash,
    /// The rest of it.
    pub data: Vec<u8>,
}

/// What an event changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StakeEvent {
    /// A validator.
    Registered {
        /// Its consensus key.
        key: PublicKey,
        /// Its network key.
        network_key: [u8; 32],
        /// Where it listens.
        address: String,
        /// Its stake.
        stake: u128,
    },
    /// More stake, or less.
    Staked {
        /// All of it now.
        stake: u128,
    },
    /// Another consensus key.
    Rotated {
        /// The new one.
        key: PublicKey,
    },
    /// Another network key or address.
    Moved {
        /// Its network key.
        network_key: [u8; 32],
        /// Where it listens.
        address: String,
    },
    /// It left.
    Left,
    /// It was convicted.
    Convicted,
    /// Another rule.
    Rule(Rule),
}

impl StakeLog {
    /// A log of the contract, as an endpoint gave it. None if it is no chained event: stake that
    /// was paid out.
    ///
    /// # Errors
    /// A log that the contract can't have emitted.
    pub fn of(log: &Log) -> Result<Option<Self>, StakeError> {
        if log.topics.first().map(|topic| topic.0) == Some(Events::Withdrawn::SIGNATURE_HASH.0) {
            return Ok(None);
        }
        let [topic, subject, chain] = log.topics[..] else {
            return Err(StakeError::Unknown);
        };
        if log.data.0.len() > MAX_DATA {
            return Err(StakeError::Unknown);
        }
        Ok(Some(Self {
            block: log.block_number,
            topic,
            subject,
            chain,
            data: log.data.0.clone(),
        }))
    }

    /// Whom it is about.
    #[must_use]
    pub fn operator(&self) -> Address {
        let mut operator = Address::ZERO;
        operator.0.copy_from_slice(&self.subject.0[12..]);
        operator
    }

    /// What it says.
    ///
    /// # Errors
    /// An event of no known kind, or a key that is none.
    pub fn event(&self) -> Result<StakeEvent, StakeError> {
        let unknown = |_| StakeError::Unknown;
        // An event can't be skipped, so an address that is no text must not make one unreadable:
        // it is decoded without validation.
        let data = &self.data;
        Ok(match self.topic.0 {
            topic if topic == Events::Registered::SIGNATURE_HASH.0 => {
                let (pk1, pk2, network_key, address, stake) =
                    Events::Registered::abi_decode_data(data).map_err(unknown)?;
                StakeEvent::Registered {
                    key: points::key(&pk1, &pk2).ok_or(StakeError::Unknown)?,
                    network_key: network_key.0,
                    address,
                    stake: from_amount(stake),
                }
            }
            topic if topic == Events::KeysRotated::SIGNATURE_HASH.0 => {
                let (pk1, pk2) =
                    Events::KeysRotated::abi_decode_data_validate(data).map_err(unknown)?;
                let key = points::key(&pk1, &pk2).ok_or(StakeError::Unknown)?;
                StakeEvent::Rotated { key }
            }
            topic if topic == Events::NetworkUpdated::SIGNATURE_HASH.0 => {
                let (network_key, address) =
                    Events::NetworkUpdated::abi_decode_data(data).map_err(unknown)?;
                StakeEvent::Moved {
                    network_key: network_key.0,
                    address,
                }
            }
            topic if topic == Events::Delegated::SIGNATURE_HASH.0 => {
                let (_, _, stake) =
                    Events::Delegated::abi_decode_data_validate(data).map_err(unknown)?;
                let stake = from_amount(stake);
                StakeEvent::Staked { stake }
            }
            topic if topic == Events::Undelegated::SIGNATURE_HASH.0 => {
                let (_, _, stake, _) =
                    Events::Undelegated::abi_decode_data_validate(data).map_err(unknown)?;
                let stake = from_amount(stake);
                StakeEvent::Staked { stake }
            }
            topic if topic == Events::Deregistered::SIGNATURE_HASH.0 => StakeEvent::Left,
            topic if topic == Events::Slashed::SIGNATURE_HASH.0 => StakeEvent::Convicted,
            topic if topic == Events::CommitteeRule::SIGNATURE_HASH.0 => {
                let (minimum_stake, maximum_members) =
                    Events::CommitteeRule::abi_decode_data_validate(data).map_err(unknown)?;
                StakeEvent::Rule(Rule {
                    minimum_stake: from_amount(minimum_stake),
                    maximum_members,
                })
            }
            _ => return Err(StakeError::Unknown),
        })
    }
}
