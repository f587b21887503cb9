use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    AccumulatorEntry, AccumulatorProof, BlockStamp, EMPTY_ROOT, MapError, MapHead, MapStore,
    MapUpdate, MemoryStore, NamespaceMap, Terminal, key_of,
};
use crate::hash::{Hash, keccak};
use crate::merkle::Path;
use crate::namespace::{NamespaceLeaf, ProofError};
use crate::payload::NamespaceId;

type Entries = BTreeMap<NamespaceId, AccumulatorEntry>;

fn id(id: u64) -> NamespaceId {
    NamespaceId::new(id).unwrap()
}

fn leaf(number: u64, tx_count: u64) -> NamespaceLeaf {
    NamespaceLeaf {
        id: id(number),
        byte_len: 300,
        tx_count,
        tx_root: [number.to_le_bytes()[0]; 32],
    }
}

fn stamp(height: u64) -> BlockStamp {
    BlockStamp {
        height,
        timestamp_ms: 1000 * height,
        l1_number: height / 3,
    }
}

fn number(value: u64) -> Hash {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

/// DA9 for one namespace in one block, from the words of the rule.
fn accumulated(
    entry: &AccumulatorEntry,
    stamp: &BlockStamp,
    leaf: &NamespaceLeaf,
) -> AccumulatorEntry {
    let words = [
        entry.acc,
        number(stamp.height),
        number(stamp.timestamp_ms),
        number(stamp.l1_number),
        leaf.hash(),
    ];
    AccumulatorEntry {
        block_count: entry.block_count + 1,
        transaction_total: entry.transaction_total + leaf.tx_count,
        acc: keccak(&[&words.concat()]),
    }
}

/// The root of a sparse tree by its definition: nothing, one leaf, or two halves.
fn plain_root(leaves: &[(Hash, Hash)], depth: usize) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [(key, value)] => keccak(&[b"JMT::LeafNode", key, value]),
        _ => {
            let right =
                leaves.partition_point(|(key, _)| key[depth / 8] & (128 >> (depth % 8)) == 0);
            let halves = (
                plain_root(&leaves[..right], depth + 1),
                plain_root(&leaves[right..], depth + 1),
            );
            keccak(&[b"JMT::IntrnalNode", &halves.0, &halves.1])
        }
    }
}

fn root_of(entries: &Entries) -> Hash {
    let value = |entry: &AccumulatorEntry| {
        keccak(&[
            &number(entry.block_count),
            &number(entry.transaction_total),
            &entry.acc,
        ])
    };
    let mut leaves: Vec<_> = entries
        .iter()
        .map(|(id, entry)| (key_of(*id), value(entry)))
        .collect();
    leaves.sort_unstable();
    plain_root(&leaves, 0)
}

/// A chain of blocks, its store, and what the map should say.
#[derive(Clone)]
struct Chain {
    store: MemoryStore,
    head: MapHead,
    entries: Entries,
    updates: Vec<MapUpdate>,
}

impl Chain {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            head: MapHead::EMPTY,
            entries: Entries::new(),
            updates: Vec::new(),
        }
    }

    fn block(&mut self, height: u64, leaves: &[NamespaceLeaf]) {
        let update = NamespaceMap::new(&self.store, self.head)
            .update(&stamp(height), leaves)
            .unwrap();
        self.store.apply(&update);
        self.head = update.head;
        self.updates.push(update);
        for leaf in leaves {
            let entry = self.entries.entry(leaf.id).or_default();
            *entry = accumulated(entry, &stamp(height), leaf);
        }
        assert_eq!(self.head.root, root_of(&self.entries));
    }

    fn map(&self) -> NamespaceMap<'_, MemoryStore> {
        NamespaceMap::new(&self.store, self.head)
    }
}

fn chain_of(namespaces: u64) -> Chain {
    let mut chain = Chain::new();
    let leaves: Vec<_> = (1..=namespaces).map(|number| leaf(number, 2)).collect();
    chain.block(1, &leaves);
    chain
}

#[test]
fn da9_the_empty_map_has_the_placeholder_as_root() {
    assert_eq!(&MapHead::EMPTY.root, b"SPARSE_MERKLE_PLACEHOLDER_HASH__");
    let store = MemoryStore::new();
    let map = NamespaceMap::new(&store, MapHead::EMPTY);
    assert_eq!(map.get(id(1)).unwrap(), None);
    let proof = map.prove(id(1)).unwrap();
    assert_eq!(proof.verify(&MapHead::EMPTY.root, id(1)), Ok(None));
    assert_eq!(map.chunk([0; 32], 10).unwrap().entries, []);
}

