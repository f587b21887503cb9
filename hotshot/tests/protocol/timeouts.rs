//! Leaving a view that does not work out.

use hotshot::{Fault, Input, Output, Verdict};
use hotshot_types::{Entry, Justify, Lock, Message, Round, Timeout};

use crate::network::{EMPTY_MS, Network, T0};

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);
const V3: Round = Round::new(1, 3);

fn tcs_sent(network: &Network, node: usize) -> usize {
    let sent = network.nodes[node].sent();
    sent.filter(|message| matches!(message, Message::TimeoutCertificate(_)))
        .count()
}

/// V13, T1: after the empty-block delay and T0, and again every T0/2, with the lock of that time.
#[test]
fn a_timeout_is_repeated_with_the_current_lock() {
    let mut network = Network::alone(0);
    network.nodes[0].host.verdict = None;
    let a = network.block_on(&network.genesis.clone(), V1);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.run_for(T0 + EMPTY_MS - 1);
    assert_eq!(network.nodes[0].timeouts().len(), 0);
    network.run_for(1);
    assert_eq!(network.nodes[0].timeouts().len(), 1);
    // The lock rises meanwhile, by the certificate of a view below, which opens nothing.
    network.inject(1, 0, network.timeout(1, V3, Lock::Anchor));
    network.inject(2, 0, network.timeout(2, V2, Lock::Anchor));
    assert_eq!(network.round(0), V2);
    network.inject(1, 0, Message::Quorum(network.qc(V1, &a)));
    network.payload(0, a.hash(), Verdict::Good);
    assert_eq!(network.round(0), V2);
    network.run_for(T0 / 2);
    let timeouts = network.nodes[0].timeouts();
    let seen: Vec<_> = timeouts
        .iter()
        .map(|timeout| (timeout.round, timeout.lock.view().0))
        .collect();
    assert_eq!(seen, [(V1, 0), (V2, 0), (V2, 1)]);
    network.run_for(10 * T0);
    assert_eq!(network.nodes[0].timeouts().len(), 3 + 20);
}

/// V13, V6: a bad payload ends its view at once, also if it is known before the view is entered.
#[test]
fn a_bad_payload_ends_its_view_at_once() {
    let mut network = Network::alone(0);
    network.nodes[0].host.verdict = None;
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.propose(
        0,
        network.fresh(V2, &b, Justify::Quorum(network.qc(V1, &a))),
    );
    network.payload(0, b.hash(), Verdict::Bad);
    assert_eq!(
        network.nodes[0].timeouts().len(),
        0,
        "it is not the current view's"
    );
    network.payload(0, a.hash(), Verdict::Good);
    let rounds: Vec<Round> = network.nodes[0]
        .timeouts()
        .iter()
        .map(|t| t.round)
        .collect();
    assert_eq!(rounds, [V2]);
    assert_eq!(network.nodes[0].rounds1(), [V1]);
    // Bad for ever: no later word makes it good.
    network.feed(0, Input::Payload(b.hash(), Verdict::Good));
    network.inject(1, 0, Message::Quorum(network.qc(V2, &b)));
    assert_eq!(network.round(0), V2);
}

/// V14, M2: the F1 rule. One of four may be Byzantine, two are not.
#[test]
fn senders_of_one_honest_stake_take_a_node_along() {
    let mut network = Network::alone(0);
    network.inject(1, 0, network.timeout(1, V3, Lock::Anchor));
    network.inject(1, 0, network.timeout(1, V3, Lock::Anchor));
    assert_eq!(network.round(0), V1);
    network.inject(2, 0, network.timeout(2, V2, Lock::Anchor));
    assert_eq!(network.round(0), V2, "both have reached the second view");
    assert_eq!(network.nodes[0].timeouts().len(), 1);
    assert_eq!(network.replica(0).record().last_timeout, Some(V2));
    network.inject(2, 0, network.timeout(2, V3, Lock::Anchor));
    assert_eq!(
        network.round(0),
        Round::new(1, 4),
        "with the own one it is a quorum by now"
    );
    // Lower ones do not take it back.
    network.inject(1, 0, network.timeout(1, V1, Lock::Anchor));
    network.inject(3, 0, network.timeout(3, V1, Lock::Anchor));
    assert_eq!(network.round(0), Round::new(1, 4));
    assert_eq!(network.nodes[0].timeouts().len(), 2);
}

