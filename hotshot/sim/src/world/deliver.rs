//! Messages on their way, and how a host answers requests.

use std::sync::Arc;

use hotshot::{Input, Sender};
use hotshot_types::{Hash, Header, Height, Message};

use super::{Event, World};
use crate::{
    byzantine::{Behaviour, Den},
    invariants::Violation,
    keys,
    wire::{Mail, Wire},
};

/// Most headers in one answer.
const HEADERS_IN_ANSWER: usize = 200;

impl World {
    /// Sends a message: past the behaviour of a Byzantine node, then through the network.
    pub(super) fn dispatch(&mut self, node: usize, mail: Mail) {
        if self.nodes[node].behaviour.is_some() {
            self.conspire(node, |behaviour, den| behaviour.outgoing(mail, den));
        } else {
            self.post(node, mail);
        }
    }

    /// Lets a node's behaviour act, and posts what it sends.
    pub(super) fn conspire(
        &mut self,
        node: usize,
        act: impl FnOnce(&mut dyn Behaviour, &mut Den<'_>),
    ) {
        let Some(mut behaviour) = self.nodes[node].behaviour.take() else {
            return;
        };
        let host = &self.nodes[node];
        let mut den = Den {
            identity: host.identity,
            identities: self.plan.identities,
            timeout_ms: self.plan.timeout_ms,
            coalition: &self.coalition,
            stored: &host.disk.live,
            dice: &mut self.dice,
            schedule: &mut self.schedule,
            contents: &mut self.contents,
            posted: Vec::new(),
        };
        act(behaviour.as_mut(), &mut den);
        let posted = den.posted;
        self.nodes[node].behaviour = Some(behaviour);
        for mail in posted {
            self.post(node, mail);
        }
    }

    fn post(&mut self, from: usize, mail: Mail) {
        let sort = mail.wire.sort();
        for to in 0..self.nodes.len() {
            if to == from || !mail.to.contains(&self.nodes[to].identity) {
                continue;
            }
            self.carry(from, to, sort, mail.delay_ms, &mail.wire);
        }
    }

    fn carry(
        &mut self,
        from: usize,
        to: usize,
        sort: crate::wire::Sort,
        delay_ms: u64,
        wire: &Arc<Wire>,
    ) {
        let arrivals = self
            .plan
            .weather
            .arrivals(&mut self.dice, self.now_ms, from, to, sort);
        for at in arrivals {
            let wire = Arc::clone(wire);
            self.at(at + delay_ms, Event::Deliver { from, to, wire });
        }
    }

    /// Sends a request to a random other node.
    pub(super) fn ask(&mut self, node: usize, wire: Wire) {
        let mut peer = self.dice.index(self.nodes.len() - 1);
        if peer >= node {
            peer += 1;
        }
        let sort = wire.sort();
        self.carry(node, peer, sort, 0, &Arc::new(wire));
    }

    /// Answers a request.
    fn reply(&mut self, node: usize, to: usize, wire: Wire) {
        let is_served = self.nodes[node]
            .behaviour
            .as_ref()
            .is_none_or(|behaviour| behaviour.is_serving());
        if is_served {
            let sort = wire.sort();
            self.carry(node, to, sort, 0, &Arc::new(wire));
        }
    }

    pub(super) fn deliver(
        &mut self,
        from: usize,
        to: usize,
        wire: &Arc<Wire>,
    ) -> Result<(), Violation> {
        if !self.nodes[to].is_up() {
            return Ok(());
        }
        self.conspire(to, |behaviour, den| behaviour.incoming(wire, den));
        match wire.as_ref() {
            Wire::Message(message) => return self.receive(from, to, message.clone()),
            Wire::Slots { hash, owners } => {
                self.nodes[to].blocks.add_slots(*hash, *owners);
                self.look(to, *hash);
            }
            Wire::Copy(hash) => {
                self.nodes[to].blocks.add_copy(*hash);
                self.look(to, *hash);
            }
            Wire::Header(header) => {
                if self.nodes[to].wants.headers.remove(&header.hash()) {
                    self.nodes[to]
                        .blocks
                        .add_fetched(Header::clone(header).seal());
                    return self.feed(to, Input::Header(header.clone()));
                }
            }
            Wire::Headers(headers) => return self.take_headers(to, headers),
            Wire::AskHeader(hash) => {
                let header = self.nodes[to].disk.live.headers.get(hash).cloned();
                let header = header.or_else(|| self.nodes[to].blocks.header(hash).cloned());
                if let Some(header) = header {
                    let header = Box::new(header.header().clone());
                    self.reply(to, from, Wire::Header(header));
                }
            }
            Wire::AskRange {
                from: low,
                to: high,
            } => {
                let range = self.nodes[to].disk.live.range(*low, high.hash);
                if let Some(range) = range {
                    let headers: Vec<Header> = range
                        .iter()
                        .take(HEADERS_IN_ANSWER)
                        .map(|header| header.header().clone())
                        .collect();
                    self.reply(to, from, Wire::Headers(headers));
                }
            }
            Wire::AskEpochEnd(epoch) => {
                if let Some(end) = self.nodes[to].disk.live.ends.get(epoch).cloned() {
                    self.reply(to, from, Wire::Message(Message::EpochEnd(Box::new(end))));
                }
            }
            Wire::AskPayload(hash) => {
                let host = &self.nodes[to];
                let stored = &host.disk.live;
                let slots = host.blocks.slots(hash, host.identity, stored);
                if stored.good.contains(hash) {
                    self.reply(to, from, Wire::Copy(*hash));
                } else if slots != 0 {
                    self.reply(
                        to,
                        from,
                        Wire::Slots {
                            hash: *hash,
                            owners: slots,
                        },
                    );
                }
            }
        }
        Ok(())
    }

    fn receive(&mut self, from: usize, to: usize, message: Message) -> Result<(), Violation> {
        let (what, round) = super::perform::summary(&message);
        self.note(to, what, round, Hash::ZERO, || {
            format!(
                "received from n{from} {:?}",
                super::perform::block_of(&message)
            )
        });
        if let Message::EpochEnd(end) = &message {
            self.nodes[to].wants.ends.remove(&end.header.epoch);
        }
        let sender = Sender {
            peer: u64::try_from(from).expect("nodes are few"),
            key: Some(keys::public_key(self.nodes[from].identity)),
        };
        self.feed(to, Input::Message(sender, message))
    }

    /// Takes a range of headers if it is the one asked for, up to the certified block.
    fn take_headers(&mut self, node: usize, headers: &[Header]) -> Result<(), Violation> {
        let Some((from, to)) = self.nodes[node].wants.range else {
            return Ok(());
        };
        let is_range = headers.first().is_some_and(|header| header.height == from)
            && headers
                .windows(2)
                .all(|pair| pair[1].parent_hash == pair[0].hash())
            && headers
                .last()
                .is_some_and(|header| header.hash() == to.hash);
        if !is_range {
            return Ok(());
        }
        let host = &mut self.nodes[node];
        host.wants.range = None;
        for header in headers {
            host.blocks.add_fetched(header.clone().seal());
        }
        self.feed(node, Input::Headers(headers.to_vec()))
    }

    /// Drops wishes that have come true otherwise.
    pub(super) fn tidy_wants(&mut self, node: usize) {
        let host = &mut self.nodes[node];
        let stored = &host.disk.live;
        let tip: Height = stored.tip().height;
        if host.wants.range.is_some_and(|(_, to)| to.height <= tip) {
            host.wants.range = None;
        }
        host.wants
            .payloads
            .retain(|hash| !stored.good.contains(hash));
        host.wants
            .ends
            .retain(|epoch| !stored.ends.contains_key(epoch));
    }
}
