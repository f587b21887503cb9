//! The loop around the state machine: facts in, orders out, one write batch and one fsync a turn.
//!
//! It runs on a thread of its own, the only one that touches the [`Replica`]. Verification,
//! decoding and fetching happen elsewhere and come back as facts.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use hotshot::{EpochInfo, Input, Outbox, Output, Recipients, Replica};
use hotshot_types::{
    Committee, Epoch, Hash, Height, L1Block, Message, Round, SealedHeader, Status, ValidatorIndex,
    bls::Job, codec,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use super::{
    NodeError,
    clock::Clock,
    directory::Directory,
    fetch::Fetcher,
    metrics::ConsensusMetrics,
    pairings::Pairings,
    payloads::{self, Order},
    roster::Roster,
};
use crate::{
    l1::CommitteeQuestion,
    network::{Lane, Network},
    storage::{Batch, Durability, Storage},
};

/// Facts that may wait for the loop; whoever brings one waits when it is full.
pub(super) const MAX_FACTS: usize = 4_096;
/// Facts taken in one turn, so that one fsync serves all of them.
const FACTS_PER_TURN: usize = 256;
/// Points a peer loses for a fault.
const FAULT_POINTS: u32 = 20;

/// A fact for the loop.
pub(super) enum Fact {
    /// For the state machine.
    Input(Box<Input>),
    /// A block was built: the state machine's part, and the payload to store with its header.
    Built(Box<Input>, Built),
    /// K3: somebody wants to know where this node stands; no answer while its key may not sign.
    Status(oneshot::Sender<Status>),
}

/// The payload of a block that was built here.
#[derive(Clone, Debug)]
pub(super) struct Built {
    pub(super) shard_root: Hash,
    pub(super) payload: Bytes,
}

/// Where consensus stands, for everybody who wants to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The current round.
    pub(super) round: Round,
    /// Who leads it.
    pub(super) leader: ValidatorIndex,
    /// The next round of the same epoch and who leads it.
    pub(super) next: Round,
    /// Who leads the next round.
    pub(super) next_leader: ValidatorIndex,
    /// Whether the current round's proposal has been seen.
    pub(super) proposed: bool,
    /// This node's place in the current committee.
    pub(super) me: Option<ValidatorIndex>,
    /// The highest final block.
    pub(super) tip: hotshot_types::Height,
    /// The round of the last vote of this node.
    pub(super) last_vote: Option<Round>,
    /// The network contradicted itself; this node has stopped signing.
    pub(super) halted: bool,
}

/// Everything the loop needs.
pub(super) struct Consensus {
    pub(super) replica: Replica,
    pub(super) clock: Clock,
    pub(super) storage: Storage,
    pub(super) network: Network,
    pub(super) directory: Arc<Directory>,
    pub(super) fetcher: Fetcher,
    pub(super) epochs: BTreeMap<Epoch, EpochInfo>,
    /// Seeds of epochs whose committee is not known yet.
    pub(super) seeds: BTreeMap<Epoch, Hash>,
    pub(super) roster: Arc<Roster>,
    pub(super) epoch_length: u64,
    /// Who knows the stake table; none for a network without L1.
    pub(super) stake_table: Option<mpsc::Sender<CommitteeQuestion>>,
    pub(super) key: Option<hotshot_types::PublicKey>,
    pub(super) payloads: payloads::Handle,
    pub(super) pairings: Pairings,
    pub(super) facts: mpsc::Sender<Fact>,
    pub(super) position: watch::Sender<Position>,
    pub(super) metrics: ConsensusMetrics,
    pub(super) built: Option<Built>,
    /// Orders that did not fit.
    pub(super) backlog: VecDeque<Order>,
    /// The epoch whose keys the directory goes by.
    pub(super) active: Option<Epoch>,
    /// No record was written since the key may sign.
    pub(super) returning: bool,
}

impl Consensus {
    /// Runs until the facts end or the disk fails.
    pub(super) async fn run(
        mut self,
        mut facts: mpsc::Receiver<Fact>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), NodeError> {
        let mut outbox = Outbox::new();
        let mut status = tokio::time::interval(std::time::Duration::from_secs(1));
        self.take(Fact::Input(Box::new(Input::Tick)), &mut outbox);
        loop {
            self.perform(&mut outbox)?;
            let deadline = self
                .replica
                .deadline()
                .map(|time| self.clock.instant_of(time));
            tokio::select! {
                biased;
                _ = stop.changed() => return Ok(()),
                fact = facts.recv() => match fact {
                    Some(fact) => self.take(fact, &mut outbox),
                    None => return Ok(()),
                },
                () = sleep_until(deadline.map_or_else(far_future, Instant::from_std)),
                    if deadline.is_some() => self.tick(&mut outbox),
                () = self.payloads.has_room(), if !self.backlog.is_empty() => {}
                _ = status.tick() => self.send_status(),
            }
            for _ in 1..FACTS_PER_TURN {
                match facts.try_recv() {
                    Ok(fact) => self.take(fact, &mut outbox),
                    Err(_) => break,
                }
            }
        }
    }

