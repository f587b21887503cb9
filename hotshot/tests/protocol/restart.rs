//! Crashes: what is durable binds, and nothing else is needed to go on.

use hotshot::{Input, Output, Record, RoundEntry, Verdict};
use hotshot_types::{Entry, Epoch, Hash, Height, Justify, Lock, Message, Round};

use crate::{
    network::{EMPTY_MS, Network, T0},
    schedule::Schedule,
};

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);
const V3: Round = Round::new(1, 3);

fn is_sent(output: &Output, wanted: fn(&Message) -> bool) -> bool {
    matches!(output, Output::Send(_, message) if wanted(message))
}

/// Nothing of one kind was signed twice in one round.
fn assert_signed_once(network: &Network, node: usize) {
    let node = &network.nodes[node];
    for rounds in [node.rounds1(), node.rounds2()] {
        assert!(rounds.is_sorted_by(|a, b| a < b), "{rounds:?}");
    }
    let proposed: Vec<Round> = node
        .proposals()
        .iter()
        .map(|proposal| proposal.round)
        .collect();
    assert!(proposed.is_sorted_by(|a, b| a < b), "{proposed:?}");
}

/// W2, W3: a crash after the record is durable and before the message leaves.
#[test]
fn a_crash_between_the_write_and_the_send_costs_the_message_at_most() {
    let kinds: [fn(&Message) -> bool; 4] = [
        |message| matches!(message, Message::Proposal(_)),
        |message| matches!(message, Message::Vote1(_)),
        |message| matches!(message, Message::Vote2(_)),
        |message| matches!(message, Message::Timeout(_)),
    ];
    for kind in kinds {
        let mut network = Network::running();
        network.crash_at(2, move |output| is_sent(output, kind));
        if kind(&network.timeout(2, V1, Lock::Anchor)) {
            network.lose(|mail| matches!(*mail.message, Message::Proposal(_)));
        }
        network.run_until("it crashes", |network| network.nodes[2].replica.is_none());
        network.heal();
        network.start(2);
        network.run_until_height(4);
        network.assert_peace();
        assert_signed_once(&network, 2);
    }
}

/// W2, W3, V16: whatever the order at which a node dies, it comes back and contradicts nothing.
#[test]
fn a_crash_between_any_two_orders_is_survived() {
    for nth in (1..60).step_by(5) {
        let mut network = Network::of(Schedule::equal().rotating(), 4, 2);
        let seen = std::cell::Cell::new(0);
        network.crash_at(0, move |_| {
            seen.set(seen.get() + 1);
            seen.get() == nth
        });
        network.start_all();
        network.show_status();
        network.run_until("it crashes", |network| network.nodes[0].replica.is_none());
        network.run_for(30);
        network.start(0);
        network.run_until_height(5);
        network.assert_peace();
        assert_signed_once(&network, 0);
    }
}

/// W3: the same vote or none. A proposal that comes again, and another one, get nothing.
#[test]
fn a_restarted_node_votes_no_second_time_in_a_round() {
    let mut network = Network::new();
    network.crash_at(3, |output| {
        is_sent(output, |message| matches!(message, Message::Vote1(_)))
    });
    network.start(3);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    network.propose(3, network.fresh(V1, &a, Justify::Anchor(None)));
    assert!(network.nodes[3].replica.is_none());
    network.start(3);
    assert_eq!(
        network.replica(3).record().last_vote1,
        Some((V1, Some(a.hash())))
    );
    for block in [&b, &a] {
        network.propose(3, network.fresh(V1, block, Justify::Anchor(None)));
    }
    assert_eq!(network.nodes[3].rounds1(), []);
    // What it voted for is on its disk: with a certificate the second phase goes on.
    network.inject(0, 3, Message::Quorum(network.qc(V1, &a)));
    assert_eq!(network.nodes[3].rounds2(), [V1]);
}

fn restarted_in(change: impl FnOnce(&mut Record)) -> Round {
    let mut network = Network::new();
    network.nodes[0].host.verdict = None;
    change(&mut network.nodes[0].disk.record);
    network.start(0);
    network.round(0)
}