#[test]
fn da9_a_block_without_namespaces_changes_nothing() {
    let mut chain = Chain::new();
    chain.block(1, &[]);
    assert_eq!(chain.head, MapHead::EMPTY);
    chain.block(2, &[leaf(5, 1)]);
    let head = chain.head;
    for height in 3..10 {
        chain.block(height, &[]);
    }
    assert_eq!(chain.head, head);
    chain.block(10, &[leaf(5, 1), leaf(6, 1)]);
    assert_eq!(chain.head.version, 10);
    assert_eq!(chain.map().get(id(5)).unwrap().unwrap().block_count, 2);
}

#[test]
fn da9_entries_count_blocks_and_transactions_and_chain_the_leaves() {
    let first = AccumulatorEntry::default()
        .extended(&stamp(7), &leaf(3, 4))
        .unwrap();
    assert_eq!((first.block_count, first.transaction_total), (1, 4));
    assert_eq!(
        first,
        accumulated(&AccumulatorEntry::default(), &stamp(7), &leaf(3, 4))
    );
    let other_time = BlockStamp {
        timestamp_ms: 7001,
        ..stamp(7)
    };
    assert_ne!(
        AccumulatorEntry::default()
            .extended(&other_time, &leaf(3, 4))
            .unwrap()
            .acc,
        first.acc
    );
    let full = AccumulatorEntry {
        transaction_total: u64::MAX,
        ..first
    };
    assert_eq!(full.extended(&stamp(8), &leaf(3, 1)), None);
}

#[test]
fn forks_of_one_parent_do_not_touch_each_other() {
    let base = chain_of(20);
    let (mut left, mut right) = (base.clone(), base.clone());
    left.block(2, &[leaf(4, 1), leaf(21, 1)]);
    right.block(2, &[leaf(4, 9)]);
    right.block(3, &[leaf(22, 1)]);
    assert_ne!(left.head.root, right.head.root);
    assert_eq!(left.map().get(id(22)).unwrap(), None);
    assert_eq!(right.map().get(id(21)).unwrap(), None);
    assert_eq!(base.map().get(id(4)).unwrap(), Some(base.entries[&id(4)]));
}

/// Overlays of blocks that are not final, the tip last, above a database.
struct Overlaid<'a> {
    database: &'a MemoryStore,
    overlays: Vec<&'a MemoryStore>,
}