    fn tick(&mut self, outbox: &mut Outbox) {
        self.replica.handle(self.clock.now(), Input::Tick, outbox);
    }

    fn take(&mut self, fact: Fact, outbox: &mut Outbox) {
        let input = match fact {
            Fact::Input(input) => *input,
            Fact::Built(input, built) => {
                self.built = Some(built);
                *input
            }
            Fact::Status(answer) => {
                if self.replica.may_sign() && answer.send(self.replica.status()).is_err() {
                    tracing::trace!("the status came too late");
                }
                return;
            }
        };
        self.metrics.received(&input);
        if let Input::Committee(committee) = &input {
            self.roster.seat(Arc::clone(committee));
        }
        self.returning |= matches!(input, Input::Leave(_));
        self.replica.handle(self.clock.now(), input, outbox);
    }

    /// Carries out the orders of a turn: what waits for nothing first, then one commit, then what
    /// had to wait for it (W2).
    fn perform(&mut self, outbox: &mut Outbox) -> Result<(), NodeError> {
        self.payloads.give(&mut self.backlog);
        if outbox.is_empty() && !self.completes() {
            return Ok(());
        }
        let mut batch = self.storage.batch();
        let mut after = Vec::new();
        for output in outbox.drain(..) {
            self.prepare(output, &mut batch, &mut after)?;
        }
        self.complete_epochs(&mut batch);
        if !batch.is_empty() {
            self.storage.commit(batch, Durability::Synced)?;
        }
        for output in after {
            self.release(output);
        }
        self.publish();
        Ok(())
    }

    fn prepare(
        &mut self,
        output: Output,
        batch: &mut Batch,
        after: &mut Vec<Output>,
    ) -> Result<(), NodeError> {
        match output {
            // The first one after a leave ends K3.
            Output::Persist(record) if std::mem::take(&mut self.returning) => {
                batch.put_record_of_return(&record);
            }
            Output::Persist(record) => batch.put_record(&record),
            Output::StoreHeader(header) => {
                batch.put_pending(&header);
                self.store_built(&header, batch);
            }
            Output::Verify {
                ticket,
                checks,
                may_wait,
            } => self.pairings.give(ticket, Job::Verify(checks), may_wait),
            Output::Aggregate {
                ticket,
                sums,
                may_wait,
            } => self.pairings.give(ticket, Job::Aggregate(sums), may_wait),
            Output::Proposed {
                round,
                kind,
                header,
                inline,
            } => {
                self.note_proposed(round);
                self.order(Order::Proposed {
                    round,
                    kind,
                    header,
                    inline,
                });
            }
            Output::Retrieve(header) => self.order(Order::Retrieve(header)),
            Output::Build {
                round,
                parent,
                l1_finalized,
            } => {
                self.order(Order::Build {
                    round,
                    parent,
                    l1_finalized,
                });
            }
            Output::Prepare { round, parent } => self.order(Order::Prepare(round, parent)),
            Output::FetchHeader(hash) => self.fetcher.header(hash),
            Output::FetchRange { from, to } => self.fetcher.range(from, to),
            Output::FetchEpochEnd(epoch) => self.fetcher.epoch_end(epoch),
            Output::NeedCommittee { epoch, at } => self.ask_for_committee(epoch, at)?,
            Output::Decide {
                blocks,
                certificate,
            } => {
                batch.decide(&blocks, &certificate)?;
                let round = certificate.round();
                let me = self.place_in(round.epoch);
                self.metrics.decided(&blocks, &certificate, me);
                after.push(Output::Decide {
                    blocks,
                    certificate,
                });
            }
            Output::EpochEnded(end) => {
                batch.put_epoch_end(&end);
                self.close_seed(&end);
            }
            Output::Entered {
                round,
                leader,
                after_timeout,
            } => {
                self.entered(round, leader, after_timeout);
            }
            Output::Evidence(evidence) => {
                let guilty = super::listed(evidence.guilty());
                let proof = json(&evidence);
                tracing::warn!(%guilty, evidence = %proof, "proof of misbehaviour");
                batch.put_evidence(&evidence);
                self.metrics.equivocations.inc();
                after.push(Output::Evidence(evidence));
            }
            Output::Blame(peer, fault) => self.blame(peer, fault),
            Output::Halt {
                conflicting,
                certificate,
                evidence,
            } => {
                self.halt(conflicting, certificate.as_ref(), evidence.as_deref());
                if let Some(evidence) = evidence {
                    batch.put_evidence(&evidence);
                }
            }
            Output::Send(..) | Output::Disperse { .. } | Output::Echo { .. } => after.push(output),
        }
        Ok(())
    }

