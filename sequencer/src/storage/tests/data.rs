use std::sync::Arc;

use bytes::Bytes;
use da::{
    BlockStamp, Coder, CommittedPayload, MapHead, MapUpdate, MemoryStore, NamespaceMap, Payload,
    Slots,
};
use hotshot_types::{Epoch, Hash, Height, Lock, QuorumCertificate, Round, evidence::Evidence};

use super::chain::{
    blocks, decide, extend, genesis, info, namespace, next, open, record, tree, unsigned,
};
use crate::storage::{Durability, Storage, StorageError, TransactionPosition};

#[test]
fn a_decision_moves_the_tip_and_drops_the_blocks_that_lost() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let (won, lost) = (next(&storage, 1), next(&storage, 2));
    let mut batch = storage.batch();
    for block in [&won, &lost] {
        batch.put_pending(block);
        batch.put_payload(block, Bytes::from_static(b"payload"));
    }
    storage.commit(batch, Durability::Synced).unwrap();
    assert_eq!(storage.pending_headers().unwrap().len(), 2);
    assert_eq!(
        storage.header_by_hash(lost.hash()).unwrap(),
        Some(lost.clone())
    );
    assert!(!storage.is_final(won.hash()).unwrap());

    let mut batch = storage.batch();
    decide(&mut batch, &Arc::new(won.clone()), &unsigned(&won));
    batch.put_record(&record(1));
    assert_eq!(storage.tip().unwrap(), genesis());
    storage.commit(batch, Durability::Synced).unwrap();

    assert_eq!(storage.tip().unwrap(), won);
    assert!(storage.is_final(won.hash()).unwrap());
    assert_eq!(
        storage.header_by_hash(won.hash()).unwrap(),
        Some(won.clone())
    );
    assert_eq!(storage.payload(&won).unwrap().unwrap(), "payload");
    assert_eq!(
        storage.payload_by_hash(won.hash()).unwrap().unwrap(),
        "payload"
    );
    assert_eq!(storage.header_by_hash(lost.hash()).unwrap(), None);
    assert_eq!(storage.payload(&lost).unwrap(), None);
    assert_eq!(storage.pending_headers().unwrap(), []);
}

#[test]
fn a_header_stored_and_decided_in_one_batch_is_not_pending_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let (won, lost) = (next(&storage, 1), next(&storage, 2));
    let mut batch = storage.batch();
    batch.put_pending(&won);
    batch.put_pending(&lost);
    decide(&mut batch, &Arc::new(won.clone()), &unsigned(&won));
    batch.put_pending(&lost);
    storage.commit(batch, Durability::Synced).unwrap();
    assert_eq!(storage.header_by_hash(lost.hash()).unwrap(), None);
    assert!(storage.is_final(won.hash()).unwrap());
    drop(storage);
    assert_eq!(open(directory.path()).resume(9).unwrap().headers, []);
}

#[test]
fn several_decisions_in_one_batch_count_as_one_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let blocks = blocks(&storage, 3);
    let mut batch = storage.batch();
    batch.decide(&blocks[..2], &unsigned(&blocks[1])).unwrap();
    batch.decide(&blocks[2..], &unsigned(&blocks[2])).unwrap();
    storage.commit(batch, Durability::Synced).unwrap();
    drop(storage);
    let storage = open(directory.path());
    assert_eq!(storage.tip().unwrap(), *blocks[2]);
    assert_eq!(storage.certificate(Height(1)).unwrap(), None);
    let at_or_above = |height| storage.certificate_at_or_above(Height(height)).unwrap();
    assert_eq!(at_or_above(1), Some(unsigned(&blocks[1])));
    assert_eq!(at_or_above(3), Some(unsigned(&blocks[2])));
    assert_eq!(at_or_above(4), None);
    assert_eq!(
        storage.newest_certificate().unwrap(),
        Some(unsigned(&blocks[2]))
    );
}

