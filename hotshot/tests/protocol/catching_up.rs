//! Certificates on blocks that are not known yet, finality of several blocks at once, and what
//! contradicts final history.

use hotshot::{Input, Output, Verdict};
use hotshot_types::{Evidence, Height, Justify, Lock, Message, Round, Status};

use crate::network::Network;

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);
const V3: Round = Round::new(1, 3);

fn retrieved(network: &Network, node: usize, hash: hotshot_types::Hash) -> usize {
    network.nodes[node]
        .count(|output| matches!(output, Output::Retrieve(header) if header.hash() == hash))
}

/// V8: a certificate on an unknown header fetches it, then its payload, and moves nothing before.
#[test]
fn a_certificate_for_an_unknown_header_fetches_it_until_it_is_good() {
    let mut network = Network::alone(3);
    network.nodes[3].host.verdict = None;
    let block = network.block_on(&network.genesis.clone(), V1);
    let qc = network.qc(V1, &block);
    network.inject(0, 3, Message::Quorum(qc));
    let asked =
        |output: &Output| matches!(output, Output::FetchHeader(hash) if *hash == block.hash());
    assert_eq!(network.nodes[3].count(asked), 1);
    assert_eq!(network.round(3), V1);
    network.run_for(50);
    assert_eq!(retrieved(&network, 3, block.hash()), 1);
    assert_eq!(network.round(3), V1);
    network.payload(3, block.hash(), Verdict::Good);
    assert_eq!(network.round(3), V2);
    assert_eq!(network.nodes[3].rounds2(), [V1]);
}

/// V8: the leader of the next view hears of the certificate though the sender can't use it yet.
#[test]
fn a_certificate_is_forwarded_to_the_next_leader() {
    let mut network = Network::alone(3);
    network.nodes[3].host.verdict = None;
    let block = network.block_on(&network.genesis.clone(), V1);
    network.inject(0, 3, Message::Quorum(network.qc(V1, &block)));
    let leader = crate::schedule::key(network.schedule.leader(V2)).public;
    let forwarded = |output: &Output| {
        matches!(output, Output::Send(hotshot::Recipients::One(to), message)
            if *to == leader && matches!(**message, Message::Quorum(_)))
    };
    assert_eq!(network.nodes[3].count(forwarded), 1);
}

/// V11, T5, K1: one finality certificate finalises all ancestors, fetched by range, and the
/// payload of the new tip is retrieved.
#[test]
fn a_finality_certificate_finalises_all_ancestors() {
    let mut network = Network::alone(0);
    let mut parent = network.genesis.clone();
    let mut hashes = vec![parent.hash()];
    for view in 1..=90 {
        parent = network.block_on(&parent, Round::new(1, view));
        hashes.push(parent.hash());
    }
    network.inject(
        1,
        0,
        Message::Final(network.fc(Round::new(1, 90), &parent), None),
    );
    assert_eq!(
        network.round(0),
        Round::new(1, 91),
        "N3 waits for no header"
    );
    network.run_for(50);
    assert_eq!(network.nodes[0].decided(), hashes);
    assert_eq!(retrieved(&network, 0, parent.hash()), 1);
    network.assert_peace();
}

/// K2: a node that comes late adopts the highest certificates of a Status.
#[test]
fn a_status_moves_a_node_by_its_certificates() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    let status = Status {
        round: Round::new(1, 7),
        lock: Lock::Quorum(network.qc(V2, &b)),
        finality: Some(network.fc(V1, &a)),
    };
    network.inject(1, 0, Message::Status(Box::new(status)));
    network.run_for(50);
    assert_eq!(network.round(0), V3);
    assert_eq!(network.height(0), a.height);
}

