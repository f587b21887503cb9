use hotshot_types::{
    Epoch, Height,
    finality::{FinalityError, Trust},
};

use super::chain::{EPOCH_LENGTH, committee, domain, extend, open};

fn trust(epoch: u64) -> Trust {
    Trust::new(domain(), EPOCH_LENGTH, committee(Epoch(epoch)))
}

#[test]
fn every_final_block_is_proven_from_every_trusted_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    extend(&storage, 15);
    for epoch in 1..=4 {
        for height in 0..=15 {
            let proof = storage
                .finality_proof(Epoch(epoch), Height(height))
                .unwrap();
            let proof = proof.unwrap_or_else(|| panic!("height {height} from epoch {epoch}"));
            let header = storage.header(Height(height)).unwrap().unwrap();
            assert_eq!(trust(epoch).verify(&proof).unwrap(), header.header());
        }
    }
}

#[test]
fn a_block_that_is_not_final_and_an_epoch_to_come_have_no_proof() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    assert_eq!(storage.finality_proof(Epoch(1), Height(0)).unwrap(), None);
    extend(&storage, 5);
    assert_eq!(storage.finality_proof(Epoch(1), Height(6)).unwrap(), None);
    assert_eq!(storage.finality_proof(Epoch(9), Height(1)).unwrap(), None);
}

#[test]
fn a_proof_of_another_chain_is_refused_by_the_verifier() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    extend(&storage, 3);
    let mut proof = storage
        .finality_proof(Epoch(1), Height(2))
        .unwrap()
        .unwrap();
    proof.certified.timestamp_ms.0 += 1;
    let verdict = trust(1).verify(&proof).unwrap_err();
    assert_eq!(verdict, FinalityError::OtherBlock(Epoch(1)));
}

#[test]
fn header_proofs_hold_under_every_later_header() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    extend(&storage, 11);
    for count in 0..=11 {
        let root = storage.header(Height(count)).unwrap().unwrap().history_root;
        for height in 0..count {
            let proof = storage
                .header_proof(Height(height), Height(count))
                .unwrap()
                .unwrap();
            let hash = storage.header(Height(height)).unwrap().unwrap().hash();
            assert!(proof.verify(root, hash));
        }
    }
    assert_eq!(storage.header_proof(Height(3), Height(13)).unwrap(), None);
    assert_eq!(storage.header_proof(Height(3), Height(3)).unwrap(), None);
}
