//! A few replicas with real keys on one thread, and the model of a host around each.
//!
//! Time is a number, delivery takes [`HOP_MS`], and the next event is always the earliest. Tests
//! cut links, withhold a host's answers, crash a node between two orders and start it again from
//! what its disk then held.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use hotshot::{Config, Input, Outbox, Output, Recipients, Replica, Sender, Start};
use hotshot_types::{
    Epoch, EpochEnd, Hash, Height, Message, Round, SealedHeader, TimestampMs,
    mountain_range::MountainRange,
};

use crate::schedule::{GENESIS_MS, Schedule, key};

mod disk;
mod host;
mod views;

pub(crate) use disk::Disk;
pub(crate) use host::Host;

/// How long a message travels.
pub(crate) const HOP_MS: u64 = 10;
/// T0 of the tests' networks.
pub(crate) const T0: u64 = 1_000;
/// The empty-block delay of the tests' networks.
pub(crate) const EMPTY_MS: u64 = 100;
const MAX_STEPS: u64 = 200_000;

/// A message under way.
pub(crate) struct Mail {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) message: Arc<Message>,
}

/// How often nodes show each other where they stand, where a test wants that.
const STATUS_MS: u64 = 100;

enum Event {
    Status,
    Mail(Mail),
    Fact {
        node: usize,
        life: u64,
        input: Box<Input>,
    },
}

/// A node: a replica, its disk and its host.
pub(crate) struct Node {
    /// None for a follower.
    key: Option<usize>,
    pub(crate) replica: Option<Replica>,
    pub(crate) disk: Disk,
    pub(crate) host: Host,
    /// Every order since the first start.
    pub(crate) log: Vec<Output>,
    /// By how much its clock is ahead.
    pub(crate) skew_ms: u64,
    life: u64,
}

type Rule<T> = Box<dyn Fn(&T) -> bool>;

/// The world of one test.
pub(crate) struct Network {
    pub(crate) schedule: Schedule,
    pub(crate) epoch_length: u64,
    pub(crate) genesis: Arc<SealedHeader>,
    pub(crate) now_ms: u64,
    pub(crate) nodes: Vec<Node>,
    /// Headers that some peer can serve.
    pub(crate) library: BTreeMap<Hash, Arc<SealedHeader>>,
    /// Ends of epochs that some peer can serve.
    pub(crate) ends: BTreeMap<Epoch, EpochEnd>,
    events: BTreeMap<(u64, u64), Event>,
    serial: u64,
    lost: Rule<Mail>,
    crash: Option<(usize, Rule<Output>)>,
}

impl Network {
    /// Four validators of equal weight who lead in turn, epochs of 100 blocks; nobody runs yet.
    pub(crate) fn new() -> Self {
        Self::of(Schedule::equal().rotating(), 4, 100)
    }

    /// As [`Self::new`], with everybody running.
    pub(crate) fn running() -> Self {
        let mut network = Self::new();
        network.start_all();
        network
    }

    /// As [`Self::new`], with only one validator running: the test plays the others.
    pub(crate) fn alone(node: usize) -> Self {
        let mut network = Self::new();
        network.start(node);
        network
    }

    pub(crate) fn of(schedule: Schedule, validators: usize, epoch_length: u64) -> Self {
        let genesis = schedule.genesis();
        let nodes = (0..validators)
            .map(|number| Node::new(Some(number), &genesis))
            .collect();
        Self {
            epoch_length,
            now_ms: GENESIS_MS,
            nodes,
            library: BTreeMap::from([(genesis.hash(), Arc::clone(&genesis))]),
            ends: BTreeMap::new(),
            events: BTreeMap::new(),
            serial: 0,
            lost: Box::new(|_| false),
            crash: None,
            genesis,
            schedule,
        }
    }

    /// Adds a node without a key and returns its number.
    pub(crate) fn add_follower(&mut self) -> usize {
        self.nodes.push(Node::new(None, &self.genesis));
        self.nodes.len() - 1
    }

    /// Adds a second node with the key of one, and returns its number.
    pub(crate) fn add_twin_of(&mut self, node: usize) -> usize {
        let number = self.nodes[node].key;
        self.nodes.push(Node::new(number, &self.genesis));
        self.nodes.len() - 1
    }

