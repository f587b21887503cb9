use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use da::NamespaceMap;
use hotshot::EpochInfo;
use hotshot_types::{Epoch, EpochEnd, Hash, Height, finality::Trust};

use super::real::Chain;
use crate::storage::{
    Durability, Identity, SnapshotError, SnapshotInfo, Storage, StorageError, Verified,
};

pub(super) fn identity(chain: &Chain) -> Identity {
    Identity {
        chain_domain: chain.domain(),
        genesis: chain.block(0).header.hash(),
        key: Some(chain.keys[0].public_key()),
    }
}

fn seed(chain: &Chain, epoch: u64) -> Hash {
    let before = match epoch {
        1 => return chain.genesis.seeds[0],
        2 => return chain.genesis.seeds[1],
        _ => (epoch - 2) * chain.genesis.parameters.epoch_length,
    };
    chain.header(before).randao_mix
}

fn info(chain: &Chain, epoch: u64) -> EpochInfo {
    EpochInfo {
        committee: Arc::clone(&chain.committee(epoch)),
        seed: seed(chain, epoch),
    }
}

/// A validator's directory with all of the chain, as a node stores it.
pub(super) fn fill(directory: &Path, chain: &Chain) -> Storage {
    let storage = Storage::open(directory, &identity(chain)).unwrap();
    let first = [1, 2].map(|epoch| info(chain, epoch));
    storage.initialize(&chain.block(0).header, &first).unwrap();
    for height in 1..=chain.height() {
        let block = chain.block(height);
        let certificate = block.certificate.clone().unwrap();
        let mut batch = storage.batch();
        batch
            .decide(std::slice::from_ref(&block.header), &certificate)
            .unwrap();
        if block.header.payload_len > 0 {
            batch.put_payload(&block.header, block.payload.bytes().clone());
        }
        if height % chain.genesis.parameters.epoch_length == 0 {
            batch.put_epoch_end(&EpochEnd {
                header: block.header.header().clone(),
                certificate,
            });
            batch.put_epoch(&info(chain, block.header.epoch.0 + 2));
        }
        storage.commit(batch, Durability::Buffered).unwrap();
        let mut batch = storage.batch();
        batch
            .advance_map(Height(height), block.map_update.as_ref().unwrap())
            .unwrap();
        batch.index_block(Height(height), &block.tree).unwrap();
        storage.commit(batch, Durability::Synced).unwrap();
    }
    storage
}

pub(super) fn verify(storage: &Storage, chain: &Chain) -> Verified {
    let header = &chain.block(0).header;
    storage.verify(&chain.genesis, header, &mut |_| {}).unwrap()
}

fn sound(storage: &Storage, chain: &Chain) {
    let verified = verify(storage, chain);
    assert!(verified.is_sound(), "{:?}", verified.faults);
}

fn write(storage: &Storage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let info = storage.write_snapshot(&mut bytes, &mut |_| {}).unwrap();
    assert_eq!(info.bytes, bytes.len() as u64);
    bytes
}

pub(super) fn snapshot(chain: &Chain) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    write(&fill(directory.path(), chain))
}

pub(super) fn restore(
    directory: &Path,
    mut bytes: &[u8],
    chain: &Chain,
) -> Result<SnapshotInfo, SnapshotError> {
    let header = &chain.block(0).header;
    Storage::restore_snapshot(directory, &mut bytes, &chain.genesis, header, &mut |_| {})
}

#[test]
fn a_restored_snapshot_holds_the_same_chain_and_proves_all_of_it() {
    let chain = Chain::sample();
    let bytes = snapshot(&chain);
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("db");
    let info = restore(&directory, &bytes, &chain).unwrap();
    assert_eq!(info.height, Height(10));
    assert_eq!(info.hash, chain.block(10).header.hash());

    let storage = Storage::open(&directory, &identity(&chain)).unwrap();
    let verified = verify(&storage, &chain);
    assert!(verified.is_sound(), "{:?}", verified.faults);
    assert_eq!((verified.headers, verified.certificates), (11, 3));
    assert_eq!((verified.namespaces, verified.payloads), (3, 0));
    assert_eq!(storage.record().unwrap(), None);
    for height in 1..=10 {
        let proof = storage
            .finality_proof(Epoch::FIRST, Height(height))
            .unwrap()
            .unwrap();
        let mut trust = Trust::new(chain.domain(), 4, chain.committee(1));
        assert_eq!(trust.verify(&proof).unwrap(), chain.header(height));
    }
    let head = storage.map_head(Height(10)).unwrap().unwrap();
    let store = storage.map_store();
    let proof = NamespaceMap::new(&store, head).prove(super::real::id(7));
    let entry = proof.unwrap().verify(&head.root, super::real::id(7));
    assert_eq!(entry.unwrap().unwrap().block_count, 5);

    let resume = storage.resume(100).unwrap();
    assert_eq!(resume.tip.hash(), chain.block(10).header.hash());
    assert_eq!(resume.record.epoch(), Epoch(3));
    assert_eq!(resume.epochs.len(), 3);
    assert_eq!(write(&storage), bytes, "its own snapshot is the same");
}

