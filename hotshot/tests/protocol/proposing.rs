//! The leader's side.

use hotshot::{Input, Output, Verdict};
use hotshot_types::{
    Epoch, Hash, Justify, Kind, L1Block, Lock, Message, Round, TimestampMs, ValidatorIndex, View,
    digest, header::mix, mountain_range::MountainRange,
};

use crate::{
    network::{EMPTY_MS, Network, T0},
    schedule::GENESIS_MS,
};

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);
const V3: Round = Round::new(1, 3);

/// V3, R2, R4, T3: the first block of all.
#[test]
fn the_first_leader_builds_on_genesis() {
    let network = Network::alone(1);
    let proposals = network.nodes[1].proposals();
    assert_eq!(proposals.len(), 1);
    let proposal = proposals[0];
    assert_eq!((proposal.kind, proposal.round), (Kind::Fresh, V1));
    assert_eq!(
        proposal.justify,
        Justify::Anchor(None),
        "J3, and genesis has no certificate"
    );
    assert_eq!(proposal.timeout, None);
    let header = &proposal.header;
    let genesis = &network.genesis;
    let mut history = MountainRange::new();
    history.append(genesis.hash());
    assert_eq!(header.parent_hash, genesis.hash());
    assert_eq!(
        (header.height.0, header.epoch, header.origin_view),
        (1, Epoch(1), View(1))
    );
    assert_eq!(header.proposer, ValidatorIndex(1));
    assert_eq!(header.history_root, history.root());
    assert_eq!(header.l1_finalized, genesis.l1_finalized);
    let next = network.schedule.committee(Epoch(2));
    assert_eq!(header.next_committee, next.commitment());
    assert_eq!(
        header.randao_mix,
        mix(network.schedule.seeds[1], &header.randao_reveal)
    );
}

/// W2, V3, H1: the record and the header, then the proposal, then the slots, then the own vote.
#[test]
fn a_proposal_leaves_after_it_is_durable_and_before_its_slots() {
    let network = Network::alone(1);
    let log = &network.nodes[1].log;
    let at = |what: &str, holds: fn(&Output) -> bool| {
        log.iter()
            .position(holds)
            .unwrap_or_else(|| panic!("{what} is ordered"))
    };
    let order = [
        at(
            "a record",
            |output| matches!(output, Output::Persist(record) if record.last_proposal.is_some()),
        ),
        at("a header", |output| {
            matches!(output, Output::StoreHeader(_))
        }),
        at(
            "a proposal",
            |output| matches!(output, Output::Send(_, message) if matches!(**message, Message::Proposal(_))),
        ),
        at("slots", |output| matches!(output, Output::Disperse { .. })),
        at(
            "a record of the vote",
            |output| matches!(output, Output::Persist(record) if record.last_vote1.is_some()),
        ),
        at("own slots", |output| matches!(output, Output::Echo { .. })),
        at(
            "a vote",
            |output| matches!(output, Output::Send(_, message) if matches!(**message, Message::Vote1(_))),
        ),
    ];
    assert!(order.is_sorted(), "{order:?}");
}

/// V3: usable is what is good and whose map this node holds; nothing is built before.
#[test]
fn nothing_is_built_on_a_block_whose_map_is_not_held() {
    let mut network = Network::new();
    network.nodes[1].disk.payloads.clear();
    network.nodes[1].host.verdict = None;
    network.start(1);
    assert_eq!(network.nodes[1].proposals().len(), 0);
    network.payload(1, network.genesis.hash(), Verdict::Good);
    assert_eq!(network.nodes[1].proposals().len(), 1);
}

/// V3, T1: once a round, and not where it has timed out.
#[test]
fn a_leader_proposes_once_and_not_after_its_timeout() {
    let mut network = Network::new();
    network.nodes[1].host.builds = false;
    network.start(1);
    network.run_for(T0 + EMPTY_MS);
    assert_eq!(network.nodes[1].timeouts().len(), 1);
    let body = network.body(V1, &network.genesis);
    let parent = network.genesis.hash();
    let built = Input::Built {
        round: V1,
        parent,
        body,
    };
    network.feed(1, built.clone());
    assert_eq!(network.nodes[1].proposals().len(), 0);

    let mut network = Network::alone(1);
    network.feed(1, built.clone());
    network.feed(1, built);
    network.restart(1);
    assert_eq!(network.nodes[1].proposals().len(), 1);
}

