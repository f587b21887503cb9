//! The one door: who may say what, how far ahead, how often, and that nothing unverified gets in.

use hotshot::{Fault, Input, Output, Verdict};
use hotshot_types::{
    Certificate, Epoch, Final, Justify, Lock, Message, Round, Signature, Statement, Vote, digest,
};

use crate::{
    forge::statement,
    network::{EMPTY_MS, Network, T0},
    schedule::Schedule,
};

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);

/// B1: one message with a huge view does nothing at all, in whatever message it comes.
#[test]
fn a_huge_view_moves_nothing() {
    let mut network = Network::alone(0);
    let huge = Round::new(1, 1 << 61);
    let block = network.genesis.clone();
    let orders = network.nodes[0].log.len();
    for number in 1..4 {
        network.inject(number, 0, network.vote1(number, huge, &block));
        network.inject(number, 0, network.vote2(number, huge, &block));
        network.inject(number, 0, network.timeout(number, huge, Lock::Anchor));
    }
    assert_eq!(network.round(0), V1);
    assert_eq!(network.nodes[0].log.len(), orders);
}

/// B1: votes and Timeouts up to 16 views ahead count; a quorum's votes beyond are dropped.
#[test]
fn votes_count_up_to_sixteen_views_ahead() {
    let mut network = Network::alone(0);
    let block = network.block_on(&network.genesis.clone(), V1);
    for view in (1..200).rev() {
        for number in 1..4 {
            network.inject(
                number,
                0,
                network.vote1(number, Round::new(1, view), &block),
            );
        }
        assert_eq!(network.nodes[0].aggregations() > 0, view <= 17, "{view}");
        if view == 16 {
            break;
        }
    }
    let mut network = Network::alone(0);
    for number in [1, 2] {
        network.inject(
            number,
            0,
            network.timeout(number, Round::new(1, 18), Lock::Anchor),
        );
    }
    assert_eq!(network.round(0), V1);
    for number in [1, 2] {
        network.inject(
            number,
            0,
            network.timeout(number, Round::new(1, 17), Lock::Anchor),
        );
    }
    assert!(network.round(0) > V1);
}

/// B1, V12: beyond the window a valid certificate moves a node.
#[test]
fn a_certificate_moves_a_node_over_any_distance() {
    let mut network = Network::alone(0);
    let far = Round::new(1, 5_000);
    let tc = network.anchor_tc(far);
    network.inject(1, 0, Message::TimeoutCertificate(Box::new(tc)));
    assert_eq!(network.round(0), far.next());
    // And votes so far back are of no interest any more.
    let block = network.genesis.clone();
    for number in 1..4 {
        network.inject(
            number,
            0,
            network.vote1(number, Round::new(1, 4_900), &block),
        );
    }
    assert_eq!(network.nodes[0].aggregations(), 0);
}

/// D1 to D4, C1: signatures of one chain, epoch or phase are worth nothing in another.
#[test]
fn nothing_can_be_replayed_across_chains_epochs_and_phases() {
    let mut network = Network::of(Schedule::equal().rotating(), 4, 1);
    network.start(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let qc = network.qc(V1, &a);
    // Phase.
    let fc: Certificate<Final> =
        Certificate::claimed(qc.statement, qc.signers.clone(), qc.signature);
    network.inject(1, 0, Message::Final(fc, None));
    // Chain.
    let mut elsewhere = Network::new();
    elsewhere.schedule.domain = digest::keccak(b"another network");
    network.inject(1, 0, Message::Quorum(elsewhere.qc(V1, &a)));
    let tc = elsewhere.tc(V1, &[0, 1, 2].map(|number| (number, Lock::Anchor)));
    network.inject(1, 0, Message::TimeoutCertificate(Box::new(tc)));
    network.propose(0, elsewhere.fresh(V1, &a, Justify::Anchor(None)));
    assert_eq!(network.nodes[0].blamed(), [(1, Fault::Signature); 4]);
    // Epoch: the same members, the same view.
    network.inject(1, 0, network.epoch_end(V1, &a));
    let replayed = Statement {
        round: Round::new(2, 1),
        ..qc.statement
    };
    let qc = Certificate::claimed(replayed, qc.signers, qc.signature);
    network.inject(1, 0, Message::Quorum(qc));
    assert_eq!(network.nodes[0].blamed(), [(1, Fault::Signature); 5]);
    assert_eq!(network.round(0), Round::new(2, 1));
}

/// C3, B4: what is wrong without a pairing costs none.
#[test]
fn a_certificate_without_a_quorum_costs_no_pairing() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let said = statement(V1, &a);
    network.inject(1, 0, Message::Quorum(network.certificate(&[0, 1], said)));
    network.inject(
        1,
        0,
        Message::Final(network.certificate(&[1, 2], said), None),
    );
    let tc = network.tc(V1, &[(0, Lock::Anchor), (1, Lock::Anchor)]);
    network.inject(1, 0, Message::TimeoutCertificate(Box::new(tc)));
    let mut overlapping = network.tc(
        V1,
        &[(0, Lock::Anchor), (1, Lock::Anchor), (2, Lock::Anchor)],
    );
    overlapping.groups.push(overlapping.groups[0].clone());
    network.inject(1, 0, Message::TimeoutCertificate(Box::new(overlapping)));
    assert_eq!(network.nodes[0].verifications(), 0);
    assert_eq!(network.nodes[0].blamed().len(), 4);
}

