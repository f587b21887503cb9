//! Whom a piece of evidence accuses, worked out again from section 10 of the protocol.

use hotshot_types::{Signers, ValidatorIndex, evidence::Evidence};

/// Everybody who signed both parts, whether or not these contradict each other: honest nodes
/// issue evidence only about contradictions, so none of these may be honest.
pub(super) fn accused(evidence: &Evidence) -> Vec<ValidatorIndex> {
    match evidence {
        Evidence::Proposals(a, b) => vec![a.signer, b.signer],
        Evidence::Votes1(a, b) => vec![a.signer, b.signer],
        Evidence::Votes2(a, b) => vec![a.signer, b.signer],
        Evidence::LostLock(vote, timeout) => vec![vote.signer, timeout.signer],
        Evidence::Quorums(a, b) => both(&a.signers, &b.signers),
        Evidence::Finals(a, b) => both(&a.signers, &b.signers),
        Evidence::LostLocks(fc, tc) => tc
            .groups
            .iter()
            .filter(|group| group.lock_view < fc.round().view)
            .flat_map(|group| both(&fc.signers, &group.signers))
            .collect(),
        Evidence::Fork(..) => Vec::new(),
    }
}

fn both(a: &Signers, b: &Signers) -> Vec<ValidatorIndex> {
    a.iter().filter(|index| b.contains(*index)).collect()
}