impl MapStore for Overlaid<'_> {
    type Error = std::convert::Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error> {
        for store in self.overlays.iter().rev().copied().chain([self.database]) {
            if let Some(value) = store.get(key)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

#[test]
fn overlays_of_forks_are_read_from_the_tip_downwards() {
    let base = chain_of(30);
    let overlay = |store: &Overlaid<'_>, head, height, leaves: &[NamespaceLeaf]| {
        let update = NamespaceMap::new(store, head)
            .update(&stamp(height), leaves)
            .unwrap();
        let mut overlay = MemoryStore::new();
        overlay.apply(&update);
        (overlay, update.head)
    };
    let database = &base.store;
    let bottom = Overlaid {
        database,
        overlays: vec![],
    };
    let (left, left_head) = overlay(&bottom, base.head, 2, &[leaf(3, 1)]);
    let (right, right_head) = overlay(&bottom, base.head, 2, &[leaf(3, 5), leaf(31, 1)]);
    let on_left = Overlaid {
        database,
        overlays: vec![&left],
    };
    let (left_tip, left_tip_head) = overlay(&on_left, left_head, 3, &[leaf(3, 1), leaf(31, 7)]);

    let mut expected = base.clone();
    expected.block(2, &[leaf(3, 1)]);
    expected.block(3, &[leaf(3, 1), leaf(31, 7)]);
    assert_eq!(left_tip_head, expected.head);
    let on_tip = Overlaid {
        database,
        overlays: vec![&left, &left_tip],
    };
    let entry = NamespaceMap::new(&on_tip, left_tip_head)
        .get(id(31))
        .unwrap();
    assert_eq!(entry, Some(expected.entries[&id(31)]));
    let on_right = Overlaid {
        database,
        overlays: vec![&right],
    };
    let entry = NamespaceMap::new(&on_right, right_head)
        .get(id(3))
        .unwrap()
        .unwrap();
    assert_eq!(entry.transaction_total, 2 + 5);
}

#[test]
fn a_pruned_store_holds_the_last_map_and_nothing_else() {
    let mut chain = Chain::new();
    for height in 1..40 {
        let leaves: Vec<_> = (1..=60)
            .filter(|number| number * 7 % height == 0)
            .map(|number| leaf(number, 1))
            .collect();
        chain.block(height, &leaves);
        let update = chain.updates.last().unwrap().clone();
        chain.store.prune(&update);
        for (id, entry) in &chain.entries {
            assert_eq!(chain.map().get(*id).unwrap().as_ref(), Some(entry));
        }
    }
    let all: Vec<_> = chain.map().chunk([0; 32], 1000).unwrap().entries;
    let mut fresh = MemoryStore::new();
    fresh.apply(&MapUpdate::of_entries(39, &all).unwrap());
    assert_eq!(
        chain.store.len(),
        fresh.len(),
        "no stale key is left behind"
    );
}

#[test]
fn older_maps_stay_readable_until_they_are_pruned() {
    let mut chain = chain_of(10);
    let (before, entry) = (chain.head, chain.entries[&id(4)]);
    chain.block(2, &[leaf(4, 1)]);
    let old = NamespaceMap::new(&chain.store, before);
    assert_eq!(old.get(id(4)).unwrap(), Some(entry));
    assert_eq!(
        old.prove(id(4)).unwrap().verify(&before.root, id(4)),
        Ok(Some(entry))
    );

    let mut pruned = chain.store.clone();
    pruned.prune(&chain.updates[1]);
    assert!(matches!(
        NamespaceMap::new(&pruned, before).get(id(4)),
        Err(MapError::Damaged(_))
    ));
}

#[test]
fn a_map_is_listed_in_chunks_and_rebuilt_from_them() {
    let mut chain = chain_of(100);
    chain.block(5, &[leaf(7, 1), leaf(300, 2)]);
    for limit in [1, 7, 101, 1000] {
        let (mut entries, mut from) = (Vec::new(), [0; 32]);
        loop {
            let chunk = chain.map().chunk(from, limit).unwrap();
            assert!(chunk.entries.len() <= limit);
            entries.extend(chunk.entries);
            match chunk.next {
                Some(next) => from = next,
                None => break,
            }
        }
        assert_eq!(entries.iter().copied().collect::<Entries>(), chain.entries);
        let update = MapUpdate::of_entries(chain.head.version, &entries).unwrap();
        assert_eq!(update.head, chain.head);

        let mut joined = Chain {
            store: MemoryStore::new(),
            updates: Vec::new(),
            ..chain.clone()
        };
        joined.store.apply(&update);
        joined.block(6, &[leaf(7, 3), leaf(8, 1)]);
        let mut veteran = chain.clone();
        veteran.block(6, &[leaf(7, 3), leaf(8, 1)]);
        assert_eq!(joined.head, veteran.head);
    }
    assert_eq!(chain.map().chunk([255; 32], 5).unwrap().entries, []);
}

#[test]
fn a_map_of_one_entry_is_listed() {
    let chain = chain_of(1);
    assert_eq!(
        chain.map().chunk([0; 32], 5).unwrap().entries,
        [(id(1), chain.entries[&id(1)])]
    );
    assert_eq!(
        chain.map().chunk(key_of(id(1)), 5).unwrap().entries.len(),
        1
    );
    assert_eq!(chain.map().chunk([255; 32], 5).unwrap().entries, []);
}

#[test]
fn claimed_entries_out_of_order_or_twice_make_no_map() {
    let chain = chain_of(10);
    let mut entries = chain.map().chunk([0; 32], 100).unwrap().entries;
    assert_eq!(MapUpdate::of_entries(0, &[]).unwrap().head, MapHead::EMPTY);
    assert!(matches!(
        MapUpdate::of_entries(0, &entries),
        Err(MapError::Height { .. })
    ));
    entries.swap(3, 4);
    assert!(matches!(
        MapUpdate::of_entries(1, &entries),
        Err(MapError::Order)
    ));
    entries.swap(3, 4);
    entries.insert(2, entries[2]);
    assert!(matches!(
        MapUpdate::of_entries(1, &entries),
        Err(MapError::Order)
    ));
    entries.remove(2);
    entries[2].1.transaction_total += 1;
    assert_ne!(
        MapUpdate::of_entries(1, &entries).unwrap().head.root,
        chain.head.root
    );
}

#[test]
fn blocks_that_do_not_follow_are_refused() {
    let chain = chain_of(3);
    let update = |height, leaves: &[NamespaceLeaf]| chain.map().update(&stamp(height), leaves);
    assert!(matches!(
        update(1, &[leaf(1, 1)]),
        Err(MapError::Height {
            height: 1,
            version: 1
        })
    ));
    assert!(matches!(
        update(2, &[leaf(2, 1), leaf(1, 1)]),
        Err(MapError::Order)
    ));
    assert!(matches!(
        update(2, &[leaf(2, 1), leaf(2, 1)]),
        Err(MapError::Order)
    ));
    assert!(matches!(
        update(2, &[leaf(2, u64::MAX)]),
        Err(MapError::Overflow(_))
    ));
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is gone")]
struct DiskGone;

struct Broken<'a>(&'a MemoryStore, fn(&[u8]) -> bool);

impl MapStore for Broken<'_> {
    type Error = DiskGone;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DiskGone> {
        if self.1(key) {
            Err(DiskGone)
        } else {
            Ok(self.0.get(key).unwrap())
        }
    }
}

