//! What a node has made durable, in the order of its outbox.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hotshot::{Output, Record};
use hotshot_types::{EpochEnd, FinalityCertificate, Hash, Message, SealedHeader};

#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) record: Record,
    /// The final blocks from genesis.
    pub(crate) chain: Vec<Arc<SealedHeader>>,
    pub(crate) certificate: Option<FinalityCertificate>,
    headers: BTreeMap<Hash, Arc<SealedHeader>>,
    /// Blocks whose payload is stored.
    pub(crate) payloads: BTreeSet<Hash>,
    pub(crate) ends: Vec<EpochEnd>,
}

impl Disk {
    pub(super) fn new(genesis: &Arc<SealedHeader>) -> Self {
        Self {
            record: Record::unused(),
            chain: vec![Arc::clone(genesis)],
            certificate: None,
            headers: BTreeMap::new(),
            payloads: BTreeSet::from([genesis.hash()]),
            ends: Vec::new(),
        }
    }

    pub(crate) fn tip(&self) -> &Arc<SealedHeader> {
        self.chain.last().expect("genesis is always there")
    }

    /// Stored headers that are not final.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Arc<SealedHeader>> {
        let tip = self.tip().height;
        self.headers
            .values()
            .filter(move |header| header.height > tip)
    }

    pub(crate) fn write(&mut self, output: &Output) {
        match output {
            Output::Persist(record) => {
                self.check_upward(record);
                self.record = Record::clone(record);
            }
            Output::StoreHeader(header) => {
                self.headers.insert(header.hash(), Arc::clone(header));
            }
            Output::Decide {
                blocks,
                certificate,
            } => {
                for block in blocks {
                    assert_eq!(block.parent_hash, self.tip().hash(), "T5: no gap, no fork");
                    self.chain.push(Arc::clone(block));
                }
                assert_eq!(certificate.hash(), self.tip().hash());
                self.certificate = Some(certificate.clone());
            }
            Output::EpochEnded(end) => self.ends.push(EpochEnd::clone(end)),
            Output::Send(_, message) => self.check_covered(message),
            _ => {}
        }
    }

    /// W1: every part of the record moves only upward.
    fn check_upward(&self, record: &Record) {
        let old = &self.record;
        assert!(record.last_proposal >= old.last_proposal, "W1: last_prop");
        let round = |vote: Option<(hotshot_types::Round, Option<Hash>)>| vote.map(|(at, _)| at);
        assert!(
            round(record.last_vote1) >= round(old.last_vote1),
            "W1: last_v1"
        );
        assert!(record.last_vote2 >= old.last_vote2, "W1: last_v2");
        assert!(record.last_timeout >= old.last_timeout, "W1: last_to");
        assert!(
            (record.epoch(), record.lock.view()) >= (old.epoch(), old.lock.view()),
            "W1: the lock"
        );
    }

    /// W2: whatever binds is durable before it leaves.
    fn check_covered(&self, message: &Message) {
        let record = &self.record;
        match message {
            Message::Proposal(proposal) => {
                let signed = (proposal.round, proposal.header.hash());
                assert_eq!(record.last_proposal, Some(signed), "W2: a proposal");
                assert!(self.headers.contains_key(&signed.1), "W2: its header");
                assert!(self.payloads.contains(&signed.1), "W2: its payload");
            }
            Message::Vote1(vote) => {
                let signed = (vote.round(), Some(vote.hash()));
                assert_eq!(record.last_vote1, Some(signed), "W2: a vote 1");
                assert!(self.headers.contains_key(&vote.hash()), "W2: its header");
            }
            Message::Vote2(vote) => {
                let signed = (vote.round(), vote.hash());
                assert_eq!(record.last_vote2, Some(signed), "W2: a vote 2");
                assert!(record.lock.view() >= vote.round().view, "W2: its lock");
                assert!(
                    record
                        .last_vote1
                        .is_some_and(|(last, _)| last >= vote.round())
                );
                assert!(self.payloads.contains(&vote.hash()), "W2: its payload");
            }
            Message::Timeout(timeout) => {
                assert_eq!(record.last_timeout, Some(timeout.round), "W2: a timeout");
                assert_eq!(record.lock, timeout.lock, "W2: its lock");
                assert_eq!(record.entry.certificate, timeout.entry, "W2: its entry");
            }
            _ => {}
        }
    }
}
