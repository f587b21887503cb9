//! The genesis document: what everybody who joins a network agrees on beforehand (R4).

use std::{collections::BTreeMap, sync::Arc};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Address, Committee, Epoch, Hash, Header, Height, L1Block, Member, ProofOfPossession, PublicKey,
    SealedHeader, Signature, TimestampMs, ValidatorIndex, View, bounded, codec,
    committee::{CommitteeError, MAX_MEMBERS},
    digest,
    header::HEADER_VERSION,
    mountain_range::MountainRange,
};

/// Parameters that all nodes of a network must share.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Blocks in an epoch: E.
    pub epoch_length: u64,
    /// T0: how long a view may take beyond the empty-block delay before its first back-off.
    pub view_timeout_ms: u64,
    /// How long a leader without transactions waits before it proposes an empty block.
    pub empty_block_delay_ms: u64,
    /// Largest payload of a block in bytes.
    pub max_payload_bytes: u32,
    /// Most namespaces in a block.
    pub max_namespaces: u32,
    /// Largest transaction in bytes.
    pub max_transaction_bytes: u32,
    /// Whether this is a network for development, which accepts keys that are not encrypted.
    #[serde(default)]
    pub development: bool,
}

impl Parameters {
    /// The parameters of demos and local networks.
    #[must_use]
    pub const fn development() -> Self {
        Self {
            epoch_length: 50,
            view_timeout_ms: 500,
            empty_block_delay_ms: 100,
            max_payload_bytes: 5 << 20,
            max_namespaces: 256,
            max_transaction_bytes: 1 << 20,
            development: true,
        }
    }
}

/// A validator of the first two epochs.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisValidator {
    /// The account that answers for it.
    pub operator: Address,
    /// Its consensus key.
    pub key: PublicKey,
    /// Shows that the operator holds the key.
    pub possession: ProofOfPossession,
    /// Its voting weight.
    pub weight: u64,
    /// Its network key: an Ed25519 public key.
    pub network_key: Hash,
    /// Where it listens, as a multiaddress.
    pub address: String,
}

/// Why a genesis document opens no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// The validators form no committee.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
    /// A validator's proof of possession does not verify.
    #[error(
        "the proof of possession of validator {0} ({1}) does not verify for this network: it was made for another operator, key or network"
    )]
    Possession(usize, Address),
    /// Two validators would be one node for all others: connections are told apart by this key.
    #[error("validators {0} and {1} have the same network key: each node needs its own")]
    SameNetworkKey(usize, usize),
    /// A parameter that no network can run with.
    #[error("parameter {0} {1}")]
    Parameter(&'static str, &'static str),
}

/// Everything that defines a network.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisDocument {
    /// Chain id of the home L1; 0 for a network without one.
    pub l1_chain_id: u64,
    /// The stake table on the home L1; zero for a network without one.
    pub stake_table: Address,
    /// Tells networks of one stake table apart, and networks without L1.
    pub salt: Hash,
    /// When the network starts.
    pub timestamp_ms: TimestampMs,
    /// The L1 block that the first blocks see as finalized.
    pub l1: L1Block,
    /// Seeds of epochs 1 and 2, drawn after the keys were fixed.
    pub seeds: [Hash; 2],
    /// What all nodes must share.
    pub parameters: Parameters,
    /// The committee of epochs 1 and 2, by index.
    #[borsh(deserialize_with = "bounded::read::<_, _, MAX_MEMBERS>")]
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_MEMBERS>")]
    pub validators: Vec<GenesisValidator>,
}

/// The roots of the empty payload, which the crate `da` defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptyRoots {
    /// Over the shards.
    pub shard_root: Hash,
    /// Over the namespaces.
    pub ns_root: Hash,
    /// Of the empty namespace map.
    pub ns_acc_root: Hash,
}

impl GenesisDocument {
    /// Names the network in every signature.
    #[must_use]
    pub fn chain_domain(&self) -> Hash {
        digest::chain_domain(self.l1_chain_id, self.stake_table, self.salt)
    }

    /// Checks everything a network relies on: parameters, keys, that no two validators share one,
    /// proofs of possession.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), GenesisError> {
        let parameters = &self.parameters;
        for (name, value) in [
            ("epoch_length", parameters.epoch_length),
            ("view_timeout_ms", parameters.view_timeout_ms),
            ("max_payload_bytes", parameters.max_payload_bytes.into()),
            ("max_namespaces", parameters.max_namespaces.into()),
            (
                "max_transaction_bytes",
                parameters.max_transaction_bytes.into(),
            ),
        ] {
            if value == 0 {
                return Err(GenesisError::Parameter(name, "must not be zero"));
            }
        }
        for (name, value) in [
            ("epoch_length", parameters.epoch_length),
            ("view_timeout_ms", parameters.view_timeout_ms),
            ("empty_block_delay_ms", parameters.empty_block_delay_ms),
        ] {
            if value > u64::from(u32::MAX) {
                return Err(GenesisError::Parameter(name, "must be below 2^32"));
            }
        }
        // A block that holds the largest transaction also holds its namespace and offset tables.
        let largest = u64::from(parameters.max_transaction_bytes) + 24;
        if u64::from(parameters.max_payload_bytes) < largest {
            return Err(GenesisError::Parameter(
                "max_payload_bytes",
                "must leave room for one transaction of max_transaction_bytes and 24 bytes of tables",
            ));
        }
        self.committee(Epoch::FIRST)?.check_keys()?;
        let mut network_keys = BTreeMap::new();
        for (index, validator) in self.validators.iter().enumerate() {
            if let Some(earlier) = network_keys.insert(validator.network_key, index) {
                return Err(GenesisError::SameNetworkKey(earlier, index));
            }
        }
        for (index, validator) in self.validators.iter().enumerate() {
            if !validator.key.has_possession(
                self.chain_domain(),
                validator.operator,
                &validator.possession,
            ) {
                return Err(GenesisError::Possession(index, validator.operator));
            }
        }
        Ok(())
    }

    /// The genesis validators as the committee of an epoch.
    ///
    /// # Errors
    /// Validators that form no committee.
    pub fn committee(&self, epoch: Epoch) -> Result<Arc<Committee>, CommitteeError> {
        let members = self
            .validators
            .iter()
            .map(|validator| Member {
                key: validator.key,
                weight: validator.weight,
            })
            .collect();
        Ok(Arc::new(Committee::new(epoch, members)?))
    }

    /// Names the document: the parent hash of the genesis block.
    #[must_use]
    pub fn hash(&self) -> Hash {
        digest::keccak(&codec::encode(self))
    }

    /// The genesis block.
    ///
    /// # Errors
    /// Validators that form no committee.
    pub fn header(&self, empty: EmptyRoots) -> Result<SealedHeader, CommitteeError> {
        Ok(Header {
            version: HEADER_VERSION,
            chain_domain: self.chain_domain(),
            height: Height(0),
            epoch: Epoch(0),
            origin_view: View(0),
            proposer: ValidatorIndex(0),
            parent_hash: self.hash(),
            timestamp_ms: self.timestamp_ms,
            l1_finalized: self.l1,
            payload_len: 0,
            shard_root: empty.shard_root,
            ns_root: empty.ns_root,
            ns_acc_root: empty.ns_acc_root,
            history_root: MountainRange::new().root(),
            next_committee: self.committee(Epoch::FIRST)?.commitment(),
            randao_reveal: Signature::ZERO,
            randao_mix: self.seeds[1],
        }
        .seal())
    }
}

#[cfg(test)]
mod tests;
