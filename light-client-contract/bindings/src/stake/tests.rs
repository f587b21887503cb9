use std::sync::LazyLock;

use alloy_sol_types::SolEvent;
use hotshot_types::{SecretKey, digest::keccak};
use proptest::prelude::*;

use super::*;
use crate::{
    abi::{self, FixedBytes, U256, stake_table::IStakeTable as Events},
    points,
};

const DOMAIN: Hash = Hash([7; 32]);
const TOKEN: u128 = 1_000_000_000_000_000_000;

static KEYS: LazyLock<Vec<PublicKey>> = LazyLock::new(|| {
    let keys = (0..24).map(|number| SecretKey::derive(&[number; 32]).public_key());
    keys.collect()
});

/// Makes logs as the contract does.
struct Contract {
    chain: Hash,
    block: u64,
    logs: Vec<StakeLog>,
}

impl Contract {
    fn new() -> Self {
        let mut contract = Self {
            chain: DOMAIN,
            block: 10,
            logs: Vec::new(),
        };
        contract.rule(TOKEN, 100);
        contract
    }

    fn emit<E: SolEvent>(&mut self, operator: Address, event: &E) {
        let topic = Hash(E::SIGNATURE_HASH.0);
        let mut subject = Hash::ZERO;
        subject.0[12..].copy_from_slice(&operator.0);
        let data = event.encode_data();
        let hash = keccak(&data);
        self.chain = keccak_concat(&[&self.chain.0, &topic.0, &subject.0, &hash.0]);
        self.block += 1;
        self.logs.push(StakeLog {
            block: self.block,
            topic,
            subject,
            chain: self.chain,
            data,
        });
    }

    fn rule(&mut self, minimum: u128, maximum_members: u16) {
        let event = Events::CommitteeRule {
            table: abi::address(Address::ZERO),
            chain: FixedBytes::ZERO,
            minimumStake: abi::amount(minimum).unwrap(),
            maximumMembers: maximum_members,
        };
        self.emit(Address([0xee; 20]), &event);
    }

    fn register(&mut self, operator: Address, key: usize, network_key: u8, stake: u128) {
        let key = &KEYS[key];
        let event = Events::Registered {
            operator: abi::address(operator),
            chain: FixedBytes::ZERO,
            pk1: points::words_g1(&key.point_g1()),
            pk2: points::words_g2(&key.point_g2()),
            networkKey: FixedBytes([network_key; 32]),
            networkAddress: "/ip4/10.0.0.1/tcp/9000".into(),
            stake: abi::amount(stake).unwrap(),
        };
        self.emit(operator, &event);
    }

    fn delegated(&mut self, operator: Address, stake: u128) {
        let event = Events::Delegated {
            operator: abi::address(operator),
            chain: FixedBytes::ZERO,
            delegator: abi::address(operator),
            amount: abi::amount(1).unwrap(),
            stake: abi::amount(stake).unwrap(),
        };
        self.emit(operator, &event);
    }

    fn undelegated(&mut self, operator: Address, stake: u128) {
        let event = Events::Undelegated {
            operator: abi::address(operator),
            chain: FixedBytes::ZERO,
            delegator: abi::address(operator),
            amount: abi::amount(1).unwrap(),
            stake: abi::amount(stake).unwrap(),
            withdrawal: U256::from(1),
        };
        self.emit(operator, &event);
    }

    fn left(&mut self, operator: Address) {
        let event = Events::Deregistered {
            operator: abi::address(operator),
            chain: FixedBytes::ZERO,
            amount: abi::amount(1).unwrap(),
            withdrawal: U256::from(1),
        };
        self.emit(operator, &event);
    }

    fn rotated(&mut self, operator: Address, key: usize) {
        let key = &KEYS[key];
        let event = Events::KeysRotated {
            operator: abi::address(operator),
            chain: FixedBytes::ZERO,
            pk1: points::words_g1(&key.point_g1()),
            pk2: points::words_g2(&key.point_g2()),
        };
        self.emit(operator, &event);
    }

    fn slashed(&mut self, operator: Address) {
        let event = Events::Slashed {
            operator: abi::address(operator),
            chain: FixedBytes::ZERO,
            key: FixedBytes::ZERO,
            offence: crate::abi::stake_table::Offence::Votes1,
            epoch: 1,
            burnt: U256::from(1),
            reward: U256::from(1),
            reporter: abi::address(operator),
            retained: 900_000_000_000_000_000,
        };
        self.emit(operator, &event);
    }

