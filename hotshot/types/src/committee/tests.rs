use proptest::prelude::*;

use super::*;
use crate::{
    codec,
    vectors::sample::{committee, members, named, secret},
};

/// floor(draw * total / 2^256), bit by bit from the lowest: halving a sum at each bit loses only
/// what the final division loses.
fn scaled(draw: &Hash, total: Stake) -> Stake {
    draw.0.iter().rev().fold(0, |low, byte| {
        (0..8).fold(low, |low, bit| {
            (low + if byte >> bit & 1 == 1 { total } else { 0 }) / 2
        })
    })
}

#[test]
fn a_committee_has_one_to_a_thousand_members_with_weight() {
    assert_eq!(
        Committee::new(Epoch(1), vec![]),
        Err(CommitteeError::Size(0))
    );
    let member = members(&[1]).remove(0);
    assert_eq!(
        Committee::new(Epoch(1), vec![member; MAX_MEMBERS + 1]),
        Err(CommitteeError::Size(MAX_MEMBERS + 1))
    );
    assert_eq!(
        Committee::new(Epoch(1), members(&[1, 0])),
        Err(CommitteeError::Weightless(ValidatorIndex(1)))
    );
}

#[test]
fn a_key_or_half_a_key_stands_in_a_committee_once() {
    let mut twice = members(&[1, 1, 1]);
    twice[2] = twice[0].clone();
    let duplicate = Err(CommitteeError::DuplicateKey(ValidatorIndex(2)));
    assert_eq!(Committee::new(Epoch(1), twice.clone()), duplicate);

    let mut chimera = secret(9).public_key().to_bytes();
    chimera[48..].copy_from_slice(&twice[0].key.to_bytes()[48..]);
    twice[2].key = PublicKey::from_bytes(&chimera).unwrap();
    assert_eq!(Committee::new(Epoch(1), twice), duplicate);
}

#[test]
fn keys_with_different_halves_are_found() {
    let mut chimera = secret(9).public_key().to_bytes();
    chimera[48..].copy_from_slice(&secret(8).public_key().to_bytes()[48..]);
    let mut members = members(&[1, 1]);
    committee(1, &[1, 1]).check_keys().unwrap();
    members[1].key = PublicKey::from_bytes(&chimera).unwrap();
    let committee = Committee::new(Epoch(1), members).unwrap();
    assert_eq!(
        committee.check_keys(),
        Err(CommitteeError::Key(KeyError::HalvesDiffer))
    );
}

/// Section 14, item 4.
#[test]
fn thresholds_are_exact_for_every_remainder_of_three() {
    for total in 1..=200_u64 {
        let committee = committee(1, &[total]);
        assert_thresholds(&committee, Stake::from(total));
    }
}

/// Section 14, item 4.
#[test]
fn thresholds_do_not_overflow_with_a_thousand_members_of_the_largest_weight() {
    for last in [u64::MAX, u64::MAX - 1, u64::MAX - 2] {
        let mut members = members(&[u64::MAX; MAX_MEMBERS]);
        members[MAX_MEMBERS - 1].weight = last;
        let committee = Committee::new(Epoch(1), members).unwrap();
        let total = Stake::from(u64::MAX) * 999 + Stake::from(last);
        assert_eq!(committee.total(), total);
        assert_thresholds(&committee, total);
        let everybody = (0..MAX_MEMBERS).map(ValidatorIndex::at);
        assert_eq!(
            committee.stake_of(&Signers::of(MAX_MEMBERS, everybody)),
            total
        );
        assert!(committee.leader(named("seed"), View(1)).position() < MAX_MEMBERS);
    }
}

fn assert_thresholds(committee: &Committee, total: Stake) {
    assert_eq!(committee.total(), total);
    let (quorum, one_honest) = (committee.quorum(), committee.one_honest());
    // M2: the least x with 3x > 2S.
    assert!(3 * quorum > 2 * total && 3 * (quorum - 1) <= 2 * total);
    assert!(quorum <= total);
    // M1: Byzantine stake is below S/3, so the most there can be is the greatest b with 3b < S.
    let byzantine = one_honest - 1;
    assert!(3 * byzantine < total && 3 * (byzantine + 1) >= total);
    // Two quorums share an honest member, a quorum holds F1 honest, and the honest are a quorum.
    assert!(2 * quorum - total >= one_honest);
    assert!(quorum - byzantine >= one_honest);
    assert!(total - byzantine >= quorum);
}

/// Section 14, item 27.
#[test]
fn a_quorum_is_counted_in_stake_and_not_in_members() {
    let committee = committee(1, &[10, 1, 1, 1]);
    let stake = |signers: &[u16]| {
        committee.stake_of(&Signers::of(4, signers.iter().copied().map(ValidatorIndex)))
    };
    assert!(stake(&[1, 2, 3]) < committee.quorum());
    assert!(stake(&[1, 2, 3]) < committee.one_honest());
    assert!(stake(&[0]) >= committee.quorum());
}

#[test]
fn stake_outside_the_committee_is_nothing() {
    let committee = committee(1, &[10, 1, 1, 1]);
    assert_eq!(committee.weight(ValidatorIndex(4)), 0);
    assert_eq!(committee.weight(ValidatorIndex(u16::MAX)), 0);
    assert!(committee.member(ValidatorIndex(4)).is_none());
    let of_five = Signers::of(5, [0, 1].map(ValidatorIndex));
    assert_eq!(committee.stake_of(&of_five), 0);
}

