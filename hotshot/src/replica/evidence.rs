//! Noticing what no honest node signs (section 10). What is only claimed is verified before it is
//! reported; each contradiction is reported once.

use hotshot_types::{
    Epoch, Final, FinalityCertificate, QuorumCertificate, Round, Timeout, TimeoutCertificate,
    ValidatorIndex, Vote,
    evidence::{Evidence, SignedProposal, SignedTimeout},
};

use super::{Replica, intake::Job};
use crate::{Fault, Outbox, Output, rounds::Proposed};

/// One kind of contradiction by one validator in one epoch, or two branches, by nobody in
/// particular. Reported once: the signatures of another report would differ, not the guilt. There
/// are as many as members, kinds and epochs remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Accusation {
    epoch: Epoch,
    kind: u8,
    guilty: Option<ValidatorIndex>,
}

impl Accusation {
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }
}

impl Replica {
    /// Verifies the signatures of a contradiction among claimed ones.
    pub(super) fn suspect(&mut self, evidence: Evidence, outbox: &mut Outbox) {
        let Some(committee) = self.committee_of(evidence.epoch()).cloned() else {
            return;
        };
        let fresh = accusations(&evidence).into_iter().any(|accusation| {
            !self.reported.contains(&accusation) && self.suspected.insert(accusation)
        });
        if !fresh {
            return;
        }
        let checks = evidence.checks(self.config.domain, &committee);
        let ticket = self.intake.ticket(Job::Evidence(Box::new(evidence)));
        outbox.push(Output::Verify {
            ticket,
            checks,
            may_wait: true,
        });
    }

    /// The signatures behind a suspicion were looked at. A member that sends others than its own
    /// loses its good name, not its place on the list of suspects.
    pub(super) fn on_suspicion(&mut self, evidence: Evidence, valid: bool, outbox: &mut Outbox) {
        for accusation in accusations(&evidence) {
            self.suspected.remove(&accusation);
        }
        let fault = if valid {
            Fault::Equivocation
        } else {
            Fault::Signature
        };
        if evidence.epoch() == self.epoch() {
            let peers = evidence.guilty().into_iter();
            let peers = peers.filter_map(|signer| self.peer_of(signer));
            outbox.extend(peers.map(|peer| Output::Blame(peer, fault)));
        }
        if valid {
            self.report(evidence, outbox);
        }
    }

    /// Reports a contradiction among verified signatures.
    pub(super) fn report(&mut self, evidence: Evidence, outbox: &mut Outbox) {
        if evidence.guilty().is_empty() && !matches!(evidence, Evidence::Fork(..)) {
            return;
        }
        if self.is_news(&evidence) {
            self.reported.extend(accusations(&evidence));
            outbox.push(Output::Evidence(Box::new(evidence)));
        }
    }

    pub(super) fn is_news(&self, evidence: &Evidence) -> bool {
        let mut accusations = accusations(evidence).into_iter();
        accusations.any(|accusation| !self.reported.contains(&accusation))
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

    /// X5 for a timeout certificate that arrives: the finality certificates up to its round.
    pub(super) fn report_earlier_finals(&mut self, tc: &TimeoutCertificate, outbox: &mut Outbox) {
        let finals: Vec<FinalityCertificate> = self
            .rounds
            .iter()
            .filter(|(round, _)| *round <= tc.round)
            .filter_map(|(_, state)| state.finality.clone())
            .collect();
        for fc in finals {
            self.report(Evidence::LostLocks(fc, Box::new(tc.clone())), outbox);
        }
    }

    /// X5 for a finality certificate that arrives: the timeout certificates from its round on.
    pub(super) fn report_later_timeouts(&mut self, fc: &FinalityCertificate, outbox: &mut Outbox) {
        let timeouts: Vec<TimeoutCertificate> = self
            .rounds
            .iter()
            .filter(|(round, _)| *round >= fc.round())
            .filter_map(|(_, state)| state.timeout.clone())
            .collect();
        for tc in timeouts {
            self.report(Evidence::LostLocks(fc.clone(), Box::new(tc)), outbox);
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

fn accusations(evidence: &Evidence) -> Vec<Accusation> {
    let kind = match evidence {
        Evidence::Proposals(..) => 1,
        Evidence::Votes1(..) => 2,
        Evidence::Votes2(..) => 3,
        Evidence::LostLock(..) => 4,
        Evidence::Quorums(..) => 5,
        Evidence::Finals(..) => 6,
        Evidence::LostLocks(..) => 7,
        Evidence::Fork(..) => {
            return vec![Accusation {
                epoch: evidence.epoch(),
                kind: 8,
                guilty: None,
            }];
        }
    };
    let accuse = |guilty| Accusation {
        epoch: evidence.epoch(),
        kind,
        guilty: Some(guilty),
    };
    evidence.guilty().into_iter().map(accuse).collect()
}
