//! The model of a host: at once and right, unless the test says otherwise.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use hotshot::{Body, Input, Output, Verdict};
use hotshot_types::{
    Epoch, EpochEnd, Hash, Header, Height, Message, Round, SealedHeader, Statement, TimestampMs,
    bls, digest,
};

use super::{Event, HOP_MS, Network};

/// How a host behaves, and what it was asked for in vain so far.
pub(crate) struct Host {
    /// Whether own slots of a proposed block are found and proven.
    pub(crate) proves_slots: bool,
    /// The verdict on payloads; none while they can't be had.
    pub(crate) verdict: Option<Verdict>,
    /// Verdicts on single blocks, which go before.
    pub(crate) verdicts: BTreeMap<Hash, Verdict>,
    pub(crate) builds: bool,
    /// Otherwise signature work piles up until [`Network::verify`].
    pub(crate) verifies: bool,
    pub(crate) fetches: bool,
    pub(crate) knows_committees: bool,
    asked: BTreeSet<Hash>,
    work: Vec<Output>,
    headers: BTreeSet<Hash>,
    range: Option<(Height, Statement)>,
    ends: BTreeSet<Epoch>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            proves_slots: true,
            verdict: Some(Verdict::Good),
            verdicts: BTreeMap::new(),
            builds: true,
            verifies: true,
            fetches: true,
            knows_committees: true,
            asked: BTreeSet::new(),
            work: Vec::new(),
            headers: BTreeSet::new(),
            range: None,
            ends: BTreeSet::new(),
        }
    }
}

impl Host {
    /// What was in memory is lost.
    pub(super) fn forget(&mut self) {
        self.asked.clear();
        self.work.clear();
        self.headers.clear();
        self.range = None;
        self.ends.clear();
    }
}

impl Network {
    pub(super) fn perform(&mut self, node: usize, output: Output, inputs: &mut VecDeque<Input>) {
        self.learn(&output);
        self.store_built(node, &output);
        let state = &mut self.nodes[node];
        state.disk.write(&output);
        state.log.push(output.clone());
        match output {
            Output::Send(to, message) => self.send(node, to, *message),
            Output::Verify { .. } | Output::Aggregate { .. } => {
                if state.host.verifies {
                    inputs.extend(answer(&output));
                } else {
                    state.host.work.push(output);
                }
            }
            Output::Proposed { header, .. } => {
                if state.host.proves_slots {
                    inputs.push_back(Input::OwnSlotsProven(header.hash()));
                }
                inputs.extend(self.look(node, header.hash()));
            }
            Output::Retrieve(header) => inputs.extend(self.look(node, header.hash())),
            Output::Build { round, parent, .. } if state.host.builds => {
                let body = self.body(round, &parent);
                let parent = parent.hash();
                inputs.push_back(Input::Built {
                    round,
                    parent,
                    body,
                });
            }
            Output::FetchHeader(hash) => {
                state.host.headers.insert(hash);
            }
            Output::FetchRange { from, to } => state.host.range = Some((from, to)),
            Output::FetchEpochEnd(epoch) => {
                state.host.ends.insert(epoch);
            }
            Output::NeedCommittee { epoch, .. } if state.host.knows_committees => {
                inputs.push_back(Input::Committee(self.schedule.committee(epoch)));
            }
            _ => {}
        }
    }

    /// Some peer can serve whatever anybody has seen.
    fn learn(&mut self, output: &Output) {
        match output {
            Output::Proposed { header, .. } | Output::StoreHeader(header) => {
                self.library.insert(header.hash(), Arc::clone(header));
            }
            Output::EpochEnded(end) => {
                self.ends
                    .insert(end.certificate.round().epoch, EpochEnd::clone(end));
            }
            _ => {}
        }
    }

    /// A leader's payload is in the batch that holds its header.
    fn store_built(&mut self, node: usize, output: &Output) {
        if let Output::StoreHeader(header) = output
            && self.nodes[node].key == Some(self.proposer_of(header))
        {
            self.nodes[node].disk.payloads.insert(header.hash());
        }
    }

    fn proposer_of(&self, header: &SealedHeader) -> usize {
        self.schedule.number(header.epoch, header.proposer)
    }

