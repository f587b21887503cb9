//! A small real chain: four BLS keys, blocks over several epochs, every block certified by all.
//!
//! Also read by the tests of the crate `sequencer`.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use da::{
    BlockStamp, Coder, CommittedPayload, Limits, MapHead, MapUpdate, MemoryStore, NamespaceId,
    NamespaceMap, NamespaceTree, Payload, Slots,
};
use hotshot_types::{
    Address, Committee, Epoch, FinalityCertificate, GenesisDocument, Hash, Header, Height, L1Block,
    Member, Parameters, Round, SealedHeader, SecretKey, Signer as _, Statement, TimestampMs,
    ValidatorIndex, View,
    bls::{self, Aggregate},
    digest,
    finality::{EpochStep, FinalityProof},
    genesis::{EmptyRoots, GenesisValidator},
    header,
    mountain_range::{HeaderProof, MountainRange, Position},
};
use sequencer_proof::Base64;

/// Blocks in an epoch of the test chain.
pub const EPOCH_LENGTH: u64 = 4;

/// A block with everything that a node keeps of it.
#[derive(Clone, Debug)]
pub struct ChainBlock {
    pub header: Arc<SealedHeader>,
    pub certificate: Option<FinalityCertificate>,
    pub payload: Payload,
    pub tree: NamespaceTree,
    pub map_head: MapHead,
    pub map_update: Option<MapUpdate>,
}

/// The chain. `blocks[0]` is genesis.
#[derive(Clone, Debug)]
pub struct Chain {
    pub genesis: GenesisDocument,
    pub keys: Vec<SecretKey>,
    pub blocks: Vec<ChainBlock>,
    pub map: MemoryStore,
    history: MountainRange,
    nodes: BTreeMap<Position, Hash>,
}

pub fn id(number: u64) -> NamespaceId {
    NamespaceId::new(number).unwrap()
}

fn genesis(keys: &[SecretKey], salt: Hash, parameters: Parameters) -> GenesisDocument {
    let domain = digest::chain_domain(0, Address::ZERO, salt);
    let validators = keys.iter().zip(1_u8..).map(|(key, number)| {
        let operator = Address([number; 20]);
        GenesisValidator {
            operator,
            key: key.public_key(),
            possession: key.prove_possession(domain, operator),
            weight: 100,
            network_key: Hash([number; 32]),
            address: format!("/ip4/127.0.0.1/tcp/{}", 9000 + u16::from(number)),
        }
    });
    GenesisDocument {
        l1_chain_id: 0,
        stake_table: Address::ZERO,
        salt,
        timestamp_ms: TimestampMs(1_700_000_000_000),
        l1: L1Block::default(),
        seeds: [Hash([1; 32]), Hash([2; 32])],
        parameters,
        validators: validators.collect(),
    }
}

impl Chain {
    pub fn new() -> Self {
        let parameters = Parameters {
            epoch_length: EPOCH_LENGTH,
            ..Parameters::development()
        };
        Self::of(Hash([7; 32]), parameters)
    }

    pub fn of(salt: Hash, parameters: Parameters) -> Self {
        let keys: Vec<_> = (1..=4)
            .map(|number| SecretKey::derive(&[number; 32]))
            .collect();
        let genesis = genesis(&keys, salt, parameters);
        let committed = commit(&genesis.committee(Epoch::FIRST).unwrap(), Payload::empty());
        let commitments = committed.commitments();
        let header = genesis
            .header(EmptyRoots {
                shard_root: Hash(commitments.shard_root),
                ns_root: Hash(commitments.ns_root),
                ns_acc_root: Hash(MapHead::EMPTY.root),
            })
            .unwrap();
        let mut chain = Self {
            genesis,
            keys,
            blocks: Vec::new(),
            map: MemoryStore::new(),
            history: MountainRange::new(),
            nodes: BTreeMap::new(),
        };
        chain.append(ChainBlock {
            header: Arc::new(header),
            certificate: None,
            payload: Payload::empty(),
            tree: committed.namespaces().clone(),
            map_head: MapHead::EMPTY,
            map_update: None,
        });
        chain
    }

    /// Ten blocks over three epochs: namespace 7 in the odd heights, 9 in 4 and 8, nothing in 2, 6 and 10.
    pub fn sample() -> Self {
        static SAMPLE: OnceLock<Chain> = OnceLock::new();
        SAMPLE.get_or_init(Self::make_sample).clone()
    }

    fn make_sample() -> Self {
        let mut chain = Self::new();
        for height in 1_u8..=10 {
            let seven = [vec![height, 1], vec![height, 2, 2], vec![height, 3]];
            let nine = [vec![height; 100]];
            match height {
                _ if height % 2 == 1 => chain.push(&[(7, &seven), (1000, &nine)]),
                4 | 8 => chain.push(&[(9, &nine)]),
                _ => chain.push(&[]),
            }
        }
        chain
    }

    /// The committee of an epoch; from epoch 3 on the first validator has another weight.
    pub fn committee(&self, epoch: u64) -> Arc<Committee> {
        let committee = self.genesis.committee(Epoch(epoch)).unwrap();
        if epoch < 3 {
            return committee;
        }
        let mut members: Vec<Member> = committee.members().to_vec();
        members[0].weight = 150;
        Arc::new(Committee::new(Epoch(epoch), members).unwrap())
    }

    pub fn domain(&self) -> Hash {
        self.genesis.chain_domain()
    }

