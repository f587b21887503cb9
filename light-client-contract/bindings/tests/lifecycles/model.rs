//! What the stake table should hold, kept in the plainest way, and by which rule it gives a
//! committee. Nothing here is shared with the contract or with the crate.

use std::collections::BTreeMap;

/// Token units in a token, and in a unit of weight.
pub(crate) const TOKEN: u128 = 1_000_000_000_000_000_000;
pub(crate) const UNITS_OF_WEIGHT: u128 = 1_000_000_000;
/// The largest stake whose weight fits 64 bits.
pub(crate) const MOST_STAKE: u128 = (1 << 64) * UNITS_OF_WEIGHT - 1;

/// What somebody does. Accounts and keys are places in the test's lists.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Register {
        who: usize,
        key: usize,
        /// With a proof of possession made for this account.
        proven_for: usize,
        network_key: u8,
        address: String,
        amount: u128,
    },
    Rotate {
        who: usize,
        key: usize,
        proven_for: usize,
    },
    Move {
        who: usize,
        network_key: u8,
        address: String,
    },
    Delegate {
        who: usize,
        to: usize,
        amount: u128,
    },
    Undelegate {
        who: usize,
        from: usize,
        amount: u128,
    },
    Leave {
        who: usize,
    },
    Withdraw {
        who: usize,
        number: usize,
    },
    Slash {
        who: usize,
        key: usize,
        crime: Crime,
    },
    Rule {
        least: u128,
        most: u16,
    },
}

/// What evidence shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crime {
    /// EV1 to EV4 by their numbers in the contract.
    Real(u8),
    /// The same statement twice.
    Repeated,
    /// Signed with another key.
    Forged,
}

/// An account that was an operator once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operator {
    pub(crate) key: usize,
    pub(crate) network_key: u8,
    pub(crate) address: String,
    /// When it claimed the network key, as a number that rises.
    claimed: usize,
    /// By account, its own included; before slashing.
    pub(crate) stakes: BTreeMap<usize, u128>,
    pub(crate) leaving: u128,
    pub(crate) jailed: bool,
    /// The block in which it was.
    jailed_at: u64,
    /// Block and time at which it left.
    pub(crate) left: Option<(u64, u64)>,
}

impl Operator {
    pub(crate) fn stake(&self) -> u128 {
        self.stakes.values().sum()
    }

    pub(crate) fn stake_of(&self, account: usize) -> u128 {
        self.stakes.get(&account).copied().unwrap_or_default()
    }
}

/// Stake on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Leaving {
    pub(crate) operator: usize,
    pub(crate) owner: usize,
    pub(crate) amount: u128,
    pub(crate) block: u64,
    pub(crate) time: u64,
}

/// The whole table, and who has how many tokens.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) operators: BTreeMap<usize, Operator>,
    /// By number; none once paid.
    pub(crate) withdrawals: Vec<Option<Leaving>>,
    /// Who registered a key, for ever.
    pub(crate) keys: BTreeMap<usize, usize>,
    pub(crate) balances: Vec<u128>,
    /// Tokens in the contract.
    pub(crate) held: u128,
    pub(crate) least: u128,
    pub(crate) most: u16,
    /// How long stake stays where the light client no longer follows: twice the escrow.
    stays_s: u64,
    acts: usize,
}

impl Model {
    pub(crate) fn new(balances: Vec<u128>, least: u128, most: u16, stays_s: u64) -> Self {
        Self {
            operators: BTreeMap::new(),
            withdrawals: Vec::new(),
            keys: BTreeMap::new(),
            balances,
            held: 0,
            least,
            most,
            stays_s,
            acts: 0,
        }
    }

    /// Does it in a block; false, and nothing changes, if it is not allowed.
    pub(crate) fn act(&mut self, act: &Act, block: u64, time: u64) -> bool {
        let mut after = self.clone();
        let is_allowed = after.change(act, block, time).is_some();
        if is_allowed {
            *self = after;
        }
        is_allowed
    }

