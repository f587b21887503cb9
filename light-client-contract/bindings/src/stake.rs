//! From the stake table's events to committees: pure, and the same on every node (T4).
//!
//! Logs come as endpoints give them. Each carries the hash over all before it, so a log that was
//! changed, left out, put in or moved is noticed when it is applied; that none is missing at the
//! end shows by comparing [`Registry::chain`] with `eventChain()` of the block.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hotshot_types::{
    Address, Committee, Epoch, Hash, Member, PublicKey, committee::MAX_MEMBERS,
    digest::keccak_concat,
};

mod event;

pub use self::event::{StakeError, StakeEvent, StakeLog};

/// Token units in a unit of voting weight.
pub const UNITS_PER_WEIGHT: u128 = 1_000_000_000;
/// With fewer validators the committee stays as it is.
pub const MIN_MEMBERS: usize = 4;

/// An operator that has not left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// The account that answers for it.
    pub operator: Address,
    /// Its consensus key.
    pub key: PublicKey,
    /// Its Ed25519 network key. Not proven: see [`Registry::contacts`].
    pub network_key: [u8; 32],
    /// Where it listens, as it wrote it.
    pub address: String,
    /// Its own stake and what was delegated to it, in token units.
    pub stake: u128,
    /// Convicted: in no committee any more.
    pub is_jailed: bool,
    /// Counts the claims of network keys: who claimed one first.
    claim: u64,
}

/// The rule by which committees are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Least stake of a member, in token units.
    pub minimum_stake: u128,
    /// Most members.
    pub maximum_members: u16,
}

/// The stake table at an L1 block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    chain: Hash,
    validators: BTreeMap<Address, Validator>,
    rule: Rule,
    claims: u64,
}

impl Registry {
    /// The stake table before its first event.
    #[must_use]
    pub fn new(chain_domain: Hash) -> Self {
        Self {
            chain: chain_domain,
            validators: BTreeMap::new(),
            rule: Rule::default(),
            claims: 0,
        }
    }

    /// The hash over all events so far: what `eventChain()` returns.
    #[must_use]
    pub fn chain(&self) -> Hash {
        self.chain
    }

    /// The rule now.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The operators that have not left, by account.
    #[must_use]
    pub fn validators(&self) -> &BTreeMap<Address, Validator> {
        &self.validators
    }

    /// Applies the next event.
    ///
    /// # Errors
    /// A log that is not the next one, or that is none of the stake table. Nothing changes then.
    pub fn apply(&mut self, log: &StakeLog) -> Result<(), StakeError> {
        let next = log.chained(self.chain);
        if log.chain != next {
            return Err(StakeError::NotNext);
        }
        let event = log.event()?;
        self.chain = next;
        self.change(log.operator(), event);
        Ok(())
    }

    fn change(&mut self, operator: Address, event: StakeEvent) {
        self.claims += 1;
        let claim = self.claims;
        let known = self.validators.get_mut(&operator);
        match (event, known) {
            (
                StakeEvent::Registered {
                    key,
                    network_key,
                    address,
                    stake,
                },
                _,
            ) => {
                let validator = Validator {
                    operator,
                    key,
                    network_key,
                    address,
                    stake,
                    is_jailed: false,
                    claim,
                };
                self.validators.insert(operator, validator);
            }
            (StakeEvent::Staked { stake }, Some(known)) => known.stake = stake,
            (StakeEvent::Rotated { key }, Some(known)) => known.key = key,
            (
                StakeEvent::Moved {
                    network_key,
                    address,
                },
                Some(known),
            ) => {
                if known.network_key != network_key {
                    known.claim = claim;
                }
                known.network_key = network_key;
                known.address = address;
            }
            (StakeEvent::Left, _) => {
                self.validators.remove(&operator);
            }
            (StakeEvent::Convicted, Some(known)) => known.is_jailed = true,
            (StakeEvent::Rule(rule), _) => self.rule = rule,
            // Delegators of an operator that has left take their stake back.
            (
                StakeEvent::Staked { .. }
                | StakeEvent::Rotated { .. }
                | StakeEvent::Moved { .. }
                | StakeEvent::Convicted,
                None,
            ) => {}
        }
    }

    /// Who votes in an epoch, if the table is as this one at the epoch's L1 block. `before` is the
    /// committee of the epoch before: it stays where fewer than four validators qualify.
    #[must_use]
    pub fn committee(&self, epoch: Epoch, before: &Committee) -> Arc<Committee> {
        let members = self.members();
        let committee = if members.len() < MIN_MEMBERS {
            before.in_epoch(epoch)
        } else {
            let members = members.into_iter().map(|(_, member)| member).collect();
            Committee::new(epoch, members).unwrap_or_else(|_| before.in_epoch(epoch))
        };
        Arc::new(committee)
    }

    /// Those who qualify, by operator account: the heaviest, up to the rule's number, of equals
    /// those with the lower account.
    #[must_use]
    pub fn members(&self) -> Vec<(Address, Member)> {
        let most = usize::from(self.rule.maximum_members).min(MAX_MEMBERS);
        let mut members: Vec<(Address, Member)> = self
            .validators
            .values()
            .filter(|validator| !validator.is_jailed)
            .filter(|validator| validator.stake >= self.rule.minimum_stake)
            .filter_map(|validator| {
                let weight = u64::try_from(validator.stake / UNITS_PER_WEIGHT).ok()?;
                let key = validator.key;
                (weight > 0).then_some((validator.operator, Member { key, weight }))
            })
            .collect();
        members.sort_by(|(a, one), (b, other)| other.weight.cmp(&one.weight).then(a.cmp(b)));
        members.truncate(most);
        members.sort_by_key(|(operator, _)| *operator);
        members
    }

    /// Validators with their network keys. Nobody proves a network key: where two claim one, it is
    /// whose who claimed it first and has not left.
    #[must_use]
    pub fn contacts(&self) -> Vec<&Validator> {
        let mut validators: Vec<&Validator> = self.validators.values().collect();
        validators.sort_by_key(|validator| validator.claim);
        let mut claimed = BTreeSet::new();
        validators.retain(|validator| claimed.insert(validator.network_key));
        validators
    }
}

impl StakeLog {
    /// The hash over this event and all before it.
    fn chained(&self, before: Hash) -> Hash {
        let data = hotshot_types::digest::keccak(&self.data);
        keccak_concat(&[&before.0, &self.topic.0, &self.subject.0, &data.0])
    }
}

#[cfg(test)]
mod tests;