/// V11: a run of headers that does not lead from the tip to the certified block is not taken.
#[test]
fn a_range_that_is_not_one_chain_is_not_taken() {
    let mut network = Network::alone(0);
    let genesis = network.genesis.clone();
    let a = network.block_on(&genesis, V1);
    let b = network.block_on(&a, V2);
    let other = network.block_with(&genesis, V1, |header| header.payload_len = 99);
    network.nodes[0].host.fetches = false;
    network.inject(1, 0, Message::Final(network.fc(V2, &b), None));
    let junk = [&other, &b].map(|block| block.header().clone());
    network.feed(0, Input::Headers(junk.to_vec()));
    network.feed(0, Input::Payload(other.hash(), Verdict::Good));
    // Had the stranger been taken, its child would connect.
    let c = network.block_on(&other, V3);
    let justify = Justify::Quorum(network.qc(V2, &other));
    network.propose(0, network.fresh(V3, &c, justify));
    assert_eq!(network.nodes[0].rounds1(), []);
    assert_eq!(network.height(0), Height(0));
    let right = [&a, &b].map(|block| block.header().clone());
    network.feed(0, Input::Headers(right.to_vec()));
    assert_eq!(network.height(0), Height(2));
}

/// V4, V5: own slots proven while the parent is still unknown are not forgotten.
#[test]
fn own_slots_count_though_the_parents_header_comes_later() {
    let mut network = Network::alone(0);
    network.nodes[0].host.verdict = None;
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    network.propose(
        0,
        network.fresh(V2, &b, Justify::Quorum(network.qc(V1, &a))),
    );
    assert_eq!(network.round(0), V1);
    network.run_for(50);
    network.payload(0, a.hash(), Verdict::Good);
    assert_eq!(network.round(0), V2);
    assert_eq!(network.nodes[0].rounds1(), [V2]);
}

/// V11, X6: a certificate at a final height on another block halts the node, which shows both.
#[test]
fn two_finality_certificates_at_one_height_halt_the_node() {
    let mut network = Network::alone(0);
    let genesis = network.genesis.clone();
    let a = network.block_on(&genesis, V1);
    let b = network.block_on(&genesis, V2);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    let own = network.fc(V1, &a);
    network.inject(1, 0, Message::Final(own.clone(), None));
    assert_eq!(network.height(0), Height(1));
    let other = network.fc(V2, &b);
    network.inject(1, 0, Message::Final(other.clone(), None));
    let (hash, certificate, evidence) = network.nodes[0].halt().expect("it halts");
    assert_eq!(hash, b.hash());
    assert_eq!(certificate, &Some(own.clone()));
    assert_eq!(evidence, Some(&Evidence::Fork(own, other)));
    assert!(evidence.is_some_and(|evidence| evidence.guilty().is_empty() && evidence.is_fork()));

    let orders = network.nodes[0].log.len();
    network.run_for(60_000);
    network.propose(0, network.fresh(V3, &b, Justify::Anchor(None)));
    assert_eq!(
        network.nodes[0].log.len(),
        orders,
        "nothing is signed from here on"
    );
}

/// V5, V11: a final block on a branch that left final history is noticed by its headers.
#[test]
fn a_finality_certificate_on_a_dead_fork_halts_the_node() {
    let mut network = Network::alone(0);
    let genesis = network.genesis.clone();
    let a = network.block_on(&genesis, V1);
    let b = network.block_on(&genesis, V2);
    let c = network.block_on(&b, V3);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(1, 0, Message::Final(network.fc(V1, &a), None));
    network.inject(1, 0, Message::Final(network.fc(V3, &c), None));
    network.run_for(50);
    let (hash, certificate, _) = network.nodes[0].halt().expect("it halts");
    assert_eq!(hash, c.hash());
    assert_eq!(certificate.as_ref().map(|fc| fc.hash()), Some(a.hash()));
}

/// V5: what is proposed on a dead fork is not voted for. It proves nothing against final history
/// by itself, so the node goes on.
#[test]
fn a_proposal_on_a_dead_fork_gets_no_vote() {
    let mut network = Network::alone(0);
    let genesis = network.genesis.clone();
    let a = network.block_on(&genesis, V1);
    let b = network.block_on(&genesis, V2);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(1, 0, Message::Final(network.fc(V1, &a), None));
    let tc = network.anchor_tc(V1);
    let dead = network.proposal(
        hotshot_types::Kind::Fresh,
        V2,
        &b,
        Justify::Anchor(None),
        Some(tc),
    );
    network.propose(0, dead);
    assert_eq!(network.round(0), V2);
    assert_eq!(network.nodes[0].rounds1(), [V1]);
    assert!(network.nodes[0].halt().is_none());
}
