use proptest::collection::vec;
use proptest::prelude::*;
use reed_solomon_simd::ReedSolomonEncoder;

use super::{MAX_VALIDATORS, Slots, SlotsError};

/// The least stake of a set that surely has an honest validator, counted up instead of computed.
fn one_honest(sum: u128) -> u128 {
    let mut stake = sum / 3;
    while 3 * stake < sum {
        stake += 1;
    }
    stake.max(1)
}

fn widths(slots: &Slots) -> Vec<u128> {
    (0..slots.validators())
        .map(|validator| slots.range(validator).unwrap().len() as u128)
        .collect()
}

/// N and k of DA10 for one M, in another arithmetic than the crate's: by how often the share fits.
fn table(stakes: &[u64], size: u128) -> (u128, u128) {
    let sum: u128 = stakes.iter().map(|stake| u128::from(*stake)).sum();
    let above = |stake: u128| {
        // The least w with w * S > stake * M.
        let (mut low, mut high) = (0, size + 1);
        while low + 1 < high {
            let middle = u128::midpoint(low, high);
            if middle * sum > stake * size {
                high = middle
            } else {
                low = middle
            }
        }
        high
    };
    (
        stakes.iter().map(|stake| above(u128::from(*stake))).sum(),
        above(one_honest(sum)),
    )
}

/// DA11 as it is worded.
fn chosen(stakes: &[u64]) -> (u128, u128) {
    let least = stakes.len() as u128 - 1;
    let sizes = [least, 256, 1024, 4096, 16384]
        .into_iter()
        .filter(|size| *size >= least);
    let tables: Vec<_> = sizes.map(|size| table(stakes, size)).collect();
    if let Some(tight) = tables
        .iter()
        .find(|(total, threshold)| 2 * total <= 7 * threshold)
    {
        return *tight;
    }
    let mut best = tables[0];
    for table in &tables[1..] {
        if table.0 * best.1 < best.0 * table.1 {
            best = *table;
        }
    }
    best
}

/// Every set with enough stake owns enough slots: by weight, and for sets chosen to have few slots for their stake.
fn check(stakes: &[u64]) {
    let slots = Slots::new(stakes).unwrap();
    let widths = widths(&slots);
    let threshold = u128::from(slots.threshold());
    let total: u128 = widths.iter().sum();
    assert_eq!((total, threshold), chosen(stakes));
    assert_eq!(total, u128::from(slots.total()));
    assert!(widths.iter().all(|width| *width > 0));
    assert!(threshold >= 1 && threshold <= total);
    if total > threshold {
        let recovery = usize::try_from(total - threshold).unwrap();
        assert!(ReedSolomonEncoder::supports(
            usize::try_from(threshold).unwrap(),
            recovery
        ));
    }

    let sum: u128 = stakes.iter().map(|stake| u128::from(*stake)).sum();
    let needed = one_honest(sum);
    let mut order: Vec<usize> = (0..stakes.len()).collect();
    // Fewest slots for their stake first: the sets that come closest to breaking the threshold.
    order.sort_by(|a, b| {
        (widths[*a] * u128::from(stakes[*b])).cmp(&(widths[*b] * u128::from(stakes[*a])))
    });
    for rotation in 0..order.len().min(20) {
        let (mut stake, mut owned) = (0, 0);
        for validator in order.iter().cycle().skip(rotation).take(order.len()) {
            if stake >= needed {
                break;
            }
            stake += u128::from(stakes[*validator]);
            owned += widths[*validator];
        }
        assert!(
            owned >= threshold,
            "{owned} slots of {threshold} with stake {stake} of {sum}"
        );
    }
}

#[test]
fn da10_every_subset_of_a_small_committee_with_enough_stake_owns_the_threshold() {
    let tables: [&[u64]; 8] = [
        &[1, 1, 1, 1],
        &[100, 100, 100, 1],
        &[34, 33, 33],
        &[u64::MAX, u64::MAX, u64::MAX, 1, 1, 1],
        &[5, 4, 3, 2, 1, 1, 1, 1],
        &[334, 333, 333, 1, 1],
        &[1_000_000, 999_999, 1, 2, 3, 4, 5, 6, 7, 8],
        &[10, 10, 10, 10, 10, 10, 10, 10, 10, 11],
    ];
    for stakes in tables {
        let slots = Slots::new(stakes).unwrap();
        let widths = widths(&slots);
        let needed = one_honest(stakes.iter().map(|stake| u128::from(*stake)).sum());
        for set in 0..1_u32 << stakes.len() {
            let members = || (0..stakes.len()).filter(|index| set >> index & 1 == 1);
            let stake: u128 = members().map(|index| u128::from(stakes[index])).sum();
            let owned: u128 = members().map(|index| widths[index]).sum();
            assert!(
                stake < needed || owned >= u128::from(slots.threshold()),
                "{stakes:?} {set:b}"
            );
        }
    }
}

#[test]
fn da11_equal_stakes_get_one_slot_each() {
    for validators in 1..=1000 {
        for stake in [1, 7, u64::MAX] {
            let slots = Slots::new(&vec![stake; validators]).unwrap();
            assert_eq!(slots.total() as usize, validators);
        }
    }
    let counts = [1, 2, 4, 10, 100, 1000].map(|validators| {
        let slots = Slots::new(&vec![1; validators]).unwrap();
        (slots.total(), slots.threshold())
    });
    assert_eq!(
        counts,
        [(1, 1), (2, 1), (4, 2), (10, 4), (100, 34), (1000, 334)]
    );
}

#[test]
fn da10_extreme_tables_keep_the_threshold() {
    for validators in (1..=1000).step_by(37) {
        check(&vec![u64::MAX; validators]);
        let mut one_large = vec![1; validators];
        one_large[validators / 2] = u64::MAX;
        check(&one_large);
        let growing: Vec<u64> = (0..validators).map(|index| 1 << (index % 64)).collect();
        check(&growing);
    }
}

#[test]
fn ranges_are_contiguous_and_owned() {
    let slots = Slots::new(&[5, 1, 9, 1]).unwrap();
    let mut next = 0;
    for validator in 0..4 {
        let range = slots.range(validator).unwrap();
        assert_eq!(range.start, next);
        next = range.end;
        assert!(
            range
                .clone()
                .all(|slot| slots.owner(slot) == Some(validator))
        );
    }
    assert_eq!(next, slots.total());
    assert_eq!(slots.range(4), None);
    assert_eq!(slots.owner(next), None);
}

#[test]
fn tables_without_slots_are_refused() {
    assert_eq!(Slots::new(&[]), Err(SlotsError::NoValidators));
    assert_eq!(Slots::new(&[1, 0]), Err(SlotsError::NoStake(1)));
    let many = vec![1; MAX_VALIDATORS + 1];
    assert_eq!(
        Slots::new(&many),
        Err(SlotsError::TooManyValidators(MAX_VALIDATORS + 1))
    );
    check(&many[1..]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn da10_da11_tables_of_small_stakes_keep_the_threshold(stakes in vec(1..100_u64, 1..60)) {
        check(&stakes);
    }

    #[test]
    fn da10_da11_tables_of_any_stakes_keep_the_threshold(
        stakes in vec(any::<u64>().prop_flat_map(|stake| (0..64_u32).prop_map(move |bits| (stake >> bits).max(1))), 1..200)
    ) {
        check(&stakes);
    }
}