#[test]
fn a_chain_grows_on_a_restored_snapshot() {
    let mut chain = Chain::sample();
    let bytes = snapshot(&chain);
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("db");
    restore(&directory, &bytes, &chain).unwrap();
    chain.push(&[(7, &[vec![1], vec![2]])]);
    let storage = Storage::open(&directory, &identity(&chain)).unwrap();
    let block = chain.block(11);
    let store = storage.map_store();
    let head = storage.map_head(Height(10)).unwrap().unwrap();
    let stamp = da::BlockStamp {
        height: 11,
        timestamp_ms: block.header.timestamp_ms.0,
        l1_number: block.header.l1_finalized.number,
    };
    let update = NamespaceMap::new(&store, head)
        .update(&stamp, block.tree.leaves())
        .unwrap();
    assert_eq!(update.head.root, block.header.ns_acc_root.0);
    let mut batch = storage.batch();
    let certificate = block.certificate.as_ref().unwrap();
    batch
        .decide(std::slice::from_ref(&block.header), certificate)
        .unwrap();
    batch.put_payload(&block.header, block.payload.bytes().clone());
    batch.advance_map(Height(11), &update).unwrap();
    batch.index_block(Height(11), &block.tree).unwrap();
    storage.commit(batch, Durability::Buffered).unwrap();
    sound(&storage, &chain);
    // What was ordered before the snapshot is not in the index, and that is said.
    let blocks = storage
        .namespace_blocks(super::real::id(7), Height(0), 10)
        .unwrap();
    assert_eq!(blocks.len(), 1);
    assert_eq!(storage.cutoffs().unwrap().transactions, Height(11));
}

#[test]
fn the_last_block_of_an_epoch_can_be_the_top() {
    let mut chain = Chain::new();
    for _ in 0..4 {
        chain.push(&[]);
    }
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("db");
    restore(&directory, &snapshot(&chain), &chain).unwrap();
    let storage = Storage::open(&directory, &identity(&chain)).unwrap();
    let resume = storage.resume(1).unwrap();
    assert_eq!(resume.record.epoch(), Epoch(2));
    assert!(storage.epoch(Epoch(3)).unwrap().is_some());
}

#[test]
fn no_changed_byte_of_a_snapshot_is_taken() {
    let chain = Chain::sample();
    let bytes = snapshot(&chain);
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("db");
    for place in (0..bytes.len()).step_by(331) {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        let outcome = restore(&directory, &changed, &chain);
        assert!(outcome.is_err(), "byte {place}");
        assert!(!directory.exists());
    }
}

#[test]
fn a_snapshot_that_is_cut_off_or_has_more_behind_it_is_refused() {
    let chain = Chain::sample();
    let bytes = snapshot(&chain);
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("db");
    for length in (0..bytes.len()).step_by(997) {
        let error = restore(&directory, &bytes[..length], &chain).unwrap_err();
        assert!(matches!(error, SnapshotError::Malformed(_)), "{error}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    let error = restore(&directory, &longer, &chain).unwrap_err();
    assert!(matches!(error, SnapshotError::Malformed(_)), "{error}");
    let huge = [&bytes[..0], &u32::MAX.to_le_bytes()].concat();
    let error = restore(&directory, &huge, &chain).unwrap_err();
    assert!(error.to_string().contains("a frame of"), "{error}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_snapshot_of_another_network_is_refused() {
    let other = Chain::of(
        Hash([8; 32]),
        hotshot_types::Parameters {
            epoch_length: 4,
            ..hotshot_types::Parameters::development()
        },
    );
    let home = tempfile::tempdir().unwrap();
    let error = restore(&home.path().join("db"), &snapshot(&Chain::sample()), &other);
    let error = error.unwrap_err();
    assert!(
        matches!(error, SnapshotError::OtherNetwork { .. }),
        "{error}"
    );
}

#[test]
fn a_snapshot_is_restored_into_an_empty_directory_only() {
    let chain = Chain::sample();
    let bytes = snapshot(&chain);
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("db");
    drop(fill(&directory, &chain));
    let error = restore(&directory, &bytes, &chain).unwrap_err();
    assert!(matches!(error, SnapshotError::NotEmpty { .. }), "{error}");
    let storage = Storage::open(&directory, &identity(&chain)).unwrap();
    assert!(storage.payload(&chain.block(1).header).unwrap().is_some());
}

#[test]
fn an_empty_database_has_no_snapshot() {
    let chain = Chain::new();
    let directory = tempfile::tempdir().unwrap();
    let storage = fill(directory.path(), &chain);
    let error = storage
        .write_snapshot(&mut Vec::new(), &mut |_| {})
        .unwrap_err();
    assert!(matches!(error, SnapshotError::Empty), "{error}");
}

#[test]
fn a_payload_that_is_another_block_s_is_named() {
    let chain = Chain::sample();
    let directory = tempfile::tempdir().unwrap();
    let storage = fill(directory.path(), &chain);
    sound(&storage, &chain);
    let mut batch = storage.batch();
    batch.put_payload(&chain.block(3).header, Bytes::from_static(b"another"));
    storage.commit(batch, Durability::Buffered).unwrap();
    let faults = verify(&storage, &chain).faults;
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].keyspace, "payloads");
    assert_eq!(faults[0].height, Some(Height(3)));
}

#[test]
fn a_final_header_that_is_missing_is_damage_and_no_unknown_block() {
    let chain = Chain::sample();
    let directory = tempfile::tempdir().unwrap();
    let storage = fill(directory.path(), &chain);
    let mut batch = storage.batch();
    batch.remove(
        crate::storage::spaces::Space::Headers,
        crate::storage::spaces::height_key(Height(5)),
    );
    storage.commit(batch, Durability::Buffered).unwrap();
    let error = storage.header(Height(5)).unwrap_err();
    assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
    assert!(storage.header(Height(11)).unwrap().is_none());
    let faults = verify(&storage, &chain).faults;
    assert!(
        faults
            .iter()
            .any(|fault| fault.keyspace == "headers" && fault.height == Some(Height(5))),
        "{faults:?}"
    );
}