    pub fn height(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub fn block(&self, height: u64) -> &ChainBlock {
        &self.blocks[usize::try_from(height).unwrap()]
    }

    pub fn header(&self, height: u64) -> &Header {
        self.block(height).header.header()
    }

    /// Builds, certifies and appends a block with these transactions.
    pub fn push(&mut self, namespaces: &[(u64, &[Vec<u8>])]) {
        let transactions = namespaces.iter().map(|(number, transactions)| {
            let transactions = transactions.iter().map(|bytes| Bytes::from(bytes.clone()));
            (id(*number), transactions.collect())
        });
        let payload = Payload::build(&transactions.collect(), &Limits::default()).unwrap();
        let parent = self.blocks.last().unwrap().clone();
        let height = parent.header.height.next();
        let epoch = Epoch::of(height, self.genesis.parameters.epoch_length);
        let committed = commit(&self.committee(epoch.0), payload);
        let commitments = committed.commitments();
        let timestamp_ms = TimestampMs(parent.header.timestamp_ms.0 + 100);
        let stamp = BlockStamp {
            height: height.0,
            timestamp_ms: timestamp_ms.0,
            l1_number: parent.header.l1_finalized.number,
        };
        let update = NamespaceMap::new(&self.map, parent.map_head)
            .update(&stamp, committed.namespaces().leaves())
            .unwrap();
        self.map.apply(&update);
        let reveal = self.keys[0].sign(&digest::randomness(self.domain(), epoch, height));
        let header = Header {
            version: header::HEADER_VERSION,
            chain_domain: self.domain(),
            height,
            epoch,
            origin_view: View(height.0),
            proposer: ValidatorIndex(0),
            parent_hash: parent.header.hash(),
            timestamp_ms,
            l1_finalized: parent.header.l1_finalized,
            payload_len: u32::try_from(commitments.payload_len).unwrap(),
            shard_root: Hash(commitments.shard_root),
            ns_root: Hash(commitments.ns_root),
            ns_acc_root: Hash(update.head.root),
            history_root: self.history.root(),
            next_committee: self.committee(epoch.0 + 1).commitment(),
            randao_reveal: reveal,
            randao_mix: header::mix(parent.header.randao_mix, &reveal),
        }
        .seal();
        let certificate = self.certify(&header, &[0, 1, 2, 3]);
        let (payload, tree, _) = committed.into_parts();
        self.append(ChainBlock {
            header: Arc::new(header),
            certificate: Some(certificate),
            payload,
            tree,
            map_head: update.head,
            map_update: Some(update),
        });
    }

    fn append(&mut self, block: ChainBlock) {
        self.nodes.extend(self.history.append(block.header.hash()));
        self.blocks.push(block);
    }

    /// The finality certificate of a header by these validators.
    pub fn certify(&self, header: &Header, signers: &[u16]) -> FinalityCertificate {
        let statement = Statement {
            round: Round {
                epoch: header.epoch,
                view: header.origin_view,
            },
            height: header.height,
            hash: header.hash(),
        };
        let digest = statement.digest::<hotshot_types::Final>(self.domain());
        let committee = self.committee(header.epoch.0);
        let votes = signers.iter().map(|signer| {
            (
                ValidatorIndex(*signer),
                self.keys[usize::from(*signer)].sign(&digest),
            )
        });
        let job = Aggregate {
            digest,
            committee,
            votes: votes.collect(),
        };
        let sum = bls::aggregate(&job);
        FinalityCertificate::claimed(statement, sum.signers, sum.signature)
    }

    /// Where a block stands in the history of a later one.
    pub fn header_proof(&self, height: u64, count: u64) -> HeaderProof {
        HeaderProof::build(Height(height), count, |at| self.nodes.get(&at).copied()).unwrap()
    }

    /// Proves the block at a height by its own certificate.
    pub fn finality(&self, from_epoch: u64, height: u64) -> FinalityProof {
        self.finality_by(from_epoch, height, height)
    }

    /// Proves the block at a height by the certificate of a block not below it.
    pub fn finality_by(&self, from_epoch: u64, height: u64, certified: u64) -> FinalityProof {
        let by = self.block(certified);
        FinalityProof {
            steps: (from_epoch..by.header.epoch.0)
                .map(|epoch| self.step(epoch))
                .collect(),
            certified: by.header.header().clone(),
            certificate: by.certificate.clone().unwrap(),
            ancestor: (height < certified).then(|| {
                (
                    self.header(height).clone(),
                    self.header_proof(height, certified),
                )
            }),
        }
    }

    fn step(&self, epoch: u64) -> EpochStep {
        let last = self.block(epoch * self.genesis.parameters.epoch_length);
        let next = self.committee(epoch + 1);
        let is_same = next.members() == self.committee(epoch).members();
        EpochStep {
            header: last.header.header().clone(),
            certificate: last.certificate.clone().unwrap(),
            members: (!is_same).then(|| next.members().to_vec()),
        }
    }

    /// The transactions of a namespace in a block, as JSON carries them.
    pub fn transactions(&self, height: u64, namespace: u64) -> Vec<Base64> {
        let body = self.block(height).payload.namespace(id(namespace));
        body.iter()
            .flat_map(|body| body.transactions())
            .map(Base64)
            .collect()
    }

    /// The accumulator of a namespace under a block's header.
    pub fn accumulator(&self, height: u64, namespace: u64) -> da::AccumulatorProof {
        NamespaceMap::new(&self.map, self.block(height).map_head)
            .prove(id(namespace))
            .unwrap()
    }
}

fn commit(committee: &Committee, payload: Payload) -> CommittedPayload {
    let slots = Slots::new(&committee.weights()).unwrap();
    CommittedPayload::new(&mut Coder::new(), &slots, payload)
}
