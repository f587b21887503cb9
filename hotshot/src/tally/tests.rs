use std::sync::Arc;

use hotshot_types::{
    Committee, Epoch, Hash, Height, Member, Quorum, Round, SecretKey, Signature, Signers,
    Statement, ValidatorIndex, Vote, bls::Aggregation,
};

use super::{Counted, Tally};

const BLOCKS: [Hash; 2] = [Hash([1; 32]), Hash([2; 32])];

fn committee() -> Arc<Committee> {
    let members = (0..4)
        .map(|index| Member {
            key: SecretKey::derive(&[index; 32]).public_key(),
            weight: 1,
        })
        .collect();
    Arc::new(Committee::new(Epoch(1), members).unwrap())
}

fn statement(block: usize) -> Statement {
    Statement {
        round: Round::new(1, 1),
        height: Height(1),
        hash: BLOCKS[block],
    }
}

fn vote(signer: u16, block: usize) -> Vote<Quorum> {
    Vote::claimed(statement(block), ValidatorIndex(signer), Signature::ZERO)
}

/// V7: the first vote of a signer counts; another digest is evidence and changes nothing.
#[test]
fn the_first_vote_of_a_signer_counts() {
    let mut tally = Tally::default();
    assert_eq!(tally.count(vote(0, 0)), Counted::Yes);
    assert_eq!(tally.count(vote(0, 0)), Counted::No);
    assert_eq!(tally.count(vote(0, 1)), Counted::Conflict(vote(0, 0)));
    assert_eq!(tally.count(vote(1, 0)), Counted::Yes);
    assert_eq!(tally.count(vote(2, 1)), Counted::Yes);
    assert!(tally.job(Hash::ZERO, &committee()).is_none());
    assert_eq!(tally.count(vote(3, 0)), Counted::Yes);
    let (said, job) = tally.job(Hash::ZERO, &committee()).unwrap();
    assert_eq!(said, statement(0));
    assert_eq!(job.votes.len(), 3);
    assert!(
        tally.job(Hash::ZERO, &committee()).is_none(),
        "it is being summed"
    );
}

/// V7: whose signature was worthless has no say in the round any more; the sum goes on without.
#[test]
fn a_worthless_signature_takes_its_signers_say() {
    let mut tally = Tally::default();
    for signer in [0, 1, 2] {
        tally.count(vote(signer, 0));
    }
    tally.job(Hash::ZERO, &committee()).unwrap();
    let sum = Aggregation {
        signers: Signers::of(4, [0, 1].map(ValidatorIndex)),
        signature: Signature::ZERO,
        invalid: [ValidatorIndex(2)].into(),
    };
    assert!(tally.finish(statement(0), sum, &committee()).is_none());
    assert_eq!(tally.count(vote(2, 0)), Counted::No);
    assert!(tally.job(Hash::ZERO, &committee()).is_none());
    tally.count(vote(3, 0));
    let (_, job) = tally.job(Hash::ZERO, &committee()).unwrap();
    let signers: Vec<u16> = job.votes.iter().map(|(signer, _)| signer.0).collect();
    assert_eq!(signers, [0, 1, 3]);
}
