use std::{cell::RefCell, collections::BTreeMap};

use alloy_trie::{HashBuilder, proof::verify_proof};
use proptest::prelude::*;

use super::*;

#[derive(Default)]
struct Memory(RefCell<BTreeMap<Vec<u8>, bytes::Bytes>>);

impl State for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<bytes::Bytes>, StateError> {
        Ok(self.0.borrow().get(key).cloned())
    }
}

impl Memory {
    fn store(&self, nodes: Vec<(B256, Vec<u8>)>) {
        for (hash, bytes) in nodes {
            assert_eq!(keccak256(&bytes), hash);
            self.0.borrow_mut().insert(keys::node(hash), bytes.into());
        }
    }
}

/// What alloy makes of the same pairs, all at once.
fn expected(pairs: &BTreeMap<Nibbles, Vec<u8>>) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in pairs {
        builder.add_leaf(*key, value);
    }
    builder.root()
}

/// Keys of few different nibbles, so that they fork deep down, and values short enough to stand in their parents.
fn change() -> impl Strategy<Value = (Nibbles, Option<Vec<u8>>)> {
    let nibble = prop_oneof![4 => 0_u8..2, 1 => 0_u8..16];
    let key = prop::collection::vec(nibble, 6).prop_map(Nibbles::from_nibbles);
    let value = prop_oneof![
        prop::collection::vec(1_u8..200, 1..4),
        prop::collection::vec(any::<u8>(), 30..80)
    ];
    (key, prop::option::weighted(0.6, value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_order_of_changes_gives_the_root_of_what_is_left(
        batches in prop::collection::vec(prop::collection::vec(change(), 0..30), 1..6),
    ) {
        let memory = Memory::default();
        let mut model = BTreeMap::new();
        let mut root = EMPTY_ROOT_HASH;
        let mut past = Vec::new();
        for batch in batches {
            let mut trie = Trie::new(&memory, root);
            for (key, value) in batch {
                match value {
                    Some(value) => {
                        trie.put(key, value.clone()).unwrap();
                        model.insert(key, value);
                    }
                    None => {
                        trie.remove(key).unwrap();
                        model.remove(&key);
                    }
                }
            }
            let (new, nodes) = trie.finish();
            memory.store(nodes);
            root = new;
            prop_assert_eq!(root, expected(&model));
            past.push((root, model.clone()));
        }
        // Every state stays readable and provable, what is absent too.
        let absent = Nibbles::from_nibbles([15, 14, 13, 12, 11, 10]);
        for (root, model) in past {
            for key in model.keys().chain([&absent]) {
                let value = model.get(key).cloned();
                prop_assert_eq!(&get(&memory, root, *key).unwrap(), &value);
                let proof = prove(&memory, root, *key).unwrap();
                if let [node] = &proof[..] && node.len() < 32 {
                    // Alloy's verifier takes no root so short, which keys of 64 nibbles don't make (see below).
                    prop_assert_eq!(keccak256(node), root);
                } else {
                    verify_proof(root, *key, value, &proof).unwrap();
                }
            }
        }
    }
}

#[test]
fn hashed_keys_by_the_thousand_give_the_root_that_alloy_gives() {
    let memory = Memory::default();
    let mut model = BTreeMap::new();
    let mut root = EMPTY_ROOT_HASH;
    for round in 0_u64..20 {
        let mut trie = Trie::new(&memory, root);
        for step in 0_u64..200 {
            let key = Nibbles::unpack(keccak256((round * 150 + step).to_be_bytes()));
            if step % 7 == 3 {
                trie.remove(key).unwrap();
                model.remove(&key);
            } else {
                let value = vec![1; usize::try_from(1 + (round * step) % 90).unwrap()];
                trie.put(key, value.clone()).unwrap();
                model.insert(key, value);
            }
        }
        let (new, nodes) = trie.finish();
        memory.store(nodes);
        root = new;
        assert_eq!(root, expected(&model));
    }
    let mut trie = Trie::new(&memory, root);
    for key in model.keys() {
        trie.remove(*key).unwrap();
    }
    assert_eq!(trie.finish().0, EMPTY_ROOT_HASH);
}

#[test]
fn a_missing_node_is_an_error_that_names_it() {
    let root = B256::repeat_byte(7);
    let error = get(&Memory::default(), root, Nibbles::unpack([0; 32])).unwrap_err();
    assert_eq!(error.0, format!("the trie node {root} is missing"));
}

/// The shortest tries that keys of 64 nibbles make: one value, and two that part at any place, the last one too.
#[test]
fn no_root_over_hashed_keys_is_short_enough_to_stand_in_a_parent() {
    let key = |place: usize, nibble| {
        let mut nibbles = [0; 64];
        nibbles[place] = nibble;
        Nibbles::from_nibbles(nibbles)
    };
    for place in 0..64 {
        for count in 1..=2 {
            let memory = Memory::default();
            let mut trie = Trie::new(&memory, EMPTY_ROOT_HASH);
            for nibble in 0..count {
                trie.put(key(place, nibble), vec![1]).unwrap();
            }
            let (root, nodes) = trie.finish();
            memory.store(nodes);
            for nibble in 0..=count {
                let key = key(place, nibble);
                let proof = prove(&memory, root, key).unwrap();
                assert!(proof[0].len() >= 32, "a root of {} bytes", proof[0].len());
                let value = (nibble < count).then(|| vec![1]);
                verify_proof(root, key, value, &proof).unwrap();
            }
        }
    }
}
