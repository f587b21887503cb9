//! What a seed stands for: who takes part, who is Byzantine and how, and what goes wrong.

use std::fmt;

use hotshot_types::L1Block;

use crate::{
    byzantine::Conduct,
    dice::Dice,
    keys::Identity,
    schedule::Weights,
    weather::{Climate, Weather},
};

/// Finalized blocks of an L1 that nodes watch.
#[derive(Clone, Debug)]
pub(crate) struct L1Plan {
    /// Between two blocks.
    pub(crate) period_ms: u64,
    /// How late each node sees a block.
    pub(crate) lag_ms: Vec<u64>,
}

/// Everything about a world that is drawn before it starts.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// How many keys there are.
    pub(crate) identities: usize,
    pub(crate) byzantine: Vec<(Identity, Conduct)>,
    pub(crate) tables: Vec<Weights>,
    pub(crate) epoch_length: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) empty_block_delay_ms: u64,
    /// Longest delay of a message in calm weather.
    pub(crate) delta_ms: u64,
    pub(crate) heals_ms: u64,
    pub(crate) climate: Climate,
    pub(crate) weather: Weather,
    /// By how much each node's clock is ahead.
    pub(crate) skew_ms: Vec<u64>,
    pub(crate) l1: Option<L1Plan>,
    /// A crash before one in so many orders; zero for none.
    pub(crate) crash_rarity: u64,
    /// Percentage of turns written as one batch before anything is sent.
    pub(crate) batch_percent: u64,
    /// Longest time of a verification, a decoding or an encoding.
    pub(crate) work_ms: u64,
    /// When each node starts for the first time.
    pub(crate) starts_ms: Vec<u64>,
}

impl Plan {
    /// What a seed stands for.
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let dice = &mut dice;
        let identities = if dice.percent(60) { 4 } else { 7 };
        let (base, byzantine) = stakes(dice, identities);
        let byzantine = conducts(dice, byzantine);
        let nodes = identities + twins(&byzantine);
        let tables = tables(dice, base, &byzantine);
        let timeout_ms = dice.between(100, 250);
        let delta_ms = dice.between(4, timeout_ms / 8);
        let heals_ms = dice.between(10 * timeout_ms, 60 * timeout_ms);
        let climate = dice.pick(&Climate::ALL);
        let weather = Weather::draw(dice, climate, nodes, heals_ms, delta_ms, timeout_ms);
        let skew = if dice.percent(30) { timeout_ms / 2 } else { 0 };
        let late = dice.percent(15);
        Self {
            seed,
            identities,
            byzantine,
            tables,
            epoch_length: dice.between(3, 10),
            timeout_ms,
            empty_block_delay_ms: dice.pick(&[0, 5, 20]),
            delta_ms,
            heals_ms,
            climate,
            weather,
            skew_ms: (0..nodes).map(|_| dice.between(0, skew)).collect(),
            l1: dice.percent(30).then(|| L1Plan {
                period_ms: dice.between(500, 3_000),
                lag_ms: (0..nodes).map(|_| dice.between(0, 4_000)).collect(),
            }),
            crash_rarity: dice.pick(&[0, 0, 3_000, 600, 150]),
            batch_percent: dice.pick(&[0, 0, 50, 100]),
            work_ms: dice.pick(&[0, 2, 5]),
            starts_ms: (0..nodes)
                .map(|_| {
                    if late && dice.percent(30) {
                        dice.below(heals_ms)
                    } else {
                        0
                    }
                })
                .collect(),
        }
    }

    /// Nodes of equal stake in good weather, for scenarios.
    #[cfg(test)]
    pub(crate) fn calm(seed: u64, identities: usize, byzantine: Vec<(Identity, Conduct)>) -> Self {
        let delta_ms = 10;
        let nodes = identities + twins(&byzantine);
        Self {
            seed,
            identities,
            byzantine,
            tables: vec![vec![1; identities]],
            epoch_length: 5,
            timeout_ms: 200,
            empty_block_delay_ms: 5,
            delta_ms,
            // Far off: only scenarios that ask for it heal.
            heals_ms: 1 << 40,
            climate: Climate::Calm,
            weather: Weather::clear(delta_ms),
            skew_ms: vec![0; nodes],
            l1: None,
            crash_rarity: 0,
            batch_percent: 0,
            work_ms: 2,
            starts_ms: vec![0; nodes],
        }
    }

    /// How many nodes there are; twins share a key.
    pub(crate) fn nodes(&self) -> usize {
        self.identities + twins(&self.byzantine)
    }

    /// The key of a node: the nodes behind the last identity are the twins'.
    pub(crate) fn identity(&self, node: usize) -> Identity {
        if node < self.identities {
            return node;
        }
        self.byzantine
            .iter()
            .filter(|(_, conduct)| *conduct == Conduct::Twin)
            .nth(node - self.identities)
            .map(|(identity, _)| *identity)
            .expect("each node behind the last identity is a twin")
    }

    /// How a Byzantine identity behaves; none for an honest one.
    pub(crate) fn conduct(&self, identity: Identity) -> Option<Conduct> {
        self.byzantine
            .iter()
            .find(|(byzantine, _)| *byzantine == identity)
            .map(|(_, conduct)| *conduct)
    }

    /// The L1 block with a number.
    pub(crate) fn l1_block(number: u64) -> L1Block {
        L1Block {
            number,
            hash: hotshot_types::digest::keccak_concat(&[b"l1", &number.to_be_bytes()]),
            timestamp: 1_600_000_000 + number,
        }
    }
}