    fn change(&mut self, act: &Act, block: u64, time: u64) -> Option<()> {
        self.acts += 1;
        match act {
            Act::Register {
                who,
                key,
                proven_for,
                network_key,
                address,
                amount,
            } => {
                allow(!self.operators.contains_key(who))?;
                allow((self.least..=MOST_STAKE).contains(amount))?;
                allow(is_address(address))?;
                self.claim_key(*who, *key, *proven_for)?;
                let operator = Operator {
                    key: *key,
                    network_key: *network_key,
                    address: address.clone(),
                    claimed: self.acts,
                    stakes: BTreeMap::from([(*who, *amount)]),
                    ..Operator::default()
                };
                self.operators.insert(*who, operator);
                self.pay_in(*who, *amount)
            }
            Act::Rotate {
                who,
                key,
                proven_for,
            } => {
                self.active(*who)?;
                self.claim_key(*who, *key, *proven_for)?;
                self.active(*who)?.key = *key;
                Some(())
            }
            Act::Move {
                who,
                network_key,
                address,
            } => {
                let now = self.acts;
                let operator = self.active(*who)?;
                allow(is_address(address))?;
                if operator.network_key != *network_key {
                    operator.claimed = now;
                }
                operator.network_key = *network_key;
                operator.address.clone_from(address);
                Some(())
            }
            Act::Delegate { who, to, amount } => {
                let operator = self.active(*to)?;
                allow(*amount > 0 && operator.stake() + amount <= MOST_STAKE)?;
                *operator.stakes.entry(*who).or_default() += amount;
                self.pay_in(*who, *amount)
            }
            Act::Undelegate { who, from, amount } => {
                allow(*amount > 0)?;
                let stake = self.operators.get_mut(from)?.stakes.get_mut(who)?;
                *stake = stake.checked_sub(*amount)?;
                self.put_aside(*from, *who, *amount, block, time)
            }
            Act::Leave { who } => {
                let operator = self.operators.get_mut(who)?;
                allow(operator.left.is_none())?;
                let amount = operator.stakes.remove(who).unwrap_or_default();
                self.put_aside(*who, *who, amount, block, time)?;
                self.operators.get_mut(who)?.left = Some((block, time));
                Some(())
            }
            Act::Withdraw { number, .. } => {
                let leaving = self.withdrawals.get_mut(*number)?.take()?;
                allow(time >= leaving.time + self.stays_s)?;
                let paid = self.worth(leaving.operator, leaving.amount);
                self.operators.get_mut(&leaving.operator)?.leaving -= leaving.amount;
                self.balances[leaving.owner] += paid;
                self.held -= paid;
                Some(())
            }
            Act::Slash { who, key, crime } => {
                let guilty = *self.keys.get(key)?;
                let escrowed = self.own_in_escrow(guilty);
                let operator = self.operators.get_mut(&guilty)?;
                allow(!operator.jailed && matches!(crime, Crime::Real(_)))?;
                let taken = (operator.stake() + operator.leaving) / 10;
                let own = operator.stake_of(guilty) + escrowed;
                let reward = (taken / 10).min(own / 20);
                operator.jailed = true;
                operator.jailed_at = block;
                self.balances[*who] += reward;
                self.held -= taken;
                Some(())
            }
            Act::Rule { least, most } => {
                allow((1..=MOST_STAKE).contains(least) && (4..=1_000).contains(most))?;
                (self.least, self.most) = (*least, *most);
                Some(())
            }
        }
    }

    /// A tenth is gone from all that a convict's account held.
    pub(crate) fn worth(&self, operator: usize, amount: u128) -> u128 {
        let is_jailed = self
            .operators
            .get(&operator)
            .is_some_and(|operator| operator.jailed);
        if is_jailed { amount * 9 / 10 } else { amount }
    }

    /// What an operator has in escrow of its own, each part in whole units of weight.
    fn own_in_escrow(&self, who: usize) -> u128 {
        let own = |leaving: &&Leaving| leaving.operator == who && leaving.owner == who;
        let waiting = self.withdrawals.iter().flatten().filter(own);
        waiting
            .map(|leaving| leaving.amount / UNITS_OF_WEIGHT * UNITS_OF_WEIGHT)
            .sum()
    }

    fn active(&mut self, who: usize) -> Option<&mut Operator> {
        self.operators
            .get_mut(&who)
            .filter(|operator| !operator.jailed && operator.left.is_none())
    }

    fn claim_key(&mut self, who: usize, key: usize, proven_for: usize) -> Option<()> {
        allow(proven_for == who && !self.keys.contains_key(&key))?;
        self.keys.insert(key, who);
        Some(())
    }

    fn pay_in(&mut self, who: usize, amount: u128) -> Option<()> {
        self.balances[who] = self.balances[who].checked_sub(amount)?;
        self.held += amount;
        Some(())
    }

    fn put_aside(
        &mut self,
        from: usize,
        owner: usize,
        amount: u128,
        block: u64,
        time: u64,
    ) -> Option<()> {
        let operator = self.operators.get_mut(&from)?;
        operator.leaving += amount;
        let (mut block, time) = operator.left.unwrap_or((block, time));
        // Stake of a convict stopped counting with the conviction.
        if operator.jailed {
            block = block.min(operator.jailed_at);
        }
        self.withdrawals.push(Some(Leaving {
            operator: from,
            owner,
            amount,
            block,
            time,
        }));
        Some(())
    }

    /// Who votes, with what, in no order: those before whom there are fewer than the most. `is_lower`
    /// compares two accounts. None if they are too few.
    pub(crate) fn committee(
        &self,
        is_lower: impl Fn(usize, usize) -> bool,
    ) -> Option<Vec<(usize, u64)>> {
        let weight = |operator: &Operator| {
            let qualifies =
                !operator.jailed && operator.left.is_none() && operator.stake() >= self.least;
            let weight = u64::try_from(operator.stake() / UNITS_OF_WEIGHT).expect("it was checked");
            if qualifies { weight } else { 0 }
        };
        let mut chosen = Vec::new();
        for (who, operator) in &self.operators {
            let own = weight(operator);
            let before = self.operators.iter().filter(|(rival, operator)| {
                let weight = weight(operator);
                weight > own || (weight == own && is_lower(**rival, *who))
            });
            if own > 0 && before.count() < usize::from(self.most) {
                chosen.push((*who, own));
            }
        }
        (chosen.len() >= 4).then_some(chosen)
    }

    /// Whose a network key is: of those that have not left the one that claimed it first.
    pub(crate) fn owner_of(&self, network_key: u8) -> Option<usize> {
        self.operators
            .iter()
            .filter(|(_, operator)| operator.left.is_none())
            .filter(|(_, operator)| operator.network_key == network_key)
            .min_by_key(|(_, operator)| operator.claimed)
            .map(|(who, _)| *who)
    }
}

fn allow(condition: bool) -> Option<()> {
    condition.then_some(())
}

/// 1 to 256 printable letters of ASCII, no space.
fn is_address(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_graphic())
}
