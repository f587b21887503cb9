//! How a host carries out the orders of its replica: the contract of the outbox, with a crash
//! possible between any two orders.

use std::sync::Arc;

use hotshot::{Input, Outbox, Output, Recipients};
use hotshot_types::{Committee, Hash, Message, Round, SealedHeader, bls::Aggregate};

use super::{Fact, Order, World};
use crate::{
    contents,
    disk::Write,
    host::Finding,
    invariants::Violation,
    keys::{self, Identity},
    wire::{Mail, Wire, slots_of},
};

impl World {
    /// Carries out all orders of one turn, or those before a crash.
    pub(super) fn perform(&mut self, node: usize, outbox: Outbox) -> Result<(), Violation> {
        let life = self.nodes[node].life;
        let is_batch = self.dice.percent(self.plan.batch_percent);
        let (first, second): (Outbox, Outbox) = outbox
            .into_iter()
            .partition(|output| is_batch && is_write(output));
        for output in first.into_iter().chain(second) {
            if self.may_crash(node) {
                self.crash(node);
            }
            if self.nodes[node].life != life {
                return Ok(());
            }
            self.order(node, output)?;
        }
        Ok(())
    }

    fn may_crash(&mut self, node: usize) -> bool {
        self.target.is_none()
            && self.nodes[node].is_honest
            && self.dice.one_in(self.plan.crash_rarity)
    }

    fn order(&mut self, node: usize, output: Output) -> Result<(), Violation> {
        match output {
            Output::Persist(record) => self.stage(node, Write::Record(record)),
            Output::StoreHeader(header) => self.store_header(node, header),
            Output::Send(to, message) => return self.send(node, to, *message),
            Output::Disperse { round, hash } => return self.disperse(node, round, hash),
            Output::Echo { round, hash } => return self.echo(node, round, hash),
            Output::Verify { ticket, checks, .. } => {
                let valid = keys::verify(&checks);
                self.answer(node, Input::Verified { ticket, valid });
            }
            Output::Aggregate { ticket, sums, .. } => {
                let results = sums
                    .iter()
                    .map(|job: &Aggregate| keys::aggregate(job))
                    .collect();
                self.answer(node, Input::Aggregated { ticket, results });
            }
            Output::Proposed { header, inline, .. } => {
                let host = &mut self.nodes[node];
                host.blocks.announce(&header);
                if let Some(inline) = &inline {
                    host.blocks.add_inline(&header, inline, &self.contents);
                }
                self.look(node, header.hash());
            }
            Output::Retrieve(header) => self.retrieve(node, &header),
            Output::Build { round, parent, .. } => self.plan_build(node, round, parent),
            Output::Prepare { .. } => {}
            Output::FetchHeader(hash) => {
                self.nodes[node].wants.headers.insert(hash);
                self.ask(node, Wire::AskHeader(hash));
            }
            Output::FetchRange { from, to } => {
                self.nodes[node].wants.range = Some((from, to));
                self.ask(node, Wire::AskRange { from, to });
            }
            Output::FetchEpochEnd(epoch) => {
                self.nodes[node].wants.ends.insert(epoch);
                self.ask(node, Wire::AskEpochEnd(epoch));
            }
            Output::NeedCommittee { epoch, .. } => {
                let committee: Arc<Committee> = self.schedule.committee(epoch);
                self.answer(node, Input::Committee(committee));
            }
            Output::Decide {
                blocks,
                certificate,
            } => return self.decide(node, blocks, certificate),
            Output::EpochEnded(end) => self.stage(node, Write::EpochEnded(end)),
            Output::Entered {
                round,
                after_timeout,
                ..
            } => {
                self.tally.timeouts += u64::from(after_timeout);
                self.note(node, "enters", round, Hash::ZERO, || {
                    format!("{after_timeout}")
                });
            }
            Output::Blame(peer, fault) => return self.blame(node, peer, fault),
            Output::Evidence(evidence) => {
                self.tally.evidence += 1;
                let about = Round::first_of(evidence.epoch());
                self.note(node, "evidence", about, Hash::ZERO, || {
                    format!("{evidence:?}")
                });
                if self.nodes[node].is_honest {
                    self.law.accused(node, &evidence, &mut self.schedule)?;
                    self.gossip(node, Message::Evidence(evidence));
                }
            }
            Output::Halt {
                conflicting,
                evidence,
                ..
            } => {
                self.note(node, "halts", Round::default(), conflicting, || {
                    format!("{evidence:?}")
                });
                if self.nodes[node].is_honest {
                    return Err(Violation::Halted { node });
                }
            }
        }
        Ok(())
    }