fn twins(byzantine: &[(Identity, Conduct)]) -> usize {
    byzantine
        .iter()
        .filter(|(_, conduct)| *conduct == Conduct::Twin)
        .count()
}

fn weights(dice: &mut Dice, identities: usize) -> Weights {
    let style = dice.below(4);
    let unit = if dice.percent(10) { 1 << 58 } else { 1 };
    (0..identities)
        .map(|identity| match style {
            0 => unit,
            1 => unit * dice.between(1, 10),
            2 => unit * dice.between(10, 13),
            _ => unit * if identity == 0 { 3 } else { dice.between(1, 3) },
        })
        .collect()
}

fn stake(weights: &Weights, of: impl Fn(Identity) -> bool) -> u128 {
    weights
        .iter()
        .enumerate()
        .filter(|(identity, _)| of(*identity))
        .map(|(_, weight)| u128::from(*weight))
        .sum()
}

/// M1: the Byzantine have less than a third.
fn is_tolerable(weights: &Weights, byzantine: &[Identity]) -> bool {
    3 * stake(weights, |identity| byzantine.contains(&identity)) < stake(weights, |_| true)
}

/// Weights, and as many Byzantine members as they admit, in one seed of ten none.
fn stakes(dice: &mut Dice, identities: usize) -> (Weights, Vec<Identity>) {
    let weights = weights(dice, identities);
    let mut byzantine = Vec::new();
    if dice.percent(90) {
        let mut order: Vec<Identity> = (0..identities).collect();
        dice.shuffle(&mut order);
        for identity in order {
            byzantine.push(identity);
            if !is_tolerable(&weights, &byzantine) {
                byzantine.pop();
            }
        }
    }
    (weights, byzantine)
}

fn conducts(dice: &mut Dice, byzantine: Vec<Identity>) -> Vec<(Identity, Conduct)> {
    // A stale lock needs the most luck to do harm.
    let choice = |dice: &mut Dice| {
        let any = dice.pick(&Conduct::ALL);
        if dice.percent(15) {
            Conduct::StaleLock
        } else {
            any
        }
    };
    let common = choice(dice);
    let is_common = dice.percent(40);
    byzantine
        .into_iter()
        .map(|identity| {
            let own = choice(dice);
            (identity, if is_common { common } else { own })
        })
        .collect()
}

/// The tables that epochs cycle through: one, or several with other weights, some of them without
/// one of the members.
fn tables(dice: &mut Dice, base: Weights, byzantine: &[(Identity, Conduct)]) -> Vec<Weights> {
    let byzantine: Vec<Identity> = byzantine.iter().map(|(identity, _)| *identity).collect();
    let mut tables = vec![base.clone()];
    if dice.percent(40) {
        for _ in 0..20 {
            let mut table = weights(dice, base.len());
            if base.len() > 4 && dice.percent(50) {
                table[dice.index(base.len())] = 0;
            }
            if is_tolerable(&table, &byzantine) && tables.len() < 4 {
                tables.push(table);
            }
        }
    }
    tables
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} validators, weights {:?}, Byzantine {:?}, epochs of {}, {:?} network until {} ms, \
             view timeout {} ms, delta {} ms, a crash in {} orders",
            self.identities,
            self.tables,
            self.byzantine,
            self.epoch_length,
            self.climate,
            self.heals_ms,
            self.timeout_ms,
            self.delta_ms,
            self.crash_rarity,
        )
    }
}
