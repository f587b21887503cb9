//! Who votes when: real keys, committees by epoch, seeds, genesis.

use std::{collections::BTreeMap, sync::Arc, sync::OnceLock};

use hotshot::EpochInfo;
use hotshot_types::{
    Committee, Epoch, Hash, Header, Height, L1Block, Member, PublicKey, Round, SealedHeader,
    SecretKey, Signature, TimestampMs, ValidatorIndex, View, digest, header::HEADER_VERSION,
    mountain_range::MountainRange,
};

/// When the tests' networks start.
pub(crate) const GENESIS_MS: u64 = 1_700_000_000_000;
const KEYS: usize = 7;

/// A validator's keys.
pub(crate) struct Pair {
    pub(crate) secret: SecretKey,
    pub(crate) public: PublicKey,
}

/// The key with this number.
pub(crate) fn key(number: usize) -> &'static Pair {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    let pairs = PAIRS.get_or_init(|| {
        (0..KEYS)
            .map(|number| {
                let name = format!("validator {number}");
                let secret = SecretKey::derive(&digest::keccak(name.as_bytes()).0);
                let public = secret.public_key();
                Pair { secret, public }
            })
            .collect()
    });
    &pairs[number]
}

/// A seed with which four members of equal weight lead in turn: view v of the first eight is led
/// by member v mod 4.
fn rotating_seed() -> Hash {
    /// No smaller number will do.
    const SEARCHED: u64 = 42_338;
    static SEED: OnceLock<Hash> = OnceLock::new();
    *SEED.get_or_init(|| {
        let committee = Schedule::equal().committee(Epoch(1));
        (SEARCHED..)
            .map(|number| digest::keccak(&number.to_be_bytes()))
            .find(|seed| {
                (1..=8).all(|view| u64::from(committee.leader(*seed, View(view)).0) == view % 4)
            })
            .expect("one in 65,536 seeds will do")
    })
}

/// The validators of every epoch.
#[derive(Clone)]
pub(crate) struct Schedule {
    /// Key numbers with weights, by epoch from 1; the last entry goes on.
    members: Vec<Vec<(usize, u64)>>,
    committees: BTreeMap<Epoch, Arc<Committee>>,
    pub(crate) seeds: [Hash; 2],
    pub(crate) domain: Hash,
    pub(crate) l1: L1Block,
}

impl Schedule {
    /// Keys 0 to 3 with equal weight in every epoch.
    pub(crate) fn equal() -> Self {
        Self::of(vec![vec![(0, 1), (1, 1), (2, 1), (3, 1)]])
    }

    pub(crate) fn of(members: Vec<Vec<(usize, u64)>>) -> Self {
        let mut schedule = Self {
            members,
            committees: BTreeMap::new(),
            seeds: [Hash::ZERO; 2],
            domain: digest::keccak(b"tests"),
            l1: L1Block {
                number: 100,
                hash: digest::keccak(b"L1 block 100"),
                timestamp: GENESIS_MS / 1_000,
            },
        };
        for epoch in 1..=5 {
            let committee = schedule.make(Epoch(epoch));
            schedule.committees.insert(Epoch(epoch), committee);
        }
        schedule
    }

    /// With leaders in turn, if the committees are the equal one.
    pub(crate) fn rotating(mut self) -> Self {
        self.seeds = [rotating_seed(); 2];
        self
    }

    fn make(&self, epoch: Epoch) -> Arc<Committee> {
        let at = usize::try_from(epoch.0 - 1).expect("epochs are few");
        let members = &self.members[at.min(self.members.len() - 1)];
        let members = members
            .iter()
            .map(|(number, weight)| Member {
                key: key(*number).public,
                weight: *weight,
            })
            .collect();
        Arc::new(Committee::new(epoch, members).expect("distinct keys with weight"))
    }

    pub(crate) fn committee(&self, epoch: Epoch) -> Arc<Committee> {
        match self.committees.get(&epoch) {
            Some(committee) => Arc::clone(committee),
            None => {
                let (_, last) = self.committees.last_key_value().expect("the first ones");
                Arc::new(last.in_epoch(epoch))
            }
        }
    }

    /// The seed of an epoch; `chain` are the final blocks from genesis.
    pub(crate) fn seed(
        &self,
        epoch: Epoch,
        chain: &[Arc<SealedHeader>],
        epoch_length: u64,
    ) -> Option<Hash> {
        match epoch.0 {
            1 | 2 => Some(self.seeds[usize::from(epoch.0 == 2)]),
            _ => {
                let height = Epoch(epoch.0 - 2).last_height(epoch_length);
                let at = usize::try_from(height.0).expect("chains are short");
                Some(chain.get(at)?.randao_mix)
            }
        }
    }

    /// The epoch before, the epoch itself and all after it whose seed is known.
    pub(crate) fn infos(
        &self,
        from: Epoch,
        chain: &[Arc<SealedHeader>],
        epoch_length: u64,
    ) -> Vec<EpochInfo> {
        let mut epoch = Epoch(from.0.saturating_sub(1).max(1));
        let mut infos = Vec::new();
        while let Some(seed) = self.seed(epoch, chain, epoch_length) {
            let committee = self.committee(epoch);
            infos.push(EpochInfo { committee, seed });
            epoch = epoch.next();
        }
        infos
    }

    /// The key number of the leader of a round of epoch 1 or 2.
    pub(crate) fn leader(&self, round: Round) -> usize {
        let committee = self.committee(round.epoch);
        let seed = self.seeds[usize::from(round.epoch == Epoch(2))];
        self.number(round.epoch, committee.leader(seed, round.view))
    }

    /// The key number of a member.
    pub(crate) fn number(&self, epoch: Epoch, index: ValidatorIndex) -> usize {
        let key_of = self.committee(epoch).member(index).expect("a member").key;
        (0..KEYS)
            .find(|number| key(*number).public == key_of)
            .expect("a key of the tests")
    }

    /// The index of a key in a committee; beyond it for a stranger.
    pub(crate) fn index(&self, epoch: Epoch, number: usize) -> ValidatorIndex {
        let known = self.committee(epoch).index_of(&key(number).public);
        known.unwrap_or(ValidatorIndex(999))
    }

    pub(crate) fn genesis(&self) -> Arc<SealedHeader> {
        let header = Header {
            version: HEADER_VERSION,
            chain_domain: self.domain,
            height: Height(0),
            epoch: Epoch(0),
            origin_view: View(0),
            proposer: ValidatorIndex(0),
            parent_hash: digest::keccak(b"document"),
            timestamp_ms: TimestampMs(GENESIS_MS),
            l1_finalized: self.l1,
            payload_len: 0,
            shard_root: Hash::ZERO,
            ns_root: Hash::ZERO,
            ns_acc_root: Hash::ZERO,
            history_root: MountainRange::new().root(),
            next_committee: self.committee(Epoch(1)).commitment(),
            randao_reveal: Signature::ZERO,
            randao_mix: self.seeds[1],
        };
        Arc::new(header.seal())
    }
}
