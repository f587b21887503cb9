//! The network's mood over time: spells of delay, loss, duplication and partition, one way or
//! both, then calm.
//!
//! Besides blind chance a spell may have a grudge: it drops or holds back one sort of message, to
//! or from some nodes only. That is how a finality certificate ends up with one node alone, or a
//! lock hidden from the next leader.

use crate::{dice::Dice, wire::Sort};

/// A set of nodes, one bit each.
pub(crate) type NodeSet = u32;

fn has(set: NodeSet, node: usize) -> bool {
    set >> node & 1 == 1
}

/// How rough the time before the network heals is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Climate {
    /// Delays only.
    Calm,
    /// Loss and long delays.
    Lossy,
    /// Random splits of random spans.
    Partitioned,
    /// Grudges.
    Targeted,
    /// Everything at once.
    Chaotic,
}

impl Climate {
    pub(crate) const ALL: [Self; 5] = [
        Self::Calm,
        Self::Lossy,
        Self::Partitioned,
        Self::Targeted,
        Self::Chaotic,
    ];
}

/// One sort of message that does badly between certain nodes.
#[derive(Clone, Debug)]
struct Grudge {
    sort: Sort,
    from: NodeSet,
    to: NodeSet,
    drop_percent: u64,
    hold_ms: u64,
}

/// A span of time with one mood.
#[derive(Clone, Debug)]
struct Spell {
    until_ms: u64,
    /// One side of a partition; the rest is the other.
    split: Option<NodeSet>,
    /// Whether that side still hears the other, and only can't make itself heard.
    is_split_one_way: bool,
    /// Whether what crosses the split comes late instead of never.
    is_split_late: bool,
    drop_percent: u64,
    twice_percent: u64,
    slow_percent: u64,
    slow_ms: u64,
    grudges: Vec<Grudge>,
}

/// The whole forecast.
#[derive(Debug)]
pub(crate) struct Weather {
    spells: Vec<Spell>,
    heals_ms: u64,
    /// Longest delay in calm weather, and of everything once healed.
    delta_ms: u64,
}

impl Weather {
    /// No disturbance at all, from the start.
    #[cfg(test)]
    pub(crate) fn clear(delta_ms: u64) -> Self {
        Self {
            spells: Vec::new(),
            heals_ms: 0,
            delta_ms,
        }
    }

    /// Nothing arrives.
    #[cfg(test)]
    pub(crate) fn cut(delta_ms: u64) -> Self {
        let silence = Spell {
            until_ms: u64::MAX,
            split: None,
            is_split_one_way: false,
            is_split_late: false,
            drop_percent: 100,
            twice_percent: 0,
            slow_percent: 0,
            slow_ms: 1,
            grudges: Vec::new(),
        };
        Self {
            spells: vec![silence],
            heals_ms: u64::MAX,
            delta_ms,
        }
    }

    /// Draws spells for `nodes` nodes until the network heals.
    pub(crate) fn draw(
        dice: &mut Dice,
        climate: Climate,
        nodes: usize,
        heals_ms: u64,
        delta_ms: u64,
        timeout_ms: u64,
    ) -> Self {
        let mut spells = Vec::new();
        let mut until_ms = 0;
        while until_ms < heals_ms {
            until_ms += dice.between(timeout_ms / 2, 10 * timeout_ms);
            spells.push(Spell::draw(dice, climate, nodes, until_ms, timeout_ms));
        }
        Self {
            spells,
            heals_ms,
            delta_ms,
        }
    }

    /// Cuts the bad weather short.
    pub(crate) fn heal(&mut self, now_ms: u64) {
        self.heals_ms = self.heals_ms.min(now_ms);
    }

