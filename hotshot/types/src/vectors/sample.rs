//! The objects that vectors and tests are made of: a small network, always the same.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Address, Committee, Entry, Epoch, EpochEnd, Evidence, Final, FinalityCertificate,
    GenesisDocument, Hash, Header, Height, Justify, Kind, L1Block, Lock, Member, Message,
    Parameters, Proposal, Quorum, QuorumCertificate, Round, SecretKey, Signature, SignedProposal,
    SignedTimeout, Signer as _, Signers, Statement, Status, Timeout, TimeoutCertificate,
    TimeoutGroup, TimestampMs, ValidatorIndex, View, Vote, VoteKind,
    bls::{Aggregate, aggregate},
    codec, digest,
    genesis::{EmptyRoots, GenesisValidator},
    header::{HEADER_VERSION, mix},
};

/// Of the home L1.
pub(crate) const L1_CHAIN_ID: u64 = 31_337;
/// On the home L1.
pub(crate) const STAKE_TABLE: Address = Address([0x5a; 20]);
/// Of the network.
pub(crate) const SALT: Hash = Hash([0x0f; 32]);
/// The weights of the committee that signs the samples: S = 40, Q = 27.
pub(crate) const WEIGHTS: [u64; 4] = [13, 10, 10, 7];
/// Those who sign the certificates among the samples: stake 30.
pub(crate) const SIGNERS: [u16; 3] = [0, 1, 3];

pub(crate) fn domain() -> Hash {
    digest::chain_domain(L1_CHAIN_ID, STAKE_TABLE, SALT)
}

/// A hash that stands for something not in the sample.
pub(crate) fn named(name: &str) -> Hash {
    digest::keccak(name.as_bytes())
}

/// The secret of validator `index`.
pub(crate) fn secret(index: usize) -> SecretKey {
    SecretKey::derive(&named(&format!("validator {index}")).0)
}

pub(crate) fn operator(index: usize) -> Address {
    let mut address = Address::ZERO;
    address
        .0
        .copy_from_slice(&named(&format!("operator {index}")).0[12..]);
    address
}

/// Validators 0, 1, 2 .. with these weights.
pub(crate) fn members(weights: &[u64]) -> Vec<Member> {
    weights
        .iter()
        .enumerate()
        .map(|(index, &weight)| Member {
            key: secret(index).public_key(),
            weight,
        })
        .collect()
}

pub(crate) fn committee(epoch: u64, weights: &[u64]) -> Arc<Committee> {
    Arc::new(Committee::new(Epoch(epoch), members(weights)).expect("distinct keys with weight"))
}

/// The committee that signs the samples, in epoch 2.
pub(crate) fn sample_committee() -> Arc<Committee> {
    committee(2, &WEIGHTS)
}

/// The sum of the validators' signatures of a digest.
pub(crate) fn signed_by(
    committee: &Arc<Committee>,
    signers: &[u16],
    digest: Hash,
) -> (Signers, Signature) {
    let sum = aggregate(&Aggregate {
        digest,
        committee: Arc::clone(committee),
        votes: signers
            .iter()
            .map(|&index| {
                (
                    ValidatorIndex(index),
                    secret(usize::from(index)).sign(&digest),
                )
            })
            .collect(),
    });
    (sum.signers, sum.signature)
}

pub(crate) fn certificate<K: VoteKind>(
    committee: &Arc<Committee>,
    signers: &[u16],
    statement: Statement,
) -> crate::Certificate<K> {
    let (signers, signature) = signed_by(committee, signers, statement.digest::<K>(domain()));
    crate::Certificate::claimed(statement, signers, signature)
}

/// A statement about the sample block, in epoch 2.
pub(crate) fn statement(view: u64) -> Statement {
    Statement {
        round: Round::new(2, view),
        height: header().height,
        hash: header().hash(),
    }
}

pub(crate) fn quorum_certificate(view: u64) -> QuorumCertificate {
    certificate(&sample_committee(), &SIGNERS, statement(view))
}

pub(crate) fn finality_certificate(view: u64) -> FinalityCertificate {
    certificate(&sample_committee(), &SIGNERS, statement(view))
}

