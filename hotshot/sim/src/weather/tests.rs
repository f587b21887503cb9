use super::*;

#[test]
fn everything_sent_arrives_within_delta_once_the_network_has_healed() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let climate = dice.pick(&Climate::ALL);
        let weather = Weather::draw(&mut dice, climate, 4, 5_000, 20, 100);
        for now in (0..8_000).step_by(37) {
            let (from, to) = (dice.index(4), dice.index(4));
            let arrivals = weather.arrivals(&mut dice, now, from, to, Sort::Vote1);
            assert!(
                arrivals
                    .iter()
                    .all(|at| *at > now && *at <= now.max(5_000) + 20)
            );
            assert!(now < 5_000 || arrivals.len() == 1);
        }
    }
}

#[test]
fn a_partition_separates_its_sides_only() {
    let mut dice = Dice::new(1);
    let mut spell = Spell {
        until_ms: 1_000,
        split: Some(0b0011),
        is_split_one_way: false,
        is_split_late: false,
        drop_percent: 0,
        twice_percent: 0,
        slow_percent: 0,
        slow_ms: 1,
        grudges: Vec::new(),
    };
    assert_eq!(spell.arrival(&mut dice, 5, 0, 1, Sort::Other), Some(5));
    assert_eq!(spell.arrival(&mut dice, 5, 2, 3, Sort::Other), Some(5));
    assert_eq!(spell.arrival(&mut dice, 5, 0, 2, Sort::Other), None);
    assert_eq!(spell.arrival(&mut dice, 5, 2, 0, Sort::Other), None);
    spell.is_split_one_way = true;
    assert_eq!(spell.arrival(&mut dice, 5, 0, 2, Sort::Other), None);
    assert_eq!(spell.arrival(&mut dice, 5, 2, 0, Sort::Other), Some(5));
}