/// C3: a quorum costs one check, however often and by whatever signers it is relayed.
#[test]
fn a_certificate_is_verified_once() {
    let mut network = Network::alone(3);
    network.nodes[3].host.fetches = false;
    let a = network.block_on(&network.genesis.clone(), V1);
    let said = statement(V1, &a);
    for signers in [[0, 1, 2], [1, 2, 3], [0, 2, 3]] {
        network.inject(0, 3, Message::Quorum(network.certificate(&signers, said)));
        network.inject(
            1,
            3,
            Message::Final(network.certificate(&signers, said), None),
        );
        let tc = network.tc(V2, &signers.map(|number| (number, Lock::Anchor)));
        network.inject(2, 3, Message::TimeoutCertificate(Box::new(tc)));
    }
    assert_eq!(network.nodes[3].verifications(), 3);
    // While the first is being verified, the others wait for it.
    let mut network = Network::alone(3);
    network.nodes[3].host.fetches = false;
    network.nodes[3].host.verifies = false;
    for (peer, signers) in [[0, 1, 2], [1, 2, 3], [0, 2, 3]].into_iter().enumerate() {
        network.inject(
            peer,
            3,
            Message::Quorum(network.certificate(&signers, said)),
        );
        let tc = network.tc(V2, &signers.map(|number| (number, Lock::Anchor)));
        network.inject(peer, 3, Message::TimeoutCertificate(Box::new(tc)));
    }
    assert_eq!(network.piled_up(3), 2);
    network.verify(3, false);
    assert_eq!(network.piled_up(3), 0);
    assert_eq!(network.round(3), V2.next());
}

/// C3, B5: the cache knows certificates by all their bytes, so a false one poisons nothing, before
/// or after the true one.
#[test]
fn a_false_certificate_poisons_no_cache() {
    let mut network = Network::alone(3);
    network.nodes[3].host.fetches = false;
    let a = network.block_on(&network.genesis.clone(), V1);
    let right = network.qc(V1, &a);
    let false_one = network.worthless_qc(V1, &a);
    network.inject(0, 3, Message::Quorum(false_one.clone()));
    network.inject(1, 3, Message::Quorum(right.clone()));
    network.inject(0, 3, Message::Quorum(false_one.clone()));
    assert_eq!(network.nodes[3].blamed(), [(0, Fault::Signature)]);
    // In what this node sends on is the true one, also if it came in as part of something.
    network.inject(0, 3, network.timeout(0, V1, Lock::Quorum(false_one)));
    network.payload(3, a.hash(), Verdict::Good);
    network.feed(3, Input::Header(Box::new(a.header().clone())));
    network.payload(3, a.hash(), Verdict::Good);
    assert_eq!(network.replica(3).record().lock, Lock::Quorum(right));

    let tc = network.anchor_tc(V2);
    let mut poisoned = tc.clone();
    poisoned.groups[0].signature = Signature([7; 48]);
    for tc in [poisoned.clone(), tc, poisoned] {
        network.inject(0, 3, Message::TimeoutCertificate(Box::new(tc)));
    }
    assert_eq!(network.nodes[3].blamed(), [(0, Fault::Signature); 2]);
    assert_eq!(network.round(3), V2.next());
}

/// B4: one peer has 64 checks under way at most, and takes nobody's place.
#[test]
fn a_peer_that_floods_certificates_is_held_back_alone() {
    let mut network = Network::alone(0);
    network.nodes[0].host.verifies = false;
    let false_tc = |network: &Network, view| {
        let mut tc = network.anchor_tc(V1);
        tc.round = Round::new(1, view);
        Message::TimeoutCertificate(Box::new(tc))
    };
    for view in 2..200 {
        network.inject(1, 0, false_tc(&network, view));
    }
    assert_eq!(network.nodes[0].verifications(), 64);
    let tc = network.anchor_tc(V1);
    network.inject(2, 0, Message::TimeoutCertificate(Box::new(tc)));
    assert_eq!(network.nodes[0].verifications(), 65);
    network.verify(0, true);
    assert_eq!(network.round(0), V2);
    assert_eq!(network.nodes[0].blamed().len(), 64);
}

/// B4: peers without stake, however many, leave room for members.
#[test]
fn strangers_cannot_use_up_the_checks() {
    let mut network = Network::alone(0);
    network.nodes[0].host.verifies = false;
    let mut tc = network.anchor_tc(V1);
    for view in 2..1_000 {
        tc.round = Round::new(1, view);
        let sender = hotshot::Sender {
            peer: 100 + view,
            key: None,
        };
        let message = Message::TimeoutCertificate(Box::new(tc.clone()));
        network.feed(0, Input::Message(sender, message));
    }
    assert_eq!(network.nodes[0].verifications(), 512);
    let tc = network.anchor_tc(V1);
    network.inject(2, 0, Message::TimeoutCertificate(Box::new(tc)));
    assert_eq!(network.nodes[0].verifications(), 513);
}