    pub(super) fn stage(&mut self, node: usize, write: Write) {
        self.nodes[node].disk.stage(write);
    }

    fn store_header(&mut self, node: usize, header: Arc<SealedHeader>) {
        let host = &mut self.nodes[node];
        if host.blocks.is_built(&header) {
            // The leader's own payload goes into the same batch as its header.
            host.disk.stage(Write::Payload(header.hash()));
        }
        host.disk.stage(Write::Header(header));
    }

    /// Makes everything durable that an outside effect may rest on. False if the node crashed.
    fn sync(&mut self, node: usize) -> bool {
        if !self.nodes[node].disk.is_synced() {
            self.nodes[node].disk.sync();
            if self.may_crash(node) {
                self.crash(node);
                return false;
            }
        }
        true
    }

    /// Schedules the answer to a job that takes a while off the consensus thread.
    fn answer(&mut self, node: usize, input: Input) {
        let delay = self.dice.between(0, self.plan.work_ms);
        self.fact(node, delay, Fact::Input(Box::new(input)));
    }

    fn send(&mut self, node: usize, to: Recipients, message: Message) -> Result<(), Violation> {
        if !self.sync(node) {
            return Ok(());
        }
        let (what, round) = summary(&message);
        let hash = block_of(&message);
        self.note(node, what, round, hash, || format!("to {to:?} {message:?}"));
        if self.nodes[node].is_honest {
            let host = &self.nodes[node];
            self.law
                .sent(node, host.identity, &host.disk.durable, &message)?;
        }
        let to = self.audience(node, to);
        self.dispatch(node, Mail::new(to, Wire::Message(message)));
        Ok(())
    }

    /// Hands on what everybody should know.
    fn gossip(&mut self, node: usize, message: Message) {
        let own = self.nodes[node].identity;
        let others = (0..self.plan.identities).filter(|identity| *identity != own);
        self.dispatch(node, Mail::new(others.collect(), Wire::Message(message)));
    }

    fn audience(&mut self, node: usize, to: Recipients) -> Vec<Identity> {
        let own = self.nodes[node].identity;
        match to {
            Recipients::Committee(epoch) => self
                .schedule
                .members(epoch)
                .into_iter()
                .filter(|identity| *identity != own)
                .collect(),
            Recipients::One(key) => keys::identity_of(&key)
                .into_iter()
                .filter(|identity| *identity != own)
                .collect(),
        }
    }

    fn disperse(&mut self, node: usize, round: Round, hash: Hash) -> Result<(), Violation> {
        if !self.sync(node) {
            return Ok(());
        }
        self.note(node, "disperses", round, hash, String::new);
        for member in self.audience(node, Recipients::Committee(round.epoch)) {
            let owners = slots_of(member);
            self.dispatch(node, Mail::new(vec![member], Wire::Slots { hash, owners }));
        }
        Ok(())
    }

    fn echo(&mut self, node: usize, round: Round, hash: Hash) -> Result<(), Violation> {
        if !self.sync(node) {
            return Ok(());
        }
        let host = &self.nodes[node];
        let own = slots_of(host.identity);
        let header = host
            .blocks
            .header(&hash)
            .or_else(|| host.disk.live.headers.get(&hash));
        let Some(header) = header.cloned() else {
            return Err(Violation::Echo { node, hash });
        };
        if contents::is_inline(&header) {
            return Ok(());
        }
        self.note(node, "echoes", round, hash, String::new);
        let members = self.schedule.members(header.epoch);
        let proposer = members[header.proposer.position()];
        let mut to = self.audience(node, Recipients::Committee(round.epoch));
        to.retain(|identity| *identity != proposer);
        self.dispatch(node, Mail::new(to, Wire::Slots { hash, owners: own }));
        Ok(())
    }

    fn retrieve(&mut self, node: usize, header: &Arc<SealedHeader>) {
        let hash = header.hash();
        self.nodes[node].blocks.announce(header);
        if !self.nodes[node].disk.live.good.contains(&hash) {
            self.nodes[node].wants.payloads.insert(hash);
            self.ask(node, Wire::AskPayload(hash));
        }
        self.look(node, hash);
    }