/// V14, V12, C2: the Q rule, and the certificate is rebroadcast once by whoever enters with it.
#[test]
fn a_quorum_of_timeouts_makes_the_certificate() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(1, 0, network.timeout(1, V1, Lock::Anchor));
    network.inject(2, 0, network.timeout(2, V1, network.lock(V1, &a)));
    // The lock that came along is a certificate of this view, which is the better way out.
    assert_eq!(network.round(0), V2);
    assert_eq!(network.nodes[0].rounds2(), [V1]);

    network.inject(1, 0, network.timeout(1, V2, Lock::Anchor));
    network.inject(2, 0, network.timeout(2, V2, network.lock(V1, &a)));
    assert_eq!(network.round(0), V3);
    assert_eq!(tcs_sent(&network, 0), 1);
    let sent = network.nodes[0].sent().find_map(|message| match message {
        Message::TimeoutCertificate(tc) => Some(tc.clone()),
        _ => None,
    });
    let tc = sent.expect("it was sent");
    let committee = network.schedule.committee(V1.epoch);
    assert_eq!(tc.check_shape(&committee, network.genesis.hash()), Ok(()));
    assert!(hotshot_types::bls::verify_all(
        &tc.checks(network.schedule.domain, &committee)
    ));
    assert_eq!(tc.high.view().0, 1);
    network.inject(1, 0, Message::TimeoutCertificate(tc));
    assert_eq!(tcs_sent(&network, 0), 1);
}

/// V2: nobody leaves a view by a timeout certificate without having told everyone its lock.
#[test]
fn a_node_tells_its_lock_before_it_leaves_by_a_timeout_certificate() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(1, 0, Message::Quorum(network.qc(V1, &a)));
    let tc = network.anchor_tc(Round::new(1, 5));
    network.inject(1, 0, Message::TimeoutCertificate(Box::new(tc)));
    assert_eq!(network.round(0), Round::new(1, 6));
    let timeouts = network.nodes[0].timeouts();
    assert_eq!(timeouts.len(), 1);
    assert_eq!(timeouts[0].round, Round::new(1, 5));
    assert_eq!(timeouts[0].lock, network.lock(V1, &a));
    let sent: Vec<_> = network.nodes[0].sent().collect();
    let position = |wanted: fn(&Message) -> bool| sent.iter().position(|message| wanted(message));
    let own = position(|message| matches!(message, Message::Timeout(_)));
    assert!(own < position(|message| matches!(message, Message::TimeoutCertificate(_))));
}

/// V14, B1: what a Timeout carries is used though the Timeout itself is far outside the window.
#[test]
fn the_certificates_in_a_timeout_count_even_if_it_does_not() {
    let mut network = Network::alone(0);
    let far = Round::new(1, 200);
    let entry = Entry::Timeout(network.anchor_tc(Round::new(1, 199)));
    network.inject(1, 0, network.timeout_with(1, far, Lock::Anchor, entry));
    assert_eq!(network.round(0), far);
    // A stale one with a lock that is news.
    network.nodes[0].host.verdict = Some(Verdict::Good);
    let a = network.block_on(&network.genesis.clone(), Round::new(1, 150));
    network.feed(0, Input::Header(Box::new(a.header().clone())));
    network.payload(0, a.hash(), Verdict::Good);
    let lock = network.lock(Round::new(1, 150), &a);
    network.inject(2, 0, network.timeout(2, Round::new(1, 3), lock.clone()));
    assert_eq!(network.nodes[0].blamed().len(), 1, "a lock above its round");
    network.inject(2, 0, network.timeout(2, Round::new(1, 151), lock.clone()));
    assert_eq!(network.replica(0).record().lock, lock);
    network.assert_one_chain();
}

/// V14: the lock is the anchor, or a certificate of this epoch not above the round, and genuine.
#[test]
fn a_timeout_with_an_impossible_lock_is_refused() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V2);
    network.inject(1, 0, network.timeout(1, V1, network.lock(V2, &a)));
    network.inject(
        1,
        0,
        network.timeout(1, V1, network.lock(Round::new(2, 1), &a)),
    );
    let worthless = Lock::Quorum(network.worthless_qc(V1, &a));
    network.inject(1, 0, network.timeout(1, V1, worthless));
    network.inject(2, 0, network.timeout(1, V1, Lock::Anchor));
    let impossible = Fault::Malformed("a timeout with an impossible lock");
    let blamed = [
        (1, impossible),
        (1, impossible),
        (1, Fault::Signature),
        (2, Fault::Impersonation),
    ];
    assert_eq!(network.nodes[0].blamed(), blamed);
    network.inject(2, 0, network.timeout(2, V1, Lock::Anchor));
    assert_eq!(network.nodes[0].timeouts().len(), 0, "one sender so far");
}

