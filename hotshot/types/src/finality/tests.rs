use std::collections::BTreeMap;

use super::*;
use crate::{
    Height, Round, Statement, View,
    bls::KeyError,
    codec,
    mountain_range::{MountainRange, Position},
    vectors::sample::{self, certificate, domain, named, secret},
};

const EPOCH_LENGTH: u64 = 4;

/// A chain of four epochs. The committee changes its weights in epoch 3 and its members in 4.
struct Chain {
    headers: Vec<Header>,
    nodes: BTreeMap<Position, Hash>,
}

fn weights(epoch: u64) -> &'static [u64] {
    match epoch {
        0..=2 => &[1, 1, 1, 1],
        3 => &[1, 1, 2, 1],
        _ => &[1, 1, 2, 1, 3],
    }
}

fn committee(epoch: Epoch) -> Arc<Committee> {
    sample::committee(epoch.0, weights(epoch.0))
}

impl Chain {
    fn new() -> Self {
        let mut headers: Vec<Header> = Vec::new();
        let mut nodes = BTreeMap::new();
        let mut history = MountainRange::new();
        for height in (0..=4 * EPOCH_LENGTH).map(Height) {
            let epoch = Epoch::of(height, EPOCH_LENGTH);
            let header = Header {
                height,
                epoch,
                parent_hash: headers.last().map_or(Hash::ZERO, Header::hash),
                history_root: history.root(),
                next_committee: committee(epoch.next()).commitment(),
                ..sample::header()
            };
            nodes.extend(history.append(header.hash()));
            headers.push(header);
        }
        Self { headers, nodes }
    }

    fn header(&self, height: u64) -> Header {
        self.headers[usize::try_from(height).unwrap()].clone()
    }

    fn step(&self, height: u64) -> EpochStep {
        let header = self.header(height);
        let next = header.epoch.next();
        let changed = weights(next.0) != weights(header.epoch.0);
        EpochStep {
            certificate: finalise(&header),
            members: changed.then(|| committee(next).members().to_vec()),
            header,
        }
    }

    /// Proves the block at `height` by the certificate on the one at `certified`.
    fn proof(&self, height: u64, certified: u64) -> FinalityProof {
        let target = self.header(certified);
        let ancestor = (height < certified).then(|| {
            let node = |at| self.nodes.get(&at).copied();
            let path = HeaderProof::build(Height(height), certified, node).unwrap();
            (self.header(height), path)
        });
        FinalityProof {
            steps: (1..target.epoch.0)
                .map(|epoch| self.step(epoch * EPOCH_LENGTH - 1))
                .collect(),
            certificate: finalise(&target),
            certified: target,
            ancestor,
        }
    }
}

fn finalise(header: &Header) -> FinalityCertificate {
    finalise_by(header, &committee(header.epoch))
}

fn finalise_by(header: &Header, committee: &Arc<Committee>) -> FinalityCertificate {
    let statement = Statement {
        round: Round {
            epoch: header.epoch,
            view: View(9),
        },
        height: header.height,
        hash: header.hash(),
    };
    let everybody: Vec<u16> = (0..).take(committee.len()).collect();
    certificate(committee, &everybody, statement)
}

fn other_network(found: Hash) -> FinalityError {
    let trusted = domain();
    FinalityError::OtherNetwork { found, trusted }
}

fn trust() -> Trust {
    Trust::new(domain(), EPOCH_LENGTH, committee(Epoch(1)))
}

#[test]
fn a_block_of_the_trusted_epoch_is_proven_without_steps() {
    let chain = Chain::new();
    let proof = chain.proof(3, 3);
    assert!(proof.steps.is_empty());
    assert_eq!(trust().verify(&proof), Ok(&chain.header(3)));
}