#[test]
fn an_error_of_the_store_comes_back_as_it_is() {
    let chain = chain_of(5);
    let unreadable: [fn(&[u8]) -> bool; 2] = [|_| true, |key| key[8] > 0];
    for is_broken in unreadable {
        let store = Broken(&chain.store, is_broken);
        let map = NamespaceMap::new(&store, chain.head);
        assert!(matches!(map.get(id(1)), Err(MapError::Store(DiskGone))));
        assert!(matches!(
            map.update(&stamp(2), &[leaf(1, 1)]),
            Err(MapError::Store(DiskGone))
        ));
        assert!(matches!(
            map.chunk([0; 32], 5),
            Err(MapError::Store(DiskGone))
        ));
    }
}

#[test]
fn a_store_that_lost_a_node_is_an_error_and_no_panic() {
    let chain = chain_of(40);
    for lost in chain.updates[0].puts.iter().map(|(key, _)| key) {
        let lossy = MapUpdate {
            stale: vec![lost.clone()],
            ..chain.updates[0].clone()
        };
        let mut store = chain.store.clone();
        store.prune(&lossy);
        let map = NamespaceMap::new(&store, chain.head);
        let damaged =
            (1..=40).filter(|number| matches!(map.get(id(*number)), Err(MapError::Damaged(_))));
        assert!(damaged.count() > 0);
        assert!(matches!(map.chunk([0; 32], 100), Err(MapError::Damaged(_))));
        let leaves: Vec<_> = (1..=40).map(|number| leaf(number, 1)).collect();
        assert!(matches!(
            map.update(&stamp(2), &leaves),
            Err(MapError::Damaged(_))
        ));
    }
}

#[test]
fn proofs_show_entries_and_their_absence() {
    for namespaces in [1, 2, 3, 50] {
        let chain = chain_of(namespaces);
        for number in 1..=namespaces + 60 {
            let proof = chain.map().prove(id(number)).unwrap();
            let expected = chain.entries.get(&id(number)).copied();
            assert_eq!(proof.verify(&chain.head.root, id(number)), Ok(expected));
            assert_eq!(proof.verify(&[3; 32], id(number)), Err(ProofError::Root));
            let bytes = borsh::to_vec(&proof).unwrap();
            assert_eq!(
                borsh::from_slice::<AccumulatorProof>(&bytes).unwrap(),
                proof
            );
            let bound = if expected.is_some() { 53 } else { 69 };
            assert!(bytes.len() <= bound + 32 * proof.path.siblings().len());
            let json = serde_json::to_string(&proof).unwrap();
            assert_eq!(
                serde_json::from_str::<AccumulatorProof>(&json).unwrap(),
                proof
            );
        }
    }
}

#[test]
fn a_proof_for_one_namespace_says_nothing_about_another() {
    let chain = chain_of(50);
    for number in 1..=80 {
        let proof = chain.map().prove(id(number)).unwrap();
        for other in (1..=80).filter(|other| *other != number) {
            let verified = proof.verify(&chain.head.root, id(other));
            // A proof of absence may serve two absent keys; it never hides or invents an entry.
            let truth = chain.entries.get(&id(other)).copied();
            assert!(verified.is_err() || (truth.is_none() && verified == Ok(None)));
        }
    }
}

