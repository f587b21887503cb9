//! What is known of each round in the window (B1).

use std::{collections::BTreeMap, sync::Arc};

use hotshot_types::{
    Final, FinalityCertificate, Hash, Kind, Quorum, QuorumCertificate, Round, SealedHeader,
    Signature, TimeoutCertificate,
};

use crate::tally::Tally;

/// How far below the current round votes are still taken.
pub(crate) const WINDOW_BELOW: u64 = 64;
/// How far above the current round votes are taken, and how many views of the next epoch.
pub(crate) const WINDOW_ABOVE: u64 = 16;
/// Proposals kept for one round: an equivocation is shown by two.
pub(crate) const MAX_PROPOSALS: usize = 2;

/// A leader's proposal, authentic and justified.
#[derive(Clone, Debug)]
pub(crate) struct Proposed {
    pub(crate) kind: Kind,
    pub(crate) header: Arc<SealedHeader>,
    pub(crate) signature: Signature,
}

/// One round.
#[derive(Debug, Default)]
pub(crate) struct RoundState {
    pub(crate) proposals: BTreeMap<Hash, Proposed>,
    pub(crate) votes1: Tally<Quorum>,
    pub(crate) votes2: Tally<Final>,
    pub(crate) quorum: Option<QuorumCertificate>,
    pub(crate) finality: Option<FinalityCertificate>,
    pub(crate) timeout: Option<TimeoutCertificate>,
    pub(crate) summing_timeouts: bool,
}

/// The rounds of the current epoch.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    rounds: BTreeMap<Round, RoundState>,
}

impl Rounds {
    pub(crate) fn get(&self, round: Round) -> Option<&RoundState> {
        self.rounds.get(&round)
    }

    /// The round's state, made if need be; the caller has checked the window or holds a verified
    /// certificate.
    pub(crate) fn at(&mut self, round: Round) -> &mut RoundState {
        self.rounds.entry(round).or_default()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Round, &RoundState)> {
        self.rounds.iter().map(|(round, state)| (*round, state))
    }

    pub(crate) fn quorum(&self, round: Round) -> Option<&QuorumCertificate> {
        self.get(round)?.quorum.as_ref()
    }

    pub(crate) fn finality(&self, round: Round) -> Option<&FinalityCertificate> {
        self.get(round)?.finality.as_ref()
    }

    pub(crate) fn timeout(&self, round: Round) -> Option<&TimeoutCertificate> {
        self.get(round)?.timeout.as_ref()
    }

    pub(crate) fn forget_before(&mut self, round: Round) {
        self.rounds = self.rounds.split_off(&round);
    }

    pub(crate) fn clear(&mut self) {
        self.rounds.clear();
    }
}