#[test]
fn trust_walks_over_epochs_whose_members_change() {
    let chain = Chain::new();
    let mut trust = trust();
    let proof = chain.proof(15, 15);
    assert_eq!(
        proof
            .steps
            .iter()
            .filter(|step| step.members.is_some())
            .count(),
        2
    );
    assert_eq!(trust.verify(&proof), Ok(&chain.header(15)));
    assert_eq!(trust.epoch(), Epoch(4));
    assert_eq!(**trust.committee(), *committee(Epoch(4)));
    // Later proofs start from there, with or without the old steps.
    assert_eq!(trust.verify(&proof), Ok(&chain.header(15)));
    let mut short = proof;
    short.steps.clear();
    assert_eq!(trust.verify(&short), Ok(&chain.header(15)));
    let mut old = chain.proof(3, 3);
    assert_eq!(
        trust.verify(&old),
        Err(FinalityError::BeforeTrusted(Epoch(1), Epoch(4)))
    );
    old.certified.chain_domain = Hash([9; 32]);
    assert_eq!(trust.verify(&old), Err(other_network(Hash([9; 32]))));
}

#[test]
fn every_ancestor_is_proven_genesis_included() {
    let chain = Chain::new();
    for height in 0..14 {
        let proof = chain.proof(height, 14);
        assert_eq!(
            trust().verify(&proof),
            Ok(&chain.header(height)),
            "{height}"
        );
    }
}

#[test]
fn an_ancestor_that_is_not_in_the_history_is_refused() {
    let chain = Chain::new();
    let refused = |change: fn(&mut Header, &mut HeaderProof)| {
        let mut proof = chain.proof(5, 14);
        let (header, path) = proof.ancestor.as_mut().unwrap();
        change(header, path);
        trust().verify(&proof).unwrap_err()
    };
    let not_in_history = FinalityError::NotInHistory;
    assert_eq!(refused(|header, _| header.payload_len += 1), not_in_history);
    assert_eq!(refused(|_, path| path.height = Height(6)), not_in_history);
    assert_eq!(refused(|_, path| path.count = 13), not_in_history);
    assert_eq!(refused(|_, path| path.path[0] = Hash::ZERO), not_in_history);
    assert_eq!(
        refused(|header, _| header.chain_domain = named("another network")),
        other_network(named("another network"))
    );
    assert_eq!(
        refused(|header, _| header.epoch = Epoch(9)),
        FinalityError::Height(Height(5), Epoch(9))
    );
}

#[test]
fn a_missing_step_is_named() {
    let chain = Chain::new();
    for missing in 0..3 {
        let mut proof = chain.proof(15, 15);
        proof.steps.remove(missing);
        let mut trust = trust();
        assert!(trust.verify(&proof).is_err());
        assert_eq!(trust.epoch().0, 1 + missing as u64);
    }
    let mut proof = chain.proof(15, 15);
    proof.steps.truncate(1);
    assert_eq!(
        trust().verify(&proof),
        Err(FinalityError::MissingStep(Epoch(2)))
    );
}

#[test]
fn a_committee_that_the_chain_did_not_name_is_refused() {
    let chain = Chain::new();
    let refused = |step: usize, members: Option<Vec<Member>>| {
        let mut proof = chain.proof(15, 15);
        proof.steps[step].members = members;
        trust().verify(&proof).unwrap_err()
    };
    let mut members = committee(Epoch(3)).members().to_vec();
    members[0].weight += 1;
    let other = |epoch| FinalityError::OtherCommittee(Epoch(epoch));
    assert_eq!(refused(1, Some(members)), other(3));
    assert_eq!(refused(1, None), other(3));
    assert_eq!(refused(0, Some(sample::members(&[1, 1, 1]))), other(2));
    assert_eq!(
        refused(1, Some(vec![])),
        FinalityError::Committee(CommitteeError::Size(0))
    );
}

/// The commitment covers the G1 halves only.
#[test]
fn a_committee_with_foreign_g2_halves_is_refused() {
    let chain = Chain::new();
    let mut proof = chain.proof(15, 15);
    let members = proof.steps[1].members.as_mut().unwrap();
    let mut halves = members[0].key.to_bytes();
    halves[48..].copy_from_slice(&secret(99).public_key().to_bytes()[48..]);
    members[0].key = crate::PublicKey::from_bytes(&halves).unwrap();
    assert_eq!(
        trust().verify(&proof),
        Err(FinalityError::Committee(CommitteeError::Key(
            KeyError::HalvesDiffer
        )))
    );
}

