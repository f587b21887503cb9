//! Types of the consensus protocol, shared by the state machine, the node and the clients that
//! verify its answers.
//!
//! Everything signed or hashed is defined here once: the domain tags and words of each digest
//! ([`digest`]), the block header ([`header`]), votes and certificates ([`vote`],
//! [`certificate`]). The crate performs no I/O, reads no clock and draws no randomness.
//!
//! Rule ids such as D2 or C3 refer to the README of the crate `hotshot`.

pub mod bls;
mod bounded;
pub mod certificate;
pub mod codec;
pub mod committee;
pub mod digest;
pub mod evidence;
pub mod finality;
pub mod genesis;
mod hash;
pub mod header;
mod ids;
pub mod light_client;
pub mod message;
pub mod mountain_range;
mod signers;
pub mod vectors;
pub mod vote;

pub use bls::{ProofOfPossession, PublicKey, SecretKey, Signature, Signer};
pub use certificate::{
    Certificate, CertificateError, FinalityCertificate, QuorumCertificate, TimeoutCertificate,
    TimeoutGroup,
};
pub use committee::{Committee, Member};
pub use evidence::{Evidence, SignedProposal, SignedTimeout};
pub use genesis::{GenesisDocument, Parameters};
pub use hash::{Address, Hash, ParseHexError};
pub use header::{Header, L1Block, SealedHeader};
pub use ids::{AboveMax, Epoch, Height, Round, Stake, TimestampMs, ValidatorIndex, View};
pub use message::{Entry, EpochEnd, Justify, Kind, Lock, Message, Proposal, Status, Timeout};
pub use signers::Signers;
pub use vote::{Final, Quorum, Statement, Vote, VoteKind};
