//! Starting, crashing, healing, and what a node does by the clock.

use hotshot::{Config, EpochInfo, Input, Replica, Start};
use hotshot_types::{Epoch, Hash, Message, Round, TimestampMs, mountain_range::MountainRange};

use super::{Event, Fact, Order, World};
use crate::{
    contents::Flavour,
    disk::{Stored, Write},
    invariants::Violation,
    keys::{self, SimSigner},
    plan::Plan,
    schedule::GENESIS_MS,
    wire::{Mail, Wire},
};

/// Between two rounds of requests.
const BEAT_MS: u64 = 100;
/// A status is sent every so many beats.
const BEATS_PER_STATUS: u64 = 10;
/// How many final hashes a restart hands over.
const RECENT: usize = 64;
/// How long L1 blocks have to be final before leaders name them, with a margin.
const L1_DEPTH_MS: u64 = 70_000;
const MAX_PAYLOAD_BYTES: u32 = 1 << 20;

impl World {
    /// Starts a node from its disk.
    pub(crate) fn start(&mut self, node: usize) -> Result<(), Violation> {
        if self.nodes[node].is_up() {
            return Ok(());
        }
        let start = self.restored(node);
        let round = start.record.restart_round();
        self.note(node, "starts", round, start.tip.hash(), || {
            format!("at height {} with {:?}", start.tip.height, start.record)
        });
        let config = self.config(node);
        let host = &mut self.nodes[node];
        host.life += 1;
        host.replica = Some(Replica::new(config, start));
        let life = host.life;
        let beat = self.dice.between(1, BEAT_MS);
        self.at(
            self.now_ms + beat,
            Event::Beat {
                node,
                life,
                count: 0,
            },
        );
        self.feed(node, Input::Tick)?;
        self.tell_l1(node)
    }

    fn config(&self, node: usize) -> Config {
        let identity = self.nodes[node].identity;
        let signer = Box::new(SimSigner(identity));
        Config {
            domain: self.schedule.domain,
            epoch_length: self.plan.epoch_length,
            view_timeout_ms: self.plan.timeout_ms,
            empty_block_delay_ms: self.plan.empty_block_delay_ms,
            l1_settled_ms: 60_000,
            max_payload_bytes: MAX_PAYLOAD_BYTES,
            validator: Some((keys::public_key(identity), signer)),
            #[cfg(feature = "faults")]
            broken: if self.nodes[node].is_honest {
                self.broken
            } else {
                None
            },
        }
    }

    /// What a host hands to its replica after a restart.
    fn restored(&mut self, node: usize) -> Start {
        let stored: Stored = self.nodes[node].disk.live.clone();
        let tip = stored.tip();
        let mut history = MountainRange::new();
        for block in &stored.chain {
            history.append(block.hash());
        }
        let headers = stored
            .headers
            .values()
            .filter(|header| header.height > tip.height)
            .map(|header| header.header().clone())
            .collect();
        let recent = stored.chain.iter().rev().take(RECENT).rev();
        Start {
            tip: tip.as_ref().clone(),
            certificate: stored.certificate.clone(),
            history,
            epochs: self.epochs(&stored),
            seeds: Vec::new(),
            headers,
            recent: recent.map(|block| block.hash()).collect(),
            record: stored.record,
            genesis: self.schedule.genesis.hash(),
        }
    }

    /// The epoch before the record's, the record's, and all after it whose seed is known.
    fn epochs(&mut self, stored: &Stored) -> Vec<EpochInfo> {
        let epoch = stored.record.epoch();
        let mut infos = Vec::new();
        let mut next = Epoch(epoch.0.saturating_sub(1).max(1));
        while let Some(seed) = self.schedule.seed(next, &stored.chain) {
            let committee = self.schedule.committee(next);
            infos.push(EpochInfo { committee, seed });
            next = next.next();
        }
        infos
    }

    /// Takes a node down: memory and unsynced writes are lost. It comes back after a while.
    pub(crate) fn crash(&mut self, node: usize) {
        self.tally.crashes += 1;
        self.note(node, "crashes", Round::default(), Hash::ZERO, String::new);
        self.stop(node);
        let longest = self.plan.timeout_ms * self.dice.pick(&[1, 4, 20]);
        let down_ms = self.dice.between(1, longest);
        self.at(self.now_ms + down_ms, Event::Start { node });
    }

    /// Takes a node down for good, until somebody starts it.
    pub(crate) fn stop(&mut self, node: usize) {
        self.nodes[node].forget();
        self.nodes[node].disk.crash(&mut self.dice);
    }

    /// From here on the network is good and nobody crashes.
    pub(crate) fn heal(&mut self) -> Result<(), Violation> {
        self.note(0, "heals", Round::default(), Hash::ZERO, String::new);
        let highest = self
            .honest()
            .map(|host| host.disk.live.tip().height.0)
            .max();
        self.target = Some(highest.unwrap_or_default() + super::BLOCKS_AFTER_HEAL);
        self.plan.heals_ms = self.now_ms;
        self.plan.weather.heal(self.now_ms);
        // What is still in the air arrives soon, or at once if it is late already.
        let latest = self.now_ms + self.plan.delta_ms;
        let late: Vec<(u64, u64)> = self
            .queue
            .range((latest + 1, 0)..)
            .filter(|(_, event)| matches!(event, Event::Deliver { .. }))
            .map(|(key, _)| *key)
            .collect();
        for key in late {
            if let Some(event) = self.queue.remove(&key) {
                self.at(latest, event);
            }
        }
        for node in 0..self.nodes.len() {
            self.start(node)?;
        }
        Ok(())
    }