#[test]
fn leaders_are_the_first_whose_cumulative_weight_exceeds_the_scaled_draw() {
    for weights in [
        vec![1, 2, 3, 10],
        vec![u64::MAX; 5],
        vec![1, u64::MAX, 1],
        vec![7],
    ] {
        let committee = committee(1, &weights);
        let total: Stake = weights.iter().copied().map(Stake::from).sum();
        for view in 1..=300 {
            let x = scaled(&digest::leader(named("seed"), View(view)), total);
            let leader = committee.leader(named("seed"), View(view)).position();
            let cumulative =
                |n: usize| -> Stake { weights[..n].iter().copied().map(Stake::from).sum() };
            assert!(cumulative(leader) <= x && x < cumulative(leader + 1));
        }
    }
}

#[test]
fn views_are_led_in_proportion_to_stake() {
    let committee = committee(1, &[1, 2, 3, 10]);
    let mut led = [0_u64; 4];
    for view in 1..=16_000 {
        led[committee.leader(named("seed"), View(view)).position()] += 1;
    }
    // Six standard deviations of a binomial: 1000 +- 184 at the least weight.
    for (count, (expected, slack)) in
        led.into_iter()
            .zip([(1_000, 184), (2_000, 251), (3_000, 297), (10_000, 368)])
    {
        assert!(
            expected - slack < count && count < expected + slack,
            "{led:?}"
        );
    }
}

proptest! {
    #[test]
    fn scaling_a_draw_is_exact(draw: [u8; 32], total in 1..=u128::from(u64::MAX) * 1_000) {
        let draw = Hash(draw);
        prop_assert_eq!(scale(&draw, total), scaled(&draw, total));
        prop_assert!(scale(&draw, total) < total);
    }
}

#[test]
fn the_extreme_draws_fall_on_the_first_and_the_last_member() {
    let total = Stake::from(u64::MAX) * 1_000;
    assert_eq!(scale(&Hash::ZERO, total), 0);
    assert_eq!(scale(&Hash([0xff; 32]), total), total - 1);
    assert_eq!(scale(&Hash([0xff; 32]), 1), 0);
}

/// The commitment by the words of l1.md section 2.
#[test]
fn the_commitment_is_the_hash_of_epoch_size_total_sum_and_root() {
    let committee = committee(7, &[5, 4, 3]);
    let word = |number: u64| {
        let mut word = [0; 32];
        word[24..].copy_from_slice(&number.to_be_bytes());
        word
    };
    let leaf = |index: usize| {
        let member = &committee.members()[index];
        let bytes = [
            word(index as u64).as_slice(),
            &member.key.point_g1().0,
            &word(member.weight),
        ]
        .concat();
        assert_eq!(bytes.len(), 6 * 32);
        digest::keccak(&bytes)
    };
    let node = |l: Hash, r: Hash| digest::keccak(&[&[1], l.0.as_slice(), &r.0].concat());
    let root = node(node(leaf(0), leaf(1)), node(leaf(2), Hash::ZERO));
    assert_eq!(committee.root(), root);
    let sum = bls::sum_g1(committee.members().iter().map(|member| &member.key));
    let bytes = [word(7).as_slice(), &word(3), &word(12), &sum.0, &root.0].concat();
    assert_eq!(committee.commitment(), digest::keccak(&bytes));
}

#[test]
fn every_part_of_a_committee_is_in_its_commitment() {
    let base = committee(1, &[5, 4, 3]);
    let mut swapped = members(&[5, 4, 3]);
    swapped.swap(0, 1);
    let others = [
        base.in_epoch(Epoch(2)),
        (*committee(1, &[5, 4, 4])).clone(),
        (*committee(1, &[5, 4])).clone(),
        (*committee(1, &[5, 4, 3, 1])).clone(),
        Committee::new(Epoch(1), swapped).unwrap(),
    ];
    for other in others {
        assert_ne!(other.commitment(), base.commitment());
    }
    assert_eq!(base.in_epoch(Epoch(1)), *base);
}

#[test]
fn oversized_lists_are_refused_before_an_element_is_read() {
    let mut bytes = codec::encode(&Epoch(1));
    bytes.extend(u32::MAX.to_le_bytes());
    let error = codec::decode::<Committee>(&bytes).unwrap_err();
    assert!(error.to_string().contains("at most 1000"), "{error}");
}

#[test]
fn a_committee_from_json_is_checked_as_any_other() {
    let committee = committee(1, &[5, 4]);
    let json = serde_json::to_string(&*committee).unwrap();
    assert_eq!(
        serde_json::from_str::<Committee>(&json).unwrap(),
        *committee
    );
    let weightless = json.replace("\"weight\":4", "\"weight\":0");
    assert!(serde_json::from_str::<Committee>(&weightless).is_err());
    assert!(serde_json::from_str::<Committee>(r#"{"epoch":1,"members":[]}"#).is_err());
    let twice = serde_json::json!({
        "epoch": 1,
        "members": vec![&committee.members()[0]; MAX_MEMBERS + 1],
    });
    let error = serde_json::from_value::<Committee>(twice).unwrap_err();
    assert!(error.to_string().contains("more than 1000"), "{error}");
}