    /// What can be said about a payload now.
    fn look(&mut self, node: usize, hash: Hash) -> Option<Input> {
        let state = &mut self.nodes[node];
        state.host.asked.insert(hash);
        let known = state.disk.payloads.contains(&hash).then_some(Verdict::Good);
        let single = state.host.verdicts.get(&hash).copied();
        let verdict = known.or(single).or(state.host.verdict)?;
        if verdict == Verdict::Good {
            state.disk.payloads.insert(hash);
        }
        Some(Input::Payload(hash, verdict))
    }

    /// From now on the payloads can be had; those that were asked for arrive.
    pub(crate) fn payloads_arrive(&mut self, node: usize, verdict: Verdict) {
        self.nodes[node].host.verdict = Some(verdict);
        for hash in self.nodes[node].host.asked.clone() {
            if let Some(input) = self.look(node, hash) {
                self.feed(node, input);
            }
        }
    }

    /// The payload of one block arrives.
    pub(crate) fn payload(&mut self, node: usize, hash: Hash, verdict: Verdict) {
        self.nodes[node].host.verdicts.insert(hash, verdict);
        if let Some(input) = self.look(node, hash) {
            self.feed(node, input);
        }
    }

    /// Does the signature work that piled up, the newest first if asked so.
    pub(crate) fn verify(&mut self, node: usize, newest_first: bool) {
        let mut work = std::mem::take(&mut self.nodes[node].host.work);
        if newest_first {
            work.reverse();
        }
        for order in work {
            if let Some(input) = answer(&order) {
                self.feed(node, input);
            }
        }
    }

    /// How much signature work has piled up.
    pub(crate) fn piled_up(&self, node: usize) -> usize {
        self.nodes[node].host.work.len()
    }

    /// What a leader's host assembles: always the same for the same round and parent.
    pub(crate) fn body(&self, round: Round, parent: &SealedHeader) -> Body {
        let name = format!("{round} on {}", parent.hash());
        Body {
            timestamp_ms: TimestampMs(self.now_ms.max(parent.timestamp_ms.0 + 1)),
            payload_len: 10,
            shard_root: digest::keccak(name.as_bytes()),
            ns_root: digest::keccak(b"namespaces"),
            ns_acc_root: digest::keccak(b"map"),
            inline: None,
        }
    }

    /// Answers fetches that can be answered by now.
    pub(super) fn serve(&mut self) {
        for node in 0..self.nodes.len() {
            let host = &self.nodes[node].host;
            if self.nodes[node].replica.is_none() || !host.fetches {
                continue;
            }
            let mut answers: Vec<Input> = Vec::new();
            for hash in host.headers.clone() {
                if let Some(header) = self.library.get(&hash) {
                    answers.push(Input::Header(Box::new(header.header().clone())));
                    self.nodes[node].host.headers.remove(&hash);
                }
            }
            if let Some((from, to)) = self.nodes[node].host.range
                && let Some(headers) = self.range(from, to)
            {
                self.nodes[node].host.range = None;
                answers.push(Input::Headers(headers));
            }
            for epoch in self.nodes[node].host.ends.clone() {
                if let Some(end) = self.ends.get(&epoch) {
                    let message = Message::EpochEnd(Box::new(end.clone()));
                    answers.push(Input::Message(self.sender(0), message));
                    self.nodes[node].host.ends.remove(&epoch);
                }
            }
            let life = self.nodes[node].life;
            for input in answers {
                let input = Box::new(input);
                self.at(HOP_MS, Event::Fact { node, life, input });
            }
        }
    }

    /// The headers from a height up to a block.
    pub(crate) fn range(&self, from: Height, to: Statement) -> Option<Vec<Header>> {
        let mut headers = Vec::new();
        let mut at = to.hash;
        loop {
            let header = self.library.get(&at)?;
            headers.push(header.header().clone());
            if header.height <= from {
                headers.reverse();
                return Some(headers);
            }
            at = header.parent_hash;
        }
    }
}

fn answer(order: &Output) -> Option<Input> {
    match order {
        Output::Verify { ticket, checks, .. } => Some(Input::Verified {
            ticket: *ticket,
            valid: bls::verify_all(checks),
        }),
        Output::Aggregate { ticket, sums, .. } => Some(Input::Aggregated {
            ticket: *ticket,
            results: sums.iter().map(bls::aggregate).collect(),
        }),
        _ => None,
    }
}