    fn replay(&self) -> Registry {
        let mut registry = Registry::new(DOMAIN);
        for log in &self.logs {
            registry.apply(log).unwrap();
        }
        registry
    }
}

fn operator(number: u8) -> Address {
    Address([number; 20])
}

fn four() -> Contract {
    let mut contract = Contract::new();
    for number in 1..=4 {
        let stake = u128::from(number) * TOKEN;
        contract.register(operator(number), usize::from(number), number, stake);
    }
    contract
}

fn genesis() -> Committee {
    let members = (20..24).map(|key| Member {
        key: KEYS[key],
        weight: 5,
    });
    Committee::new(Epoch(2), members.collect()).unwrap()
}

fn weights(registry: &Registry) -> Vec<u64> {
    registry.committee(Epoch(3), &genesis()).weights()
}

#[test]
fn members_stand_in_the_order_of_their_accounts() {
    let mut contract = four();
    contract.register(operator(9), 9, 9, 7 * TOKEN);
    let tokens = [1, 2, 3, 4, 7].map(|tokens| tokens * 1_000_000_000);
    assert_eq!(weights(&contract.replay()), tokens);
}

#[test]
fn with_fewer_than_four_the_committee_stays_under_the_new_number() {
    let mut contract = four();
    contract.left(operator(2));
    let committee = contract.replay().committee(Epoch(3), &genesis());
    assert_eq!(*committee, genesis().in_epoch(Epoch(3)));
}

#[test]
fn who_was_slashed_or_has_too_little_is_in_no_committee() {
    let mut contract = four();
    for number in 5..=6 {
        contract.register(operator(number), usize::from(number), number, 9 * TOKEN);
    }
    contract.slashed(operator(5));
    contract.undelegated(operator(6), TOKEN - 1);
    assert_eq!(weights(&contract.replay()).len(), 4);
    contract.delegated(operator(6), TOKEN);
    assert_eq!(weights(&contract.replay()).len(), 5);
}

#[test]
fn of_equal_stakes_the_lower_accounts_are_chosen() {
    let mut contract = Contract::new();
    contract.rule(TOKEN, 4);
    for number in (1..=6).rev() {
        contract.register(operator(number), usize::from(number), number, 5 * TOKEN);
    }
    let members = contract.replay().members();
    let chosen: Vec<Address> = members.iter().map(|(operator, _)| *operator).collect();
    assert_eq!(chosen, [1, 2, 3, 4].map(operator));
}

#[test]
fn a_rotated_key_takes_the_old_ones_place() {
    let mut contract = four();
    contract.rotated(operator(3), 15);
    let committee = contract.replay().committee(Epoch(3), &genesis());
    assert_eq!(committee.members()[2].key, KEYS[15]);
}

#[test]
fn a_network_key_is_whose_who_claimed_it_first_and_has_not_left() {
    let mut contract = four();
    contract.register(operator(5), 5, 1, TOKEN);
    let owners = |contract: &Contract| -> Vec<Address> {
        let registry = contract.replay();
        let contacts = registry.contacts();
        let ours = contacts.iter().filter(|known| known.network_key == [1; 32]);
        ours.map(|known| known.operator).collect()
    };
    assert_eq!(owners(&contract), [operator(1)]);
    contract.left(operator(1));
    assert_eq!(owners(&contract), [operator(5)]);
}

