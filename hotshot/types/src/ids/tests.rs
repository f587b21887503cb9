use super::*;
use crate::codec;

#[test]
fn numbers_from_outside_are_at_most_2_to_the_62() {
    for (value, accepted) in [
        (0, true),
        (1 << 62, true),
        ((1 << 62) + 1, false),
        (u64::MAX, false),
    ] {
        assert_eq!(
            codec::decode::<View>(&codec::encode(&value)).is_ok(),
            accepted
        );
        let json = value.to_string();
        assert_eq!(serde_json::from_str::<View>(&json).is_ok(), accepted);
        assert_eq!(serde_json::from_str::<Epoch>(&json).is_ok(), accepted);
        assert_eq!(serde_json::from_str::<Height>(&json).is_ok(), accepted);
        assert_eq!(serde_json::from_str::<TimestampMs>(&json).is_ok(), accepted);
        let round = format!(r#"{{"epoch":1,"view":{json}}}"#);
        assert_eq!(serde_json::from_str::<Round>(&round).is_ok(), accepted);
    }
    assert_eq!(
        View::try_from(u64::MAX).unwrap_err().to_string(),
        "View above 2^62"
    );
}

#[test]
fn the_greatest_accepted_number_has_a_next() {
    assert_eq!(View::MAX.next().0, (1 << 62) + 1);
    assert_eq!(Round::new(1, View::MAX.0).next().view, View::MAX.next());
    assert_eq!(Height::MAX.plus(u64::MAX), Height::MAX);
}

#[test]
fn differences_stop_at_zero() {
    assert_eq!(View(0).previous(), None);
    assert_eq!(View(3).previous(), Some(View(2)));
    assert_eq!(Round::new(4, 0).previous(), None);
    assert_eq!(Height(5).above(Height(3)), 2);
    assert_eq!(Height(3).above(Height(5)), 0);
}

/// R1.
#[test]
fn epoch_e_holds_heights_from_one_past_the_last_of_e_minus_1() {
    assert_eq!(Epoch::of(Height(0), 10), Epoch(0));
    for epoch in 1..=5 {
        let epoch = Epoch(epoch);
        let last = epoch.last_height(10);
        assert_eq!(last, Height(epoch.0 * 10));
        assert_eq!(Epoch::of(last, 10), epoch);
        assert_eq!(Epoch::of(last.next(), 10), epoch.next());
        assert_eq!(Epoch::of(Height(last.0 - 9), 10), epoch);
    }
    assert_eq!(Epoch::of(Height(7), 1), Epoch(7));
    assert_eq!(Epoch::MAX.last_height(u64::MAX), Height::MAX);
}

#[test]
fn rounds_are_ordered_by_epoch_then_view() {
    let mut rounds = [
        Round::new(2, 0),
        Round::new(1, 9),
        Round::new(2, 1),
        Round::new(1, 1),
    ];
    rounds.sort();
    assert_eq!(
        rounds.map(|round| round.to_string()),
        ["1/1", "1/9", "2/0", "2/1"]
    );
    assert_eq!(Round::first_of(Epoch(2)), Round::new(2, 1));
}
