//! What a verifier starts from: the genesis document of a network, or a checkpoint that somebody it trusts made.

use std::sync::Arc;

use da::{Coder, CommittedPayload, MapHead, Payload, Slots};
use hotshot_types::{
    Committee, Epoch, GenesisDocument, Hash, SealedHeader,
    committee::CommitteeError,
    finality::Trust,
    genesis::{EmptyRoots, GenesisError},
};
use serde::{Deserialize, Serialize};

/// The genesis block that a document defines.
///
/// # Errors
/// Validators that form no committee.
pub fn genesis_block(genesis: &GenesisDocument) -> Result<SealedHeader, TrustError> {
    let weights = genesis.committee(Epoch::FIRST)?.weights();
    let slots = Slots::new(&weights)
        .expect("a committee is not empty, not too large, and each member has weight");
    let empty = CommittedPayload::new(&mut Coder::new(), &slots, Payload::empty());
    let commitments = empty.commitments();
    Ok(genesis.header(EmptyRoots {
        shard_root: Hash(commitments.shard_root),
        ns_root: Hash(commitments.ns_root),
        ns_acc_root: Hash(MapHead::EMPTY.root),
    })?)
}

/// Why there is nothing to trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The genesis document defines no network.
    #[error("the genesis document is invalid: {0}")]
    Genesis(#[from] GenesisError),
    /// The committee is none.
    #[error("the committee is invalid: {0}")]
    Committee(#[from] CommitteeError),
    /// An epoch length of zero.
    #[error("the checkpoint is invalid: epoch_length must not be zero")]
    EpochLength,
    /// The committee of an epoch that does not exist.
    #[error("the checkpoint is invalid: the first epoch is 1")]
    Epoch,
    /// Checkpoint and genesis document are of different networks.
    #[error("the checkpoint is of network {found}, the genesis document of {expected}")]
    OtherNetwork {
        /// The network of the genesis document.
        expected: Hash,
        /// The network of the checkpoint.
        found: Hash,
    },
}

/// A committee to start from instead of genesis. Whoever uses it trusts whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The network.
    pub chain_domain: Hash,
    /// Blocks in an epoch.
    pub epoch_length: u64,
    /// The committee of the epoch to start in.
    pub committee: Committee,
}

impl Checkpoint {
    /// The checkpoint of what a verifier has been led to.
    #[must_use]
    pub fn of(trust: &Trust) -> Self {
        Self {
            chain_domain: trust.domain(),
            epoch_length: trust.epoch_length(),
            committee: trust.committee().as_ref().clone(),
        }
    }

    /// Trusts it.
    ///
    /// # Errors
    /// A committee whose keys are inconsistent, or numbers that no network has.
    pub fn trust(self) -> Result<Trust, TrustError> {
        if self.epoch_length == 0 {
            return Err(TrustError::EpochLength);
        }
        if self.committee.epoch() < Epoch::FIRST {
            return Err(TrustError::Epoch);
        }
        self.committee.check_keys()?;
        Ok(Trust::new(
            self.chain_domain,
            self.epoch_length,
            Arc::new(self.committee),
        ))
    }

    /// Trusts it, provided that it is of this network.
    ///
    /// # Errors
    /// As [`Self::trust`]; also a checkpoint of another network.
    pub fn trust_in(self, genesis: &GenesisDocument) -> Result<Trust, TrustError> {
        let expected = genesis.chain_domain();
        if self.chain_domain != expected {
            return Err(TrustError::OtherNetwork {
                expected,
                found: self.chain_domain,
            });
        }
        self.trust()
    }
}

/// Trusts the committee of the first epoch of a genesis document.
///
/// # Errors
/// What is wrong with the document.
pub fn from_genesis(genesis: &GenesisDocument) -> Result<Trust, TrustError> {
    genesis.check()?;
    let committee = genesis.committee(Epoch::FIRST)?;
    Ok(Trust::new(
        genesis.chain_domain(),
        genesis.parameters.epoch_length,
        committee,
    ))
}
