//! Vectors of what the contracts are handed: updates of the light client, evidence for slashing.

use serde_json::{Value, json};

use super::sample::{self, hex_of};
use crate::{
    Epoch, Evidence, Final, FinalityCertificate, Header, Height, Quorum, Round, Signature,
    Statement, ValidatorIndex, Vote, VoteKind, light_client::ContractCertificate,
};

/// A header above the sample one, in the sample's epoch.
fn header(height: u64) -> Header {
    Header {
        height: Height(height),
        ..sample::header()
    }
}

/// Members that did not sign: spread over the committee, without a pattern that a tree would like.
fn absent(size: usize, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by_key(|index| sample::named(&format!("absent {index} of {size}")));
    order.truncate(count);
    order.sort_unstable();
    order
}

fn update(name: &str, weights: &[u64], height: u64, view: u64, absent: &[usize]) -> Value {
    let committee = sample::committee(2, weights);
    let header = header(height).seal();
    let signers: Vec<u16> = (0..weights.len())
        .filter(|index| !absent.contains(index))
        .map(|index| ValidatorIndex::at(index).0)
        .collect();
    let statement = Statement {
        round: Round::new(2, view),
        height: header.height,
        hash: header.hash(),
    };
    let certificate: FinalityCertificate = sample::certificate(&committee, &signers, statement);
    let arguments =
        ContractCertificate::of(&certificate, &committee).expect("made by this committee");
    let siblings = &arguments.absent.siblings;
    json!({
        "name": name,
        "header": {
            "height": header.height.0,
            "epoch": header.epoch.0,
            "history_root": header.history_root,
            "next_committee": header.next_committee,
            "ns_root": header.ns_root,
            "ns_acc_root": header.ns_acc_root,
            "timestamp_ms": header.timestamp_ms.0,
            "l1_finalized": header.l1_finalized.number,
        },
        "rest_hash": header.rest_hash(),
        "block_hash": header.hash(),
        "digest": statement.digest::<Final>(sample::domain()),
        "commitment": committee.commitment(),
        "certificate": {
            "view": arguments.view.0,
            "size": arguments.size,
            "total": arguments.total.to_string(),
            "sum": hex_of(&arguments.sum.packed()),
            "root": arguments.root,
            "signature": hex_of(&arguments.signature),
            "signers": hex_of(&arguments.signers),
            "absent": hex_of(&arguments.absent.records),
            "siblings": siblings,
        },
    })
}

pub(super) fn updates() -> Value {
    let equal = |size| vec![32_000_000_000; size];
    let mut cases: Vec<Value> = [
        (4, 0),
        (4, 1),
        (7, 2),
        (100, 0),
        (100, 5),
        (100, 33),
        (1000, 20),
        (1000, 50),
    ]
    .into_iter()
    .map(|(size, count)| {
        let name = format!("n{size}_absent{count}");
        update(&name, &equal(size), 58, 9, &absent(size, count))
    })
    .collect();
    cases.push(update(
        "one_unit_below_a_quorum",
        &[2, 2, 1, 1],
        58,
        9,
        &[0],
    ));
    cases.push(update("a_unit_above", &[3, 2, 1, 1], 58, 9, &[1]));
    json!({
        "about": "arguments of LightClient.update: points without padding; absent: index (2 bytes), weight (8), pk1 (96) each; \
                  siblings: for each node above an absent member, in post-order, its child that is above none, if it has one",
        "chain_domain": sample::domain(),
        "cases": cases,
    })
}

fn signed(view: u64, kind: u64, number: u64, hash: crate::Hash, signature: Signature) -> Value {
    json!({
        "view": view,
        "kind": kind,
        "number": number,
        "hash": hash,
        "signature": signature.point().map(|point| hex_of(&point.0)),
    })
}

fn vote<K: VoteKind>(vote: &Vote<K>) -> Value {
    let statement = vote.statement;
    signed(
        statement.round.view.0,
        0,
        statement.height.0,
        statement.hash,
        vote.signature,
    )
}

/// The offence's number in the contract, the signer, and both statements; none for aggregates.
fn contract_evidence(evidence: &Evidence) -> Option<(u8, ValidatorIndex, Value, Value)> {
    match evidence {
        Evidence::Proposals(a, b) => {
            let [first, second] = [a, b].map(|proposal| {
                signed(
                    proposal.round.view.0,
                    u64::from(proposal.kind.word()),
                    proposal.height.0,
                    proposal.hash,
                    proposal.signature,
                )
            });
            Some((0, a.signer, first, second))
        }
        Evidence::Votes1(a, b) => Some((1, a.signer, vote::<Quorum>(a), vote::<Quorum>(b))),
        Evidence::Votes2(a, b) => Some((2, a.signer, vote::<Final>(a), vote::<Final>(b))),
        Evidence::LostLock(a, b) => {
            let timeout = signed(b.round.view.0, 0, b.lock_view.0, b.lock_hash, b.signature);
            Some((3, a.signer, vote::<Final>(a), timeout))
        }
        _ => None,
    }
}

pub(super) fn evidence() -> Value {
    let cases: Vec<Value> = sample::evidence()
        .into_iter()
        .filter_map(|(name, evidence)| {
            let (offence, signer, first, second) = contract_evidence(&evidence)?;
            let secret = sample::secret(signer.position());
            Some(json!({
                "name": name,
                "encoding": sample::encoded(&evidence),
                "offence": offence,
                "epoch": Epoch(2),
                "signer": signer,
                "operator": sample::operator(signer.position()),
                "pk2": hex_of(&secret.public_key().point_g2().0),
                "first": first,
                "second": second,
            }))
        })
        .collect();
    json!({
        "about": "arguments of StakeTable.slash; offence: 0 proposals, 1 first votes, 2 second votes, 3 a lost lock \
                  (second is the timeout: number its lock's view, hash its lock's hash); encoding: \
                  the evidence as nodes keep it",
        "chain_domain": sample::domain(),
        "cases": cases,
    })
}
