//! Virtual time, the queue of events, and the loop.

use std::{collections::BTreeMap, sync::Arc};

use hotshot::{Input, Verdict};
use hotshot_types::{Hash, Round, SealedHeader, TimestampMs};

#[cfg(test)]
use crate::weather::Weather;
use crate::{
    byzantine,
    contents::Contents,
    dice::Dice,
    host::Host,
    invariants::{Law, Violation},
    keys::Identity,
    plan::Plan,
    schedule::{GENESIS_MS, Schedule},
    trace::Trace,
    wire::Wire,
};

mod deliver;
mod life;
mod perform;

/// The network heals early after so many events, so that no seed takes long.
const EVENTS_BEFORE_HEAL: u64 = 25_000;
/// A network that has healed and takes longer is stuck.
const EVENTS_AFTER_HEAL: u64 = 250_000;
/// How many views of the longest duration a healed network may take; thousands of seeds took at
/// most 5.
const VIEWS_AFTER_HEAL: u64 = 40;
/// The longest view in multiples of the view timeout (T1).
const LONGEST_VIEW: u64 = 16;
/// So many new blocks must become final on every honest node after the network has healed.
const BLOCKS_AFTER_HEAL: u64 = 4;

/// Something that will happen.
#[derive(Debug)]
enum Event {
    Deliver {
        from: usize,
        to: usize,
        wire: Arc<Wire>,
    },
    /// The host of a node has found out something.
    Fact {
        node: usize,
        life: u64,
        fact: Fact,
    },
    Tick {
        node: usize,
        life: u64,
    },
    /// Requests are repeated, and at times a status sent.
    Beat {
        node: usize,
        life: u64,
        count: u64,
    },
    /// A node starts, unless it is up.
    Start {
        node: usize,
    },
    /// A finalized L1 block becomes visible to a node.
    L1 {
        node: usize,
        life: u64,
        number: u64,
    },
}

#[derive(Debug)]
enum Fact {
    Input(Box<Input>),
    OwnSlots(Hash),
    Verdict(Hash, Verdict),
    /// The order to build with this number is due.
    Built(u64, Order),
}

/// An order to build, kept until it is due.
#[derive(Debug)]
struct Order {
    round: Round,
    parent: Arc<SealedHeader>,
}

/// What a world went through.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) crashes: u64,
    pub(crate) timeouts: u64,
    pub(crate) evidence: u64,
    /// How long the healed network took to make progress.
    pub(crate) recovery_ms: u64,
}