#[test]
fn a_decision_that_does_not_extend_the_tip_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let blocks = blocks(&storage, 3);
    let mut batch = storage.batch();
    let gap = batch.decide(&blocks[1..], &unsigned(&blocks[2]));
    assert!(matches!(gap, Err(StorageError::OutOfOrder(_))));
    let other = storage.batch().decide(&blocks[..1], &unsigned(&blocks[1]));
    assert!(matches!(other, Err(StorageError::OutOfOrder(_))));
}

#[test]
fn headers_are_listed_in_order_and_up_to_a_limit() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    extend(&storage, 6);
    let heights = |from, limit| -> Vec<u64> {
        let headers = storage.headers(Height(from), limit).unwrap();
        headers.iter().map(|header| header.height.0).collect()
    };
    assert_eq!(heights(0, 3), [0, 1, 2]);
    assert_eq!(heights(5, 9), [5, 6]);
    assert!(heights(7, 9).is_empty());
}

#[test]
fn slots_come_back_as_they_were_put_and_still_prove() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let slots = Slots::new(&[1, 1, 1, 1]).unwrap();
    let payload = CommittedPayload::new(&mut Coder::new(), &slots, Payload::empty());
    let range = payload.encoded().range(slots.range(1).unwrap()).unwrap();
    let block = next(&storage, 0);
    let mut batch = storage.batch();
    batch.put_slots(&block, &range).unwrap();
    storage.commit(batch, Durability::Buffered).unwrap();
    let stored = storage.slots(&block).unwrap().unwrap();
    assert_eq!(stored, range);
    let own = slots.range(1).unwrap();
    assert!(
        stored
            .check(&payload.encoded().root(), &slots, own, 0)
            .is_ok()
    );
}

#[test]
fn large_payloads_are_not_copied_on_the_way_in_or_changed_on_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let block = next(&storage, 0);
    let payload = Bytes::from(
        (0..1 << 20)
            .map(|n: u32| n.to_le_bytes()[1])
            .collect::<Vec<_>>(),
    );
    let mut batch = storage.batch();
    batch.put_payload(&block, payload.clone());
    storage.commit(batch, Durability::Buffered).unwrap();
    // From the write buffer it is the very same memory.
    assert_eq!(
        storage.payload(&block).unwrap().unwrap().as_ptr(),
        payload.as_ptr()
    );
    storage
        .0
        .spaces
        .get(crate::storage::Space::Payloads)
        .rotate_memtable_and_wait()
        .unwrap();
    assert_eq!(storage.payload(&block).unwrap().unwrap(), payload);
}

#[test]
fn the_namespace_map_is_read_back_and_resumes_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let mut memory = MemoryStore::new();
    let mut head = MapHead::EMPTY;
    let mut heads = vec![head];
    for height in 1..=5 {
        extend(&storage, 1);
        let stamp = BlockStamp {
            height,
            timestamp_ms: height,
            l1_number: 0,
        };
        let payload = tree(&[(height, &[b"transaction"]), (9, &[b"again"])]);
        let update = NamespaceMap::new(&memory, head)
            .update(&stamp, payload.leaves())
            .unwrap();
        let stored = NamespaceMap::new(&storage.map_store(), head)
            .update(&stamp, payload.leaves())
            .unwrap();
        assert_eq!(stored, update);
        memory.apply(&update);
        head = update.head;
        heads.push(head);
        let mut batch = storage.batch();
        batch.advance_map(Height(height), &update).unwrap();
        storage.commit(batch, Durability::Buffered).unwrap();
    }
    drop(storage);

    let storage = open(directory.path());
    assert_eq!(storage.map_height(), Height(5));
    let reader = storage.map_store();
    let entry = NamespaceMap::new(&reader, head)
        .get(namespace(9))
        .unwrap()
        .unwrap();
    assert_eq!(entry.block_count, 5);
    // The headers of these tests name the empty map, so only the versions are compared.
    for (height, head) in (0..).zip(&heads) {
        let stored = storage.map_head(Height(height)).unwrap().unwrap();
        assert_eq!(stored.version, head.version);
    }
    assert_eq!(storage.map_head(Height(6)).unwrap(), None);
    let again = MapUpdate {
        head,
        puts: Vec::new(),
        stale: Vec::new(),
    };
    assert!(storage.batch().advance_map(Height(5), &again).is_err());
    assert!(storage.batch().advance_map(Height(6), &again).is_err());
}

