//! Which updates a light client needs.

use hotshot_types::{FinalityCertificate, Header, finality::FinalityProof};
use light_client::abi::light_client::Finalized;

/// A block that an update may be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) header: Header,
    pub(super) certificate: FinalityCertificate,
}

impl Candidate {
    /// How many members of the committee did not sign.
    pub(super) fn absent(&self) -> usize {
        let signers = &self.certificate.signers;
        signers.committee_len() - signers.count()
    }
}

/// The updates that are due, in their order: one for each epoch that the light client has skipped,
/// and `newest` if its epoch is new to the light client or it is so far behind as was asked for.
/// None if the proof lacks an epoch.
pub(super) fn plan(
    state: &Finalized,
    proof: &FinalityProof,
    newest: Candidate,
    every_blocks: Option<u64>,
) -> Option<Vec<Candidate>> {
    if newest.header.height.0 <= state.height {
        return Some(Vec::new());
    }
    let target = newest.header.epoch.0;
    let mut due = Vec::new();
    for epoch in state.epoch.saturating_add(1)..target {
        let step = proof
            .steps
            .iter()
            .find(|step| step.header.epoch.0 == epoch)?;
        due.push(Candidate {
            header: step.header.clone(),
            certificate: step.certificate.clone(),
        });
    }
    let behind = newest.header.height.0 - state.height;
    let is_due = target > state.epoch || every_blocks.is_some_and(|every| behind >= every);
    if is_due {
        due.push(newest);
    }
    Some(due)
}

#[cfg(test)]
mod tests;