/// V3: the certificate of the view before is preferred, however the round was entered; what was
/// ordered to be built on less is replaced.
#[test]
fn a_late_certificate_of_the_view_before_is_preferred() {
    let mut network = Network::new();
    network.nodes[2].host.builds = false;
    network.start(2);
    let a = network.block_on(&network.genesis.clone(), V1);
    let tc = network.anchor_tc(V1);
    network.inject(0, 2, Message::TimeoutCertificate(Box::new(tc)));
    assert_eq!(network.round(2), V2);
    let orders = |network: &Network| -> Vec<Hash> {
        let log = network.nodes[2].log.iter();
        log.filter_map(|output| match output {
            Output::Build { parent, .. } => Some(parent.hash()),
            _ => None,
        })
        .collect()
    };
    assert_eq!(orders(&network), [network.genesis.hash()]);
    network.inject(0, 2, Message::Quorum(network.qc(V1, &a)));
    network.feed(2, Input::Header(Box::new(a.header().clone())));
    assert_eq!(orders(&network), [network.genesis.hash(), a.hash()]);
    // The first order was void from then on.
    let body = network.body(V2, &network.genesis);
    let parent = network.genesis.hash();
    network.feed(
        2,
        Input::Built {
            round: V2,
            parent,
            body,
        },
    );
    assert_eq!(network.nodes[2].proposals().len(), 0);
    let body = network.body(V2, &a);
    network.feed(
        2,
        Input::Built {
            round: V2,
            parent: a.hash(),
            body,
        },
    );
    let proposal = network.nodes[2].proposals()[0];
    assert_eq!(proposal.timeout, None);
    assert!(matches!(&proposal.justify, Justify::Quorum(qc) if qc.hash() == a.hash()));
}

/// V3: a leader that entered by a timeout certificate extends the highest block it can use.
#[test]
fn after_a_timeout_the_highest_usable_block_is_extended() {
    let mut network = Network::alone(3);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.propose(3, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(0, 3, Message::Quorum(network.qc(V1, &a)));
    // The certificate's own locks are lower than what this leader holds.
    let tc = network.anchor_tc(V2);
    network.inject(0, 3, Message::TimeoutCertificate(Box::new(tc.clone())));
    let proposal = network.nodes[3].proposals()[0];
    assert_eq!(proposal.header.parent_hash, a.hash());
    assert_eq!(proposal.timeout, Some(tc));
    assert!(matches!(&proposal.justify, Justify::Quorum(qc) if qc.round() == V1));
}

/// V3, V14: a timeout certificate whose highest lock is a bad block is of no use; the leader makes
/// another from the Timeouts whose locks it can extend.
#[test]
fn a_leader_replaces_a_poisoned_timeout_certificate() {
    let mut network = Network::alone(3);
    let a = network.block_on(&network.genesis.clone(), V1);
    let bad = network.block_on(&a, V2);
    network.nodes[3]
        .host
        .verdicts
        .insert(bad.hash(), Verdict::Bad);
    network.propose(3, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(1, 3, Message::Quorum(network.qc(V1, &a)));
    network.propose(
        3,
        network.fresh(V2, &bad, Justify::Quorum(network.qc(V1, &a))),
    );
    assert_eq!(network.replica(3).record().last_timeout, Some(V2), "V13");
    let (low, high) = (network.lock(V1, &a), network.lock(V2, &bad));
    let poisoned = network.tc(V2, &[(0, high.clone()), (1, low.clone()), (2, low.clone())]);
    network.inject(0, 3, Message::TimeoutCertificate(Box::new(poisoned)));
    assert_eq!(network.round(3), V3);
    assert_eq!(network.nodes[3].proposals().len(), 0);
    network.inject(0, 3, network.timeout(0, V2, high));
    network.inject(1, 3, network.timeout(1, V2, low.clone()));
    network.inject(2, 3, network.timeout(2, V2, low));
    let proposal = network.nodes[3].proposals()[0];
    assert_eq!(proposal.header.parent_hash, a.hash());
    assert_eq!(
        proposal.timeout.as_ref().map(|tc| tc.high.view()),
        Some(View(1))
    );
    assert!(matches!(
        proposal.timeout.as_ref().map(|tc| &tc.high),
        Some(Lock::Quorum(_))
    ));
}

/// P3: what a leader names, voters have seen for a minute.
#[test]
fn a_leader_names_an_l1_block_a_minute_after_it_saw_it_final() {
    let block = |number: u64| L1Block {
        number,
        hash: digest::keccak(&number.to_be_bytes()),
        timestamp: 1_700_000_000 + number,
    };
    let mut network = Network::new();
    network.now_ms += 120_000;
    network.nodes[1].host.builds = false;
    network.nodes[1].disk.payloads.clear();
    network.nodes[1].host.verdict = None;
    network.start(1);
    for (number, ago_ms) in [(101, 90_000), (102, 60_000), (103, 59_999)] {
        let seen = TimestampMs(GENESIS_MS + 120_000 - ago_ms);
        let block = block(number);
        network.feed(1, Input::L1Finalized { block, seen });
    }
    network.payload(1, network.genesis.hash(), Verdict::Good);
    let named = network.nodes[1].log.iter().find_map(|output| match output {
        Output::Build { l1_finalized, .. } => Some(*l1_finalized),
        _ => None,
    });
    assert_eq!(named, Some(block(102)));
}

/// T1: the leader to come assembles ahead.
#[test]
fn the_next_leader_prepares_when_it_votes() {
    let mut network = Network::alone(2);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.propose(2, network.fresh(V1, &a, Justify::Anchor(None)));
    let prepared = |output: &Output| matches!(output, Output::Prepare { round, parent } if *round == V2 && parent.hash() == a.hash());
    assert_eq!(network.nodes[2].count(prepared), 1);
}