/// Nodes, the network between them, and the law.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) nodes: Vec<Host>,
    pub(crate) schedule: Schedule,
    pub(crate) law: Law,
    pub(crate) trace: Trace,
    pub(crate) tally: Tally,
    /// Identities of the Byzantine.
    coalition: Vec<Identity>,
    dice: Dice,
    contents: Contents,
    now_ms: u64,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    /// The height that every honest node has to reach, once the network has healed.
    target: Option<u64>,
    #[cfg(feature = "faults")]
    pub(crate) broken: Option<hotshot::Broken>,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let l1 = Plan::l1_block(0);
        let schedule = Schedule::new(plan.seed, plan.tables.clone(), plan.epoch_length, l1);
        let nodes = (0..plan.nodes())
            .map(|node| {
                let identity = plan.identity(node);
                let behaviour = plan.conduct(identity).map(byzantine::behaviour);
                Host::new(identity, plan.skew_ms[node], &schedule.genesis, behaviour)
            })
            .collect();
        let byzantine: Vec<Identity> = plan
            .byzantine
            .iter()
            .map(|(identity, _)| *identity)
            .collect();
        let mut world = Self {
            law: Law::new(&schedule, plan.identities, &byzantine),
            nodes,
            schedule,
            trace: Trace::default(),
            tally: Tally::default(),
            coalition: byzantine,
            // Another stream than the one that the plan was drawn from.
            dice: Dice::new(plan.seed ^ 0x5eed_0000_0000_0000),
            contents: Contents::default(),
            now_ms: 0,
            queue: BTreeMap::new(),
            queued: 0,
            target: None,
            plan,
            #[cfg(feature = "faults")]
            broken: None,
        };
        for node in 0..world.nodes.len() {
            world.at(world.plan.starts_ms[node], Event::Start { node });
        }
        world
    }

    /// Runs until the network has healed and made progress.
    pub(crate) fn run(&mut self) -> Result<(), Violation> {
        self.run_until(|world| world.has_recovered())?;
        self.tally.recovery_ms = self.now_ms - self.plan.heals_ms;
        self.law.check_recoverable(&self.schedule, &self.nodes)
    }

    /// Runs until a condition holds.
    pub(crate) fn run_until(&mut self, done: impl Fn(&Self) -> bool) -> Result<(), Violation> {
        while !done(self) {
            let Some(((at, _), event)) = self.queue.pop_first() else {
                return Err(self.stuck());
            };
            self.now_ms = at;
            self.tally.events += 1;
            if self.target.is_none()
                && (at >= self.plan.heals_ms || self.tally.events > EVENTS_BEFORE_HEAL)
            {
                self.heal()?;
            }
            let longest = LONGEST_VIEW * (self.plan.timeout_ms + self.plan.empty_block_delay_ms);
            if self.tally.events > EVENTS_BEFORE_HEAL + EVENTS_AFTER_HEAL
                || at > self.plan.heals_ms + VIEWS_AFTER_HEAL * longest
            {
                return Err(self.stuck());
            }
            self.happen(event)?;
        }
        Ok(())
    }

    fn has_recovered(&self) -> bool {
        self.target.is_some_and(|target| {
            self.honest()
                .all(|host| host.disk.live.tip().height.0 >= target)
        })
    }

    pub(crate) fn honest(&self) -> impl Iterator<Item = &Host> {
        self.nodes.iter().filter(|host| host.is_honest)
    }

    fn stuck(&self) -> Violation {
        let slowest = self
            .honest()
            .min_by_key(|host| host.disk.live.tip().height)
            .expect("somebody is honest");
        Violation::NoProgress {
            node: slowest.identity,
            height: slowest.disk.live.tip().height,
            round: slowest
                .replica
                .as_ref()
                .map(hotshot::Replica::round)
                .unwrap_or_default(),
            target: self.target.unwrap_or_default(),
            healed_ms: self.plan.heals_ms,
            now_ms: self.now_ms,
        }
    }

    fn at(&mut self, at_ms: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((at_ms, self.queued), event);
    }

    fn fact(&mut self, node: usize, delay_ms: u64, fact: Fact) {
        let life = self.nodes[node].life;
        self.at(self.now_ms + delay_ms, Event::Fact { node, life, fact });
    }

    /// The time as a node reads it.
    fn clock(&self, node: usize) -> TimestampMs {
        TimestampMs(GENESIS_MS + self.now_ms + self.nodes[node].skew_ms)
    }

    fn note(
        &mut self,
        node: usize,
        what: &str,
        round: Round,
        hash: Hash,
        details: impl FnOnce() -> String,
    ) {
        self.trace
            .note(self.now_ms, node, what, round, hash, details);
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Deliver { from, to, wire } => self.deliver(from, to, &wire),
            Event::Start { node } => self.start(node),
            Event::Fact { node, life, fact } if self.lives(node, life) => self.learn(node, fact),
            Event::Tick { node, life } if self.lives(node, life) => self.tick(node),
            Event::Beat { node, life, count } if self.lives(node, life) => {
                self.beat(node, count);
                Ok(())
            }
            Event::L1 { node, life, number } if self.lives(node, life) => self.see_l1(node, number),
            _ => Ok(()),
        }
    }

    fn lives(&self, node: usize, life: u64) -> bool {
        self.nodes[node].is_up() && self.nodes[node].life == life
    }

    fn tick(&mut self, node: usize) -> Result<(), Violation> {
        if self.nodes[node].tick_ms != Some(self.now_ms) {
            return Ok(());
        }
        self.nodes[node].tick_ms = None;
        let deadline = self.nodes[node]
            .replica
            .as_ref()
            .and_then(hotshot::Replica::deadline);
        if deadline.is_some_and(|deadline| deadline <= self.clock(node)) {
            return self.feed(node, Input::Tick);
        }
        // It has moved since.
        self.arm(node);
        Ok(())
    }

    /// Gives a replica a fact and does what it orders.
    fn feed(&mut self, node: usize, input: Input) -> Result<(), Violation> {
        let now = self.clock(node);
        let Some(replica) = self.nodes[node].replica.as_mut() else {
            return Ok(());
        };
        let mut outbox = Vec::new();
        replica.handle(now, input, &mut outbox);
        self.perform(node, outbox)?;
        self.arm(node);
        Ok(())
    }

    /// Plans the replica's next wake-up.
    fn arm(&mut self, node: usize) {
        let host = &self.nodes[node];
        let Some(deadline) = host.replica.as_ref().and_then(hotshot::Replica::deadline) else {
            return;
        };
        let at = deadline
            .0
            .saturating_sub(GENESIS_MS + host.skew_ms)
            .max(self.now_ms + 1);
        if host.tick_ms.is_none_or(|planned| at < planned) {
            let life = host.life;
            self.nodes[node].tick_ms = Some(at);
            self.at(at, Event::Tick { node, life });
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }
}

#[cfg(test)]
mod tests;
