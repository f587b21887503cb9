//! Evidence as the contracts take it: who signed two things that exclude each other is slashed by
//! the stake table (EV1 to EV4), and two final blocks that exclude each other freeze the light
//! client (EV5).
//!
//! Nothing is verified here: the contracts verify all of it, and who sends checks first.

use hotshot_types::{
    Committee, FinalityCertificate, Hash, Header, Signature, ValidatorIndex, Vote, VoteKind,
    digest::keccak,
    evidence::{Evidence, SignedProposal, SignedTimeout},
    mountain_range::HeaderProof,
};

use crate::{
    abi::{
        SolCall as _, SolInterface as _, SolValue as _, light_client as lc,
        light_client::ILightClient::{self, ILightClientErrors},
        stake_table as st,
        stake_table::IStakeTable::{self, IStakeTableErrors},
        word,
    },
    points, update,
};

/// What the stake table takes to slash one validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// How the stake table names the consensus key that signed both.
    pub key: Hash,
    /// The call.
    pub call: Vec<u8>,
}

impl Charge {
    /// The charge that a piece of evidence amounts to. The committee is that of the evidence's
    /// epoch: it says whose key an index is. None if the contract does not take evidence of this
    /// kind (X5, EV5), if the signer is not in the committee or a signature is no point.
    #[must_use]
    pub fn of(evidence: &Evidence, committee: &Committee) -> Option<Self> {
        let (offence, signer, [first, second]) = match evidence {
            Evidence::Proposals(a, b) => (
                st::Offence::Proposals,
                a.signer,
                [of_proposal(a)?, of_proposal(b)?],
            ),
            Evidence::Votes1(a, b) => (st::Offence::Votes1, a.signer, [of_vote(a)?, of_vote(b)?]),
            Evidence::Votes2(a, b) => (st::Offence::Votes2, a.signer, [of_vote(a)?, of_vote(b)?]),
            Evidence::LostLock(vote, timeout) => (
                st::Offence::LostLock,
                vote.signer,
                [of_vote(vote)?, of_timeout(timeout)?],
            ),
            Evidence::Quorums(..)
            | Evidence::Finals(..)
            | Evidence::LostLocks(..)
            | Evidence::Fork(..) => return None,
        };
        Self::against(signer, committee, |pk2| st::Evidence {
            offence,
            epoch: evidence.epoch().0,
            pk2,
            first,
            second,
        })
    }

    fn against(
        signer: ValidatorIndex,
        committee: &Committee,
        evidence: impl FnOnce([crate::abi::U256; 8]) -> st::Evidence,
    ) -> Option<Self> {
        let pk2 = points::words_g2(&committee.member(signer)?.key.point_g2());
        let call = IStakeTable::slashCall {
            evidence: evidence(pk2),
        };
        Some(Self {
            key: keccak(&pk2.abi_encode()),
            call: call.abi_encode(),
        })
    }
}

fn of_proposal(proposal: &SignedProposal) -> Option<st::Signed> {
    Some(st::Signed {
        viewNumber: proposal.round.view.0,
        kind: proposal.kind.word(),
        number: proposal.height.0,
        hash: word(proposal.hash),
        signature: signature(proposal.signature)?,
    })
}

fn of_vote<K: VoteKind>(vote: &Vote<K>) -> Option<st::Signed> {
    let statement = vote.statement;
    Some(st::Signed {
        viewNumber: statement.round.view.0,
        kind: 0,
        number: statement.height.0,
        hash: word(statement.hash),
        signature: signature(vote.signature)?,
    })
}

fn of_timeout(timeout: &SignedTimeout) -> Option<st::Signed> {
    Some(st::Signed {
        viewNumber: timeout.round.view.0,
        kind: 0,
        number: timeout.lock_view.0,
        hash: word(timeout.lock_hash),
        signature: signature(timeout.signature)?,
    })
}

fn signature(signature: Signature) -> Option<[crate::abi::U256; 4]> {
    Some(points::words_g1(&signature.point()?))
}

/// A final block, and what proves it so.
#[derive(Clone, Copy, Debug)]
pub struct Proven<'a> {
    /// The block.
    pub header: &'a Header,
    /// On it.
    pub certificate: &'a FinalityCertificate,
    /// Of its epoch.
    pub committee: &'a Committee,
}

/// The call that freezes a light client (EV5). Either the blocks are at one height, and there is no
/// `history`; or `upper` is higher, and `history` proves the hash that its chain has at the height of
/// `lower`. None if a certificate is not of its committee's size, or its signature is no point.
#[must_use]
pub fn conflict(
    lower: Proven<'_>,
    upper: Proven<'_>,
    history: Option<(Hash, &HeaderProof)>,
) -> Option<Vec<u8>> {
    let (in_history, proof) = match history {
        None => (Hash::ZERO, no_history()),
        Some((hash, proof)) => (hash, history_proof(proof)),
    };
    let call = ILightClient::reportConflictCall {
        lower: update::header(lower.header),
        lowerRest: word(lower.header.rest_hash()),
        lowerCertificate: update::certificate(lower.certificate, lower.committee)?,
        upper: update::header(upper.header),
        upperRest: word(upper.header.rest_hash()),
        upperCertificate: update::certificate(upper.certificate, upper.committee)?,
        inHistory: word(in_history),
        proof,
    };
    Some(call.abi_encode())
}

fn no_history() -> lc::HistoryProof {
    lc::HistoryProof {
        count: 0,
        path: Vec::new(),
        peaks: Vec::new(),
    }
}

fn history_proof(proof: &HeaderProof) -> lc::HistoryProof {
    let words = |hashes: &[Hash]| hashes.iter().copied().map(word).collect();
    lc::HistoryProof {
        count: proof.count,
        path: words(&proof.path),
        peaks: words(&proof.peaks),
    }
}

/// Why a contract has no use for a report that may well be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoUse {
    /// The operator was convicted, of this or of something else: it is jailed.
    Convicted,
    /// The key belongs to no operator: there is no stake to take.
    UnknownKey,
    /// The light client is frozen.
    Frozen,
    /// The light client knows the committee of this epoch no longer, or not yet.
    UnknownEpoch {
        /// Of the block reported.
        epoch: u64,
        /// The light client's.
        current: u64,
    },
}

impl NoUse {
    /// What a reverted call's data says; none if it says something else.
    #[must_use]
    pub fn of(data: &[u8]) -> Option<Self> {
        if let Ok(error) = IStakeTableErrors::abi_decode(data) {
            return match error {
                IStakeTableErrors::StakeTable_AlreadyConvicted(_)
                | IStakeTableErrors::StakeTable_Jailed(_) => Some(Self::Convicted),
                IStakeTableErrors::StakeTable_UnknownKey(_) => Some(Self::UnknownKey),
                _ => None,
            };
        }
        match ILightClientErrors::abi_decode(data).ok()? {
            ILightClientErrors::LightClient_Frozen(_) => Some(Self::Frozen),
            ILightClientErrors::LightClient_UnknownEpoch(error) => Some(Self::UnknownEpoch {
                epoch: error.epoch,
                current: error.current,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