#[test]
fn the_index_of_the_newest_blocks_is_made_again_after_a_restart_and_a_file_of_it_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    extend(&storage, 2);
    let index = |storage: &Storage, height, bytes: &'static [u8]| {
        let mut batch = storage.batch();
        let payload = tree(&[(1, &[bytes])]);
        batch.index_block(Height(height), &payload).unwrap();
        storage.commit(batch, Durability::Buffered).unwrap();
    };
    let height = |storage: &Storage, bytes: &[u8]| {
        let found = storage.transaction(&da::tx_hash(bytes)).unwrap();
        found.map(|position| position.height.0)
    };
    index(&storage, 1, b"a");
    storage.write_index().unwrap();
    index(&storage, 2, b"b");
    assert_eq!(height(&storage, b"a"), Some(1));
    assert_eq!(height(&storage, b"b"), Some(2));
    drop(storage);

    let storage = open(directory.path());
    assert_eq!(storage.indexed_height(), Height(1));
    assert_eq!(height(&storage, b"a"), Some(1));
    assert_eq!(height(&storage, b"b"), None);
    let mut late = storage.batch();
    late.index_late(Height(2), &tree(&[(1, &[b"b"])]));
    storage.commit(late, Durability::Buffered).unwrap();
    assert_eq!(height(&storage, b"b"), Some(2));
    index(&storage, 2, b"b");
    assert_eq!(height(&storage, b"b"), Some(2));
    storage.write_index().unwrap();
    assert_eq!(storage.index_on_disk().unwrap(), Height(2));
    assert_eq!(height(&storage, b"b"), Some(2));
}

#[test]
fn of_the_same_bytes_twice_in_a_block_the_first_is_found_in_memory_in_a_file_and_indexed_late() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    extend(&storage, 1);
    let payload = tree(&[(1, &[b"a", b"b", b"a", b"b", b"a"])]);
    let found = || {
        [b"a", b"b"].map(|bytes| {
            let found = storage.transaction(&da::tx_hash(bytes)).unwrap();
            found.unwrap().index
        })
    };
    let mut batch = storage.batch();
    batch.index_block(Height(1), &payload).unwrap();
    storage.commit(batch, Durability::Buffered).unwrap();
    assert_eq!(found(), [0, 1]);
    storage.write_index().unwrap();
    assert_eq!(found(), [0, 1]);
    let mut late = storage.batch();
    late.index_late(Height(1), &payload);
    storage.commit(late, Durability::Buffered).unwrap();
    assert_eq!(found(), [0, 1]);
}

#[test]
fn transactions_and_namespaces_are_found_by_the_index() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    extend(&storage, 3);
    for (height, payload) in [
        (1, tree(&[(1, &[b"a", b"b"]), (2, &[b"c"])])),
        (2, tree(&[])),
        (3, tree(&[(1, &[b"a"]), (2, &[b"c", b"a"])])),
    ] {
        let mut batch = storage.batch();
        batch.index_block(Height(height), &payload).unwrap();
        storage.commit(batch, Durability::Buffered).unwrap();
    }
    assert_eq!(storage.indexed_height(), Height(3));
    let find = |bytes: &[u8]| storage.transaction(&da::tx_hash(bytes)).unwrap();
    let position = |height, id, index| {
        Some(TransactionPosition {
            height: Height(height),
            namespace: namespace(id),
            index,
        })
    };
    assert_eq!(find(b"a"), position(1, 1, 0));
    assert_eq!(find(b"b"), position(1, 1, 1));
    assert_eq!(find(b"c"), position(1, 2, 0));
    assert_eq!(find(b"d"), None);
    let find_in = |bytes: &[u8], id, from| {
        let hash = da::tx_hash(bytes);
        let found = storage.transaction_in(&hash, namespace(id), Height(from));
        found.unwrap()
    };
    assert_eq!(find_in(b"a", 1, 0), position(1, 1, 0));
    assert_eq!(find_in(b"a", 1, 2), position(3, 1, 0));
    assert_eq!(find_in(b"a", 2, 0), position(3, 2, 1));
    assert_eq!(find_in(b"a", 2, 4), None);
    assert_eq!(find_in(b"b", 2, 0), None);

    let list = |id, from, limit| -> Vec<(u64, u64)> {
        let blocks = storage
            .namespace_blocks(namespace(id), Height(from), limit)
            .unwrap();
        blocks
            .iter()
            .map(|(height, leaf)| (height.0, leaf.tx_count))
            .collect()
    };
    assert_eq!(list(1, 0, 9), [(1, 2), (3, 1)]);
    assert_eq!(list(1, 2, 9), [(3, 1)]);
    assert_eq!(list(1, 0, 1), [(1, 2)]);
    assert_eq!(list(2, 0, 9), [(1, 1), (3, 2)]);
    assert!(list(3, 0, 9).is_empty());
}

