//! A small chain to store: four validators, epochs of four blocks.

use std::sync::Arc;

use bytes::Bytes;
use da::{NamespaceId, NamespaceTree, Payload};
use hotshot::{EpochInfo, Record};
use hotshot_types::{
    Committee, Epoch, EpochEnd, Final, FinalityCertificate, Hash, Header, Height, L1Block, Member,
    Round, SealedHeader, SecretKey, Signature, Signer, Signers, Statement, TimestampMs,
    ValidatorIndex, View,
    bls::{self, Aggregate},
    mountain_range::MountainRange,
};

use crate::storage::{Batch, Durability, Identity, Storage};

pub(super) const EPOCH_LENGTH: u64 = 4;

pub(super) fn domain() -> Hash {
    Hash([7; 32])
}

pub(super) fn secret(index: u8) -> SecretKey {
    SecretKey::derive(&[index + 1; 32])
}

pub(super) fn committee(epoch: Epoch) -> Arc<Committee> {
    // One member's weight changes in epoch 3.
    let members = (0..4)
        .map(|index| Member {
            key: secret(index).public_key(),
            weight: if index == 0 && epoch.0 >= 3 { 2 } else { 1 },
        })
        .collect();
    Arc::new(Committee::new(epoch, members).unwrap())
}

pub(super) fn info(epoch: Epoch) -> EpochInfo {
    EpochInfo {
        committee: committee(epoch),
        seed: Hash([epoch.0.to_le_bytes()[0]; 32]),
    }
}

fn header(height: u64, parent_hash: Hash, history_root: Hash, salt: u8) -> SealedHeader {
    let height = Height(height);
    let epoch = Epoch::of(height, EPOCH_LENGTH);
    Header {
        version: 1,
        chain_domain: domain(),
        height,
        epoch,
        origin_view: View(1),
        proposer: ValidatorIndex(0),
        parent_hash,
        timestamp_ms: TimestampMs(1_000 * height.0),
        l1_finalized: L1Block::default(),
        payload_len: 0,
        shard_root: Hash([salt; 32]),
        ns_root: Hash::ZERO,
        ns_acc_root: Hash(da::MapHead::EMPTY.root),
        history_root,
        next_committee: committee(epoch.next()).commitment(),
        randao_reveal: Signature::ZERO,
        randao_mix: Hash::ZERO,
    }
    .seal()
}

pub(super) fn genesis() -> SealedHeader {
    header(0, Hash::ZERO, MountainRange::new().root(), 0)
}

pub(super) fn identity(key: u8) -> Identity {
    Identity {
        chain_domain: domain(),
        genesis: genesis().hash(),
        key: Some(secret(key).public_key()),
    }
}

/// A block on the tip of the storage; blocks of different salts conflict.
pub(super) fn next(storage: &Storage, salt: u8) -> SealedHeader {
    let tip = storage.tip().unwrap();
    header(tip.height.0 + 1, tip.hash(), storage.history().root(), salt)
}

/// `count` blocks on the tip.
pub(super) fn blocks(storage: &Storage, count: u64) -> Vec<Arc<SealedHeader>> {
    let mut history = storage.history();
    let mut parent = storage.tip().unwrap();
    (0..count)
        .map(|_| {
            let block = header(parent.height.0 + 1, parent.hash(), history.root(), 0);
            history.append(block.hash());
            parent = block.clone();
            Arc::new(block)
        })
        .collect()
}

fn statement(header: &SealedHeader) -> Statement {
    Statement {
        round: Round {
            epoch: header.epoch,
            view: View(header.height.0),
        },
        height: header.height,
        hash: header.hash(),
    }
}

/// A certificate that nobody signed.
pub(super) fn unsigned(header: &SealedHeader) -> FinalityCertificate {
    FinalityCertificate::claimed(statement(header), Signers::none(4), Signature::ZERO)
}

/// A certificate that all signed.
pub(super) fn signed(header: &SealedHeader) -> FinalityCertificate {
    let statement = statement(header);
    let digest = statement.digest::<Final>(domain());
    let votes = (0..4)
        .map(|index| (ValidatorIndex(index.into()), secret(index).sign(&digest)))
        .collect();
    let sum = bls::aggregate(&Aggregate {
        digest,
        committee: committee(header.epoch),
        votes,
    });
    FinalityCertificate::claimed(statement, sum.signers, sum.signature)
}

/// Opens a directory of validator 0 with the genesis block in it.
pub(super) fn open(directory: &std::path::Path) -> Storage {
    let storage = Storage::open(directory, &identity(0)).unwrap();
    initialize(&storage);
    storage
}

pub(super) fn initialize(storage: &Storage) {
    storage
        .initialize(&genesis(), &[info(Epoch(1)), info(Epoch(2))])
        .unwrap();
}

/// Puts a block, its certificate, and what an epoch's last block brings along.
pub(super) fn decide(batch: &mut Batch, block: &Arc<SealedHeader>, with: &FinalityCertificate) {
    batch.decide(std::slice::from_ref(block), with).unwrap();
    if block.height == block.epoch.last_height(EPOCH_LENGTH) {
        batch.put_epoch_end(&EpochEnd {
            header: block.header().clone(),
            certificate: with.clone(),
        });
        batch.put_epoch(&info(Epoch(block.epoch.0 + 2)));
    }
}

/// Makes `count` more blocks final, one commit each.
pub(super) fn extend(storage: &Storage, count: u64) {
    for _ in 0..count {
        let block = Arc::new(next(storage, 0));
        let mut batch = storage.batch();
        decide(&mut batch, &block, &signed(&block));
        storage.commit(batch, Durability::Buffered).unwrap();
    }
}

/// A record that differs from every other.
pub(super) fn record(view: u64) -> Record {
    Record {
        last_timeout: Some(Round::new(1, view)),
        ..Record::unused()
    }
}

pub(super) fn namespace(id: u64) -> NamespaceId {
    NamespaceId::new(id).unwrap()
}

pub(super) fn tree(transactions: &[(u64, &[&'static [u8]])]) -> NamespaceTree {
    let namespaces = transactions
        .iter()
        .map(|(id, transactions)| {
            let transactions = transactions.iter().map(|bytes| Bytes::from_static(bytes));
            (namespace(*id), transactions.collect())
        })
        .collect();
    NamespaceTree::new(&Payload::build(&namespaces, &da::Limits::default()).unwrap())
}