    /// From now on every node sends its Status to all others now and then.
    pub(crate) fn show_status(&mut self) {
        for from in 0..self.nodes.len() {
            let Some(replica) = &self.nodes[from].replica else {
                continue;
            };
            let message = Arc::new(Message::Status(Box::new(replica.status())));
            for to in (0..self.nodes.len()).filter(|to| *to != from) {
                let message = Arc::clone(&message);
                self.at(HOP_MS, Event::Mail(Mail { from, to, message }));
            }
        }
        self.at(STATUS_MS, Event::Status);
    }

    /// From now on, messages for which this holds get lost.
    pub(crate) fn lose(&mut self, rule: impl Fn(&Mail) -> bool + 'static) {
        self.lost = Box::new(rule);
    }

    /// From now on these nodes and the others can't reach each other.
    pub(crate) fn cut_off(&mut self, nodes: &[usize]) {
        let nodes = nodes.to_vec();
        self.lose(move |mail| nodes.contains(&mail.from) != nodes.contains(&mail.to));
    }

    pub(crate) fn heal(&mut self) {
        self.lose(|_| false);
    }

    /// The node crashes as soon as it is to carry out such an order, which it then does not;
    /// what came before is durable.
    pub(crate) fn crash_at(&mut self, node: usize, rule: impl Fn(&Output) -> bool + 'static) {
        self.crash = Some((node, Box::new(rule)));
    }

    pub(crate) fn start_all(&mut self) {
        for node in 0..self.nodes.len() {
            self.start(node);
        }
    }

    /// Starts a node from its disk.
    pub(crate) fn start(&mut self, node: usize) {
        let start = self.restored(&self.nodes[node].disk);
        self.start_from(node, start);
    }

    /// What a replica of the node is told.
    pub(crate) fn config(&self, node: usize) -> Config {
        let number = self.nodes[node].key;
        Config {
            domain: self.schedule.domain,
            epoch_length: self.epoch_length,
            view_timeout_ms: T0,
            empty_block_delay_ms: EMPTY_MS,
            l1_settled_ms: 60_000,
            max_payload_bytes: 1 << 20,
            validator: number.map(|number| {
                let pair = key(number);
                let signer: Box<dyn hotshot_types::Signer + Send> = Box::new(pair.secret.clone());
                (pair.public, signer)
            }),
            #[cfg(feature = "fault-injection")]
            broken: None,
        }
    }

    pub(crate) fn start_from(&mut self, node: usize, start: Start) {
        let config = self.config(node);
        let node_state = &mut self.nodes[node];
        node_state.life += 1;
        node_state.replica = Some(Replica::new(config, start));
        self.feed(node, Input::Tick);
    }

    /// What a host hands over after a restart (W3).
    pub(crate) fn restored(&self, disk: &Disk) -> Start {
        let mut history = MountainRange::new();
        for block in &disk.chain {
            history.append(block.hash());
        }
        let epoch = disk.record.epoch();
        Start {
            record: disk.record.clone(),
            tip: SealedHeader::clone(disk.tip()),
            certificate: disk.certificate.clone(),
            history,
            epochs: self.schedule.infos(epoch, &disk.chain, self.epoch_length),
            seeds: Vec::new(),
            headers: disk.pending().map(|block| block.header().clone()).collect(),
            recent: disk.chain.iter().map(|block| block.hash()).collect(),
            genesis: self.genesis.hash(),
        }
    }

    /// Takes a node down; its disk stays.
    pub(crate) fn stop(&mut self, node: usize) {
        self.nodes[node].replica = None;
        self.nodes[node].life += 1;
        self.nodes[node].host.forget();
    }

    pub(crate) fn restart(&mut self, node: usize) {
        self.stop(node);
        self.start(node);
    }