    fn retrieve_ancestor(&mut self, node: usize, hash: Hash) {
        let host = &self.nodes[node];
        if host.wants.payloads.contains(&hash) || host.blocks.is_bad(&hash) {
            return;
        }
        let header = host
            .disk
            .live
            .headers
            .get(&hash)
            .or_else(|| host.blocks.header(&hash));
        if let Some(header) = header.cloned() {
            self.retrieve(node, &header);
        }
    }

    /// Tells the replica, after a while, what has become known about a block.
    pub(super) fn look(&mut self, node: usize, hash: Hash) {
        let host = &mut self.nodes[node];
        let findings = host.blocks.findings(
            hash,
            host.identity,
            &host.disk.live,
            &self.contents,
            &self.schedule,
        );
        for finding in findings {
            let fact = match finding {
                Finding::OwnSlots(hash) => Fact::OwnSlots(hash),
                Finding::Verdict(hash, verdict) => Fact::Verdict(hash, verdict),
                Finding::NeedsParent(parent) => {
                    self.retrieve_ancestor(node, parent);
                    continue;
                }
            };
            let delay = self.dice.between(0, self.plan.work_ms);
            self.fact(node, delay, fact);
        }
    }

    fn plan_build(&mut self, node: usize, round: Round, parent: Arc<SealedHeader>) {
        self.nodes[node].build += 1;
        let serial = self.nodes[node].build;
        let delay = self
            .dice
            .between(0, self.plan.empty_block_delay_ms + self.plan.work_ms);
        self.note(node, "builds", round, parent.hash(), String::new);
        self.fact(node, delay, Fact::Built(serial, Order { round, parent }));
    }

    fn decide(
        &mut self,
        node: usize,
        blocks: Vec<Arc<SealedHeader>>,
        certificate: hotshot_types::FinalityCertificate,
    ) -> Result<(), Violation> {
        let last = blocks.last().map(|block| (block.height, block.hash()));
        let (height, hash) = last.unwrap_or_default();
        self.note(node, "decides", certificate.round(), hash, || {
            format!("{} blocks up to height {height}", blocks.len())
        });
        if self.nodes[node].is_honest {
            let tip = Arc::clone(self.nodes[node].disk.live.tip());
            let is_new = self
                .law
                .decided(node, &tip, &blocks, &certificate, &self.schedule)?;
            if is_new {
                self.law.check_held(&blocks, &self.schedule, &self.nodes)?;
            }
        }
        self.stage(node, Write::Decided(blocks, certificate));
        Ok(())
    }

    fn blame(&mut self, node: usize, peer: u64, fault: hotshot::Fault) -> Result<(), Violation> {
        let peer = usize::try_from(peer).expect("peers are nodes");
        self.note(node, "blames", Round::default(), Hash::ZERO, || {
            format!("n{peer}: {fault}")
        });
        if self.nodes[node].is_honest && self.nodes[peer].is_honest {
            return Err(Violation::Blamed { node, peer, fault });
        }
        Ok(())
    }
}

fn is_write(output: &Output) -> bool {
    matches!(
        output,
        Output::Persist(_) | Output::StoreHeader(_) | Output::Decide { .. } | Output::EpochEnded(_)
    )
}

/// What a message is, and the round that it is about.
pub(super) fn summary(message: &Message) -> (&'static str, Round) {
    match message {
        Message::Proposal(proposal) => ("> proposal", proposal.round),
        Message::Vote1(vote) => ("> vote 1", vote.round()),
        Message::Vote2(vote) => ("> vote 2", vote.round()),
        Message::Timeout(timeout) => ("> timeout", timeout.round),
        Message::Quorum(qc) => ("> QC", qc.round()),
        Message::Final(fc, _) => ("> FC", fc.round()),
        Message::TimeoutCertificate(tc) => ("> TC", tc.round),
        Message::EpochEnd(end) => ("> epoch end", end.certificate.round()),
        Message::Status(status) => ("> status", status.round),
        Message::Evidence(evidence) => ("> evidence", Round::first_of(evidence.epoch())),
    }
}

/// The block that a message is about.
pub(super) fn block_of(message: &Message) -> Hash {
    match message {
        Message::Proposal(proposal) => proposal.header.hash(),
        Message::Vote1(vote) => vote.hash(),
        Message::Vote2(vote) => vote.hash(),
        Message::Quorum(qc) => qc.hash(),
        Message::Final(fc, _) => fc.hash(),
        Message::EpochEnd(end) => end.certificate.hash(),
        _ => Hash::ZERO,
    }
}
