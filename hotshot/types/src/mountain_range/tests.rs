use std::collections::BTreeMap;

use super::*;
use crate::{codec, vectors::sample::named};

fn leaf(height: u64) -> Hash {
    named(&format!("block {height}"))
}

/// A range of `count` leaves and its nodes.
fn range(count: u64) -> (MountainRange, BTreeMap<Position, Hash>) {
    let mut range = MountainRange::new();
    let mut nodes = BTreeMap::new();
    for height in 0..count {
        nodes.extend(range.append(leaf(height)));
    }
    (range, nodes)
}

fn prove(height: u64, count: u64, nodes: &BTreeMap<Position, Hash>) -> HeaderProof {
    HeaderProof::build(Height(height), count, |at| nodes.get(&at).copied()).unwrap()
}

/// The root over leaves by the words of R2: split off the largest perfect tree, again and again.
fn root_of(leaves: &[Hash]) -> Hash {
    fn perfect(leaves: &[Hash]) -> Hash {
        match leaves {
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len() / 2);
                let bytes = [&[1], perfect(left).0.as_slice(), &perfect(right).0].concat();
                digest::keccak(&bytes)
            }
        }
    }
    fn bag(leaves: &[Hash]) -> Hash {
        let largest = 1 << leaves.len().ilog2();
        let (first, rest) = leaves.split_at(largest);
        if rest.is_empty() {
            return perfect(first);
        }
        digest::keccak(&[&[1], perfect(first).0.as_slice(), &bag(rest).0].concat())
    }
    let acc = if leaves.is_empty() {
        Hash::ZERO
    } else {
        bag(leaves)
    };
    let count = u64::try_from(leaves.len()).unwrap();
    digest::keccak(&[&[3], count.to_be_bytes().as_slice(), &acc.0].concat())
}

#[test]
fn the_root_is_the_one_that_the_rule_describes() {
    let leaves: Vec<Hash> = (0..70).map(leaf).collect();
    let mut range = MountainRange::new();
    for (count, leaf) in leaves.iter().enumerate() {
        assert_eq!(range.root(), root_of(&leaves[..count]), "{count} leaves");
        range.append(*leaf);
    }
    assert_eq!(range.root(), root_of(&leaves));
}

#[test]
fn every_leaf_of_every_range_has_a_proof() {
    for count in 1..=70 {
        let (range, nodes) = range(count);
        for height in 0..count {
            let proof = prove(height, count, &nodes);
            assert!(
                proof.verify(range.root(), leaf(height)),
                "{height} of {count}"
            );
        }
    }
}

#[test]
fn a_proof_holds_for_one_block_height_and_root_only() {
    for count in 1..=70 {
        let (range, nodes) = range(count);
        let shorter = self::range(count - 1).0.root();
        for height in 0..count {
            let proof = prove(height, count, &nodes);
            assert!(!proof.verify(range.root(), leaf(count)));
            assert!(!proof.verify(shorter, leaf(height)));
            for other in (0..count + 2).filter(|other| *other != height) {
                let moved = HeaderProof {
                    height: Height(other),
                    ..proof.clone()
                };
                assert!(
                    !moved.verify(range.root(), leaf(height)),
                    "{height} as {other}"
                );
            }
            for other in (0..2 * count + 2).filter(|other| *other != count) {
                let recounted = HeaderProof {
                    count: other,
                    ..proof.clone()
                };
                assert!(!recounted.verify(range.root(), leaf(height)));
            }
        }
    }
}

#[test]
fn a_proof_with_any_node_changed_added_or_missing_fails() {
    for count in 1..=70 {
        let (range, nodes) = range(count);
        for height in 0..count {
            let proof = prove(height, count, &nodes);
            for tampered in tampered(&proof) {
                assert!(!tampered.verify(range.root(), leaf(height)), "{tampered:?}");
            }
        }
    }
}

fn tampered(proof: &HeaderProof) -> Vec<HeaderProof> {
    let mut all = Vec::new();
    for in_path in [true, false] {
        let list = |proof: &mut HeaderProof, change: &dyn Fn(&mut Vec<Hash>)| {
            change(if in_path {
                &mut proof.path
            } else {
                &mut proof.peaks
            });
        };
        let len = if in_path {
            proof.path.len()
        } else {
            proof.peaks.len()
        };
        let mut with = |change: &dyn Fn(&mut Vec<Hash>)| {
            let mut other = proof.clone();
            list(&mut other, change);
            all.push(other);
        };
        for node in 0..len {
            with(&|list| list[node].0[31] ^= 1);
            with(&|list| {
                list.remove(node);
            });
        }
        for node in 1..len {
            with(&|list| list.swap(node - 1, node));
        }
        with(&|list| list.push(Hash::ZERO));
        with(&|list| list.insert(0, Hash::ZERO));
    }
    all
}

#[test]
fn no_proof_is_built_for_what_is_not_there() {
    let (_, nodes) = range(5);
    let node = |at| nodes.get(&at).copied();
    assert_eq!(HeaderProof::build(Height(5), 5, node), None);
    assert_eq!(HeaderProof::build(Height(0), 0, node), None);
    assert_eq!(HeaderProof::build(Height(0), 8, node), None);
    assert_eq!(HeaderProof::build(Height(0), 5, |_| None), None);
}

#[test]
fn extreme_numbers_in_a_proof_are_refused_without_a_panic() {
    for count in [0, 1, u64::MAX, 1 << 63, Height::MAX.0] {
        for height in [
            0,
            1,
            u64::MAX,
            u64::MAX - 1,
            count / 2,
            count.saturating_sub(1),
        ] {
            for (path, peaks) in [(0, 0), (63, 0), (63, 63), (64, 64)] {
                let proof = HeaderProof {
                    height: Height(height),
                    count,
                    path: vec![Hash::ZERO; path],
                    peaks: vec![Hash::ZERO; peaks],
                };
                assert!(!proof.verify(Hash::ZERO, Hash::ZERO));
            }
        }
    }
}

#[test]
fn a_range_restored_from_its_peaks_goes_on_as_before() {
    for count in 0..=40 {
        let (mut range, _) = range(count);
        let mut restored =
            MountainRange::from_peaks(range.count(), range.peaks().to_vec()).unwrap();
        assert_eq!(restored, range);
        assert_eq!(restored.append(leaf(count)), range.append(leaf(count)));
        assert_eq!(restored.root(), range.root());
    }
}

#[test]
fn a_range_needs_one_peak_for_each_set_bit_of_its_count() {
    for (count, peaks) in [(0, 1), (1, 0), (1, 2), (7, 2), (7, 4), (u64::MAX, 64)] {
        let peaks = vec![Hash::ZERO; peaks];
        assert_eq!(MountainRange::from_peaks(count, peaks.clone()), None);
        let bytes = codec::encode(&(count, peaks.clone()));
        assert!(codec::decode::<MountainRange>(&bytes).is_err());
        let json = serde_json::json!({ "count": count, "peaks": peaks });
        assert!(serde_json::from_value::<MountainRange>(json).is_err());
    }
    let (range, _) = range(7);
    assert_eq!(codec::decode(&codec::encode(&range)), Ok(range.clone()));
    let json = serde_json::to_value(&range).unwrap();
    assert_eq!(
        serde_json::from_value::<MountainRange>(json).unwrap(),
        range
    );
}
