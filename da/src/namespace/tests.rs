use std::collections::BTreeMap;

use bytes::Bytes;
use sha3::Digest as _;

use super::{
    NamespaceLeaf, NamespaceProof, NamespaceTree, Neighbour, ProofError, TransactionProof,
    namespace_root,
};
use crate::hash::{Hash, tx_hash};
use crate::merkle::Path;
use crate::payload::{Limits, NamespaceId, Payload, PayloadError};

fn id(id: u64) -> NamespaceId {
    NamespaceId::new(id).unwrap()
}

/// Namespaces 10, 20, 30 and so on; the n-th has n transactions.
fn payload(namespaces: u64) -> Payload {
    let transactions = |number: u64| {
        (0..number).map(move |index| Bytes::from(format!("transaction {index} of {number}")))
    };
    let namespaces: BTreeMap<_, Vec<_>> = (1..=namespaces)
        .map(|number| (id(10 * number), transactions(number).collect()))
        .collect();
    Payload::build(&namespaces, &Limits::default()).unwrap()
}

fn body(payload: &Payload, id: NamespaceId) -> Bytes {
    payload
        .namespace(id)
        .map(|body| body.bytes().clone())
        .unwrap_or_default()
}

fn sha(parts: &[&[u8]]) -> Hash {
    sha2::Sha256::digest(parts.concat()).into()
}

fn keccak(parts: &[&[u8]]) -> Hash {
    sha3::Keccak256::digest(parts.concat()).into()
}

#[test]
fn da7_a_block_of_two_namespaces_has_the_root_of_the_specification() {
    let payload = payload(2);
    let tx = |index: u64, text: &str| {
        let hash: Hash = sha2::Sha256::digest(text).into();
        sha(&[&[0], &index.to_be_bytes(), &hash])
    };
    let first = tx(0, "transaction 0 of 1");
    let second = sha(&[
        &[1],
        &tx(0, "transaction 0 of 2"),
        &tx(1, "transaction 1 of 2"),
    ]);
    let leaf = |id: u64, length: u64, count: u64, root: Hash| {
        keccak(&[
            &[0],
            &id.to_be_bytes(),
            &length.to_be_bytes(),
            &count.to_be_bytes(),
            &root,
        ])
    };
    let tree = keccak(&[
        &[1],
        &leaf(10, 4 + 4 + 18, 1, first),
        &leaf(20, 4 + 8 + 36, 2, second),
    ]);
    let root = keccak(&[&[2], &2_u64.to_be_bytes(), &tree]);
    assert_eq!(NamespaceTree::new(&payload).root(), root);
}

#[test]
fn da7_the_root_of_no_namespaces_is_the_count_and_zeros() {
    let root = keccak(&[&[2], &[0; 8], &[0; 32]]);
    assert_eq!(NamespaceTree::new(&Payload::empty()).root(), root);
    assert_eq!(namespace_root(&[]), root);
}

#[test]
fn a_tree_of_known_hashes_is_the_tree_of_the_payload() {
    let payload = payload(5);
    let tree = NamespaceTree::new(&payload);
    let mut hashes: Vec<Vec<Hash>> = payload
        .namespaces()
        .map(|namespace| {
            namespace
                .body
                .transactions()
                .map(|transaction| tx_hash(&transaction))
                .collect()
        })
        .collect();
    assert_eq!(tree.tx_hashes(id(30)), Some(&hashes[2][..]));
    assert_eq!(
        NamespaceTree::with_hashes(&payload, hashes.clone())
            .unwrap()
            .root(),
        tree.root()
    );
    assert_eq!(namespace_root(tree.leaves()), tree.root());
    hashes[1].pop();
    assert!(NamespaceTree::with_hashes(&payload, hashes.clone()).is_none());
    hashes.pop();
    assert!(NamespaceTree::with_hashes(&payload, hashes).is_none());
}

#[test]
fn every_namespace_is_proven_present_or_absent() {
    for namespaces in 0..9 {
        let payload = payload(namespaces);
        let tree = NamespaceTree::new(&payload);
        for number in 1..100 {
            let proof = tree.prove(id(number));
            let bytes = body(&payload, id(number));
            let verified = proof.verify(&tree.root(), id(number), &bytes).unwrap();
            assert_eq!(verified, payload.namespace(id(number)));
            assert_eq!(
                proof
                    .verify_leaf(&tree.root(), id(number))
                    .unwrap()
                    .is_some(),
                !bytes.is_empty()
            );
            assert_eq!(
                proof.verify(&[1; 32], id(number), &bytes),
                Err(ProofError::Root)
            );
        }
    }
}

