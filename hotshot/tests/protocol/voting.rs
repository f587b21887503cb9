//! Both vote phases.

use hotshot::{Fault, Input, Output, Verdict};
use hotshot_types::{Justify, Lock, Message, Round, Signature, View, Vote, VoteKind};

use crate::{
    forge::statement,
    network::{HOP_MS, Network},
    schedule::{GENESIS_MS, Schedule},
};

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);
const V3: Round = Round::new(1, 3);

/// T5, V1, V5, V9: propose, vote 1 and vote 2 are one hop each, and the next proposal goes out
/// with vote 2.
#[test]
fn blocks_follow_every_two_hops_and_are_final_after_three() {
    let mut network = Network::running();
    network.run_until_height(1);
    assert_eq!(network.now_ms, GENESIS_MS + 3 * HOP_MS);
    network.run_until_height(12);
    assert_eq!(network.now_ms, GENESIS_MS + (3 + 11 * 2) * HOP_MS);
    network.assert_peace();
}

/// V5, H1.
#[test]
fn vote_1_waits_for_the_own_slots() {
    let mut network = Network::alone(3);
    network.nodes[3].host.proves_slots = false;
    network.nodes[3].host.verdict = None;
    let block = network.block_on(&network.genesis.clone(), V1);
    network.propose(3, network.fresh(V1, &block, Justify::Anchor(None)));
    assert_eq!(network.nodes[3].rounds1(), []);
    network.feed(3, Input::OwnSlotsProven(block.hash()));
    assert_eq!(network.nodes[3].rounds1(), [V1]);
}

/// V5: slots regenerated from a good payload count.
#[test]
fn a_good_payload_stands_for_the_own_slots() {
    let mut network = Network::alone(3);
    network.nodes[3].host.proves_slots = false;
    network.nodes[3].host.verdict = None;
    let block = network.block_on(&network.genesis.clone(), V1);
    network.propose(3, network.fresh(V1, &block, Justify::Anchor(None)));
    network.payload(3, block.hash(), Verdict::Good);
    assert_eq!(network.nodes[3].rounds1(), [V1]);
}

/// V5, P1: a parent is good by its own payload or by the certificate of a child.
#[test]
fn vote_1_waits_for_a_good_parent() {
    let mut network = Network::alone(0);
    network.nodes[0].host.verdict = None;
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    let qc = network.qc(V1, &a);
    let tc = network.tc(
        V1,
        &[1, 2, 3].map(|number| (number, Lock::Quorum(qc.clone()))),
    );
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(1, 0, Message::TimeoutCertificate(Box::new(tc)));
    network.propose(0, network.fresh(V2, &b, Justify::Quorum(qc)));
    assert_eq!(network.round(0), V2);
    assert_eq!(network.nodes[0].rounds1(), [V1]);

    // Honest members of a quorum found the parent of what they voted for good.
    let c = network.block_on(&b, V3);
    let tc = network.tc(V2, &[1, 2, 3].map(|number| (number, network.lock(V2, &b))));
    network.inject(1, 0, Message::TimeoutCertificate(Box::new(tc)));
    network.propose(
        0,
        network.fresh(V3, &c, Justify::Quorum(network.qc(V2, &b))),
    );
    assert_eq!(
        network.nodes[0].rounds1(),
        [V1],
        "b itself is not known to be good"
    );
    let qc = network.qc(V3, &c);
    network.inject(1, 0, Message::Quorum(qc));
    assert_eq!(network.nodes[0].rounds1(), [V1, V3]);
}

/// V5, X1: both halves of an equivocation are there with their slots; one vote goes out.
#[test]
fn of_two_proposals_in_a_round_one_is_voted_for() {
    let mut network = Network::alone(3);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    network.propose(3, network.fresh(V1, &a, Justify::Anchor(None)));
    network.propose(3, network.fresh(V1, &b, Justify::Anchor(None)));
    let votes = network.nodes[3].votes1();
    assert_eq!(votes.len(), 1);
    assert_eq!(votes[0].hash(), a.hash());
    assert_eq!(network.nodes[3].evidence().len(), 1);
}

