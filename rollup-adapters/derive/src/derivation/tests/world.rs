//! A chain, its L1, and a node that feeds a derivation from both.

use std::collections::BTreeMap;

use bytes::Bytes;
use da::{
    BlockStamp, Limits, MapHead, MemoryStore, NamespaceId, NamespaceMap, NamespaceTree, Payload,
};
use hotshot_types::{
    Address, Epoch, Hash, Header, Height, L1Block, Signature, TimestampMs, ValidatorIndex, View,
    digest::{keccak, keccak_concat},
    header::HEADER_VERSION,
    mountain_range::MountainRange,
};
use rollup_types::{Input, L1Message, MessageBody, Pin};
use sequencer_proof::{Anchor, Base64, VerifiedBlock, VerifiedBody, VerifiedSummary};

use crate::{
    Cursor, Derivation, Fact, L1Base, L1View, Need, Place, RollBack, Rules, SegmentKind, Step,
};

pub(super) const NETWORK: Hash = Hash([9; 32]);

pub(super) fn id(number: u64) -> NamespaceId {
    NamespaceId::new(number).unwrap()
}

struct Stored {
    header: Header,
    transactions: BTreeMap<NamespaceId, Vec<Bytes>>,
    tree: NamespaceTree,
    map: MapHead,
}

/// A sequencer's chain. Headers are verified as the blocks of a light client.
pub(super) struct Chain {
    network: Hash,
    blocks: Vec<Stored>,
    store: MemoryStore,
    history: MountainRange,
}

impl Chain {
    pub(super) fn new(network: Hash) -> Self {
        let mut chain = Self {
            network,
            blocks: Vec::new(),
            store: MemoryStore::new(),
            history: MountainRange::new(),
        };
        chain.push(0, &[]);
        chain
    }

    /// A block whose L1 number is `l1`, with transactions of namespaces.
    pub(super) fn push(&mut self, l1: u64, namespaces: &[(u64, &[&str])]) {
        let height = self.blocks.len() as u64;
        let transactions: BTreeMap<_, Vec<_>> = namespaces
            .iter()
            .map(|(number, transactions)| {
                let bytes = transactions
                    .iter()
                    .map(|text| Bytes::from((*text).to_owned()));
                (id(*number), bytes.collect())
            })
            .collect();
        let payload = Payload::build(&transactions, &Limits::default()).unwrap();
        let tree = NamespaceTree::new(&payload);
        let parent = self.blocks.last().map_or(MapHead::EMPTY, |block| block.map);
        let timestamp_ms = 1_000 * height + 7;
        let map = if height == 0 {
            parent
        } else {
            let stamp = BlockStamp {
                height,
                timestamp_ms,
                l1_number: l1,
            };
            let update = NamespaceMap::new(&self.store, parent)
                .update(&stamp, tree.leaves())
                .unwrap();
            self.store.apply(&update);
            update.head
        };
        let header = Header {
            version: HEADER_VERSION,
            chain_domain: self.network,
            height: Height(height),
            epoch: Epoch(1),
            origin_view: View(height),
            proposer: ValidatorIndex(0),
            parent_hash: self
                .blocks
                .last()
                .map_or(Hash::ZERO, |block| block.header.hash()),
            timestamp_ms: TimestampMs(timestamp_ms),
            l1_finalized: L1Block {
                number: l1,
                hash: l1_hash(l1),
                timestamp: 12 * l1,
            },
            payload_len: 0,
            shard_root: Hash::ZERO,
            ns_root: Hash(tree.root()),
            ns_acc_root: Hash(map.root),
            history_root: self.history.root(),
            next_committee: Hash::ZERO,
            randao_reveal: Signature::ZERO,
            randao_mix: keccak(&height.to_be_bytes()),
        };
        self.history.append(header.hash());
        self.blocks.push(Stored {
            header,
            transactions,
            tree,
            map,
        });
    }