#[test]
fn an_event_that_is_changed_left_out_or_moved_is_noticed() {
    let contract = four();
    let last = contract.logs.len() - 1;
    let applies = |logs: &[StakeLog]| {
        let mut registry = Registry::new(DOMAIN);
        logs.iter().all(|log| registry.apply(log).is_ok()) && registry.chain() == contract.chain
    };
    assert!(applies(&contract.logs));
    for place in 0..=last {
        let mut without = contract.logs.clone();
        without.remove(place);
        assert!(!applies(&without), "without event {place}");
        let mut changed = contract.logs.clone();
        changed[place].data[40] ^= 1;
        assert!(!applies(&changed), "with event {place} changed");
        let mut of_another = contract.logs.clone();
        of_another[place].subject.0[31] ^= 1;
        assert!(
            !applies(&of_another),
            "with event {place} of another operator"
        );
        if place < last {
            let mut swapped = contract.logs.clone();
            swapped.swap(place, place + 1);
            assert!(
                !applies(&swapped),
                "with events {place} and the next swapped"
            );
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Register(u8, u64),
    Stake(u8, u64),
    Unstake(u8, u64),
    Rotate(u8),
    Slash(u8),
    Leave(u8),
    Rule(u64, u16),
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..12_u8;
    let stake = 0..4_000_u64;
    prop_oneof![
        4 => (who.clone(), stake.clone()).prop_map(|(who, stake)| Act::Register(who, stake)),
        3 => (who.clone(), stake.clone()).prop_map(|(who, stake)| Act::Stake(who, stake)),
        2 => (who.clone(), stake).prop_map(|(who, stake)| Act::Unstake(who, stake)),
        1 => who.clone().prop_map(Act::Rotate),
        1 => who.clone().prop_map(Act::Slash),
        1 => who.prop_map(Act::Leave),
        1 => (0..2_000_u64, 1..9_u16).prop_map(|(least, most)| Act::Rule(least, most)),
    ]
}

/// What the rule says, told in another way: by asking of each validator how many are before it.
fn expected(
    stakes: &BTreeMap<u8, (u64, bool)>,
    (least, most): (u64, u16),
) -> Option<Vec<(u8, u64)>> {
    let qualifies = |(stake, jailed): &(u64, bool)| !jailed && *stake >= least.max(1);
    let mut chosen = Vec::new();
    for (who, state) in stakes {
        let before = stakes.iter().filter(|(other, rival)| {
            qualifies(rival) && (rival.0 > state.0 || (rival.0 == state.0 && other < &who))
        });
        if qualifies(state) && before.count() < usize::from(most) {
            chosen.push((*who, state.0));
        }
    }
    (chosen.len() >= MIN_MEMBERS).then_some(chosen)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// T4: whatever happens in the stake table, a committee comes of it, and it is the rule's.
    #[test]
    fn every_history_gives_the_committee_of_the_rule(acts in proptest::collection::vec(act(), 0..60)) {
        let mut contract = Contract::new();
        let mut stakes: BTreeMap<u8, (u64, bool)> = BTreeMap::new();
        let mut gone = BTreeSet::new();
        let mut rule = (1_000_000_000, 100);
        let units = |weight: u64| u128::from(weight) * UNITS_PER_WEIGHT;
        for act in acts {
            match act {
                Act::Register(who, stake) if !stakes.contains_key(&who) && gone.insert(who) => {
                    contract.register(operator(who), usize::from(who), who, units(stake));
                    stakes.insert(who, (stake, false));
                }
                Act::Stake(who, stake) => if let Some(known) = stakes.get_mut(&who) {
                    contract.delegated(operator(who), units(stake));
                    known.0 = stake;
                },
                // Delegators take their stake back after the operator has left, too.
                Act::Unstake(who, stake) if gone.contains(&who) => {
                    contract.undelegated(operator(who), units(stake));
                    if let Some(known) = stakes.get_mut(&who) {
                        known.0 = stake;
                    }
                }
                Act::Rotate(who) if stakes.contains_key(&who) => {
                    contract.rotated(operator(who), usize::from(who) + 12);
                }
                Act::Slash(who) if gone.contains(&who) => {
                    contract.slashed(operator(who));
                    if let Some(known) = stakes.get_mut(&who) {
                        known.1 = true;
                    }
                }
                Act::Leave(who) if stakes.contains_key(&who) => {
                    stakes.remove(&who);
                    contract.left(operator(who));
                }
                Act::Rule(least, most) => {
                    contract.rule(units(least), most);
                    rule = (least, most);
                }
                _ => {}
            }
        }
        let registry = contract.replay();
        prop_assert_eq!(registry.chain(), contract.chain);
        let committee = registry.committee(Epoch(3), &genesis());
        prop_assert_eq!(committee.epoch(), Epoch(3));
        match expected(&stakes, rule) {
            None => {
                let before = genesis();
                prop_assert_eq!(committee.members(), before.members());
            }
            Some(chosen) => {
                let weights: Vec<u64> = chosen.iter().map(|(_, weight)| *weight).collect();
                prop_assert_eq!(committee.weights(), weights);
            }
        }
    }
}