    /// Hands a fact to a replica and carries out all that follows at once.
    pub(crate) fn feed(&mut self, node: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = TimestampMs(self.now_ms + self.nodes[node].skew_ms);
            let Some(replica) = &mut self.nodes[node].replica else {
                return;
            };
            let mut outbox = Outbox::new();
            replica.handle(now, input, &mut outbox);
            for output in outbox {
                if let Some((at, rule)) = &self.crash
                    && *at == node
                    && rule(&output)
                {
                    self.crash = None;
                    self.stop(node);
                    return;
                }
                self.perform(node, output, &mut inputs);
            }
        }
    }

    /// Delivers a message at once, in the name of a validator (or of a stranger beyond them).
    pub(crate) fn inject(&mut self, from: usize, to: usize, message: Message) {
        let sender = self.sender(from);
        self.feed(to, Input::Message(sender, message));
    }

    pub(crate) fn sender(&self, from: usize) -> Sender {
        let number = self.nodes.get(from).map_or(Some(from), |node| node.key);
        Sender {
            peer: u64::try_from(from).expect("nodes are few"),
            key: number.map(|number| key(number).public),
        }
    }

    fn send(&mut self, from: usize, recipients: Recipients, message: Message) {
        let members: Vec<_> = match recipients {
            Recipients::Committee(epoch) => {
                let committee = self.schedule.committee(epoch);
                committee
                    .members()
                    .iter()
                    .map(|member| member.key)
                    .collect()
            }
            Recipients::One(one) => vec![one],
        };
        let message = Arc::new(message);
        for to in 0..self.nodes.len() {
            let wanted = self.nodes[to]
                .key
                .is_some_and(|number| members.contains(&key(number).public));
            if wanted && to != from {
                let message = Arc::clone(&message);
                self.at(HOP_MS, Event::Mail(Mail { from, to, message }));
            }
        }
    }

    fn at(&mut self, delay_ms: u64, event: Event) {
        self.serial += 1;
        self.events
            .insert((self.now_ms + delay_ms, self.serial), event);
    }

    /// Does the next thing that happens up to `limit_ms`; false if there is none.
    fn step(&mut self, limit_ms: u64) -> bool {
        let event = self.events.first_key_value().map(|((at, _), _)| *at);
        let timer = self
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(node, state)| {
                let deadline = state.replica.as_ref()?.deadline()?.0;
                Some((deadline.saturating_sub(state.skew_ms), node))
            })
            .min();
        let next = event.into_iter().chain(timer.map(|(at, _)| at)).min();
        let Some(next) = next.filter(|next| *next <= limit_ms) else {
            return false;
        };
        self.now_ms = self.now_ms.max(next);
        match (event, timer) {
            (Some(at), _) if at == next => {
                let (_, event) = self.events.pop_first().expect("it was there");
                self.happen(event);
            }
            (_, Some((_, node))) => self.feed(node, Input::Tick),
            _ => {}
        }
        self.serve();
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Status => self.show_status(),
            Event::Mail(mail) => {
                if !(self.lost)(&mail) {
                    self.inject(mail.from, mail.to, Message::clone(&mail.message));
                }
            }
            Event::Fact { node, life, input } => {
                if self.nodes[node].life == life {
                    self.feed(node, *input);
                }
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, ms: u64) {
        let limit = self.now_ms + ms;
        for _ in 0..MAX_STEPS {
            if !self.step(limit) {
                self.now_ms = limit;
                return;
            }
        }
        panic!("{MAX_STEPS} steps in {ms} ms");
    }

    /// Lets time pass until something holds.
    pub(crate) fn run_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let limit = self.now_ms + 600_000;
        for _ in 0..MAX_STEPS {
            if holds(self) {
                return;
            }
            assert!(self.step(limit), "it never came to this: {what}");
        }
        panic!("not within {MAX_STEPS} steps: {what}");
    }

    /// Lets time pass until everybody who runs has this many final blocks.
    pub(crate) fn run_until_height(&mut self, height: u64) {
        self.run_until(&format!("height {height} is final everywhere"), |network| {
            network
                .nodes
                .iter()
                .filter_map(|node| node.replica.as_ref())
                .all(|replica| replica.tip().height >= Height(height))
        });
    }

    pub(crate) fn round(&self, node: usize) -> Round {
        self.replica(node).round()
    }

    pub(crate) fn replica(&self, node: usize) -> &Replica {
        self.nodes[node].replica.as_ref().expect("it runs")
    }
}

impl Node {
    fn new(key: Option<usize>, genesis: &Arc<SealedHeader>) -> Self {
        Self {
            key,
            replica: None,
            disk: Disk::new(genesis),
            host: Host::default(),
            log: Vec::new(),
            skew_ms: 0,
            life: 0,
        }
    }
}