    pub(super) fn tip(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    fn stored(&self, height: u64) -> &Stored {
        &self.blocks[usize::try_from(height).unwrap()]
    }

    pub(super) fn l1(&self, height: u64) -> u64 {
        self.stored(height).header.l1_finalized.number
    }

    pub(super) fn header(&self, height: u64) -> VerifiedBlock {
        let header = self.stored(height).header.clone();
        let entry = keccak_concat(&[&header.hash().0, &header.history_root.0]);
        let anchor = Anchor::open(entry, header.clone()).unwrap();
        VerifiedBlock::by_anchor(&anchor, header, None).unwrap()
    }

    pub(super) fn transactions(&self, height: u64, namespace: u64) -> &[Bytes] {
        let transactions = self.stored(height).transactions.get(&id(namespace));
        transactions.map_or(&[], Vec::as_slice)
    }

    pub(super) fn block(&self, height: u64, namespace: u64, with_summary: bool) -> Fact {
        let block = self.header(height);
        let stored = self.stored(height);
        let transactions: Vec<_> = self
            .transactions(height, namespace)
            .iter()
            .cloned()
            .map(Base64)
            .collect();
        let proof = stored.tree.prove(id(namespace));
        let body = VerifiedBody::new(&block, id(namespace), &transactions, &proof)
            .unwrap()
            .unwrap();
        let body = if with_summary {
            body.with_summary(&block, &self.accumulator(height, namespace))
                .unwrap()
        } else {
            body
        };
        Fact::Block(block, body)
    }

    fn accumulator(&self, height: u64, namespace: u64) -> da::AccumulatorProof {
        NamespaceMap::new(&self.store, self.stored(height).map)
            .prove(id(namespace))
            .unwrap()
    }

    pub(super) fn summary(&self, height: u64, namespace: u64) -> VerifiedSummary {
        let proof = self.accumulator(height, namespace);
        VerifiedSummary::new(self.header(height), id(namespace), &proof).unwrap()
    }

    pub(super) fn complete(&self, height: u64, namespace: u64) -> Fact {
        Fact::Complete(self.summary(height, namespace))
    }
}

pub(super) fn l1_hash(number: u64) -> Hash {
    keccak(&number.to_le_bytes())
}

/// The home L1: what each of its blocks has.
#[derive(Clone, Debug, Default)]
pub(super) struct L1 {
    pub(super) messages: Vec<L1Message>,
    pub(super) pins: Vec<Pin>,
    /// The light client's height from an L1 block on.
    pub(super) light: BTreeMap<u64, u64>,
}

impl L1 {
    pub(super) fn send(&mut self, l1_block: u64) {
        let index = self.messages.len() as u64;
        self.messages.push(L1Message {
            index,
            l1_block,
            sender: Address([1; 20]),
            body: MessageBody::ForcedTransaction(Bytes::from(format!("message {index}"))),
        });
    }

    pub(super) fn pin(&mut self, l1_block: u64, after: u64) {
        let sent = self
            .messages
            .iter()
            .filter(|message| message.l1_block <= l1_block);
        self.pins.push(Pin {
            number: self.pins.len() as u64,
            after: Height(after),
            message_end: sent.count() as u64,
            l1_block,
        });
    }

    /// What a block of it has, after a base.
    pub(super) fn view(&self, number: u64, is_attested: bool, base: L1Base) -> L1View {
        let messages: Vec<_> = self
            .messages
            .iter()
            .filter(|message| message.l1_block <= number && message.index >= base.queue.count)
            .cloned()
            .collect();
        let pins: Vec<_> = self
            .pins
            .iter()
            .filter(|pin| pin.l1_block <= number && pin.number >= base.pins.count)
            .copied()
            .collect();
        let light = self.light.range(..=number).next_back();
        L1View {
            number,
            is_attested,
            base,
            head: L1Base {
                queue: messages
                    .iter()
                    .fold(base.queue, |head, next| head.with(next)),
                pins: pins.iter().fold(base.pins, |head, next| head.with(next)),
            },
            messages,
            pins,
            light_client: Height(light.map_or(0, |(_, height)| *height)),
            advanced: Height(0),
        }
    }
}

/// A rollup block as a node stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) place: Place,
    pub(super) kind: SegmentKind,
    pub(super) timestamp_ms: u64,
    pub(super) l1_number: u64,
    pub(super) randao_mix: Hash,
    pub(super) inputs: Vec<Input>,
}