#[test]
fn a_proof_for_one_namespace_is_refused_for_another() {
    let payload = payload(4);
    let tree = NamespaceTree::new(&payload);
    for number in 1..50 {
        let proof = tree.prove(id(number));
        for other in (1..50).filter(|other| *other != number) {
            let verified = proof.verify(&tree.root(), id(other), &body(&payload, id(other)));
            // The same neighbours enclose several absent namespaces; nothing else passes.
            assert!(
                verified.is_err()
                    || (verified == Ok(None) && payload.namespace(id(other)).is_none())
            );
        }
    }
}

#[test]
fn other_bytes_than_the_namespaces_are_refused() {
    let payload = payload(4);
    let tree = NamespaceTree::new(&payload);
    let proof = tree.prove(id(30));
    let right = body(&payload, id(30));
    let refused = |bytes: Bytes| proof.verify(&tree.root(), id(30), &bytes).unwrap_err();
    let mut changed = right.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(refused(changed.into()), ProofError::Body);
    assert_eq!(refused(right.slice(1..)), ProofError::Body);
    assert_eq!(refused(Bytes::new()), ProofError::Body);
    assert_eq!(refused(body(&payload, id(20))), ProofError::Body);
    let malformed = Bytes::from(vec![0; right.len()]);
    assert_eq!(
        refused(malformed),
        ProofError::Malformed(PayloadError::NoTransactions)
    );
    let absent = tree.prove(id(31)).verify(&tree.root(), id(31), &right);
    assert_eq!(absent, Err(ProofError::UnexpectedBody));
}

#[test]
fn a_leaf_with_other_numbers_is_refused() {
    let payload = payload(4);
    let tree = NamespaceTree::new(&payload);
    let NamespaceProof::Present {
        leaf,
        index,
        count,
        path,
    } = tree.prove(id(30))
    else {
        unreachable!()
    };
    let check = |leaf: &NamespaceLeaf, index, count, path: &Path| {
        let proof = NamespaceProof::Present {
            leaf: leaf.clone(),
            index,
            count,
            path: path.clone(),
        };
        proof.verify_leaf(&tree.root(), id(30)).map(drop)
    };
    assert_eq!(check(&leaf, index, count, &path), Ok(()));
    for forged in [
        NamespaceLeaf {
            byte_len: leaf.byte_len + 1,
            ..leaf.clone()
        },
        NamespaceLeaf {
            tx_count: leaf.tx_count - 1,
            ..leaf.clone()
        },
        NamespaceLeaf {
            tx_root: [0; 32],
            ..leaf.clone()
        },
    ] {
        assert_eq!(check(&forged, index, count, &path), Err(ProofError::Root));
    }
    let renamed = NamespaceLeaf {
        id: id(31),
        ..leaf.clone()
    };
    assert_eq!(
        check(&renamed, index, count, &path),
        Err(ProofError::OtherNamespace(id(31)))
    );
    for (index, count) in [
        (index + 1, count),
        (index, count - 1),
        (index, count + 1),
        (count, count),
    ] {
        assert_eq!(check(&leaf, index, count, &path), Err(ProofError::Root));
    }
    assert_eq!(
        check(&leaf, index, count, &Path::default()),
        Err(ProofError::Root)
    );
}

#[test]
fn forged_absence_is_refused() {
    let payload = payload(4);
    let tree = NamespaceTree::new(&payload);
    let opened = |number: u64| match tree.prove(id(number)) {
        NamespaceProof::Present { leaf, path, .. } => Some(Neighbour { leaf, path }),
        NamespaceProof::Absent { .. } => None,
    };
    let absent = |number, index, count, left, right| {
        NamespaceProof::Absent {
            index,
            count,
            left,
            right,
        }
        .verify(&tree.root(), id(number), &Bytes::new())
    };
    assert_eq!(absent(25, 2, 4, opened(20), opened(30)), Ok(None));
    // Neighbours that are not adjacent hide namespace 20.
    assert_eq!(
        absent(20, 1, 4, opened(10), opened(30)),
        Err(ProofError::Root)
    );
    assert_eq!(
        absent(20, 2, 4, opened(10), opened(30)),
        Err(ProofError::Root)
    );
    // The namespace itself, or one beyond it, as a neighbour.
    assert_eq!(
        absent(20, 2, 4, opened(20), opened(30)),
        Err(ProofError::Neighbours)
    );
    assert_eq!(
        absent(30, 2, 4, opened(20), opened(30)),
        Err(ProofError::Neighbours)
    );
    assert_eq!(
        absent(35, 2, 4, opened(20), opened(30)),
        Err(ProofError::Neighbours)
    );
    // Edges that are none: a leaf inside passed off as first or last.
    assert_eq!(absent(5, 0, 4, None, opened(20)), Err(ProofError::Root));
    assert_eq!(absent(40, 4, 4, opened(30), None), Err(ProofError::Root));
    assert_eq!(absent(40, 3, 3, opened(30), None), Err(ProofError::Root));
    // A neighbour left out, or a position behind the end.
    assert_eq!(
        absent(25, 2, 4, opened(20), None),
        Err(ProofError::Neighbours)
    );
    assert_eq!(
        absent(25, 2, 4, None, opened(30)),
        Err(ProofError::Neighbours)
    );
    assert_eq!(
        absent(45, 5, 4, opened(40), None),
        Err(ProofError::Neighbours)
    );
    assert_eq!(
        absent(45, u64::MAX, 4, opened(40), None),
        Err(ProofError::Neighbours)
    );
    // No namespaces at all.
    assert_eq!(absent(25, 0, 0, None, None), Err(ProofError::Root));
    assert_eq!(absent(25, 0, 4, None, None), Err(ProofError::Neighbours));
}