#[test]
fn forged_map_proofs_are_refused() {
    let chain = chain_of(50);
    let root = chain.head.root;
    let proof = chain.map().prove(id(9)).unwrap();
    let entry = proof.entry().unwrap();
    let refused = |proof: &AccumulatorProof| proof.verify(&root, id(9)).unwrap_err();

    let more = AccumulatorEntry {
        transaction_total: entry.transaction_total + 1,
        ..entry
    };
    assert_eq!(
        refused(&AccumulatorProof {
            terminal: Terminal::Entry(more),
            ..proof.clone()
        }),
        ProofError::Root
    );
    assert_eq!(
        refused(&AccumulatorProof {
            terminal: Terminal::Empty,
            ..proof.clone()
        }),
        ProofError::Root
    );

    // The namespace's own leaf, and that of one elsewhere in the tree, passed off as a stranger in its place.
    let value = keccak(&[&entry.value()]);
    let own = Terminal::Other {
        key: key_of(id(9)),
        value,
    };
    assert_eq!(
        refused(&AccumulatorProof {
            terminal: own,
            ..proof.clone()
        }),
        ProofError::Neighbours
    );
    let elsewhere = chain.map().prove(id(10)).unwrap();
    let value = keccak(&[&elsewhere.entry().unwrap().value()]);
    let other = Terminal::Other {
        key: key_of(id(10)),
        value,
    };
    let forged = AccumulatorProof {
        terminal: other,
        path: elsewhere.path.clone(),
    };
    assert_eq!(refused(&forged), ProofError::Neighbours);
    assert_eq!(refused(&elsewhere), ProofError::Root);

    let siblings = proof.path.siblings();
    for position in 0..siblings.len() {
        let mut changed = siblings.to_vec();
        changed[position][0] ^= 1;
        assert_eq!(
            refused(&AccumulatorProof {
                path: Path::new(changed),
                ..proof.clone()
            }),
            ProofError::Root
        );
    }
    let short = Path::new(siblings[1..].to_vec());
    assert_eq!(
        refused(&AccumulatorProof {
            path: short,
            ..proof.clone()
        }),
        ProofError::Root
    );
    let long = Path::new([siblings, &[EMPTY_ROOT; 300]].concat());
    assert_eq!(
        refused(&AccumulatorProof {
            path: long,
            ..proof.clone()
        }),
        ProofError::Root
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_store_with_changed_bytes_never_makes_a_reader_panic(
        node in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let chain = chain_of(40);
        let mut update = chain.updates[0].clone();
        let bytes = &mut node.get_mut(&mut update.puts).1;
        *byte.get_mut(bytes) = value;
        let mut store = MemoryStore::new();
        store.apply(&update);
        let map = NamespaceMap::new(&store, chain.head);
        for number in 1..60 {
            // Whatever is read, no proof of it verifies unless it is the truth.
            let proven = map.prove(id(number)).ok().and_then(|proof| proof.verify(&chain.head.root, id(number)).ok());
            prop_assert!(proven.is_none_or(|entry| entry == chain.entries.get(&id(number)).copied()));
        }
        map.chunk([0; 32], 100).ok();
    }

    #[test]
    fn da9_the_root_is_that_of_a_plain_sparse_tree(
        blocks in prop::collection::vec(prop::collection::btree_map(1..200_u64, 1..9_u64, 0..12), 1..12),
    ) {
        let mut chain = Chain::new();
        for (height, block) in (1..).zip(blocks) {
            let leaves: Vec<_> = block.into_iter().map(|(number, count)| leaf(number, count)).collect();
            chain.block(height, &leaves);
        }
        for number in 1..220 {
            let proof = chain.map().prove(id(number)).unwrap();
            let expected = chain.entries.get(&id(number)).copied();
            prop_assert_eq!(proof.verify(&chain.head.root, id(number)), Ok(expected));
        }
    }
}

#[test]
fn a_map_made_of_chunks_has_the_root_of_the_map_made_at_once() {
    let mut entries: Vec<_> = (1..=50)
        .map(|id| {
            let entry = AccumulatorEntry {
                block_count: id,
                transaction_total: 2 * id,
                acc: [7; 32],
            };
            (NamespaceId::new(id).unwrap(), entry)
        })
        .collect();
    entries.sort_by_key(|(id, _)| super::key_of(*id));
    let expected = MapUpdate::of_entries(1, &entries).unwrap().head.root;
    for size in [1, 7, 49, 50] {
        let mut store = MemoryStore::new();
        let mut head = MapHead::EMPTY;
        for (version, chunk) in (1..).zip(entries.chunks(size)) {
            let map = NamespaceMap::new(&store, head);
            let update = map.with_entries(version, chunk).unwrap();
            assert!(map.with_entries(head.version, chunk).is_err());
            store.apply(&update);
            head = update.head;
        }
        assert_eq!(head.root, expected, "chunks of {size}");
    }
}