/// A node: feeds a derivation, executes, undoes.
pub(super) struct Node<'a> {
    pub(super) chain: &'a Chain,
    pub(super) derivation: Derivation,
    pub(super) blocks: Vec<(Made, Cursor)>,
    start: Cursor,
    pub(super) undone: usize,
    pub(super) asked: Vec<Need>,
}

impl<'a> Node<'a> {
    pub(super) fn new(chain: &'a Chain, origin: u64) -> Self {
        let rules = rules(origin);
        let before = (origin > 1).then(|| chain.summary(origin - 1, 7));
        let start = Cursor::start(&rules, before.as_ref()).unwrap();
        Self {
            chain,
            derivation: Derivation::resume(rules, start.clone()).unwrap(),
            blocks: Vec::new(),
            start,
            undone: 0,
            asked: Vec::new(),
        }
    }

    pub(super) fn restart(&mut self) {
        self.derivation = Derivation::resume(self.derivation.rules, self.stored()).unwrap();
    }

    fn stored(&self) -> Cursor {
        let cursor = self.blocks.last().map_or(&self.start, |(_, cursor)| cursor);
        let bytes = borsh::to_vec(cursor).unwrap();
        borsh::from_slice(&bytes).unwrap()
    }

    pub(super) fn see(&mut self, l1: &L1, number: u64, is_attested: bool) {
        let view = l1.view(number, is_attested, self.derivation.l1_base());
        self.derivation.take(Fact::L1(view)).unwrap();
    }

    /// Tells blocks up to a height and completes there. `summaries` says whether each block comes with one.
    pub(super) fn tell(&mut self, until: u64, mut summaries: impl FnMut() -> bool) {
        let from = self.derivation.follower().height().0 + 1;
        for height in from..=until {
            if !self.chain.transactions(height, 7).is_empty() {
                let fact = self.chain.block(height, 7, summaries());
                self.derivation.take(fact).unwrap();
            }
        }
        if until >= self.derivation.follower().height().0 {
            self.derivation.take(self.chain.complete(until, 7)).unwrap();
        }
    }

    /// Steps until there is nothing to do; `number` is the L1 block that the L1 is read at, if that is late enough, and
    /// `most` how many inputs a block takes: none ends it there, and so does a view that does not have what is needed.
    /// True if blocks were undone, and the caller has to tell them again.
    pub(super) fn run(&mut self, l1: &L1, number: u64, mut most: impl FnMut() -> usize) -> bool {
        loop {
            match self.derivation.step() {
                Step::Execute(segment) => {
                    let last = self.blocks.last().filter(|(_, last)| last.inside() > 0);
                    let done = last.map_or(0, |(_, last)| last.inside());
                    assert_eq!(segment.done as u64, done);
                    assert!(last.is_none_or(|(last, _)| last.place == segment.place()));
                    let count = most().min(segment.left().len());
                    if count == 0 {
                        return false;
                    }
                    let made = Made {
                        place: segment.place(),
                        kind: segment.kind,
                        timestamp_ms: segment.timestamp_ms,
                        l1_number: segment.l1_number,
                        randao_mix: segment.randao_mix,
                        inputs: segment.left()[..count].to_vec(),
                    };
                    let cursor = self.derivation.executed(count);
                    self.blocks.push((made, cursor));
                }
                Step::Need(need) => {
                    self.asked.push(need);
                    match need {
                        Need::Header(height) => {
                            let header = self.chain.header(height.0);
                            self.derivation.take(Fact::Header(header)).unwrap();
                        }
                        Need::Block(height) => {
                            let fact = self.chain.block(height.0, 7, false);
                            self.derivation.take(fact).unwrap();
                        }
                        Need::L1 {
                            number: least,
                            hash,
                            height,
                        } => {
                            assert_eq!(hash, l1_hash(least));
                            assert_eq!(self.chain.l1(height.0), least);
                            self.see(l1, number.max(least), true);
                        }
                        Need::View => {
                            self.see(l1, number, false);
                            if self.derivation.step() == Step::Need(Need::View) {
                                return false;
                            }
                        }
                    }
                }
                Step::RollBack(rollback) => {
                    self.undo(&rollback);
                    return true;
                }
                Step::Idle => return false,
            }
        }
    }