    /// Orders are bounded by what the state machine knows of: at most a window of rounds.
    fn order(&mut self, order: Order) {
        self.backlog.push_back(order);
        self.payloads.give(&mut self.backlog);
    }

    /// A header of our own comes with the payload it was built from.
    fn store_built(&mut self, header: &Arc<SealedHeader>, batch: &mut Batch) {
        let ours = self
            .built
            .take_if(|built| built.shard_root == header.shard_root);
        if let Some(built) = ours {
            batch.put_payload(header, built.payload);
            self.order(Order::Own(Arc::clone(header)));
        }
    }

    fn release(&mut self, output: Output) {
        match output {
            Output::Send(recipients, message) => self.send(recipients, &message),
            Output::Disperse { round, hash } => {
                self.order(Order::Disperse { round, hash });
            }
            Output::Echo { round, hash } => {
                self.order(Order::Echo { round, hash });
            }
            Output::Decide { blocks, .. } => self.order(Order::Decided(blocks)),
            Output::Evidence(evidence) => {
                self.broadcast(&Message::Evidence(evidence));
            }
            _ => unreachable!("only orders that wait for the commit are released"),
        }
    }

    fn send(&mut self, recipients: Recipients, message: &Message) {
        match message {
            Message::Vote1(vote) => self.voted(false, vote.round()),
            Message::Vote2(vote) => self.voted(true, vote.round()),
            Message::Timeout(_) => {
                self.metrics.timeouts_sent.inc();
            }
            _ => {}
        }
        match recipients {
            // The peers are those of the newest committees, the epoch's among them.
            Recipients::Committee(_) => self.broadcast(message),
            Recipients::One(key) => {
                let Some(peer) = self.directory.peer_of(&key) else {
                    return;
                };
                let frame = Bytes::from(codec::encode(message));
                if let Err(error) = self.network.send(peer, Lane::Control, frame) {
                    tracing::debug!(%peer, %error, "message not sent");
                }
            }
        }
    }

    fn broadcast(&self, message: &Message) {
        let frame = Bytes::from(codec::encode(message));
        if let Err(error) = self.network.broadcast(Lane::Control, frame) {
            tracing::error!(%error, "a consensus message does not fit into a control frame");
        }
    }

    fn voted(&mut self, second: bool, round: Round) {
        self.metrics.signed(second);
        self.position
            .send_modify(|position| position.last_vote = Some(round));
    }

    /// T4: from the stake table at the L1 block that the first block two epochs before names.
    /// Without L1 the committee never changes.
    fn ask_for_committee(&self, epoch: Epoch, at: L1Block) -> Result<(), NodeError> {
        let Some(stake_table) = &self.stake_table else {
            self.repeat_committee(epoch);
            return Ok(());
        };
        let Some(before) = epoch.previous().and_then(Epoch::previous) else {
            return Ok(());
        };
        let last = before.previous().unwrap_or_default();
        let first = Height(last.last_height(self.epoch_length).0 + 1);
        // After a restart it is stored; before, it is in this turn's batch.
        let at = self
            .storage
            .header(first)?
            .map_or(at, |header| header.l1_finalized);
        // Two epochs at most are open at a time, so there is room.
        if let Err(error) = stake_table.try_send(CommitteeQuestion { epoch, at }) {
            tracing::error!(%error, %epoch, "the stake table can't be asked for the committee");
        }
        Ok(())
    }

    fn repeat_committee(&self, epoch: Epoch) {
        let Some(info) = self.epochs.values().next_back() else {
            return;
        };
        let committee = Arc::new(info.committee.in_epoch(epoch));
        let facts = self.facts.clone();
        self.payloads.workers().spawn(async move {
            let input = Box::new(Input::Committee(committee));
            if facts.send(Fact::Input(input)).await.is_err() {
                tracing::debug!("consensus has stopped");
            }
        });
    }

