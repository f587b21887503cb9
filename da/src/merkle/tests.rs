use borsh::BorshDeserialize as _;

use super::{
    Blake3, Keccak, MISSING, NodeHash, Path, Sha256, Tree, depth, root_of_path, root_of_range,
};
use crate::hash::Hash;

fn leaves(count: u8) -> Vec<Hash> {
    (0..count).map(|index| [index + 1; 32]).collect()
}

/// The root as DA8 words it: pad with zeros to a power of two, hash everything.
fn padded_root<H: NodeHash>(mut nodes: Vec<Hash>) -> Hash {
    if nodes.is_empty() {
        return [0; 32];
    }
    nodes.resize(nodes.len().next_power_of_two(), [0; 32]);
    while nodes.len() > 1 {
        nodes = nodes
            .chunks(2)
            .map(|pair| H::node(&pair[0], &pair[1]))
            .collect();
    }
    nodes[0]
}

#[test]
fn da8_root_is_that_of_the_padded_tree() {
    for count in 0..70 {
        let leaves = leaves(count);
        assert_eq!(
            Tree::<Blake3>::new(leaves.clone()).root(),
            padded_root::<Blake3>(leaves.clone())
        );
        assert_eq!(
            Tree::<Keccak>::new(leaves.clone()).root(),
            padded_root::<Keccak>(leaves.clone())
        );
        assert_eq!(
            Tree::<Sha256>::new(leaves.clone()).root(),
            padded_root::<Sha256>(leaves)
        );
    }
}

#[test]
fn da8_root_of_no_leaves_is_zero_and_of_one_leaf_the_leaf() {
    assert_eq!(Tree::<Keccak>::new(Vec::new()).root(), [0; 32]);
    assert_eq!(Tree::<Keccak>::new(vec![[7; 32]]).root(), [7; 32]);
}

#[test]
fn da8_depth_counts_the_levels_above_the_leaves() {
    let expected = [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 3),
        (8, 3),
        (9, 4),
        (u64::MAX, 64),
    ];
    for (count, levels) in expected {
        assert_eq!(depth(count), levels, "{count}");
    }
}

#[test]
fn a_path_opens_its_leaf_and_no_other() {
    for count in 1..20 {
        let leaves = leaves(count);
        let tree = Tree::<Keccak>::new(leaves.clone());
        let count = u64::from(count);
        for (index, leaf) in (0..).zip(&leaves) {
            let path = tree.path(usize::try_from(index).unwrap()).unwrap();
            let root = |leaf, index, count| root_of_path::<Keccak>(leaf, index, count, &path);
            assert_eq!(root(*leaf, index, count), Some(tree.root()));
            assert_ne!(root([99; 32], index, count), Some(tree.root()));
            for other in (0..count + 3).filter(|other| *other != index) {
                assert_ne!(root(*leaf, other, count), Some(tree.root()));
            }
        }
        assert_eq!(tree.path(leaves.len()), None);
    }
}

#[test]
fn a_path_of_another_length_is_refused() {
    let tree = Tree::<Keccak>::new(leaves(5));
    let siblings = tree.path(2).unwrap().siblings().to_vec();
    let longer = Path::new([siblings.clone(), vec![MISSING]].concat());
    let shorter = Path::new(siblings[..2].to_vec());
    assert_eq!(root_of_path::<Keccak>([3; 32], 2, 5, &longer), None);
    assert_eq!(root_of_path::<Keccak>([3; 32], 2, 5, &shorter), None);
}

#[test]
fn a_range_path_opens_its_range_and_no_other() {
    for count in 1..18_usize {
        let leaves = leaves(u8::try_from(count).unwrap());
        let tree = Tree::<Blake3>::new(leaves.clone());
        for start in 0..count {
            for end in start + 1..=count {
                let path = tree.range_path(start..end).unwrap();
                let root = |leaves: &[Hash], start: usize, path: &Path| {
                    root_of_range::<Blake3>(leaves.to_vec(), start as u64, count as u64, path)
                };
                assert_eq!(root(&leaves[start..end], start, &path), Some(tree.root()));
                for other in (0..count).filter(|other| *other != start) {
                    assert_ne!(root(&leaves[start..end], other, &path), Some(tree.root()));
                }
                let longer = Path::new([path.siblings(), &[MISSING]].concat());
                assert_eq!(root(&leaves[start..end], start, &longer), None);
                for position in 0..path.siblings().len() {
                    let mut siblings = path.siblings().to_vec();
                    siblings[position][31] ^= 1;
                    let root = root(&leaves[start..end], start, &Path::new(siblings.clone()));
                    assert_ne!(root, Some(tree.root()));
                    siblings.pop();
                    let missing_one = Path::new(siblings);
                    let root = root_of_range::<Blake3>(
                        leaves[start..end].to_vec(),
                        start as u64,
                        count as u64,
                        &missing_one,
                    );
                    assert_eq!(root, None);
                }
            }
        }
    }
}

#[test]
fn a_range_outside_the_tree_has_no_path() {
    let tree = Tree::<Blake3>::new(leaves(5));
    assert_eq!(tree.range_path(3..3), None);
    assert_eq!(tree.range_path(3..6), None);
    assert_eq!(
        root_of_range::<Blake3>(Vec::new(), 0, 5, &Path::default()),
        None
    );
    assert_eq!(
        root_of_range::<Blake3>(leaves(2), u64::MAX, 5, &Path::default()),
        None
    );
}

#[test]
fn a_path_longer_than_any_tree_is_not_decoded() {
    let mut bytes = 257_u32.to_le_bytes().to_vec();
    bytes.resize(4 + 257 * 32, 0);
    assert!(Path::try_from_slice(&bytes).is_err());
    assert!(Path::try_from_slice(&u32::MAX.to_le_bytes()).is_err());

    let text = serde_json::to_string(&Path::new(vec![MISSING; 257])).unwrap();
    assert!(serde_json::from_str::<Path>(&text).is_err());
    let text = serde_json::to_string(&Path::new(vec![MISSING; 256])).unwrap();
    assert_eq!(
        serde_json::from_str::<Path>(&text)
            .unwrap()
            .siblings()
            .len(),
        256
    );
}
