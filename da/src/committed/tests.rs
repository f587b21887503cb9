use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Commitments, CommittedPayload, CopyError};
use crate::coding::{BadEncoding, Coder};
use crate::hash::tx_hash;
use crate::namespace::NamespaceTree;
use crate::payload::{Limits, NamespaceId, Payload, PayloadError};
use crate::slots::Slots;

fn payload() -> Payload {
    let transactions = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    Payload::build(
        &BTreeMap::from([(NamespaceId::new(7).unwrap(), transactions)]),
        &Limits::default(),
    )
    .unwrap()
}

fn slots() -> Slots {
    Slots::new(&[1; 4]).unwrap()
}

fn copy(commitments: &Commitments, bytes: &Bytes) -> Result<CommittedPayload, CopyError> {
    CommittedPayload::from_copy(
        &mut Coder::new(),
        &slots(),
        commitments,
        bytes,
        &Limits::default(),
    )
}

#[test]
fn a_full_copy_has_the_commitments_of_the_leader() {
    for payload in [payload(), Payload::empty()] {
        let made = CommittedPayload::new(&mut Coder::new(), &slots(), payload.clone());
        let copied = copy(&made.commitments(), payload.bytes()).unwrap();
        assert_eq!(copied.commitments(), made.commitments());
        assert_eq!(copied.payload(), &payload);
        assert_eq!(made.payload(), &payload);
    }
}

#[test]
fn known_hashes_lead_to_the_same_commitments() {
    let hashes = vec![vec![tx_hash(b"one"), tx_hash(b"two")]];
    let tree = NamespaceTree::with_hashes(&payload(), hashes).unwrap();
    let with_tree = CommittedPayload::with_namespaces(&mut Coder::new(), &slots(), payload(), tree);
    let without = CommittedPayload::new(&mut Coder::new(), &slots(), payload());
    assert_eq!(with_tree.commitments(), without.commitments());
}

#[test]
fn another_payload_is_the_peers_fault_and_not_the_blocks() {
    let commitments = CommittedPayload::new(&mut Coder::new(), &slots(), payload()).commitments();
    let right = payload().bytes().to_vec();
    let mut changed = right.clone();
    changed[33] ^= 1;
    for bytes in [
        changed,
        right[1..].to_vec(),
        Vec::new(),
        [&right[..], &[0]].concat(),
    ] {
        assert_eq!(
            copy(&commitments, &bytes.into()).unwrap_err(),
            CopyError::NotThisBlock
        );
    }
    let longer = Commitments {
        payload_len: commitments.payload_len + 1,
        ..commitments
    };
    assert_eq!(
        copy(&longer, payload().bytes()).unwrap_err(),
        CopyError::NotThisBlock
    );
}

#[test]
fn p1_a_copy_that_matches_its_shards_but_not_the_rest_makes_the_block_bad() {
    let commitments = CommittedPayload::new(&mut Coder::new(), &slots(), payload()).commitments();
    let other_root = Commitments {
        ns_root: [0; 32],
        ..commitments
    };
    let verdict = copy(&other_root, payload().bytes()).unwrap_err();
    assert_eq!(verdict, CopyError::Bad(BadEncoding::NamespaceRoot));

    let bytes = Bytes::from_static(&[0; 4]);
    let shard_root = Coder::new().encode(&slots(), &bytes).root();
    let not_canonical = Commitments {
        payload_len: 4,
        shard_root,
        ..commitments
    };
    let verdict = copy(&not_canonical, &bytes).unwrap_err();
    assert_eq!(
        verdict,
        CopyError::Bad(BadEncoding::Payload(PayloadError::NoNamespaces))
    );
}