/// V9, P1: a finality certificate makes a block final, not good.
#[test]
fn vote_2_waits_until_the_block_itself_is_good() {
    let mut network = Network::alone(3);
    network.nodes[3].host.verdict = None;
    let block = network.block_on(&network.genesis.clone(), V1);
    network.propose(3, network.fresh(V1, &block, Justify::Anchor(None)));
    let (qc, fc) = (network.qc(V1, &block), network.fc(V1, &block));
    network.inject(0, 3, Message::Final(fc, Some(qc)));
    assert_eq!(network.height(3), block.height);
    assert_eq!(network.nodes[3].rounds2(), []);
    network.payload(3, block.hash(), Verdict::Good);
    assert_eq!(network.nodes[3].rounds2(), [V1]);
}

/// V9: the lock, the vote and the bar on vote 1 become durable together.
#[test]
fn vote_2_locks_and_bars_vote_1_up_to_its_round() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.feed(0, Input::Header(Box::new(b.header().clone())));
    network.payload(0, b.hash(), Verdict::Good);
    let qc = network.qc(V2, &b);
    network.inject(1, 0, Message::Quorum(qc.clone()));
    assert_eq!(network.nodes[0].rounds2(), [V2]);
    let record = &network.nodes[0].disk.record;
    assert_eq!(record.last_vote1, Some((V2, None)));
    assert_eq!(record.lock, Lock::Quorum(qc));
    // The proposal of the round comes late.
    network.propose(
        0,
        network.fresh(V2, &b, Justify::Quorum(network.qc(V1, &a))),
    );
    assert_eq!(network.nodes[0].rounds1(), [V1]);
}

/// V9, W3.
#[test]
fn vote_2_is_withheld_at_and_below_a_round_timed_out_in() {
    let mut network = Network::alone(3);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    let c = network.block_on(&b, V3);
    network.propose(3, network.fresh(V1, &a, Justify::Anchor(None)));
    // Others are in the third view: the F1 rule takes this node along.
    for number in [0, 1] {
        network.inject(number, 3, network.timeout(number, V3, Lock::Anchor));
    }
    assert_eq!(network.replica(3).record().last_timeout, Some(V3));
    network.inject(0, 3, Message::Quorum(network.qc(V1, &a)));
    assert_eq!(network.nodes[3].rounds2(), []);

    network.restart(3);
    assert_eq!(network.round(3), V3);
    network.feed(3, Input::Header(Box::new(a.header().clone())));
    network.feed(3, Input::Header(Box::new(b.header().clone())));
    network.payloads_arrive(3, Verdict::Good);
    network.payload(3, b.hash(), Verdict::Good);
    network.inject(0, 3, Message::Quorum(network.qc(V2, &b)));
    network.inject(0, 3, Message::Quorum(network.qc(V3, &c)));
    assert_eq!(network.nodes[3].rounds2(), []);
    assert_eq!(
        network.replica(3).record().lock.view(),
        View(2),
        "V10: it locks all the same"
    );
}

