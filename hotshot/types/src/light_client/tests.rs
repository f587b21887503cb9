use std::collections::BTreeMap;

use super::*;
use crate::{
    ValidatorIndex,
    digest::{Words, keccak_concat},
    vectors::sample::{committee, finality_certificate, sample_committee},
};

/// The root that a proof leads to, computed recursively from the top: another way than the contract's.
fn root(proof: &MembersProof, size: usize) -> Option<Hash> {
    let mut leaves = BTreeMap::new();
    for record in proof.records.chunks_exact(MembersProof::RECORD) {
        let index = u16::from_be_bytes(record[..2].try_into().unwrap());
        let weight = u64::from_be_bytes(record[2..10].try_into().unwrap());
        let mut point = [0; 128];
        point[16..64].copy_from_slice(&record[10..58]);
        point[80..].copy_from_slice(&record[58..]);
        let leaf = Words::new()
            .uint(index)
            .g1(&PointG1(point))
            .uint(weight)
            .finish();
        leaves.insert(usize::from(index), leaf);
    }
    let levels = size.next_power_of_two().trailing_zeros();
    let mut siblings = proof.siblings.iter();
    let root = node(&leaves, levels, 0, &mut siblings);
    siblings.next().is_none().then_some(root).flatten()
}

/// The node at a level and position, from the leaves below it, of which there is at least one.
fn node<'a>(
    leaves: &BTreeMap<usize, Hash>,
    level: u32,
    position: usize,
    siblings: &mut impl Iterator<Item = &'a Hash>,
) -> Option<Hash> {
    let Some(below) = level.checked_sub(1) else {
        return leaves.get(&position).copied();
    };
    let children = [2 * position, 2 * position + 1];
    let mut found = [None, None];
    for (child, hash) in children.into_iter().zip(&mut found) {
        if leaves.range(child << below..(child + 1) << below).count() > 0 {
            *hash = Some(node(leaves, below, child, siblings)?);
        }
    }
    for hash in &mut found {
        *hash = hash.or_else(|| siblings.next().copied());
    }
    let [left, right] = found;
    Some(keccak_concat(&[&[1], &left?.0, &right?.0]))
}

fn proof(committee: &Committee, members: &[u16]) -> MembersProof {
    let members = Signers::of(committee.len(), members.iter().map(|&i| ValidatorIndex(i)));
    MembersProof::of(committee, &members).unwrap()
}

#[test]
fn every_subset_of_small_committees_leads_to_the_root() {
    for size in 1..=6_u16 {
        let committee = committee(3, &vec![7; usize::from(size)]);
        for subset in 1..1_u16 << size {
            let members: Vec<u16> = (0..size).filter(|i| subset >> i & 1 == 1).collect();
            let proof = proof(&committee, &members);
            assert_eq!(proof.records.len(), members.len() * MembersProof::RECORD);
            assert_eq!(
                root(&proof, usize::from(size)),
                Some(committee.root()),
                "{members:?} of {size}"
            );
        }
    }
}

#[test]
fn nobody_absent_needs_no_proof() {
    assert_eq!(proof(&sample_committee(), &[]), MembersProof::default());
}

#[test]
fn a_changed_record_leads_elsewhere() {
    let committee = sample_committee();
    for byte in [1, 9, 10, 57, 58, 105] {
        let mut proof = proof(&committee, &[1, 2]);
        proof.records[byte] ^= 1;
        assert_ne!(root(&proof, 4), Some(committee.root()), "byte {byte}");
    }
}

#[test]
fn a_set_of_another_size_is_refused() {
    let signers = Signers::none(5);
    assert_eq!(MembersProof::of(&sample_committee(), &signers), None);
}

#[test]
fn a_certificate_names_the_absent() {
    let committee = sample_committee();
    let certificate = finality_certificate(6);
    let arguments = ContractCertificate::of(&certificate, &committee).unwrap();
    assert_eq!(arguments.absent, proof(&committee, &[2]));
    let commitment = Words::new()
        .uint(committee.epoch().0)
        .uint(arguments.size as u128)
        .uint(arguments.total)
        .g1(&arguments.sum)
        .hash(arguments.root)
        .finish();
    assert_eq!(commitment, committee.commitment());
    assert_eq!(
        arguments.signature,
        certificate.signature.point().unwrap().packed()
    );
}