/// The hash of the anchor of epoch 2.
pub(crate) fn anchor() -> Hash {
    named("anchor")
}

pub(crate) fn timeout_group(
    committee: &Arc<Committee>,
    signers: &[u16],
    round: Round,
    lock: (View, Hash),
) -> TimeoutGroup {
    let digest = digest::timeout(domain(), round, lock.0, lock.1);
    let (signers, signature) = signed_by(committee, signers, digest);
    TimeoutGroup {
        lock_view: lock.0,
        lock_hash: lock.1,
        signers,
        signature,
    }
}

/// Validator 3 was still at the anchor, 0 and 1 had the quorum certificate of view 6.
pub(crate) fn timeout_certificate() -> TimeoutCertificate {
    let committee = sample_committee();
    let round = Round::new(2, 7);
    let high = quorum_certificate(6);
    TimeoutCertificate {
        round,
        groups: vec![
            timeout_group(&committee, &[3], round, (View(0), anchor())),
            timeout_group(&committee, &[0, 1], round, (View(6), high.hash())),
        ],
        high: Lock::Quorum(high),
    }
}

pub(crate) fn header() -> Header {
    let height = Height(57);
    let reveal = secret(1).sign(&digest::randomness(domain(), Epoch(2), height));
    Header {
        version: HEADER_VERSION,
        chain_domain: domain(),
        height,
        epoch: Epoch(2),
        origin_view: View(6),
        proposer: ValidatorIndex(1),
        parent_hash: named("parent"),
        timestamp_ms: TimestampMs(1_800_000_123_456),
        l1_finalized: L1Block {
            number: 24_000_000,
            hash: named("l1 block"),
            timestamp: 1_799_999_000,
        },
        payload_len: 4_321,
        shard_root: named("shard root"),
        ns_root: named("namespace root"),
        ns_acc_root: named("namespace map root"),
        history_root: named("history root"),
        next_committee: committee(3, &WEIGHTS).commitment(),
        randao_reveal: reveal,
        randao_mix: mix(named("parent's mix"), &reveal),
    }
}

/// Stands for the roots of the empty payload, which the crate `da` defines.
pub(crate) fn empty_roots() -> EmptyRoots {
    EmptyRoots {
        shard_root: named("shard root of the empty payload"),
        ns_root: Hash::ZERO,
        ns_acc_root: named("empty namespace map"),
    }
}

pub(crate) fn genesis() -> GenesisDocument {
    let validators = WEIGHTS
        .iter()
        .enumerate()
        .map(|(index, &weight)| GenesisValidator {
            operator: operator(index),
            key: secret(index).public_key(),
            possession: secret(index).prove_possession(domain(), operator(index)),
            weight,
            network_key: named(&format!("network key {index}")),
            address: format!("/ip4/127.0.0.1/tcp/{}", 30_000 + index),
        })
        .collect();
    GenesisDocument {
        l1_chain_id: L1_CHAIN_ID,
        stake_table: STAKE_TABLE,
        salt: SALT,
        timestamp_ms: TimestampMs(1_800_000_000_000),
        l1: L1Block {
            number: 23_999_000,
            hash: named("l1 block of genesis"),
            timestamp: 1_799_990_000,
        },
        seeds: [named("seed of epoch 1"), named("seed of epoch 2")],
        parameters: Parameters::development(),
        validators,
    }
}

pub(crate) fn vote<K: VoteKind>(signer: u16, statement: Statement) -> Vote<K> {
    let key = secret(usize::from(signer));
    Vote::sign(statement, ValidatorIndex(signer), domain(), &key)
}

pub(crate) fn signed_proposal(signer: u16, kind: Kind, statement: Statement) -> SignedProposal {
    let Statement {
        round,
        height,
        hash,
    } = statement;
    let digest = digest::proposal(domain(), round, kind, height, hash);
    SignedProposal {
        round,
        kind,
        height,
        hash,
        signer: ValidatorIndex(signer),
        signature: secret(usize::from(signer)).sign(&digest),
    }
}