#[test]
fn a_tampered_step_is_refused_and_moves_no_trust() {
    let chain = Chain::new();
    let refused = |change: fn(&mut EpochStep)| {
        let mut step = chain.step(3);
        change(&mut step);
        let mut trust = trust();
        let error = trust.advance(&step).unwrap_err();
        assert_eq!(trust.epoch(), Epoch(1));
        error
    };
    assert_eq!(
        refused(|step| step.header.payload_len += 1),
        FinalityError::OtherBlock(Epoch(1))
    );
    assert_eq!(
        refused(|step| step.header.chain_domain = Hash::ZERO),
        other_network(Hash::ZERO)
    );
    assert_eq!(
        refused(|step| step.header.height = Height(5)),
        FinalityError::Height(Height(5), Epoch(1))
    );
    assert_eq!(
        refused(|step| step.certificate.statement.round.view = View(10)),
        FinalityError::Certificate(Epoch(1), CertificateError::Signature)
    );
    assert_eq!(
        refused(|step| {
            step.header.next_committee = named("my own committee");
            step.certificate.statement.hash = step.header.hash();
        }),
        FinalityError::Certificate(Epoch(1), CertificateError::Signature)
    );
    assert_eq!(
        refused(|step| {
            let few = certificate(&committee(Epoch(1)), &[0, 1], step.certificate.statement);
            step.certificate = few;
        }),
        FinalityError::Certificate(
            Epoch(1),
            CertificateError::Stake {
                quorum: 3,
                found: 2
            }
        )
    );
}

#[test]
fn a_committee_certifies_blocks_of_its_own_epoch_only() {
    let chain = Chain::new();
    // The committee of epoch 1, still in the verifier's hands, on a block of epoch 2.
    let header = chain.header(6);
    let stolen = finalise_by(&header, &committee(Epoch(1)));
    assert_eq!(
        trust().check_final(&header, &stolen),
        Err(FinalityError::Certificate(
            Epoch(2),
            CertificateError::Epoch {
                expected: Epoch(1),
                found: Epoch(2)
            }
        ))
    );
    // The same with a round of epoch 1 in the certificate.
    let mut statement = stolen.statement;
    statement.round.epoch = Epoch(1);
    let relabelled = certificate(&committee(Epoch(1)), &[0, 1, 2, 3], statement);
    assert_eq!(
        trust().check_final(&header, &relabelled),
        Err(FinalityError::OtherBlock(Epoch(1)))
    );
}

#[test]
fn trust_starts_from_a_genesis_document() {
    let document = sample::genesis();
    let committee = document.committee(Epoch::FIRST).unwrap();
    let mut trust = Trust::new(document.chain_domain(), 50, Arc::clone(&committee));
    let genesis = document.header(sample::empty_roots()).unwrap();
    let mut history = MountainRange::new();
    let nodes: BTreeMap<_, _> = history.append(genesis.hash()).into_iter().collect();
    let first = Header {
        height: Height(1),
        epoch: Epoch(1),
        parent_hash: genesis.hash(),
        history_root: history.root(),
        ..sample::header()
    };
    let path = HeaderProof::build(Height(0), 1, |at| nodes.get(&at).copied()).unwrap();
    let proof = FinalityProof {
        steps: vec![],
        certificate: finalise_by(&first, &committee),
        certified: first,
        ancestor: Some((genesis.header().clone(), path)),
    };
    assert_eq!(trust.verify(&proof), Ok(genesis.header()));
}

#[test]
fn proofs_survive_wire_and_json() {
    let proof = Chain::new().proof(5, 15);
    assert_eq!(codec::decode(&codec::encode(&proof)), Ok(proof.clone()));
    let json = serde_json::to_string(&proof).unwrap();
    assert_eq!(serde_json::from_str::<FinalityProof>(&json).unwrap(), proof);
}