/// B4: false relays of one peer do not keep out the true one of another while they are verified.
#[test]
fn one_peer_cannot_crowd_out_the_relays_of_a_certificate() {
    let mut network = Network::alone(3);
    network.nodes[3].host.fetches = false;
    network.nodes[3].host.verifies = false;
    let a = network.block_on(&network.genesis.clone(), V1);
    for _ in 0..20 {
        network.inject(0, 3, Message::Quorum(network.worthless_qc(V1, &a)));
    }
    network.inject(1, 3, Message::Quorum(network.qc(V1, &a)));
    for _ in 0..4 {
        network.verify(3, false);
    }
    let asked = |output: &Output| matches!(output, Output::FetchHeader(hash) if *hash == a.hash());
    assert_eq!(network.nodes[3].count(asked), 1);
    assert_eq!(network.nodes[3].blamed(), [(0, Fault::Signature); 2]);
}

/// V4, B1: of many proposals that are verified at the same time, two are taken.
#[test]
fn proposals_verified_at_once_get_two_slots() {
    let mut network = Network::alone(0);
    network.nodes[0].host.verifies = false;
    for len in 20..30 {
        let genesis = network.genesis.clone();
        let block = network.block_with(&genesis, V1, |header| header.payload_len = len);
        network.propose(0, network.fresh(V1, &block, Justify::Anchor(None)));
    }
    network.verify(0, false);
    let proposed = |output: &Output| matches!(output, Output::Proposed { .. });
    assert_eq!(network.nodes[0].count(proposed), 2);
    assert_eq!(network.nodes[0].votes1().len(), 1);
}

/// H1: verification takes its time elsewhere; the state machine goes on meanwhile, and takes
/// answers in any order and once.
#[test]
fn slow_verification_holds_up_nothing_else() {
    let mut network = Network::alone(0);
    network.nodes[0].host.verifies = false;
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(2, 0, Message::Quorum(network.qc(V1, &a)));
    network.propose(
        0,
        network.fresh(V2, &b, Justify::Quorum(network.qc(V1, &a))),
    );
    network.run_for(T0 + EMPTY_MS);
    assert_eq!(network.nodes[0].timeouts().len(), 1);
    network.verify(0, true);
    assert_eq!(network.round(0), V2);
    assert_eq!(
        network.nodes[0].rounds1(),
        [V2],
        "the first view had timed out"
    );
    network.feed(
        0,
        Input::Verified {
            ticket: hotshot::Ticket(1),
            valid: true,
        },
    );
    network.feed(
        0,
        Input::Verified {
            ticket: hotshot::Ticket(999),
            valid: true,
        },
    );
    network.feed(
        0,
        Input::Aggregated {
            ticket: hotshot::Ticket(1),
            results: Vec::new(),
        },
    );
}

/// H1: a verification that outlives its epoch changes nothing in the next.
#[test]
fn an_answer_about_an_older_epoch_changes_nothing() {
    let mut network = Network::of(Schedule::equal().rotating(), 4, 1);
    network.start(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.nodes[0].host.verifies = false;
    network.inject(1, 0, network.epoch_end(V1, &a));
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(1, 0, Message::Quorum(network.qc(Round::new(1, 3), &a)));
    let tc = network.anchor_tc(Round::new(1, 7));
    network.inject(1, 0, Message::TimeoutCertificate(Box::new(tc)));
    for number in 1..4 {
        network.inject(number, 0, network.vote1(number, V1, &a));
        network.inject(
            number,
            0,
            network.timeout(number, Round::new(1, 4), Lock::Anchor),
        );
    }
    network.verify(0, false);
    network.verify(0, false);
    assert_eq!(network.round(0), Round::new(2, 1));
    assert_eq!(network.replica(0).record().lock, Lock::Anchor);
    assert_eq!(network.nodes[0].blamed(), []);
}

/// V7, V14: members speak for themselves; strangers have no voice.
#[test]
fn a_stranger_that_votes_is_refused() {
    let mut network = Network::alone(0);
    let block = network.genesis.clone();
    let index = network.schedule.index(Epoch(1), 1);
    let vote: Vote<hotshot_types::Quorum> =
        Vote::claimed(statement(V1, &block), index, Signature::ZERO);
    network.inject(6, 0, Message::Vote1(vote));
    network.inject(6, 0, network.vote1(6, V1, &block));
    network.inject(6, 0, network.timeout(6, V1, Lock::Anchor));
    assert_eq!(network.nodes[0].blamed(), [(6, Fault::Impersonation); 3]);
    // What a stranger relays is as good as anybody's.
    let tc = network.anchor_tc(V1);
    network.inject(6, 0, Message::TimeoutCertificate(Box::new(tc)));
    assert_eq!(network.round(0), V2);
}
