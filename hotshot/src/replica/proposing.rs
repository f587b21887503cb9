//! Proposing (V3, P2 from the leader's side).

use std::sync::Arc;

use hotshot_types::{
    Hash, Header, Justify, Kind, Lock, Message, Proposal, Round, SealedHeader, TimeoutCertificate,
    View, digest,
    header::{HEADER_VERSION, mix},
};

use super::{Building, Replica};
use crate::{Body, Outbox, Output, Verdict, rounds::Proposed, voting};

/// What a leader may propose on.
struct Grounds {
    justify: Justify,
    timeout: Option<TimeoutCertificate>,
    block: Arc<SealedHeader>,
}

impl Replica {
    pub(super) fn try_propose(&mut self, outbox: &mut Outbox) {
        let round = self.round();
        if !self.leads(round) || !voting::may_propose(&self.record, round) {
            return;
        }
        let Some(grounds) = self.grounds(round) else {
            return;
        };
        if self.is_last_of_epoch(grounds.block.height) {
            let header = Arc::clone(&grounds.block);
            self.propose(Kind::Repropose, header, grounds, None, outbox);
            return;
        }
        let parent = grounds.block.hash();
        match &self.building {
            Some(building) if (building.round, building.parent) == (round, parent) => {
                let Some(body) = building.body.clone() else {
                    return;
                };
                let Some(header) = self.header_on(&grounds.block, round, &body) else {
                    return;
                };
                self.building = None;
                self.propose(Kind::Fresh, header, grounds, Some(body), outbox);
            }
            _ => self.order_block(round, grounds.block, outbox),
        }
    }

    fn order_block(&mut self, round: Round, parent: Arc<SealedHeader>, outbox: &mut Outbox) {
        let l1_finalized = {
            let settled = self.config.l1_settled_ms;
            self.l1.choose(self.now, settled, parent.l1_finalized)
        };
        self.building = Some(Building {
            round,
            parent: parent.hash(),
            l1_finalized,
            body: None,
        });
        outbox.push(Output::Build {
            round,
            parent,
            l1_finalized,
        });
    }

    pub(super) fn on_built(&mut self, round: Round, parent: Hash, body: Body) {
        if let Some(building) = &mut self.building
            && (building.round, building.parent) == (round, parent)
        {
            building.body = Some(body);
        }
    }

    /// V3: the certificate of the view before is preferred, however the round was entered; else a
    /// timeout certificate whose lock can be extended.
    fn grounds(&self, round: Round) -> Option<Grounds> {
        let Some(before) = round.previous().filter(|before| before.view > View(0)) else {
            // J3
            let block = self.usable(self.anchor())?;
            return Some(Grounds {
                justify: self.anchor_justify(),
                timeout: None,
                block,
            });
        };
        // J1
        if let Some(fc) = self.rounds.finality(before)
            && let Some(block) = self.usable(fc.hash())
        {
            return Some(Grounds {
                justify: Justify::Final(fc.clone()),
                timeout: None,
                block,
            });
        }
        if let Some(qc) = self.rounds.quorum(before)
            && let Some(block) = self.usable(qc.hash())
        {
            return Some(Grounds {
                justify: Justify::Quorum(qc.clone()),
                timeout: None,
                block,
            });
        }
        // J2
        let tc = self.rounds.timeout(before)?;
        let (justify, block) = self.best_justify(tc.high.view())?;
        Some(Grounds {
            justify,
            timeout: Some(tc.clone()),
            block,
        })
    }

    fn anchor_justify(&self) -> Justify {
        let end = self.record.anchor.as_ref();
        Justify::Anchor(end.map(|end| end.certificate.clone()))
    }

    /// Good, and this node holds its namespace map: it can be built on.
    fn usable(&self, hash: Hash) -> Option<Arc<SealedHeader>> {
        let block = self.chain.get(hash)?;
        (block.verdict == Some(Verdict::Good)).then(|| Arc::clone(&block.header))
    }

