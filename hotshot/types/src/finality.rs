//! Proofs that a block is final, checked without trusting whoever serves them.
//!
//! The way from a trusted committee to a block's: one final header of each epoch between names
//! the committee of the next (K1).

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    CertificateError, Committee, Epoch, FinalityCertificate, Hash, Header, Member, bounded,
    committee::{CommitteeError, MAX_MEMBERS},
    mountain_range::HeaderProof,
};

/// Most epochs that one proof may walk over.
pub const MAX_STEPS: usize = 4_096;

/// A final header of one epoch and the committee that it names for the next.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochStep {
    /// Any final block of the epoch.
    pub header: Header,
    /// Its finality certificate.
    pub certificate: FinalityCertificate,
    /// The members of the next epoch's committee; none if they are those of this one.
    #[borsh(deserialize_with = "bounded::read_option::<_, _, MAX_MEMBERS>")]
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::list_option::<_, _, MAX_MEMBERS>"
    )]
    pub members: Option<Vec<Member>>,
}

/// Proves that `header` is final.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalityProof {
    /// One step for each epoch from the trusted one up to the certified header's; at most
    /// [`MAX_STEPS`]. Longer walks are made in parts, with [`Trust::advance`].
    #[borsh(deserialize_with = "bounded::read::<_, _, MAX_STEPS>")]
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_STEPS>")]
    pub steps: Vec<EpochStep>,
    /// The block that the certificate is on.
    pub certified: Header,
    /// Its finality certificate.
    pub certificate: FinalityCertificate,
    /// For an ancestor of the certified block: its header, and its place in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ancestor: Option<(Header, HeaderProof)>,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FinalityError {
    /// A certificate is wrong.
    #[error("the finality certificate of epoch {0} is invalid: {1}")]
    Certificate(Epoch, CertificateError),
    /// A certificate is on another block than the header beside it.
    #[error("the finality certificate of epoch {0} is on another block than its header")]
    OtherBlock(Epoch),
    /// A header belongs to another network.
    #[error(
        "the header is of another network: its chain domain is {found}, the trusted one is {trusted}"
    )]
    OtherNetwork {
        /// The header's.
        found: Hash,
        /// The trusted one.
        trusted: Hash,
    },
    /// A header's height is not in the epoch it names.
    #[error("height {0} is not in epoch {1}")]
    Height(crate::Height, Epoch),
    /// The steps do not lead from the trusted epoch to the block's.
    #[error("the proof has no step for epoch {0}")]
    MissingStep(Epoch),
    /// The proof starts after what is trusted, or is about an epoch before it.
    #[error("the proof is for epoch {0}, before the trusted epoch {1}")]
    BeforeTrusted(Epoch, Epoch),
    /// The committee handed over is not the one the header names.
    #[error("the committee of epoch {0} is not the one that the chain committed to")]
    OtherCommittee(Epoch),
    /// Members that form no committee.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
    /// The ancestor is not in the certified block's history.
    #[error("the header is not in the history of the certified block")]
    NotInHistory,
}

/// What a verifier trusts: a network and the newest committee it has been led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    domain: Hash,
    epoch_length: u64,
    committee: Arc<Committee>,
}

impl Trust {
    /// Trusts a committee of a network, from its genesis document or a checkpoint.
    #[must_use]
    pub fn new(domain: Hash, epoch_length: u64, committee: Arc<Committee>) -> Self {
        Self {
            domain,
            epoch_length,
            committee,
        }
    }

    /// The epoch of the trusted committee: where proofs have to start.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.committee.epoch()
    }

    /// The trusted committee.
    #[must_use]
    pub fn committee(&self) -> &Arc<Committee> {
        &self.committee
    }

    /// The network.
    #[must_use]
    pub fn domain(&self) -> Hash {
        self.domain
    }

    /// Blocks in an epoch.
    #[must_use]
    pub fn epoch_length(&self) -> u64 {
        self.epoch_length
    }

    /// Checks a header and its finality certificate against the trusted committee.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check_final(
        &self,
        header: &Header,
        certificate: &FinalityCertificate,
    ) -> Result<(), FinalityError> {
        let epoch = certificate.round().epoch;
        self.check_header(header)?;
        let stated = (
            certificate.round().epoch,
            certificate.height(),
            certificate.hash(),
        );
        if stated != (header.epoch, header.height, header.hash()) {
            return Err(FinalityError::OtherBlock(epoch));
        }
        certificate
            .verify(self.domain, &self.committee)
            .map_err(|error| FinalityError::Certificate(epoch, error))
    }

    fn check_header(&self, header: &Header) -> Result<(), FinalityError> {
        if header.chain_domain != self.domain {
            return Err(FinalityError::OtherNetwork {
                found: header.chain_domain,
                trusted: self.domain,
            });
        }
        if Epoch::of(header.height, self.epoch_length) != header.epoch {
            return Err(FinalityError::Height(header.height, header.epoch));
        }
        Ok(())
    }

    /// Moves the trust to the next epoch.
    ///
    /// # Errors
    /// What is wrong with the step; the trust then stays where it was.
    pub fn advance(&mut self, step: &EpochStep) -> Result<(), FinalityError> {
        self.check_final(&step.header, &step.certificate)?;
        if step.header.epoch != self.epoch() {
            return Err(FinalityError::MissingStep(self.epoch()));
        }
        let next = self.epoch().next();
        let committee = match &step.members {
            None => self.committee.in_epoch(next),
            Some(members) => Committee::new(next, members.clone())?,
        };
        if committee.commitment() != step.header.next_committee {
            return Err(FinalityError::OtherCommittee(next));
        }
        if step.members.is_some() {
            // The commitment holds the G1 halves only; this ties the G2 halves to them.
            committee.check_keys()?;
        }
        self.committee = Arc::new(committee);
        Ok(())
    }

    /// Checks a proof and returns the header that it proves final. The trust moves on to the
    /// epoch of the certified header, so that later proofs can start there.
    ///
    /// # Errors
    /// What is wrong with the proof.
    pub fn verify<'a>(&mut self, proof: &'a FinalityProof) -> Result<&'a Header, FinalityError> {
        self.check_header(&proof.certified)?;
        let target = proof.certificate.round().epoch;
        if target < self.epoch() {
            return Err(FinalityError::BeforeTrusted(target, self.epoch()));
        }
        let known = self.epoch();
        for step in proof.steps.iter().filter(|step| step.header.epoch >= known) {
            if self.epoch() == target {
                break;
            }
            self.advance(step)?;
        }
        if self.epoch() != target {
            return Err(FinalityError::MissingStep(self.epoch()));
        }
        self.check_final(&proof.certified, &proof.certificate)?;
        match &proof.ancestor {
            None => Ok(&proof.certified),
            Some((header, path)) => {
                self.check_header(header)?;
                let proven = path.count == proof.certified.height.0
                    && path.height == header.height
                    && path.verify(proof.certified.history_root, header.hash());
                proven.then_some(header).ok_or(FinalityError::NotInHistory)
            }
        }
    }
}

#[cfg(test)]
mod tests;
