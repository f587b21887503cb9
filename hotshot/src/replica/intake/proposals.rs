//! Proposals at the door (P2) and behind it (V4).

use std::sync::Arc;

use hotshot_types::{
    Hash, Justify, Kind, Lock, Proposal, Round, Signers, View, bls::Check, digest,
};

use super::{Open, Replica};
use crate::{
    Fault, Outbox, Output, Sender,
    rounds::{MAX_PROPOSALS, Proposed},
};

impl Replica {
    pub(super) fn inspect_proposal(
        &self,
        sender: &Sender,
        proposal: &mut Proposal,
        open: &mut Open,
    ) -> Result<bool, Fault> {
        let round = proposal.round;
        if !self.in_window(round) {
            return Ok(false);
        }
        let leader = self
            .leader(round)
            .expect("the current epoch's seed is known");
        self.inspect_signer(sender, leader)?;
        let header = &proposal.header;
        let hash = header.hash();
        if !self.has_slot(round, proposal.kind, hash) {
            return Ok(false);
        }
        if header.epoch != round.epoch || header.chain_domain != self.config.domain {
            return Err(Fault::Malformed("a proposal of another epoch or network"));
        }
        self.check_justification(proposal, hash)?;
        match &mut proposal.justify {
            Justify::Anchor(_) => proposal.justify = Justify::Anchor(None),
            Justify::Quorum(qc) => self.inspect_quorum(qc, open)?,
            Justify::Final(fc) => self.inspect_final(fc, open)?,
        }
        if let Some(tc) = &mut proposal.timeout {
            self.inspect_timeout_certificate(tc, open)?;
        }
        let committee = self.committee();
        let mut sign = |digest, signature| {
            open.checks.push(Check {
                digest,
                committee: Arc::clone(committee),
                signers: Signers::of(committee.len(), [leader]),
                signature,
            });
        };
        sign(
            proposal.digest(self.config.domain, hash),
            proposal.signature,
        );
        if proposal.kind == Kind::Fresh {
            let header = &proposal.header;
            let reveal = digest::randomness(self.config.domain, header.epoch, header.height);
            sign(reveal, header.randao_reveal);
        }
        Ok(true)
    }

    /// Whether a proposal is news, and among the first of its round or the certified one.
    fn has_slot(&self, round: Round, kind: Kind, hash: Hash) -> bool {
        self.rounds.get(round).is_none_or(|state| {
            let known = state.proposals.get(&hash);
            let certified = state.quorum.as_ref().is_some_and(|qc| qc.hash() == hash);
            known.is_none_or(|known| known.kind != kind)
                && (state.proposals.len() < MAX_PROPOSALS || certified)
        })
    }

    /// P2: exactly one of J1, J2, J3.
    fn check_justification(&self, proposal: &Proposal, hash: Hash) -> Result<(), Fault> {
        let round = proposal.round;
        let (view, justified, height) = match &proposal.justify {
            Justify::Anchor(_) => {
                let height = round.epoch.previous().map_or(Default::default(), |before| {
                    before.last_height(self.config.epoch_length)
                });
                (View(0), self.anchor(), height)
            }
            Justify::Quorum(qc) if qc.round().epoch == round.epoch => {
                (qc.round().view, qc.hash(), qc.height())
            }
            Justify::Final(fc) if fc.round().epoch == round.epoch => {
                (fc.round().view, fc.hash(), fc.height())
            }
            _ => return Err(Fault::Malformed("justified by another epoch")),
        };
        let before = round.previous().map_or(View(0), |before| before.view);
        let right = match &proposal.timeout {
            // J1, and J3 where the view before is the anchor.
            None => view == before,
            Some(tc) => {
                before > View(0)
                    && tc.round
                        == (Round {
                            view: before,
                            ..round
                        })
                    && self.respects_lock(&tc.high, view)
                    && view < round.view
            }
        };
        if !right {
            return Err(Fault::Malformed("a proposal that nothing justifies"));
        }
        let fits = match proposal.kind {
            Kind::Fresh => {
                proposal.header.parent_hash == justified && !self.is_last_of_epoch(height)
            }
            Kind::Repropose => hash == justified && self.is_last_of_epoch(height),
        };
        if fits {
            Ok(())
        } else {
            Err(Fault::Malformed("a proposal beside its justification"))
        }
    }

    /// J2: the justification is not below the highest lock of the timeout certificate.
    fn respects_lock(&self, high: &Lock, justified: View) -> bool {
        #[cfg(feature = "fault-injection")]
        if self.is_broken(crate::Broken::TimeoutLockIgnored) {
            return true;
        }
        high.view() <= justified
    }

    /// V4.
    pub(super) fn accept_proposal(&mut self, proposal: Proposal, outbox: &mut Outbox) {
        let round = proposal.round;
        if round.epoch != self.epoch() {
            return;
        }
        match &proposal.justify {
            Justify::Anchor(_) => {}
            Justify::Quorum(qc) => self.store_quorum(qc.clone(), outbox),
            Justify::Final(fc) => self.store_finality(fc.clone(), outbox),
        }
        if let Some(tc) = &proposal.timeout {
            self.store_timeout(tc.clone(), outbox);
        }
        let leader = self.leader(round).expect("checked at the door");
        let header = Arc::new(proposal.header.seal());
        // Others may have been verified meanwhile.
        if !self.has_slot(round, proposal.kind, header.hash()) {
            return;
        }
        let proposed = Proposed {
            kind: proposal.kind,
            header: Arc::clone(&header),
            signature: proposal.signature,
        };
        let state = self.rounds.at(round);
        let others: Vec<Proposed> = state.proposals.values().cloned().collect();
        state.proposals.insert(header.hash(), proposed.clone());
        for other in others {
            self.report_proposals(round, leader, &other, &proposed, outbox);
        }
        self.moved = true;
        outbox.push(Output::Proposed {
            round,
            kind: proposed.kind,
            header: Arc::clone(&header),
            inline: proposal.payload,
        });
        self.on_header(hotshot_types::SealedHeader::clone(&header), outbox);
    }
}