/// V10: the lock follows what is good or final, and never falls.
#[test]
fn the_lock_rises_with_certificates_whose_block_is_settled() {
    let mut network = Network::alone(3);
    network.nodes[3].host.verdict = None;
    let lock = |network: &Network| network.replica(3).record().lock.view();
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    network.propose(3, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(0, 3, Message::Quorum(network.qc(V1, &a)));
    assert_eq!(lock(&network), View(0));
    network.feed(3, Input::Header(Box::new(b.header().clone())));
    network.payload(3, b.hash(), Verdict::Good);
    network.inject(0, 3, Message::Quorum(network.qc(V2, &b)));
    assert_eq!(lock(&network), View(2));
    network.payload(3, a.hash(), Verdict::Good);
    assert_eq!(lock(&network), View(2));
}

/// M2, V7: three of four members, but too little stake.
#[test]
fn a_quorum_is_counted_in_stake_and_not_in_nodes() {
    let schedule = Schedule::of(vec![vec![(0, 5), (1, 1), (2, 1), (3, 1)]]);
    let mut network = Network::of(schedule, 4, 100);
    network.nodes[3].host.proves_slots = false;
    network.start(3);
    let block = network.block_on(&network.genesis.clone(), V1);
    network.feed(3, Input::Header(Box::new(block.header().clone())));
    for number in [1, 2] {
        network.inject(number, 3, network.vote1(number, V1, &block));
    }
    assert_eq!(network.nodes[3].aggregations(), 0);
    network.inject(0, 3, network.vote1(0, V1, &block));
    assert_eq!(network.nodes[3].aggregations(), 1);
    assert_eq!(network.nodes[3].count(is_quorum), 1);
}

fn is_quorum(output: &Output) -> bool {
    matches!(output, Output::Send(_, message) if matches!(**message, Message::Quorum(_)))
}

/// V7, H1: votes are summed once and checked once; a bad one is found and costs its sender alone.
#[test]
fn one_bad_signature_in_a_batch_is_found_and_the_rest_goes_on() {
    let mut network = Network::alone(3);
    network.nodes[3].host.proves_slots = false;
    network.nodes[3].host.verdict = None;
    let block = network.block_on(&network.genesis.clone(), V1);
    let said = statement(V1, &block);
    let bad = Vote::claimed(
        said,
        network.schedule.index(V1.epoch, 0),
        Signature([7; 48]),
    );
    network.inject(0, 3, Message::Vote1(bad));
    network.inject(1, 3, network.vote1(1, V1, &block));
    network.inject(2, 3, network.vote1(2, V1, &block));
    assert_eq!(network.nodes[3].aggregations(), 1);
    assert_eq!(network.nodes[3].blamed(), [(0, Fault::Signature)]);
    assert_eq!(network.nodes[3].count(is_quorum), 0);
    // It has lost its say in this round and phase; the others are still a quorum with one more.
    network.inject(0, 3, network.vote1(0, V1, &block));
    assert_eq!(network.nodes[3].aggregations(), 1);
    network.propose(3, network.fresh(V1, &block, Justify::Anchor(None)));
    network.feed(3, Input::OwnSlotsProven(block.hash()));
    assert_eq!(network.nodes[3].aggregations(), 2);
    assert_eq!(network.nodes[3].count(is_quorum), 1);
}

/// V7: a vote is its authenticated sender's own, and counts once however often it comes.
#[test]
fn a_vote_counts_once_through_two_peers() {
    let mut network = Network::alone(3);
    let block = network.block_on(&network.genesis.clone(), V1);
    let vote = network.vote1(1, V1, &block);
    network.inject(1, 3, vote.clone());
    network.inject(1, 3, vote.clone());
    network.inject(0, 3, vote.clone());
    network.inject(6, 3, vote);
    assert_eq!(network.nodes[3].aggregations(), 0);
    let impersonated = [(0, Fault::Impersonation), (6, Fault::Impersonation)];
    assert_eq!(network.nodes[3].blamed(), impersonated);
}

/// V4, V8: a hash with a certificate always gets a slot, and no later proposal takes it away.
#[test]
fn an_equivocating_leader_cannot_displace_the_certified_block() {
    let mut network = Network::alone(3);
    network.nodes[3].host.proves_slots = false;
    network.nodes[3].host.verdict = None;
    let genesis = network.genesis.clone();
    let blocks: Vec<_> = (20..24)
        .map(|len| network.block_with(&genesis, V1, |header| header.payload_len = len))
        .collect();
    for block in &blocks[..3] {
        network.propose(3, network.fresh(V1, block, Justify::Anchor(None)));
    }
    let proposed = |network: &Network| {
        network.nodes[3].count(|output| matches!(output, Output::Proposed { .. }))
    };
    assert_eq!(
        proposed(&network),
        2,
        "two show the equivocation, a third adds nothing"
    );
    network.nodes[3].host.fetches = false;
    network.inject(0, 3, Message::Quorum(network.qc(V1, &blocks[3])));
    network.propose(3, network.fresh(V1, &blocks[3], Justify::Anchor(None)));
    assert_eq!(proposed(&network), 3);
    network.payload(3, blocks[3].hash(), Verdict::Good);
    assert_eq!(network.nodes[3].rounds2(), [V1]);
    assert_eq!(network.nodes[3].votes2()[0].hash(), blocks[3].hash());
}

/// D2, D3: a vote of one phase says nothing in the other.
#[test]
fn votes_of_both_phases_carry_different_signatures() {
    let network = Network::new();
    let block = &network.genesis;
    let said = statement(V1, block);
    let first: Vote<hotshot_types::Quorum> = network.vote(0, said);
    let second: Vote<hotshot_types::Final> = network.vote(0, said);
    assert_ne!(first.signature, second.signature);
    assert_ne!(hotshot_types::Quorum::TAG, hotshot_types::Final::TAG);
}