    /// When copies of a message sent now arrive; none if it is lost.
    pub(crate) fn arrivals(
        &self,
        dice: &mut Dice,
        now_ms: u64,
        from: usize,
        to: usize,
        sort: Sort,
    ) -> Vec<u64> {
        let calm = dice.between(1, self.delta_ms);
        if now_ms >= self.heals_ms {
            return vec![now_ms + calm];
        }
        let Some(spell) = self.spells.iter().find(|spell| now_ms < spell.until_ms) else {
            return vec![now_ms + calm];
        };
        let copies = if dice.percent(spell.twice_percent) {
            2
        } else {
            1
        };
        (0..copies)
            .filter_map(|_| spell.arrival(dice, now_ms, from, to, sort))
            // Once healed everything sent before arrives within delta.
            .map(|at| (at + calm).min(self.heals_ms.max(now_ms).saturating_add(self.delta_ms)))
            .collect()
    }
}

impl Spell {
    fn draw(
        dice: &mut Dice,
        climate: Climate,
        nodes: usize,
        until_ms: u64,
        timeout_ms: u64,
    ) -> Self {
        let mut spell = Self {
            until_ms,
            split: None,
            is_split_one_way: dice.percent(40),
            is_split_late: dice.percent(40),
            drop_percent: 0,
            twice_percent: dice.pick(&[0, 5, 20]),
            slow_percent: 0,
            slow_ms: dice.between(timeout_ms, 5 * timeout_ms),
            grudges: Vec::new(),
        };
        let is_chaotic = climate == Climate::Chaotic;
        if climate == Climate::Lossy || is_chaotic && dice.percent(50) {
            spell.drop_percent = dice.pick(&[0, 2, 10, 30, 60]);
            spell.slow_percent = dice.pick(&[0, 5, 20, 60]);
        }
        if climate == Climate::Partitioned || is_chaotic && dice.percent(40) {
            spell.split = dice.percent(70).then(|| some_nodes(dice, nodes));
        }
        if climate == Climate::Targeted || is_chaotic && dice.percent(50) {
            for _ in 0..dice.between(0, 4) {
                spell.grudges.push(Grudge::draw(dice, nodes, timeout_ms));
            }
        }
        spell
    }

    fn arrival(
        &self,
        dice: &mut Dice,
        now_ms: u64,
        from: usize,
        to: usize,
        sort: Sort,
    ) -> Option<u64> {
        let mut at = now_ms;
        let is_cut = self.split.is_some_and(|side| {
            let is_leaving = has(side, from) && !has(side, to);
            let is_entering = !has(side, from) && has(side, to);
            is_leaving || is_entering && !self.is_split_one_way
        });
        if is_cut {
            if !self.is_split_late {
                return None;
            }
            at = self.until_ms;
        }
        if dice.percent(self.drop_percent) {
            return None;
        }
        if dice.percent(self.slow_percent) {
            at += dice.below(self.slow_ms);
        }
        for grudge in &self.grudges {
            if grudge.sort == sort && has(grudge.from, from) && has(grudge.to, to) {
                if dice.percent(grudge.drop_percent) {
                    return None;
                }
                at += dice.between(grudge.hold_ms / 2, grudge.hold_ms);
            }
        }
        Some(at)
    }
}

impl Grudge {
    fn draw(dice: &mut Dice, nodes: usize, timeout_ms: u64) -> Self {
        Self {
            sort: dice.pick(&Sort::ALL),
            from: if dice.percent(70) {
                NodeSet::MAX
            } else {
                some_nodes(dice, nodes)
            },
            to: some_nodes(dice, nodes),
            drop_percent: dice.pick(&[0, 50, 90, 100]),
            hold_ms: dice.pick(&[1, 2, 4]) * timeout_ms,
        }
    }
}

/// A set that is neither empty nor everybody.
fn some_nodes(dice: &mut Dice, nodes: usize) -> NodeSet {
    let all = (1 << nodes) - 1;
    loop {
        let set = NodeSet::try_from(dice.below(1 << nodes)).expect("nodes are few");
        if set != 0 && set != all {
            return set;
        }
    }
}

#[cfg(test)]
mod tests;