    /// Repeats requests, and sends a status now and then.
    pub(super) fn beat(&mut self, node: usize, count: u64) {
        let life = self.nodes[node].life;
        let count = count + 1;
        self.at(self.now_ms + BEAT_MS, Event::Beat { node, life, count });
        self.tidy_wants(node);
        for request in self.nodes[node].wants.requests() {
            self.ask(node, request);
        }
        if count.is_multiple_of(BEATS_PER_STATUS) {
            self.send_status(node);
        }
        self.conspire(node, |behaviour, den| behaviour.beat(den));
    }

    fn send_status(&mut self, node: usize) {
        let Some(status) = self.nodes[node].replica.as_ref().map(Replica::status) else {
            return;
        };
        for _ in 0..2 {
            let peer = self.dice.index(self.plan.identities);
            if peer != self.nodes[node].identity {
                let message = Message::Status(Box::new(status.clone()));
                self.dispatch(node, Mail::new(vec![peer], Wire::Message(message)));
            }
        }
    }

    /// Hands a fact that took a while to the replica, with what it makes durable.
    pub(super) fn learn(&mut self, node: usize, fact: Fact) -> Result<(), Violation> {
        match fact {
            Fact::Input(input) => self.feed(node, *input),
            Fact::OwnSlots(hash) => {
                self.stage(node, Write::OwnSlots(hash));
                self.note(node, "own slots", Round::default(), hash, String::new);
                self.feed(node, Input::OwnSlotsProven(hash))
            }
            Fact::Verdict(hash, verdict) => {
                self.note(node, "payload", Round::default(), hash, || {
                    format!("{verdict:?}")
                });
                if verdict == hotshot::Verdict::Good {
                    let header = self.nodes[node].blocks.header(&hash).cloned();
                    let header = header.expect("only announced blocks are judged");
                    self.stage(node, Write::Header(header));
                    self.stage(node, Write::Payload(hash));
                } else {
                    self.nodes[node].blocks.add_bad(hash);
                }
                self.nodes[node].wants.payloads.remove(&hash);
                for child in self.nodes[node].blocks.woken_by(&hash) {
                    self.look(node, child);
                }
                self.feed(node, Input::Payload(hash, verdict))
            }
            Fact::Built(serial, order) => self.built(node, serial, order),
        }
    }

    fn built(&mut self, node: usize, serial: u64, order: Order) -> Result<(), Violation> {
        if self.nodes[node].build != serial {
            return Ok(());
        }
        let Order { round, parent } = order;
        let flavour = match &mut self.nodes[node].behaviour {
            Some(behaviour) => behaviour.flavour(&mut self.dice),
            None => Flavour::Good,
        };
        let mut body = self
            .contents
            .make(&mut self.dice, flavour, parent.ns_acc_root);
        body.timestamp_ms = self.clock(node).max(TimestampMs(parent.timestamp_ms.0 + 1));
        self.nodes[node].blocks.add_built(body.shard_root);
        let parent = parent.hash();
        self.feed(
            node,
            Input::Built {
                round,
                parent,
                body,
            },
        )
    }

    /// Tells a node that starts which L1 blocks it has seen finalized lately.
    fn tell_l1(&mut self, node: usize) -> Result<(), Violation> {
        let Some(l1) = self.plan.l1.clone() else {
            return Ok(());
        };
        let newest = self.l1_number(l1.period_ms, l1.lag_ms[node]);
        let depth = L1_DEPTH_MS / l1.period_ms;
        for number in newest.saturating_sub(depth).max(1)..=newest {
            if self.nodes[node].is_up() {
                self.see_l1(node, number)?;
            }
        }
        Ok(())
    }

    /// The newest L1 block that a node with this lag sees finalized now. Block 1 was finalized
    /// when virtual time was still far off.
    fn l1_number(&self, period_ms: u64, lag_ms: u64) -> u64 {
        (2 * L1_DEPTH_MS + self.now_ms - lag_ms) / period_ms
    }

    pub(super) fn see_l1(&mut self, node: usize, number: u64) -> Result<(), Violation> {
        let Some(l1) = self.plan.l1.clone() else {
            return Ok(());
        };
        let seen_ms = number * l1.period_ms + l1.lag_ms[node];
        if number >= self.l1_number(l1.period_ms, l1.lag_ms[node]) {
            let life = self.nodes[node].life;
            let at = (seen_ms + l1.period_ms).saturating_sub(2 * L1_DEPTH_MS);
            let at = at.max(self.now_ms + 1);
            self.at(
                at,
                Event::L1 {
                    node,
                    life,
                    number: number + 1,
                },
            );
        }
        let seen = GENESIS_MS + seen_ms + self.nodes[node].skew_ms - 2 * L1_DEPTH_MS;
        self.feed(
            node,
            Input::L1Finalized {
                block: Plan::l1_block(number),
                seen: TimestampMs(seen),
            },
        )
    }
}