pub(crate) fn signed_timeout(signer: u16, round: Round, lock: (View, Hash)) -> SignedTimeout {
    let digest = digest::timeout(domain(), round, lock.0, lock.1);
    SignedTimeout {
        round,
        lock_view: lock.0,
        lock_hash: lock.1,
        signer: ValidatorIndex(signer),
        signature: secret(usize::from(signer)).sign(&digest),
    }
}

/// A statement that contradicts [`statement`] of the same view.
pub(crate) fn other_statement(view: u64) -> Statement {
    Statement {
        hash: named("another block"),
        ..statement(view)
    }
}

/// One piece of evidence of each kind, all true.
pub(crate) fn evidence() -> Vec<(&'static str, Evidence)> {
    let committee = sample_committee();
    let (one, other) = (statement(6), other_statement(6));
    vec![
        (
            "proposals",
            Evidence::Proposals(
                signed_proposal(1, Kind::Fresh, one),
                signed_proposal(1, Kind::Fresh, other),
            ),
        ),
        ("votes 1", Evidence::Votes1(vote(3, one), vote(3, other))),
        ("votes 2", Evidence::Votes2(vote(3, one), vote(3, other))),
        (
            "lost lock",
            Evidence::LostLock(
                vote(3, one),
                signed_timeout(3, Round::new(2, 7), (View(0), anchor())),
            ),
        ),
        (
            "quorums",
            Evidence::Quorums(
                quorum_certificate(6),
                certificate::<Quorum>(&committee, &[0, 1, 2], other),
            ),
        ),
        (
            "finals",
            Evidence::Finals(
                finality_certificate(6),
                certificate::<Final>(&committee, &[0, 1, 2], other),
            ),
        ),
        (
            "lost locks",
            Evidence::LostLocks(finality_certificate(6), Box::new(timeout_certificate())),
        ),
        (
            "fork",
            Evidence::Fork(
                finality_certificate(6),
                certificate::<Final>(&committee, &[0, 1, 2], other_statement(9)),
            ),
        ),
    ]
}

/// A proposal by validator 2 after a timeout, with its payload inline.
pub(crate) fn proposal() -> Proposal {
    let header = header();
    let round = Round::new(2, 8);
    let digest = digest::proposal(domain(), round, Kind::Fresh, header.height, header.hash());
    Proposal {
        kind: Kind::Fresh,
        round,
        header,
        payload: Some(Bytes::from_static(b"payload")),
        justify: Justify::Quorum(quorum_certificate(6)),
        timeout: Some(timeout_certificate()),
        signature: secret(2).sign(&digest),
    }
}

/// One message of each kind.
pub(crate) fn messages() -> Vec<(&'static str, Message)> {
    let (qc, fc, tc) = (
        quorum_certificate(6),
        finality_certificate(6),
        timeout_certificate(),
    );
    let timed_out = signed_timeout(2, Round::new(2, 7), (View(6), qc.hash()));
    vec![
        ("proposal", Message::Proposal(Box::new(proposal()))),
        ("vote 1", Message::Vote1(vote(2, statement(6)))),
        ("vote 2", Message::Vote2(vote(2, statement(6)))),
        (
            "timeout",
            Message::Timeout(Box::new(Timeout {
                round: timed_out.round,
                lock: Lock::Quorum(qc.clone()),
                signer: timed_out.signer,
                signature: timed_out.signature,
                entry: Entry::Quorum(qc.clone()),
            })),
        ),
        ("quorum certificate", Message::Quorum(qc.clone())),
        ("finality certificate", Message::Final(fc.clone(), Some(qc))),
        (
            "timeout certificate",
            Message::TimeoutCertificate(Box::new(tc)),
        ),
        (
            "epoch end",
            Message::EpochEnd(Box::new(EpochEnd {
                header: header(),
                certificate: fc.clone(),
            })),
        ),
        (
            "status",
            Message::Status(Box::new(Status {
                round: Round::new(2, 7),
                lock: Lock::Anchor,
                finality: Some(fc),
            })),
        ),
        (
            "evidence",
            Message::Evidence(Box::new(evidence().swap_remove(0).1)),
        ),
    ]
}

/// The wire encoding as hex.
pub(crate) fn encoded<T: borsh::BorshSerialize>(value: &T) -> String {
    hex_of(&codec::encode(value))
}

pub(crate) fn hex_of(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
