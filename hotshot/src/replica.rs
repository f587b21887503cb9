//! One validator's state, or that of a node that follows without stake.
//!
//! Each fact is taken in by [`Replica::handle`], through the one door [`intake`] if it comes from
//! a peer. What follows from it is found by [`Replica::progress`], which tries every rule until
//! none applies any more; so no rule has to know which fact it was waiting for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hotshot_types::{
    Committee, Epoch, Final, FinalityCertificate, Hash, Header, L1Block, Message, PublicKey, Round,
    SealedHeader, Signer, Statement, Status, Timeout, TimestampMs, ValidatorIndex, Vote,
    mountain_range::MountainRange,
};

use crate::{
    Input, Outbox, Output, Recipients, Record, chain::Chain, l1::L1View, pacemaker::Pacemaker,
    rounds::Rounds,
};

mod blocks;
mod entering;
mod evidence;
mod finality;
mod headers;
mod intake;
mod proposing;
mod restart;
mod timeouts;
mod voting;

use evidence::Accusation;
use intake::Intake;

/// What a replica is told once.
pub struct Config {
    /// Names the network in every signature.
    pub domain: Hash,
    /// Blocks in an epoch: E.
    pub epoch_length: u64,
    /// T0 (T1).
    pub view_timeout_ms: u64,
    /// How long a leader may wait for transactions (T1).
    pub empty_block_delay_ms: u64,
    /// How long a leader has seen an L1 block finalized before it names it, so that voters have
    /// seen it, too (P3).
    pub l1_settled_ms: u64,
    /// Largest payload of a block in bytes.
    pub max_payload_bytes: u32,
    /// This node's key and what signs with it; none for a node that only follows.
    pub validator: Option<(PublicKey, Box<dyn Signer + Send>)>,
    /// A rule to break, so that the simulator can show that it would notice.
    #[cfg(feature = "fault-injection")]
    pub broken: Option<crate::Broken>,
}

/// The committee of an epoch and the seed that draws its leaders.
#[derive(Clone, Debug)]
pub struct EpochInfo {
    /// Who votes.
    pub committee: Arc<Committee>,
    /// Draws the leaders (T2).
    pub seed: Hash,
}

/// Where a replica starts from: genesis, or what its host had stored.
pub struct Start {
    /// The safety record; [`Record::unused`] for a new key or a follower.
    pub record: Record,
    /// The highest final block, or genesis. Not below the record's anchor.
    pub tip: SealedHeader,
    /// Its finality certificate, or that of a descendant; none for genesis.
    pub certificate: Option<FinalityCertificate>,
    /// The mountain range over all blocks up to and including `tip`.
    pub history: MountainRange,
    /// The epoch that the record stands in, the one before if there is one, and the ones after
    /// that are known.
    pub epochs: Vec<EpochInfo>,
    /// Seeds of later epochs whose committee is not known yet: the L1 may answer after the
    /// epoch before the one it was asked for has opened.
    pub seeds: Vec<(Epoch, Hash)>,
    /// Headers stored and not final.
    pub headers: Vec<Header>,
    /// Hashes of the newest final blocks by ascending height, `tip` the last; bounds how far
    /// back a conflict with final history is noticed.
    pub recent: Vec<Hash>,
    /// The hash of the genesis block: the anchor of epoch 1.
    pub genesis: Hash,
}

/// A block asked of the host, or received from it.
#[derive(Debug)]
struct Building {
    round: Round,
    parent: Hash,
    l1_finalized: L1Block,
    body: Option<crate::Body>,
}

/// The state machine.
pub struct Replica {
    config: Config,
    now: TimestampMs,
    record: Record,
    epochs: BTreeMap<Epoch, EpochInfo>,
    /// Committees that are known before their seed is.
    committees: BTreeMap<Epoch, Arc<Committee>>,
    /// Seeds that are known before their committee is.
    seeds: BTreeMap<Epoch, Hash>,
    /// The host's name for each member that has sent something.
    peers: BTreeMap<ValidatorIndex, u64>,
    /// This node's index in the current committee; none without a key or outside of it.
    me: Option<ValidatorIndex>,
    genesis: Hash,
    chain: Chain,
    rounds: Rounds,
    pacemaker: Pacemaker,
    intake: Intake,
    l1: L1View,
    /// The newest Timeout of each member in this epoch.
    timeouts: BTreeMap<ValidatorIndex, Timeout>,
    /// The newest vote 2 of each member in this epoch, for EV4.
    newest_vote2: BTreeMap<ValidatorIndex, Vote<Final>>,
    /// The highest finality certificate whose block is not final here yet.
    unsettled: Option<FinalityCertificate>,
    /// The finality certificate of the highest round.
    highest_final: Option<FinalityCertificate>,
    /// The one that the highest final block was finalised by; none for genesis.
    tip_certificate: Option<FinalityCertificate>,
    building: Option<Building>,
    /// When `hdr_ok` said to look at a proposal again.
    look_again: Option<TimestampMs>,
    /// What has been fetched or reported already, by the hash of what it is about.
    asked_headers: BTreeSet<Hash>,
    asked_range: Option<Statement>,
    asked_epoch_end: Option<TimestampMs>,
    answered_epoch_end: BTreeMap<(Epoch, ValidatorIndex), TimestampMs>,
    reported: BTreeSet<Accusation>,
    suspected: BTreeSet<Accusation>,
    started: bool,
    halted: bool,
    /// From which epoch on the key may sign; none while the host withholds that (K3, K4).
    leave: Option<Epoch>,
    /// Whether a rule has applied in this pass of `progress`.
    moved: bool,
}

