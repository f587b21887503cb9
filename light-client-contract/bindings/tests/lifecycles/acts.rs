//! What happens in a lifecycle: mostly what is allowed, and all that is not.

use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::model::{Act, Crime, MOST_STAKE, Model, TOKEN};

/// Accounts that may become operators; those above only delegate, and the last one is rich.
pub(crate) const OPERATORS: usize = 8;
pub(crate) const ACCOUNTS: usize = 12;
pub(crate) const RICH: usize = ACCOUNTS - 1;
/// Consensus keys.
pub(crate) const KEYS: usize = 20;

/// A validator comes, as is allowed.
pub(crate) fn opening(rng: &mut StdRng, who: usize) -> Act {
    Act::Register {
        who,
        key: who,
        proven_for: who,
        network_key: rng.random_range(0..12),
        address: "/ip4/10.0.0.1/tcp/9000".into(),
        amount: TOKEN * rng.random_range(1..8),
    }
}

/// Somebody does something.
pub(crate) fn random(rng: &mut StdRng, model: &Model) -> Act {
    let who = rng.random_range(0..ACCOUNTS);
    let operator = operator(rng, model);
    // One in ten fumbles.
    let proven_for = if rng.random_bool(0.9) { operator } else { who };
    let newcomer = rng.random_range(0..OPERATORS);
    match rng.random_range(0..100) {
        0..15 => Act::Register {
            who: newcomer,
            key: key(rng, model),
            proven_for: if proven_for == who { who } else { newcomer },
            network_key: rng.random_range(0..12),
            address: address(rng),
            amount: amount(rng),
        },
        15..40 => match headroom(rng, model, operator) {
            Some(amount) => Act::Delegate {
                who: RICH,
                to: operator,
                amount,
            },
            None => Act::Delegate {
                who,
                to: operator,
                amount: amount(rng),
            },
        },
        40..62 => undelegate(rng, model, who, operator),
        62..70 => Act::Rotate {
            who: operator,
            key: key(rng, model),
            proven_for,
        },
        70..77 => Act::Move {
            who: operator,
            network_key: rng.random_range(0..12),
            address: address(rng),
        },
        77..80 => Act::Leave { who: operator },
        80..91 => Act::Withdraw {
            who,
            number: rng.random_range(0..=model.withdrawals.len()),
        },
        91..96 => Act::Slash {
            who,
            key: taken_key(rng, model),
            crime: crime(rng),
        },
        _ => Act::Rule {
            least: *[0, 1, TOKEN, 2 * TOKEN, 5 * TOKEN, MOST_STAKE + 1]
                .choose(rng)
                .expect("there are some"),
            most: *[3, 4, 5, 6, 7, 100, 1_000, 1_001]
                .choose(rng)
                .expect("there are some"),
        },
    }
}

/// Mostly one that votes.
fn operator(rng: &mut StdRng, model: &Model) -> usize {
    let active = model.operators.iter();
    let active = active.filter(|(_, operator)| !operator.jailed && operator.left.is_none());
    let active: Vec<usize> = active.map(|(who, _)| *who).collect();
    match active.choose(rng) {
        Some(who) if rng.random_bool(0.9) => *who,
        _ => rng.random_range(0..OPERATORS),
    }
}

/// Mostly one that was registered once.
fn taken_key(rng: &mut StdRng, model: &Model) -> usize {
    let taken: Vec<usize> = model.keys.keys().copied().collect();
    match taken.choose(rng) {
        Some(key) if rng.random_bool(0.9) => *key,
        _ => rng.random_range(0..KEYS),
    }
}

/// Mostly one that nobody has taken.
fn key(rng: &mut StdRng, model: &Model) -> usize {
    let free: Vec<usize> = (0..KEYS)
        .filter(|key| !model.keys.contains_key(key))
        .collect();
    match free.choose(rng) {
        Some(key) if rng.random_bool(0.9) => *key,
        _ => rng.random_range(0..KEYS),
    }
}

/// Few values, so that many are equal; and values around the limits.
fn amount(rng: &mut StdRng) -> u128 {
    match rng.random_range(0..20) {
        0 => rng.random_range(0..=TOKEN),
        1 => TOKEN * rng.random_range(1..6) - 1,
        2 => TOKEN * rng.random_range(1..6) + rng.random_range(0..2_000_000_000),
        3 => rng.random_range(0..2_000_000_000),
        4 => rng.random_range(MOST_STAKE - 1..=MOST_STAKE + 1),
        _ => TOKEN * rng.random_range(1..8),
    }
}

/// Sometimes what the operator may still take, or one more.
fn headroom(rng: &mut StdRng, model: &Model, operator: usize) -> Option<u128> {
    let stake = model.operators.get(&operator)?.stake();
    rng.random_bool(0.04)
        .then(|| MOST_STAKE - stake + rng.random_range(0..2))
}

/// Mostly of stake that there is, all of it or a part.
fn undelegate(rng: &mut StdRng, model: &Model, who: usize, from: usize) -> Act {
    let stakes = model.operators.iter().flat_map(|(operator, state)| {
        let stakes = state.stakes.iter().filter(|(_, stake)| **stake > 0);
        stakes.map(|(owner, stake)| (*operator, *owner, *stake))
    });
    let stakes: Vec<_> = stakes.collect();
    match stakes.choose(rng) {
        Some(&(from, who, stake)) if rng.random_bool(0.9) => Act::Undelegate {
            who,
            from,
            amount: match rng.random_range(0..4) {
                0 => stake,
                1 => stake + 1,
                _ => rng.random_range(1..=stake),
            },
        },
        _ => Act::Undelegate {
            who,
            from,
            amount: amount(rng),
        },
    }
}

fn address(rng: &mut StdRng) -> String {
    match rng.random_range(0..30) {
        0 => String::new(),
        1 => "/ip4/10.0.0.1/tcp/90 00".into(),
        2 => "x".repeat(257),
        3 => "x".repeat(256),
        port => format!("/ip4/10.0.0.1/tcp/{}", 9_000 + port),
    }
}

fn crime(rng: &mut StdRng) -> Crime {
    match rng.random_range(0..6) {
        0 => Crime::Repeated,
        1 => Crime::Forged,
        offence => Crime::Real(offence - 2),
    }
}