    pub(super) fn undo(&mut self, rollback: &RollBack) {
        while self
            .blocks
            .last()
            .is_some_and(|(_, cursor)| !rollback.keeps(cursor))
        {
            self.blocks.pop();
            self.undone += 1;
        }
        self.derivation.rolled_back(self.stored()).unwrap();
    }

    /// What was executed, a segment an entry.
    pub(super) fn segments(&self) -> Vec<Made> {
        let mut segments: Vec<Made> = Vec::new();
        for (made, _) in &self.blocks {
            match segments.last_mut() {
                Some(last) if last.place == made.place => {
                    last.inputs.extend(made.inputs.clone());
                    let inputs = last.inputs.clone();
                    assert_eq!(
                        *last,
                        Made {
                            inputs,
                            ..made.clone()
                        }
                    );
                }
                _ => segments.push(made.clone()),
            }
        }
        segments
    }
}

pub(super) fn rules(origin: u64) -> Rules {
    Rules {
        network: NETWORK,
        namespace: id(7),
        origin: Height(origin),
    }
}

/// Everything at once, in one pass: what the rules say.
pub(super) fn naive(chain: &Chain, l1: &L1, origin: u64) -> Vec<Made> {
    let mut made: Vec<Made> = Vec::new();
    let mut messages = l1.messages.iter().peekable();
    let (mut timestamp_ms, mut l1_number, mut lowest) = (0, 0, origin - 1);
    let mut pins = l1
        .pins
        .iter()
        .map(|pin| {
            lowest = lowest.max(pin.after.0);
            (lowest, pin)
        })
        .collect::<Vec<_>>()
        .into_iter()
        .peekable();
    for height in origin - 1..=chain.tip() {
        let header = chain.header(height).header.clone();
        let mut push = |kind, place, b: u64, inputs: Vec<Input>| {
            timestamp_ms = timestamp_ms.max(header.timestamp_ms.0);
            l1_number = l1_number.max(b);
            made.push(Made {
                place,
                kind,
                timestamp_ms,
                l1_number,
                randao_mix: header.randao_mix,
                inputs,
            });
        };
        if height >= origin {
            let b = header.l1_finalized.number;
            let mut inputs = Vec::new();
            while let Some(message) = messages.next_if(|message| message.l1_block <= b) {
                inputs.push(Input::L1(message.clone()));
            }
            let transactions = chain.transactions(height, 7);
            let kind = if transactions.is_empty() {
                SegmentKind::Messages
            } else {
                SegmentKind::Block
            };
            inputs.extend(transactions.iter().cloned().map(Input::Transaction));
            if !inputs.is_empty() {
                push(kind, Place::of_block(Height(height)), b, inputs);
            }
        }
        while let Some((_, pin)) = pins.next_if(|(after, _)| *after == height) {
            let (mut inputs, mut b) = (Vec::new(), 0);
            while let Some(message) = messages.next_if(|message| message.index < pin.message_end) {
                b = message.l1_block;
                inputs.push(Input::L1(message.clone()));
            }
            if !inputs.is_empty() {
                let place = Place::of_pin(Height(height), pin.number);
                push(SegmentKind::Pin(pin.number), place, b, inputs);
            }
        }
    }
    made
}