#[test]
fn absence_in_an_empty_block_takes_no_neighbours() {
    let tree = NamespaceTree::new(&Payload::empty());
    let proof = tree.prove(id(1));
    assert_eq!(
        proof,
        NamespaceProof::Absent {
            index: 0,
            count: 0,
            left: None,
            right: None
        }
    );
    assert_eq!(proof.verify(&tree.root(), id(1), &Bytes::new()), Ok(None));
    let odd = NamespaceProof::Absent {
        index: 1,
        count: 0,
        left: None,
        right: None,
    };
    assert_eq!(
        odd.verify(&tree.root(), id(1), &Bytes::new()),
        Err(ProofError::Root)
    );
}

#[test]
fn a_transaction_is_proven_at_its_position_only() {
    let payload = payload(6);
    let tree = NamespaceTree::new(&payload);
    let root = tree.root();
    for namespace in payload.namespaces() {
        let count = namespace.body.len();
        for index in 0..count {
            let proof = tree.prove_transaction(namespace.id, index).unwrap();
            let transaction = namespace.body.get(index).unwrap();
            let position = index as u64;
            assert_eq!(
                proof.verify(&root, namespace.id, position, &transaction),
                Ok(())
            );
            for other in (0..count as u64 + 2).filter(|other| *other != position) {
                let moved = TransactionProof {
                    index: other,
                    ..proof.clone()
                };
                assert_eq!(
                    moved.verify(&root, namespace.id, other, &transaction),
                    Err(ProofError::Root)
                );
                assert_eq!(
                    proof.verify(&root, namespace.id, other, &transaction),
                    Err(ProofError::Root)
                );
                assert_eq!(
                    moved.verify(&root, namespace.id, position, &transaction),
                    Err(ProofError::Root)
                );
            }
            assert_eq!(
                proof.verify(&root, namespace.id, position, b"other"),
                Err(ProofError::Root)
            );
            assert_eq!(
                proof.verify(&[1; 32], namespace.id, position, &transaction),
                Err(ProofError::Root)
            );
            let error = proof.verify(&root, id(999), position, &transaction);
            assert_eq!(error, Err(ProofError::OtherNamespace(namespace.id)));
            let stretched = NamespaceLeaf {
                tx_count: proof.leaf.tx_count + 1,
                ..proof.leaf.clone()
            };
            let stretched = TransactionProof {
                leaf: stretched,
                ..proof.clone()
            };
            assert_eq!(
                stretched.verify(&root, namespace.id, position, &transaction),
                Err(ProofError::Root)
            );
        }
        assert!(tree.prove_transaction(namespace.id, count).is_none());
    }
    assert!(tree.prove_transaction(id(999), 0).is_none());
}

#[test]
fn proofs_survive_both_forms_and_have_the_documented_size() {
    let tree = NamespaceTree::new(&payload(20));
    for number in [10, 5, 15, 205] {
        let proof = tree.prove(id(number));
        let bytes = borsh::to_vec(&proof).unwrap();
        assert_eq!(borsh::from_slice::<NamespaceProof>(&bytes).unwrap(), proof);
        let json = serde_json::to_string(&proof).unwrap();
        assert_eq!(
            serde_json::from_str::<NamespaceProof>(&json).unwrap(),
            proof
        );
        match proof {
            NamespaceProof::Present { .. } => assert_eq!(bytes.len(), 77 + 32 * 5),
            NamespaceProof::Absent { .. } => assert!(bytes.len() <= 139 + 64 * 5),
        }
    }
    assert_eq!(
        borsh::to_vec(&tree.prove(id(15))).unwrap().len(),
        139 + 64 * 5
    );
    let proof = tree.prove_transaction(id(160), 3).unwrap();
    let bytes = borsh::to_vec(&proof).unwrap();
    assert_eq!(bytes.len(), 88 + 32 * (5 + 4));
    assert_eq!(
        borsh::from_slice::<TransactionProof>(&bytes).unwrap(),
        proof
    );
    let json = serde_json::to_string(&proof).unwrap();
    assert_eq!(
        serde_json::from_str::<TransactionProof>(&json).unwrap(),
        proof
    );
}