/// W3: the round of a restart is the highest of what was signed, the one after the lock, and the
/// one that the entry certificate opens.
#[test]
fn a_node_restarts_in_the_highest_round_it_has_to_do_with() {
    let forge = Network::new();
    let block = forge.genesis.clone();
    let enter = |round: u64, certificate: Entry| {
        move |record: &mut Record| {
            record.entry = RoundEntry {
                round: Round::new(1, round),
                certificate,
            };
        }
    };
    assert_eq!(restarted_in(|_| {}), V1);
    assert_eq!(
        restarted_in(|record| record.last_proposal = Some((V3, Hash::ZERO))),
        V3
    );
    assert_eq!(
        restarted_in(|record| record.last_vote1 = Some((V3, None))),
        V3
    );
    assert_eq!(
        restarted_in(|record| record.last_vote2 = Some((V3, Hash::ZERO))),
        V3
    );
    assert_eq!(restarted_in(|record| record.last_timeout = Some(V3)), V3);
    assert_eq!(
        restarted_in(|record| record.lock = forge.lock(V2, &block)),
        V3
    );
    assert_eq!(
        restarted_in(enter(3, Entry::Timeout(forge.anchor_tc(V2)))),
        V3
    );
    assert_eq!(
        restarted_in(enter(3, Entry::Final(forge.fc(V2, &block)))),
        V3
    );
    // Genesis is final, so the round after this one is open.
    assert_eq!(
        restarted_in(enter(3, Entry::Quorum(forge.qc(V2, &block)))),
        V3
    );
}

/// W3: a quorum certificate stored as entry opens the next round only with a good block: it may be
/// a bad one's.
#[test]
fn a_certificate_on_a_bad_block_opens_no_round_after_a_restart() {
    for (verdict, round) in [(Verdict::Bad, V2), (Verdict::Good, V3)] {
        let mut network = Network::new();
        let a = network.block_on(&network.genesis.clone(), V1);
        let b = network.block_on(&a, V2);
        let qc = network.qc(V2, &b);
        let node = &mut network.nodes[0];
        node.host.verdict = None;
        node.host.verdicts.insert(b.hash(), verdict);
        node.disk.write(&Output::StoreHeader(a));
        node.disk.write(&Output::StoreHeader(b));
        node.disk.record.entry = RoundEntry {
            round: V3,
            certificate: Entry::Quorum(qc),
        };
        network.start(0);
        assert_eq!(network.round(0), round);
    }
}

/// W3, V13: who died repeating a Timeout goes on with that, and signs none for a lower round.
#[test]
fn a_restarted_node_resumes_its_timeout() {
    let mut network = Network::alone(0);
    network.inject(1, 0, network.timeout(1, Round::new(1, 4), Lock::Anchor));
    network.inject(2, 0, network.timeout(2, V3, Lock::Anchor));
    let before = network.nodes[0].timeouts().len();
    network.restart(0);
    let timeouts = network.nodes[0].timeouts();
    assert_eq!(timeouts.len(), before + 1, "at once");
    assert_eq!(timeouts.last().map(|timeout| timeout.round), Some(V3));
    network.inject(1, 0, network.timeout(1, V2, Lock::Anchor));
    network.inject(2, 0, network.timeout(2, V2, Lock::Anchor));
    network.run_for(T0);
    assert!(
        network.nodes[0]
            .timeouts()
            .iter()
            .all(|timeout| timeout.round == V3)
    );
}

/// W2, W3: the only honest holder of a certificate votes under it and restarts; its Timeout still
/// hands the certificate to the others.
#[test]
fn the_only_holder_of_a_certificate_restarts_and_still_has_it() {
    let mut network = Network::new();
    network.start(0);
    network.start(2);
    network.lose(|mail| !matches!(*mail.message, Message::Timeout(_)));
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    let qc = network.qc(V1, &a);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.propose(0, network.fresh(V2, &b, Justify::Quorum(qc.clone())));
    assert_eq!(network.nodes[0].rounds1(), [V1, V2]);
    network.restart(0);
    assert_eq!(network.round(0), V2);
    network.run_for(T0 + EMPTY_MS);
    let timeout = network.nodes[0]
        .timeouts()
        .last()
        .copied()
        .cloned()
        .expect("it timed out");
    assert_eq!((timeout.round, timeout.entry), (V2, Entry::Quorum(qc)));
    network.run_until("the other one was moved by it", |network| {
        network.round(2) >= V2
    });
}

/// W2, W3, V14: all but one of those who hold a timeout certificate restart, the one is gone for
/// good; the certificate survives in the records of those who signed under it.
#[test]
fn a_timeout_certificate_survives_the_restart_of_its_holders() {
    let mut network = Network::new();
    for node in [0, 2, 3] {
        network.start(node);
    }
    network.cut_off(&[3]);
    // Nobody leads the first view. Two of them and a Byzantine one make the certificate.
    for to in [0, 2] {
        network.inject(1, to, network.timeout(1, V1, Lock::Anchor));
    }
    network.nodes[2].host.builds = false;
    network.run_until("both time out in the second view", |network| {
        [0, 2]
            .iter()
            .all(|node| network.replica(*node).record().last_timeout == Some(V2))
    });
    network.stop(2);
    network.restart(0);
    assert_eq!(network.round(0), V2);
    assert!(network.round(3) == V1);
    network.heal();
    network.run_until("the third hears of it", |network| network.round(3) == V2);
}

