use hotshot_types::{
    Epoch, Final, Height, Member, Quorum, Round, SecretKey, Statement, ValidatorIndex, Vote,
    VoteKind,
};

use super::*;

const DOMAIN: Hash = Hash([7; 32]);

fn secret(number: u8) -> SecretKey {
    SecretKey::derive(&[number; 32])
}

/// Four members, the first of them with the secret of this number.
fn committee(first: u8) -> Committee {
    let members = (first..first + 4).map(|number| Member {
        key: secret(number).public_key(),
        weight: 1,
    });
    Committee::new(Epoch(3), members.collect()).unwrap()
}

/// Member `signer` of `committee(1)` votes for a block in view 5.
fn vote<K: VoteKind>(signer: u8, block: u8) -> Vote<K> {
    let statement = Statement {
        round: Round::new(3, 5),
        height: Height(70),
        hash: Hash([block; 32]),
    };
    let index = ValidatorIndex(signer.into());
    Vote::sign(statement, index, DOMAIN, &secret(1 + signer))
}

#[test]
fn two_votes_for_two_blocks_are_a_charge_against_the_key_that_signed_them() {
    let votes1 = Evidence::Votes1(vote::<Quorum>(2, 1), vote(2, 2));
    let votes2 = Evidence::Votes2(vote::<Final>(2, 1), vote(2, 2));
    let charges = [votes1, votes2].map(|evidence| judge(&evidence, DOMAIN, committee(1)));
    let [Some(first), Some(second)] = charges else {
        panic!("both are true");
    };
    assert_eq!(first.key, second.key);
    assert_ne!(first.call, second.call);
}

#[test]
fn what_a_server_made_up_is_no_charge() {
    let (one, two) = (vote::<Final>(2, 1), vote::<Final>(2, 2));
    let mut forged = two.clone();
    forged.signature = vote::<Final>(1, 2).signature;
    let false_ones = [
        (
            "an honest vote twice",
            Evidence::Votes2(one.clone(), one.clone()),
        ),
        ("two signers", Evidence::Votes2(one.clone(), vote(1, 2))),
        ("a forged signature", Evidence::Votes2(one.clone(), forged)),
        ("no member", Evidence::Votes2(vote(9, 1), vote(9, 2))),
    ];
    for (what, evidence) in false_ones {
        assert_eq!(judge(&evidence, DOMAIN, committee(1)), None, "{what}");
    }
    let evidence = Evidence::Votes2(one, two);
    assert!(judge(&evidence, DOMAIN, committee(1)).is_some());
    let elsewhere = judge(&evidence, Hash([8; 32]), committee(1));
    assert_eq!(elsewhere, None, "signed for another network");
    let others = judge(&evidence, DOMAIN, committee(2));
    assert_eq!(others, None, "a committee that the server made up");
}
