use hotshot_types::{Entry, Lock, QuorumCertificate, Signature, Signers, ValidatorIndex, Vote};

use super::*;

fn statement(view: u64, block: u8) -> Statement {
    Statement {
        round: Round::new(1, view),
        height: Height(view),
        hash: Hash([block; 32]),
    }
}

fn vote1(view: u64, block: u8) -> Message {
    Message::Vote1(Vote::claimed(
        statement(view, block),
        ValidatorIndex(0),
        Signature::ZERO,
    ))
}

fn vote2(view: u64, block: u8) -> Message {
    Message::Vote2(Vote::claimed(
        statement(view, block),
        ValidatorIndex(0),
        Signature::ZERO,
    ))
}

fn timeout(view: u64, lock: u64) -> Message {
    let qc = QuorumCertificate::claimed(statement(lock, 0), Signers::none(4), Signature::ZERO);
    Message::Timeout(Box::new(Timeout {
        round: Round::new(1, view),
        lock: if lock == 0 {
            Lock::Anchor
        } else {
            Lock::Quorum(qc)
        },
        signer: ValidatorIndex(0),
        signature: Signature::ZERO,
        entry: Entry::Anchor(None),
    }))
}

fn offence(messages: &[Message]) -> Option<&'static str> {
    let mut signed = Signed::default();
    messages
        .iter()
        .find_map(|message| signed.add(message).err().map(|(_, what)| what))
}

#[test]
fn an_orderly_life_is_no_offence() {
    let life = [
        vote1(1, 1),
        vote2(1, 1),
        vote1(1, 1),
        vote1(2, 2),
        timeout(2, 1),
        timeout(2, 1),
        timeout(2, 2),
        vote1(3, 3),
        vote2(3, 3),
        timeout(4, 3),
    ];
    assert_eq!(offence(&life), None);
}

#[test]
fn contradictions_are_found_in_either_order() {
    assert!(offence(&[vote1(1, 1), vote1(1, 2)]).is_some_and(|what| what.contains("X2")));
    assert!(offence(&[vote2(1, 1), vote2(1, 2)]).is_some_and(|what| what.contains("X3")));
    assert!(offence(&[timeout(5, 2), vote2(4, 1)]).is_some_and(|what| what.contains("X4")));
    assert!(offence(&[vote2(4, 1), timeout(5, 2)]).is_some_and(|what| what.contains("X4")));
    assert!(offence(&[timeout(3, 3), vote2(3, 1)]).is_some_and(|what| what.contains("V9")));
    assert!(offence(&[timeout(3, 1), vote1(3, 1)]).is_some_and(|what| what.contains("V5")));
    assert!(offence(&[timeout(3, 2), timeout(4, 1)]).is_some_and(|what| what.contains("V10")));
    assert!(offence(&[timeout(3, 1), timeout(2, 1)]).is_some_and(|what| what.contains("W3")));
}