/// W3, V13: three of four restart while all are stuck in one view.
#[test]
fn three_of_four_restart_while_timed_out_in_one_view() {
    let mut network = Network::new();
    network.lose(|_| true);
    network.start_all();
    network.run_for(2 * T0);
    for node in 0..4 {
        assert_eq!(network.replica(node).record().last_timeout, Some(V1));
    }
    for node in 0..3 {
        network.restart(node);
    }
    network.heal();
    network.run_until_height(3);
    network.assert_peace();
}

/// W3, R4: nobody has signed anything yet.
#[test]
fn a_network_of_new_keys_starts() {
    let mut network = Network::new();
    assert!(
        network
            .nodes
            .iter()
            .all(|node| node.disk.record == Record::unused())
    );
    network.start_all();
    network.run_until_height(2);
    network.assert_peace();
}

/// W3, V16: all nodes restart around the end of an epoch, wherever each of them is.
#[test]
fn all_nodes_restart_at_an_epochs_boundary() {
    for stop_at in [
        Round::new(1, 2),
        Round::new(1, 3),
        Round::new(2, 1),
        Round::new(2, 2),
    ] {
        let mut network = Network::of(Schedule::equal().rotating(), 4, 2);
        network.start_all();
        network.run_until("one is there", |network| {
            (0..4).any(|node| network.round(node) >= stop_at)
        });
        for node in 0..4 {
            network.stop(node);
        }
        network.start_all();
        network.run_until_height(5);
        network.assert_peace();
    }
}

/// V16, W3: a crash after the last block of the epoch was decided and before the next one opened.
#[test]
fn a_crash_before_the_next_epoch_is_durable_does_not_strand_the_node() {
    let mut network = Network::of(Schedule::equal().rotating(), 4, 1);
    network.crash_at(0, |output| matches!(output, Output::EpochEnded(_)));
    network.start(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.inject(1, 0, network.epoch_end(V1, &a));
    assert!(network.nodes[0].replica.is_none());
    assert_eq!(network.nodes[0].disk.tip().hash(), a.hash());
    network.start(0);
    assert_eq!(network.round(0), Round::new(2, 1));
}

/// W4: ends of epochs are handed out to be kept, one for each epoch, without a gap.
#[test]
fn the_end_of_every_epoch_is_kept() {
    let mut network = Network::of(Schedule::equal().rotating(), 4, 2);
    network.start_all();
    network.run_until_height(7);
    for node in &network.nodes {
        let ends: Vec<Epoch> = node.disk.ends.iter().map(|end| end.header.epoch).collect();
        assert_eq!(ends[..3], [Epoch(1), Epoch(2), Epoch(3)]);
        for end in &node.disk.ends {
            assert_eq!(end.header.hash(), end.certificate.hash());
        }
    }
}

/// W1, K1: the host cannot mistake the record of another epoch for this chain's.
#[test]
#[should_panic(expected = "the tip is below the record's anchor")]
fn a_record_ahead_of_the_chain_is_refused() {
    let mut network = Network::of(Schedule::equal().rotating(), 4, 1);
    network.start_all();
    network.run_until_height(1);
    let mut start = network.restored(&network.nodes[0].disk);
    start.tip = hotshot_types::SealedHeader::clone(&network.genesis);
    network.stop(0);
    network.start_from(0, start);
}

/// W1, X2: an old record gives no warning, but what is signed under it convicts the key.
#[test]
fn an_old_record_restored_leads_to_evidence() {
    let mut network = Network::alone(3);
    let old = network.nodes[3].disk.clone();
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    network.propose(3, network.fresh(V1, &a, Justify::Anchor(None)));
    network.stop(3);
    network.nodes[3].disk = old;
    network.start(3);
    network.propose(3, network.fresh(V1, &b, Justify::Anchor(None)));
    let votes: Vec<Message> = network.nodes[3]
        .votes1()
        .into_iter()
        .map(|vote| Message::Vote1(vote.clone()))
        .collect();
    assert_eq!(votes.len(), 2);
    network.start(0);
    for vote in votes {
        network.inject(3, 0, vote);
    }
    let evidence = network.nodes[0].evidence();
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].guilty(), [network.schedule.index(V1.epoch, 3)]);
}

/// V16, K2: a node that starts from a stored chain goes on with the others.
#[test]
fn a_node_that_was_away_for_epochs_catches_up_and_votes() {
    let mut network = Network::of(Schedule::equal().rotating(), 4, 3);
    network.start_all();
    network.run_until_height(2);
    network.stop(3);
    network.run_until_height(11);
    network.start(3);
    network.show_status();
    let voted = network.nodes[3].votes2().len();
    network.run_until("it votes again", |network| {
        network.nodes[3].votes2().len() > voted
    });
    assert!(network.height(3) > Height(9));
    network.assert_peace();
    assert_signed_once(&network, 3);
    network.feed(3, Input::Tick);
}