/// V14, D4: signatures of Timeouts are checked in their sum; a false one costs its sender alone.
#[test]
fn a_worthless_timeout_spoils_no_certificate() {
    let mut network = Network::alone(0);
    let Message::Timeout(mut false_one) = network.timeout(1, V1, Lock::Anchor) else {
        unreachable!("it is a timeout");
    };
    false_one.signature = hotshot_types::Signature([5; 48]);
    network.inject(1, 0, Message::Timeout(false_one));
    network.inject(2, 0, network.timeout(2, V1, Lock::Anchor));
    assert_eq!(network.nodes[0].blamed(), [(1, Fault::Signature)]);
    assert_eq!(network.round(0), V1);
    network.inject(3, 0, network.timeout(3, V1, Lock::Anchor));
    assert_eq!(network.round(0), V2);
}

/// V2, V9, V14: only one node has the certificate of a view and is locked on it. Its Timeout
/// hands the certificate over, and the chain goes on from there.
#[test]
fn a_hidden_lock_is_found_and_extended() {
    let mut network = Network::new();
    network.lose(|mail| match &*mail.message {
        Message::Vote1(vote) => vote.round() == V2 && mail.to != 0,
        Message::Quorum(qc) => qc.round() == V2,
        _ => false,
    });
    network.start_all();
    network.run_until("one is locked on the second view", |network| {
        network.replica(0).record().lock.view() == V2.view
    });
    assert!((1..4).all(|node| network.replica(node).record().lock.view() < V2.view));
    let hidden = network
        .replica(0)
        .record()
        .lock
        .hash(network.genesis.hash());
    network.heal();
    network.run_until_height(6);
    network.assert_peace();
    assert!(network.nodes[3].decided().contains(&hidden));
}

/// T1, V14: nobody leads in the first views; afterwards everything goes on.
#[test]
fn silent_leaders_cost_their_views_alone() {
    let mut network = Network::new();
    for node in [0, 2, 3] {
        network.start(node);
    }
    network.run_until_height(5);
    network.assert_peace();
    let lost: Vec<Round> = network.nodes[0]
        .log
        .iter()
        .filter_map(|output| match output {
            Output::Entered {
                round,
                after_timeout: true,
                ..
            } => round.previous(),
            _ => None,
        })
        .collect();
    assert!(!lost.is_empty());
    assert!(
        lost.iter()
            .all(|round| network.schedule.leader(*round) == 1),
        "{lost:?}"
    );
}

/// V14, T1: halves that were apart for long find each other.
#[test]
fn a_long_partition_heals() {
    let mut network = Network::running();
    network.run_until_height(2);
    network.cut_off(&[0, 1]);
    network.run_for(60 * T0);
    let stuck = network.height(0);
    network.heal();
    let healed_at = network.now_ms;
    network.run_until_height(stuck.0 + 3);
    assert!(network.now_ms - healed_at < 40 * T0);
    network.assert_peace();
}

/// V14: of each sender the newest Timeout counts, and a repeat with a higher lock is newer.
#[test]
fn a_repeat_with_a_higher_lock_replaces_the_first() {
    let mut network = Network::alone(0);
    network.nodes[0].host.verdict = None;
    let a = network.block_on(&network.genesis.clone(), V1);
    network.feed(0, Input::Header(Box::new(a.header().clone())));
    network.inject(1, 0, network.timeout(1, V2, Lock::Anchor));
    network.inject(1, 0, network.timeout(1, V2, network.lock(V1, &a)));
    network.inject(1, 0, network.timeout(1, V2, Lock::Anchor));
    network.inject(2, 0, network.timeout(2, V2, Lock::Anchor));
    let locks = network.nodes[0].sent().find_map(|message| match message {
        Message::TimeoutCertificate(tc) => Some(tc.high.view().0),
        _ => None,
    });
    assert_eq!(locks, Some(1));
    let own: Vec<&Timeout> = network.nodes[0].timeouts();
    assert_eq!(own.len(), 1);
}
