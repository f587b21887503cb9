//! Noticing what no honest node signs (section 10). What is only claimed is verified before it is
//! reported; each contradiction is reported once.

use hotshot_types::{
    Final, FinalityCertificate, QuorumCertificate, Round, Timeout, TimeoutCertificate,
    ValidatorIndex, Vote, codec, digest,
    evidence::{Evidence, SignedProposal, SignedTimeout},
};

use super::{Replica, intake::Job};
use crate::{Fault, Outbox, Output, rounds::Proposed};

/// How many contradictions are remembered as reported.
const MAX_REPORTED: usize = 4_096;

impl Replica {
    /// Verifies the signatures of a contradiction among claimed ones.
    pub(super) fn suspect(&mut self, evidence: Evidence, outbox: &mut Outbox) {
        let Some(committee) = self.committee_of(evidence.epoch()).cloned() else {
            return;
        };
        let key = key(&evidence);
        if evidence.guilty().is_empty()
            || self.reported.contains(&key)
            || !self.suspected.insert(key)
        {
            return;
        }
        let checks = evidence.checks(self.config.domain, &committee);
        let ticket = self.intake.ticket(Job::Evidence(Box::new(evidence)));
        outbox.push(Output::Verify(ticket, checks));
    }

    /// The signatures behind a suspicion were looked at. A member that sends others than its own
    /// loses its good name, not its place on the list of suspects.
    pub(super) fn on_suspicion(&mut self, evidence: Evidence, valid: bool, outbox: &mut Outbox) {
        self.suspected.remove(&key(&evidence));
        if valid {
            self.report(evidence, outbox);
            return;
        }
        for signer in evidence.guilty() {
            if let Some(peer) = self.peer_of(signer) {
                outbox.push(Output::Blame(peer, Fault::Signature));
            }
        }
    }

    /// Reports a contradiction among verified signatures.
    pub(super) fn report(&mut self, evidence: Evidence, outbox: &mut Outbox) {
        if evidence.guilty().is_empty() && !matches!(evidence, Evidence::Fork(..)) {
            return;
        }
        if self.is_news(&evidence) {
            self.reported.insert(key(&evidence));
            if self.reported.len() > MAX_REPORTED {
                self.reported.pop_first();
            }
            outbox.push(Output::Evidence(Box::new(evidence)));
        }
    }

    pub(super) fn is_news(&self, evidence: &Evidence) -> bool {
        !self.reported.contains(&key(evidence))
    }

    /// X5 for quorum certificates.
    pub(super) fn report_quorums(
        &mut self,
        a: QuorumCertificate,
        b: QuorumCertificate,
        outbox: &mut Outbox,
    ) {
        self.report(Evidence::Quorums(a, b), outbox);
    }

    /// X5 for finality certificates.
    pub(super) fn report_finals(
        &mut self,
        a: FinalityCertificate,
        b: FinalityCertificate,
        outbox: &mut Outbox,
    ) {
        self.report(Evidence::Finals(a, b), outbox);
    }

    /// X5 for a finality certificate and a later timeout certificate.
    pub(super) fn report_lost_locks(&mut self, tc: &TimeoutCertificate, outbox: &mut Outbox) {
        if let Some(fc) = self.highest_final.clone() {
            self.report(Evidence::LostLocks(fc, Box::new(tc.clone())), outbox);
        }
    }

    /// X1: a second proposal of one leader in one round, both signatures verified.
    pub(super) fn report_proposals(
        &mut self,
        round: Round,
        signer: ValidatorIndex,
        a: &Proposed,
        b: &Proposed,
        outbox: &mut Outbox,
    ) {
        let [a, b] = [a, b].map(|proposed| SignedProposal {
            round,
            kind: proposed.kind,
            height: proposed.header.height,
            hash: proposed.header.hash(),
            signer,
            signature: proposed.signature,
        });
        self.report(Evidence::Proposals(a, b), outbox);
    }

    /// X4, when a vote 2 arrives.
    pub(super) fn watch_vote2(&mut self, vote: &Vote<Final>, outbox: &mut Outbox) {
        let newer = self
            .newest_vote2
            .get(&vote.signer)
            .is_none_or(|known| known.round() < vote.round());
        if newer {
            self.newest_vote2.insert(vote.signer, vote.clone());
        }
        if let Some(timeout) = self.timeouts.get(&vote.signer) {
            let signed = self.signed_timeout(timeout);
            self.suspect(Evidence::LostLock(vote.clone(), signed), outbox);
        }
    }

    /// X4, when a Timeout arrives.
    pub(super) fn watch_timeout(&mut self, timeout: &Timeout, outbox: &mut Outbox) {
        if let Some(vote) = self.newest_vote2.get(&timeout.signer).cloned() {
            let signed = self.signed_timeout(timeout);
            self.suspect(Evidence::LostLock(vote, signed), outbox);
        }
    }

    fn signed_timeout(&self, timeout: &Timeout) -> SignedTimeout {
        SignedTimeout {
            round: timeout.round,
            lock_view: timeout.lock.view(),
            lock_hash: timeout.lock.hash(self.anchor()),
            signer: timeout.signer,
            signature: timeout.signature,
        }
    }
}

fn key(evidence: &Evidence) -> hotshot_types::Hash {
    // One report for each guilty set and kind in an epoch is enough; the signatures differ.
    let kind = std::mem::discriminant(evidence);
    let guilty: Vec<u8> = evidence
        .guilty()
        .iter()
        .flat_map(|signer| signer.0.to_be_bytes())
        .collect();
    digest::keccak_concat(&[
        format!("{kind:?}").as_bytes(),
        &codec::encode(&evidence.epoch()),
        &guilty,
    ])
}