impl Replica {
    /// Takes a fact and appends orders to `outbox`.
    pub fn handle(&mut self, now: TimestampMs, input: Input, outbox: &mut Outbox) {
        self.now = self.now.max(now);
        if self.halted {
            return;
        }
        if !self.started {
            self.start(outbox);
        }
        match input {
            Input::Message(sender, message) => self.on_message(sender, message, outbox),
            Input::Verified { ticket, valid } => self.on_verified(ticket, valid, outbox),
            Input::Aggregated { ticket, results } => self.on_aggregated(ticket, results, outbox),
            Input::OwnSlotsProven(hash) => self.chain.prove_slots(hash),
            Input::Payload(hash, verdict) => self.chain.judge(hash, verdict),
            Input::Built {
                round,
                parent,
                body,
            } => self.on_built(round, parent, body),
            Input::Header(header) => self.on_header(header.seal(), outbox),
            Input::Headers(headers) => self.on_headers(headers, outbox),
            Input::Committee(committee) => {
                self.committees.insert(committee.epoch(), committee);
                self.complete_epochs();
                self.try_end_epoch(outbox);
            }
            Input::L1Finalized { block, seen } => self.l1.saw(block, seen),
            Input::Leave(from) => self.on_leave(from, outbox),
            Input::Tick => {}
        }
        self.progress(outbox);
    }

    /// Applies the rules until none applies. Each pass settles or signs something, or enters a
    /// higher round; the assertion bounds a mistake in that argument.
    fn progress(&mut self, outbox: &mut Outbox) {
        self.look_again = None;
        for _ in 0..1_000 {
            self.moved = false;
            self.settle_finality(outbox);
            if self.halted {
                // A certificate may have contradicted final history before this pass, too.
                return;
            }
            self.raise_lock();
            self.try_vote2(outbox);
            self.enter_by_certificate(outbox);
            self.follow_timeouts(outbox);
            self.check_timer(outbox);
            self.try_propose(outbox);
            self.try_vote1(outbox);
            if !self.moved {
                return;
            }
        }
        unreachable!("the rules of one turn do not come to an end");
    }

    /// When to call `handle` with [`Input::Tick`] if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<TimestampMs> {
        if self.halted {
            return None;
        }
        let timer = self.pacemaker.deadline();
        Some(self.look_again.map_or(timer, |again| again.min(timer)))
    }

    /// The current round.
    #[must_use]
    pub fn round(&self) -> Round {
        self.pacemaker.round()
    }

    /// The highest final block.
    #[must_use]
    pub fn tip(&self) -> &SealedHeader {
        self.chain.tip()
    }

    /// What binds this node.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// What to send to a few random peers once a second.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            round: self.round(),
            lock: self.record.lock.clone(),
            finality: self.highest_final.clone().or_else(|| {
                self.record
                    .anchor
                    .as_ref()
                    .map(|end| end.certificate.clone())
            }),
        }
    }

    fn epoch(&self) -> Epoch {
        self.record.epoch()
    }

    fn info(&self) -> &EpochInfo {
        self.epochs
            .get(&self.epoch())
            .expect("the current epoch's committee is known before it opens")
    }

    fn committee(&self) -> &Arc<Committee> {
        &self.info().committee
    }

    /// The committee of an epoch, if known.
    fn committee_of(&self, epoch: Epoch) -> Option<&Arc<Committee>> {
        self.committees.get(&epoch)
    }

    fn leader(&self, round: Round) -> Option<ValidatorIndex> {
        let info = self.epochs.get(&round.epoch)?;
        Some(info.committee.leader(info.seed, round.view))
    }

    fn me(&self) -> Option<ValidatorIndex> {
        self.me
    }

    /// K3, K4: whether the key may sign in the current epoch.
    #[must_use]
    pub fn may_sign(&self) -> bool {
        self.leave.is_some_and(|from| self.epoch() >= from)
    }

    fn find_me(&self) -> Option<ValidatorIndex> {
        if !self.may_sign() {
            return None;
        }
        let (key, _) = self.config.validator.as_ref()?;
        self.committee().index_of(key)
    }

    fn leads(&self, round: Round) -> bool {
        let me = self.me();
        me.is_some() && me == self.leader(round)
    }

    fn sign(&self, digest: &Hash) -> hotshot_types::Signature {
        let (_, signer) = self
            .config
            .validator
            .as_ref()
            .expect("only a member of the committee signs");
        signer.sign(digest)
    }

    /// The hash of the block the epoch started from.
    fn anchor(&self) -> Hash {
        self.record
            .anchor
            .as_ref()
            .map_or(self.genesis, |end| end.certificate.hash())
    }

    fn is_last_of_epoch(&self, height: hotshot_types::Height) -> bool {
        height == self.epoch().last_height(self.config.epoch_length)
    }

    /// A key that may not sign has nothing to remember, and what is written would pass for the
    /// record that it lost (K3).
    fn persist(&self, outbox: &mut Outbox) {
        if !self.may_sign() {
            return;
        }
        outbox.push(Output::Persist(Box::new(self.record.clone())));
    }

    /// Only members relay: followers may be many.
    fn broadcast(&self, message: Message, outbox: &mut Outbox) {
        if self.me().is_none() {
            return;
        }
        outbox.push(Output::Send(
            Recipients::Committee(self.epoch()),
            Box::new(message),
        ));
    }

    fn send_to(&self, to: ValidatorIndex, message: Message, outbox: &mut Outbox) {
        if let (Some(me), Some(member)) = (self.me(), self.committee().member(to))
            && to != me
        {
            outbox.push(Output::Send(Recipients::One(member.key), Box::new(message)));
        }
    }

    #[cfg(feature = "fault-injection")]
    fn is_broken(&self, rule: crate::Broken) -> bool {
        self.config.broken == Some(rule)
    }
}
