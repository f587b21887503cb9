//! Votes of both phases: one type, two kinds (D2, D3).

use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    Hash, Height, Round, Signature, Signer, ValidatorIndex,
    digest::{self, Tag},
};

/// Which phase a vote or certificate belongs to.
pub trait VoteKind: Copy + Debug + PartialEq + Eq + Ord + Send + Sync + 'static {
    /// The domain of what is signed.
    const TAG: Tag;
}

/// Vote 1: the voter holds its own slots of the payload. A quorum makes the block the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quorum;

/// Vote 2: the voter holds the payload and the quorum certificate. A quorum makes the block final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Final;

impl VoteKind for Quorum {
    const TAG: Tag = Tag::Quorum;
}

impl VoteKind for Final {
    const TAG: Tag = Tag::Final;
}

/// What a vote says: this block, at this height, in this round.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct Statement {
    /// The round voted in.
    pub round: Round,
    /// The block's height.
    pub height: Height,
    /// The block's hash.
    pub hash: Hash,
}

impl Statement {
    /// The digest that a vote of kind `K` signs.
    #[must_use]
    pub fn digest<K: VoteKind>(&self, domain: Hash) -> Hash {
        digest::statement(K::TAG, domain, self.round, self.height, self.hash)
    }
}

/// One validator's vote. Its signature is a claim of the authenticated sender until the sum that
/// contains it has been verified.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Vote<K: VoteKind> {
    /// What is voted for.
    pub statement: Statement,
    /// Who votes.
    pub signer: ValidatorIndex,
    /// Over the statement's digest.
    pub signature: Signature,
    #[borsh(skip, bound(serialize = "", deserialize = ""))]
    #[serde(skip)]
    kind: std::marker::PhantomData<K>,
}

impl<K: VoteKind> Vote<K> {
    /// Signs a statement.
    #[must_use]
    pub fn sign(
        statement: Statement,
        signer: ValidatorIndex,
        domain: Hash,
        key: &(impl Signer + ?Sized),
    ) -> Self {
        Self::claimed(statement, signer, key.sign(&statement.digest::<K>(domain)))
    }

    /// A vote whose signature nobody has checked.
    #[must_use]
    pub fn claimed(statement: Statement, signer: ValidatorIndex, signature: Signature) -> Self {
        Self {
            statement,
            signer,
            signature,
            kind: std::marker::PhantomData,
        }
    }

    /// The round voted in.
    #[must_use]
    pub fn round(&self) -> Round {
        self.statement.round
    }

    /// The block voted for.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.statement.hash
    }
}