    /// T3: the seed of e+2 is the mix at the last block of e.
    fn close_seed(&mut self, end: &hotshot_types::EpochEnd) {
        let epoch = end.header.epoch.next().next();
        self.seeds.insert(epoch, end.header.randao_mix);
        self.epochs
            .retain(|known, _| known.next() >= end.header.epoch);
    }

    /// Whether an epoch has both its seed and its committee, and is not stored as known.
    fn completes(&self) -> bool {
        self.seeds
            .keys()
            .any(|epoch| self.committee_of(*epoch).is_some())
    }

    fn committee_of(&self, epoch: Epoch) -> Option<Arc<Committee>> {
        self.roster.committee(epoch)
    }

    /// Stores the epochs whose committee and seed have both come, so that a restart knows them.
    fn complete_epochs(&mut self, batch: &mut Batch) {
        let complete: Vec<EpochInfo> = self
            .seeds
            .iter()
            .filter_map(|(epoch, seed)| {
                Some(EpochInfo {
                    committee: self.committee_of(*epoch)?,
                    seed: *seed,
                })
            })
            .collect();
        for info in complete {
            let epoch = info.committee.epoch();
            batch.put_epoch(&info);
            self.seeds.remove(&epoch);
            self.epochs.insert(epoch, info);
        }
    }

    fn entered(&mut self, round: Round, leader: ValidatorIndex, after_timeout: bool) {
        if after_timeout {
            self.metrics.timeouts.inc();
        }
        self.metrics.entered(round);
        self.activate(round.epoch);
        let next = round.next();
        let info = self.epochs.get(&round.epoch);
        let next_leader = info.map_or(leader, |info| info.committee.leader(info.seed, next.view));
        let me = self.place_in(round.epoch);
        self.position.send_modify(|position| {
            position.round = round;
            position.leader = leader;
            position.next = next;
            position.next_leader = next_leader;
            position.proposed = false;
            position.me = me;
        });
    }

    /// A peer with several keys speaks with the one of this epoch.
    fn activate(&mut self, epoch: Epoch) {
        if self.active == Some(epoch) {
            return;
        }
        self.active = Some(epoch);
        if let Some(committee) = self.committee_of(epoch) {
            let keys = committee.members().iter().map(|member| member.key);
            self.directory.activate(keys);
        }
    }

    /// This node's index in the committee of an epoch.
    fn place_in(&self, epoch: Epoch) -> Option<ValidatorIndex> {
        let info = self.epochs.get(&epoch)?;
        info.committee.index_of(self.key.as_ref()?)
    }

    fn note_proposed(&self, round: Round) {
        self.position.send_if_modified(|position| {
            let news = position.round == round && !position.proposed;
            position.proposed |= news;
            news
        });
    }

    fn publish(&self) {
        let tip = self.replica.tip().height;
        self.position.send_if_modified(|position| {
            let news = position.tip != tip;
            position.tip = tip;
            news
        });
    }

    fn blame(&self, peer: u64, fault: hotshot::Fault) {
        if let Some(id) = self.directory.peer_numbered(peer) {
            tracing::debug!(peer = %id, %fault, "blamed");
            self.network.blame(id, FAULT_POINTS, fault_name(fault));
        }
    }

    fn halt(
        &mut self,
        conflicting: Hash,
        certificate: Option<&hotshot_types::FinalityCertificate>,
        evidence: Option<&hotshot_types::evidence::Evidence>,
    ) {
        tracing::error!(
            %conflicting,
            certificate = %json(&certificate),
            evidence = %json(&evidence),
            "the network contradicted its final history: more than a third of the stake is \
             Byzantine. This node signs nothing any more; keep its data and tell the operators"
        );
        self.position.send_modify(|position| position.halted = true);
    }

    /// Tells two random peers where this node stands.
    fn send_status(&self) {
        let frame = Bytes::from(codec::encode(&Message::Status(Box::new(
            self.replica.status(),
        ))));
        for peer in super::fetch::some_peers(&self.network, 2) {
            if let Err(error) = self.network.send(peer, Lane::Control, frame.clone()) {
                tracing::debug!(%peer, %error, "status not sent");
            }
        }
    }
}

fn fault_name(fault: hotshot::Fault) -> &'static str {
    match fault {
        hotshot::Fault::Signature => "a signature that does not verify",
        hotshot::Fault::Impersonation => "a vote that is not its own",
        hotshot::Fault::Malformed(what) => what,
        hotshot::Fault::Equivocation => "an equivocation",
    }
}

/// What operators hand on, in a form that other programs read.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

fn far_future() -> Instant {
    Instant::now() + std::time::Duration::from_secs(86_400)
}