#[test]
fn resume_gives_what_was_stored_from_the_epoch_before_the_records() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    extend(&storage, 9);
    let pending = next(&storage, 5);
    let mut stands = record(4);
    stands.entry.round = Round::new(3, 1);
    let mut batch = storage.batch();
    batch.put_record(&stands);
    batch.put_pending(&pending);
    storage.commit(batch, Durability::Synced).unwrap();
    let tip = storage.tip().unwrap();
    let history = storage.history();
    drop(storage);

    let resume = open(directory.path()).resume(3).unwrap();
    assert!(resume.has_record);
    assert_eq!(resume.record, stands);
    assert_eq!(resume.tip, tip);
    assert_eq!(resume.history, history);
    assert_eq!(resume.certificate.unwrap().hash(), tip.hash());
    assert_eq!(resume.headers, [pending.header().clone()]);
    let epochs: Vec<Epoch> = resume
        .epochs
        .iter()
        .map(|info| info.committee.epoch())
        .collect();
    assert_eq!(epochs, [2, 3, 4].map(Epoch));
    assert_eq!(resume.epochs[0].seed, info(Epoch(2)).seed);
    assert_eq!(resume.recent.len(), 3);
    assert_eq!(resume.recent.last(), Some(&tip.hash()));
}

#[test]
fn a_key_without_record_stands_in_the_epoch_the_chain_has_come_to() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    assert_eq!(storage.resume(1).unwrap().record, hotshot::Record::unused());
    let entered = [1, 1, 1, 2, 2, 2, 2, 3];
    for epoch in entered {
        extend(&storage, 1);
        let resume = storage.resume(1).unwrap();
        assert!(!resume.has_record);
        assert_eq!(
            resume.record.entry.round,
            Round::new(epoch, 1),
            "{}",
            resume.tip.height
        );
        assert_eq!(resume.record.lock, Lock::Anchor);
        let anchor = resume.record.anchor.map(|end| end.header.height.0);
        assert_eq!(anchor, (epoch > 1).then(|| (epoch - 1) * 4));
    }
}

#[test]
fn the_same_evidence_is_kept_once() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let certificate = unsigned(&genesis());
    let quorum = |hash| {
        let statement = hotshot_types::Statement {
            hash,
            ..certificate.statement
        };
        let (signers, signature) = (certificate.signers.clone(), certificate.signature);
        QuorumCertificate::claimed(statement, signers, signature)
    };
    let evidence = Evidence::Quorums(quorum(Hash([1; 32])), quorum(Hash([2; 32])));
    for _ in 0..2 {
        let mut batch = storage.batch();
        batch.put_evidence(&evidence);
        storage.commit(batch, Durability::Synced).unwrap();
    }
    assert_eq!(
        storage.evidence(None, 10).unwrap(),
        std::slice::from_ref(&evidence)
    );
    let after = storage.evidence(Some(evidence.id()), 10).unwrap();
    assert_eq!(after, []);
}
