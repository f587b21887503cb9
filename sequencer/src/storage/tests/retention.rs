use bytes::Bytes;
use da::{BlockStamp, MapHead, NamespaceMap};
use hotshot_types::Height;

use super::chain::{extend, namespace, next, open, tree};
use crate::storage::{Cutoffs, Durability, Space, Storage};

/// Ten blocks with payloads, an index and maps.
fn filled(storage: &Storage) -> Vec<MapHead> {
    let mut heads = vec![MapHead::EMPTY];
    for height in 1..=10 {
        let block = next(storage, 0);
        let mut batch = storage.batch();
        batch.put_payload(&block, Bytes::from_static(b"payload"));
        batch.put_payload(&next(storage, 1), Bytes::from_static(b"lost"));
        storage.commit(batch, Durability::Buffered).unwrap();
        extend(storage, 1);
        let payload = tree(&[(1, &[b"transaction"])]);
        let stamp = BlockStamp {
            height,
            timestamp_ms: height,
            l1_number: 0,
        };
        let head = *heads.last().unwrap();
        let update = NamespaceMap::new(&storage.map_store(), head)
            .update(&stamp, payload.leaves())
            .unwrap();
        heads.push(update.head);
        let mut batch = storage.batch();
        batch.index_block(Height(height), &payload).unwrap();
        batch.advance_map(Height(height), &update).unwrap();
        storage.commit(batch, Durability::Buffered).unwrap();
    }
    heads
}

fn payload_heights(storage: &Storage) -> Vec<u64> {
    let headers = storage.headers(Height(1), 100).unwrap();
    let kept = headers
        .iter()
        .filter(|header| storage.has_payload(header).unwrap());
    kept.map(|header| header.height.0).collect()
}

fn prune(storage: &Storage, cutoffs: Cutoffs, limit: usize) -> usize {
    let mut calls = 1;
    while !storage.prune(&cutoffs, limit).unwrap().done {
        calls += 1;
        assert!(calls < 100, "pruning makes progress");
    }
    calls
}

#[test]
fn payloads_go_a_few_at_a_time_and_headers_stay() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    filled(&storage);
    let cutoffs = Cutoffs {
        payloads: Height(6),
        ..Cutoffs::default()
    };
    let first = storage.prune(&cutoffs, 3).unwrap();
    assert_eq!((first.removed, first.done), (3, false));
    assert!(prune(&storage, cutoffs, 3) > 1);
    assert_eq!(payload_heights(&storage), [6, 7, 8, 9, 10]);
    // Those of blocks that lost are gone too: one a height is left above the cutoff.
    let left = storage.0.spaces.get(Space::Payloads).len().unwrap();
    assert_eq!(left, 10);
    assert_eq!(storage.headers(Height(0), 100).unwrap().len(), 11);
    assert_eq!(storage.prune(&cutoffs, 3).unwrap().removed, 0);
}

#[test]
fn cutoffs_never_fall_and_never_pass_the_tip() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    filled(&storage);
    let all = |height| Cutoffs {
        payloads: Height(height),
        slots: Height(height),
        transactions: Height(height),
        map: Height(height),
    };
    prune(&storage, all(7), 100);
    prune(&storage, all(3), 100);
    assert_eq!(storage.cutoffs().unwrap(), all(7));
    prune(&storage, all(99), 100);
    assert_eq!(storage.cutoffs().unwrap(), all(10));
    assert_eq!(payload_heights(&storage), [10]);
}

#[test]
fn index_entries_below_the_cutoff_are_not_found_and_are_dropped_by_compaction() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    filled(&storage);
    let hash = da::tx_hash(b"transaction");
    assert_eq!(
        storage.transaction(&hash).unwrap().unwrap().height,
        Height(1)
    );
    let cutoffs = Cutoffs {
        transactions: Height(8),
        ..Cutoffs::default()
    };
    prune(&storage, cutoffs, 100);
    drop(storage);

    let storage = open(directory.path());
    assert_eq!(
        storage.transaction(&hash).unwrap().unwrap().height,
        Height(8)
    );
    let blocks = storage
        .namespace_blocks(namespace(1), Height(0), 100)
        .unwrap();
    let heights: Vec<u64> = blocks.iter().map(|(height, _)| height.0).collect();
    assert_eq!(heights, [8, 9, 10]);
    for space in [Space::Transactions, Space::Namespaces] {
        let space = storage.0.spaces.get(space);
        assert_eq!(space.len().unwrap(), 10);
        space.rotate_memtable_and_wait().unwrap();
        space.major_compact().unwrap();
        assert_eq!(space.len().unwrap(), 3);
    }
}

#[test]
fn maps_from_the_cutoff_on_stay_readable_and_older_nodes_go() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    let heads = filled(&storage);
    let keys = || storage.0.spaces.get(Space::Map).len().unwrap();
    let before = keys();
    let cutoffs = Cutoffs {
        map: Height(7),
        ..Cutoffs::default()
    };
    prune(&storage, cutoffs, 2);
    assert!(keys() < before);
    let reader = storage.map_store();
    for (height, head) in (0..).zip(&heads).skip(7) {
        let map = NamespaceMap::new(&reader, *head);
        assert_eq!(map.get(namespace(1)).unwrap().unwrap().block_count, height);
    }
    assert!(
        NamespaceMap::new(&reader, heads[5])
            .get(namespace(1))
            .is_err()
    );
    assert_eq!(storage.map_head(Height(6)).unwrap(), None);
    assert!(storage.map_head(Height(7)).unwrap().is_some());
}