    /// Whether a timeout certificate with this lock can be proposed on.
    pub(super) fn is_usable_lock(&self, lock: &Lock) -> bool {
        self.best_justify(lock.view()).is_some()
    }

    /// The highest certificate of the epoch, not below `at_least`, whose block is usable.
    fn best_justify(&self, at_least: View) -> Option<(Justify, Arc<SealedHeader>)> {
        let round = self.round();
        for (_, state) in self
            .rounds
            .iter()
            .rev()
            .filter(|(known, _)| *known < round)
            .take_while(|(known, _)| known.view >= at_least)
        {
            if let Some(fc) = &state.finality
                && let Some(block) = self.usable(fc.hash())
            {
                return Some((Justify::Final(fc.clone()), block));
            }
            if let Some(qc) = &state.quorum
                && let Some(block) = self.usable(qc.hash())
            {
                return Some((Justify::Quorum(qc.clone()), block));
            }
        }
        if let Lock::Quorum(qc) = &self.record.lock
            && qc.round().view >= at_least
            && qc.round() < round
            && let Some(block) = self.usable(qc.hash())
        {
            return Some((Justify::Quorum(qc.clone()), block));
        }
        if at_least == View(0) {
            return Some((self.anchor_justify(), self.usable(self.anchor())?));
        }
        None
    }

    fn header_on(
        &self,
        parent: &Arc<SealedHeader>,
        round: Round,
        body: &Body,
    ) -> Option<Arc<SealedHeader>> {
        let height = parent.height.next();
        let reveal = self.sign(&digest::randomness(self.config.domain, round.epoch, height));
        let header = Header {
            version: HEADER_VERSION,
            chain_domain: self.config.domain,
            height,
            epoch: round.epoch,
            origin_view: round.view,
            proposer: self.me()?,
            parent_hash: parent.hash(),
            timestamp_ms: body.timestamp_ms.max(parent.timestamp_ms.next()),
            l1_finalized: self.building.as_ref()?.l1_finalized,
            payload_len: body.payload_len,
            shard_root: body.shard_root,
            ns_root: body.ns_root,
            ns_acc_root: body.ns_acc_root,
            history_root: self.chain.get(parent.hash())?.history.root(),
            next_committee: self.next_committee(parent, round.epoch)?,
            randao_reveal: reveal,
            randao_mix: mix(parent.randao_mix, &reveal),
        };
        Some(Arc::new(header.seal()))
    }

    fn propose(
        &mut self,
        kind: Kind,
        header: Arc<SealedHeader>,
        grounds: Grounds,
        body: Option<Body>,
        outbox: &mut Outbox,
    ) {
        let round = self.round();
        let hash = header.hash();
        voting::propose(&mut self.record, round, hash);
        self.moved = true;
        self.persist(outbox);
        outbox.push(Output::StoreHeader(Arc::clone(&header)));
        let mut proposal = Proposal {
            kind,
            round,
            header: header.header().clone(),
            payload: body.as_ref().and_then(|body| body.inline.clone()),
            justify: grounds.justify,
            timeout: grounds.timeout,
            signature: hotshot_types::Signature::ZERO,
        };
        proposal.signature = self.sign(&proposal.digest(self.config.domain, hash));
        let signature = proposal.signature;
        let dispersed = body.is_some() && proposal.payload.is_none();
        self.broadcast(Message::Proposal(Box::new(proposal)), outbox);
        if dispersed {
            outbox.push(Output::Disperse { round, hash });
        }
        if body.is_some() {
            // Its parent is usable, hence connected.
            drop(self.chain.add(SealedHeader::clone(&header)));
            if let Some(block) = self.chain.get_mut(hash) {
                block.own_slots = true;
                block.verdict = Some(Verdict::Good);
            }
        }
        self.rounds.at(round).proposals.insert(
            hash,
            Proposed {
                kind,
                header,
                signature,
            },
        );
    }
}
