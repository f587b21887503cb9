//! What all nodes agree on beforehand: genesis, and the committee of every epoch.

use std::{collections::BTreeMap, sync::Arc};

use hotshot_types::{
    Address, Committee, Epoch, GenesisDocument, Hash, Header, L1Block, Member, Parameters,
    SealedHeader, Signature, TimestampMs, digest,
    genesis::{EmptyRoots, GenesisValidator},
};

use crate::keys::{self, Identity};

/// The start of virtual time as nodes read it, in milliseconds since the Unix epoch.
pub(crate) const GENESIS_MS: u64 = 1_700_000_000_000;

/// The weight of each identity in an epoch; zero for one that is not in its committee.
pub(crate) type Weights = Vec<u64>;

/// The committees, from a cycle of weight tables. The first table is that of epochs 1 and 2.
pub(crate) struct Schedule {
    pub(crate) domain: Hash,
    pub(crate) epoch_length: u64,
    pub(crate) seeds: [Hash; 2],
    pub(crate) genesis: Arc<SealedHeader>,
    tables: Vec<Weights>,
    committees: BTreeMap<Epoch, Arc<Committee>>,
    commitments: BTreeMap<Epoch, Hash>,
}

impl Schedule {
    pub(crate) fn new(seed: u64, tables: Vec<Weights>, epoch_length: u64, l1: L1Block) -> Self {
        let salt = digest::keccak(&seed.to_be_bytes());
        let seeds = [b"one", b"two"].map(|name| digest::keccak_concat(&[&salt.0, name]));
        let document = document(salt, seeds, &tables[0], epoch_length, l1);
        let genesis = document
            .header(EmptyRoots {
                shard_root: Hash::ZERO,
                ns_root: Hash::ZERO,
                ns_acc_root: Hash::ZERO,
            })
            .expect("the first table has members");
        Self {
            domain: document.chain_domain(),
            epoch_length,
            seeds,
            genesis: Arc::new(genesis),
            tables,
            committees: BTreeMap::new(),
            commitments: BTreeMap::new(),
        }
    }

    /// The weights of an epoch by identity.
    pub(crate) fn weights(&self, epoch: Epoch) -> &Weights {
        let later = epoch.0.saturating_sub(2);
        let cycle = u64::try_from(self.tables.len()).expect("tables are few");
        &self.tables[usize::try_from(later % cycle).expect("it is below a length")]
    }

    /// The identities of an epoch's committee, in the order of their indices.
    pub(crate) fn members(&self, epoch: Epoch) -> Vec<Identity> {
        members(self.weights(epoch))
            .map(|(identity, _)| identity)
            .collect()
    }

    /// Whether a set of identities, as a predicate, has at least a third of the stake of an
    /// epoch: enough slots to decode a payload, and at least one honest member.
    pub(crate) fn is_third(&self, epoch: Epoch, mut within: impl FnMut(Identity) -> bool) -> bool {
        let weights = self.weights(epoch);
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        let part: u128 = members(weights)
            .filter(|(identity, _)| within(*identity))
            .map(|(_, weight)| u128::from(weight))
            .sum();
        3 * part >= total
    }

    /// The committee of an epoch.
    pub(crate) fn committee(&mut self, epoch: Epoch) -> Arc<Committee> {
        if let Some(committee) = self.committees.get(&epoch) {
            return Arc::clone(committee);
        }
        let members = members(self.weights(epoch))
            .map(|(identity, weight)| Member {
                key: keys::public_key(identity),
                weight,
            })
            .collect();
        let committee = Arc::new(Committee::new(epoch, members).expect("every table is valid"));
        self.committees.insert(epoch, Arc::clone(&committee));
        committee
    }

    /// The commitment of the committee of an epoch.
    pub(crate) fn commitment(&mut self, epoch: Epoch) -> Hash {
        if let Some(commitment) = self.commitments.get(&epoch) {
            return *commitment;
        }
        let commitment = self.committee(epoch).commitment();
        self.commitments.insert(epoch, commitment);
        commitment
    }

    /// The seed of an epoch, from the chain of final headers by height (T3).
    pub(crate) fn seed(&self, epoch: Epoch, chain: &[Arc<SealedHeader>]) -> Option<Hash> {
        let position = usize::try_from(epoch.0.checked_sub(1)?).ok()?;
        if let Some(seed) = self.seeds.get(position) {
            return Some(*seed);
        }
        let last = Epoch(epoch.0 - 2).last_height(self.epoch_length);
        let last: &Header = chain.get(usize::try_from(last.0).ok()?)?.header();
        Some(last.randao_mix)
    }
}

fn members(weights: &Weights) -> impl Iterator<Item = (Identity, u64)> + '_ {
    weights
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, weight)| *weight > 0)
}

fn document(
    salt: Hash,
    seeds: [Hash; 2],
    weights: &Weights,
    epoch_length: u64,
    l1: L1Block,
) -> GenesisDocument {
    GenesisDocument {
        l1_chain_id: 0,
        stake_table: Address::ZERO,
        salt,
        timestamp_ms: TimestampMs(GENESIS_MS),
        l1,
        seeds,
        parameters: Parameters {
            epoch_length,
            ..Parameters::development()
        },
        validators: members(weights)
            .map(|(identity, weight)| GenesisValidator {
                operator: Address::ZERO,
                key: keys::public_key(identity),
                possession: Signature::ZERO,
                weight,
                network_key: Hash::ZERO,
                address: String::new(),
            })
            .collect(),
    }
}
