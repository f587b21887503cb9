//! The change of epochs.

use hotshot::{Input, Output};
use hotshot_types::{
    Entry, Epoch, Hash, Height, Justify, Kind, Lock, Message, Round, Status, View, header::mix,
};

use crate::{
    network::{Network, T0},
    schedule::Schedule,
};

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);
const V3: Round = Round::new(1, 3);

/// Epochs of this many blocks.
fn short(epoch_length: u64) -> Network {
    Network::of(Schedule::equal().rotating(), 4, epoch_length)
}

fn ends_sent(network: &Network, node: usize) -> usize {
    network.nodes[node]
        .sent()
        .filter(|message| matches!(message, Message::EpochEnd(_)))
        .count()
}

/// R1, V16, T3, T4: views restart, the seed of e+2 is the mix at the end of e, committees are
/// asked for two epochs ahead with the L1 block of the first block.
#[test]
fn epochs_follow_each_other_with_their_own_committees_and_seeds() {
    let committees = vec![
        vec![(0, 1), (1, 1), (2, 1), (3, 1)],
        vec![(0, 1), (1, 1), (2, 1), (3, 1)],
        vec![(2, 2), (3, 1), (4, 1), (5, 1), (0, 1)],
        vec![(5, 1), (4, 3), (1, 1), (3, 2)],
    ];
    let mut network = Network::of(Schedule::of(committees), 6, 3);
    network.start_all();
    network.show_status();
    network.run_until_height(13);
    network.assert_peace();
    let chain = &network.nodes[0].disk.chain;
    for block in &chain[1..] {
        let epoch = block.epoch;
        assert_eq!(epoch, Epoch::of(block.height, 3));
        assert!(
            block.origin_view >= View(1) && block.origin_view.0 < 30,
            "R1: views restart"
        );
        let committee = network.schedule.committee(epoch);
        let seed = network
            .schedule
            .seed(epoch, chain, 3)
            .expect("closed before");
        assert_eq!(
            block.proposer,
            committee.leader(seed, block.origin_view),
            "T2"
        );
        let next = network.schedule.committee(epoch.next());
        assert_eq!(block.next_committee, next.commitment(), "T4");
        let parent = &chain[usize::try_from(block.height.0).unwrap() - 1];
        assert_eq!(
            block.randao_mix,
            mix(parent.randao_mix, &block.randao_reveal),
            "T3"
        );
    }
    let asked: Vec<_> = network.nodes[0]
        .log
        .iter()
        .filter_map(|output| match output {
            Output::NeedCommittee { epoch, .. } => Some(epoch.0),
            _ => None,
        })
        .collect();
    assert_eq!(asked[..4], [3, 4, 5, 6]);
}

/// V16: neither a quorum certificate on the last block nor an epoch's worth of views opens the
/// next epoch.
#[test]
fn only_a_finality_certificate_on_the_last_block_opens_the_next_epoch() {
    let mut network = short(1);
    network.start(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(1, 0, Message::Quorum(network.qc(V1, &a)));
    assert_eq!(network.round(0), V2);
    network.inject(1, 0, Message::Final(network.fc(V1, &a), None));
    assert_eq!(network.round(0), Round::new(2, 1));
    let record = network.replica(0).record();
    assert_eq!(record.lock, Lock::Anchor);
    assert_eq!(
        record.anchor.as_ref().map(|end| end.header.hash()),
        Some(a.hash())
    );
    assert_eq!(network.nodes[0].disk.ends.len(), 1, "W4");
    assert_eq!(ends_sent(&network, 0), 2, "to both committees");
    assert_eq!(
        network.nodes[0].disk.record, *record,
        "W2: the anchor is durable"
    );
}

/// V16: the last block is proposed again until it is final; the label of who proposed it first
/// stays, and the repetition is voted for and finalised in its own view.
#[test]
fn the_last_block_is_proposed_again_until_it_is_final() {
    let mut network = short(2);
    // Nobody's votes 2 of the last block arrive in the view it was proposed in.
    network.lose(|mail| matches!(&*mail.message, Message::Vote2(vote) if vote.round() == V2));
    network.start_all();
    network.run_until_height(2);
    network.run_for(200);
    network.assert_peace();
    let end = &network.nodes[0].disk.ends[0];
    assert_eq!(end.header.height, Height(2));
    assert_eq!(end.header.origin_view, View(2));
    assert_eq!(end.certificate.round(), V3);
    assert_eq!(network.nodes[3].proposals()[0].kind, Kind::Repropose);
    assert_eq!(
        network.nodes[3].proposals()[0].header.hash(),
        end.header.hash()
    );
}

/// V16, X6: nodes that closed the epoch by certificates of different views agree on its end.
#[test]
fn two_finality_certificates_of_one_hash_are_honest() {
    let mut network = short(1);
    network.start(0);
    network.start(3);
    let a = network.block_on(&network.genesis.clone(), V1);
    for node in [0, 3] {
        network.propose(node, network.fresh(V1, &a, Justify::Anchor(None)));
    }
    network.inject(1, 0, Message::Quorum(network.qc(V1, &a)));
    let (first, second) = (network.fc(V1, &a), network.fc(V2, &a));
    network.inject(1, 0, Message::Final(first, None));
    network.inject(1, 3, Message::Final(second.clone(), None));
    network.inject(1, 0, Message::Final(second, None));
    assert_eq!(network.round(0), Round::new(2, 1));
    assert_eq!(network.round(3), Round::new(2, 1));
    network.run_for(50);
    network.assert_peace();
    // What is proposed next is justified by either.
    let b = network.block_on(&a, Round::new(2, 1));
    let justify = Justify::Anchor(Some(network.fc(V2, &a)));
    network.propose(0, network.fresh(Round::new(2, 1), &b, justify));
    assert_eq!(network.nodes[0].rounds1().last(), Some(&Round::new(2, 1)));
}

/// P2, P3: only the last block of an epoch is proposed again, by whoever leads, as it is.
#[test]
fn a_block_in_the_middle_of_an_epoch_is_not_proposed_again() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    let justify = Justify::Quorum(network.qc(V1, &a));
    network.propose(0, network.proposal(Kind::Repropose, V2, &a, justify, None));
    assert_eq!(network.nodes[0].rounds1(), [V1]);
    assert_eq!(network.nodes[0].blamed().len(), 1);
}

/// P2: after the last block comes no fresh one in this epoch.
#[test]
fn a_fresh_block_past_the_end_of_the_epoch_is_refused() {
    let mut network = short(1);
    network.start(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&a, V2, |header| header.next_committee = a.next_committee);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.propose(
        0,
        network.fresh(V2, &b, Justify::Quorum(network.qc(V1, &a))),
    );
    assert_eq!(network.nodes[0].rounds1(), [V1]);
    assert_eq!(network.nodes[0].blamed().len(), 1);
}

/// V16, V11: all blocks of an epoch and its end come with one certificate.
#[test]
fn several_blocks_become_final_at_once_across_an_epochs_boundary() {
    let mut network = short(4);
    network.start_all();
    network.cut_off(&[3]);
    network.run_until("three are in the third epoch", |network| {
        (0..3).all(|node| network.round(node).epoch == Epoch(3))
    });
    assert_eq!(network.round(3).epoch, Epoch(1));
    network.heal();
    network.run_until("the fourth is there too", |network| {
        (0..4).all(|node| network.round(node).epoch >= Epoch(3))
    });
    network.assert_peace();
}

/// V15: what comes from a later epoch asks for the end of this one, at a bounded rate, and moves
/// nothing.
#[test]
fn a_later_epoch_is_never_entered_without_its_anchor() {
    let mut network = Network::alone(0);
    network.nodes[0].host.fetches = false;
    let later = Round::new(3, 5);
    let block = network.block_on(&network.genesis.clone(), V1);
    for _ in 0..20 {
        network.inject(1, 0, network.vote1(1, later, &block));
        network.inject(1, 0, Message::Quorum(network.qc(later, &block)));
        let tc = network.tc(later, &[0, 1, 2].map(|number| (number, Lock::Anchor)));
        network.inject(1, 0, Message::TimeoutCertificate(Box::new(tc)));
    }
    assert_eq!(network.round(0), V1);
    let asked = |output: &Output| matches!(output, Output::FetchEpochEnd(Epoch(1)));
    assert_eq!(network.nodes[0].count(asked), 1);
    network.run_for(T0 / 2);
    network.inject(1, 0, network.vote1(1, later, &block));
    assert_eq!(network.nodes[0].count(asked), 2);
    assert_eq!(network.nodes[0].verifications(), 0);
}

/// V14: whoever is stuck in an older epoch is sent its end, also if it is no longer a member.
#[test]
fn a_timeout_of_an_older_epoch_is_answered_with_its_end() {
    let members = vec![
        vec![(0, 1), (1, 1), (2, 1), (3, 1)],
        vec![(0, 1), (1, 1), (2, 1), (4, 1)],
    ];
    let mut schedule = Schedule::of(members);
    schedule.seeds = Schedule::equal().rotating().seeds;
    let mut network = Network::of(schedule, 5, 1);
    network.start(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.inject(1, 0, Message::Final(network.fc(V1, &a), None));
    assert_eq!(network.round(0), Round::new(2, 1));
    let before = ends_sent(&network, 0);
    for _ in 0..5 {
        network.inject(2, 0, network.timeout(2, V1, Lock::Anchor));
        network.inject(3, 0, network.timeout(3, V1, Lock::Anchor));
    }
    assert_eq!(
        ends_sent(&network, 0),
        before + 2,
        "once each, then a pause"
    );
    network.run_for(T0);
    network.inject(3, 0, network.timeout(3, V1, Lock::Anchor));
    assert_eq!(ends_sent(&network, 0), before + 3);
}

/// V16, T4: an epoch whose committee is not known yet waits for it.
#[test]
fn an_epoch_is_not_opened_before_its_committee_is_known() {
    let mut network = short(1);
    network.nodes[0].host.knows_committees = false;
    network.start(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, Round::new(2, 1));
    network.inject(1, 0, network.epoch_end(V1, &a));
    network.inject(1, 0, network.epoch_end(Round::new(2, 1), &b));
    assert_eq!(network.height(0), Height(2));
    assert_eq!(
        network.round(0).epoch,
        Epoch(2),
        "the committee of epoch 3 is not known"
    );
    network.feed(0, Input::Committee(network.schedule.committee(Epoch(3))));
    assert_eq!(network.round(0), Round::new(3, 1));
}

/// V16, T4, W3: so does one that restarts meanwhile; it asks again, and had kept the seed.
#[test]
fn a_restart_before_the_next_committee_is_known_asks_for_it_again() {
    let mut network = short(1);
    network.nodes[0].host.knows_committees = false;
    network.start(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, Round::new(2, 1));
    network.inject(1, 0, network.epoch_end(V1, &a));
    network.stop(0);
    let mut start = network.restored(&network.nodes[0].disk);
    let (known, unknown): (Vec<_>, Vec<_>) = start
        .epochs
        .into_iter()
        .partition(|info| info.committee.epoch() <= Epoch(2));
    let seeds = unknown
        .iter()
        .map(|info| (info.committee.epoch(), info.seed));
    start.seeds = seeds.collect();
    assert_eq!(start.seeds.len(), 1, "that of epoch 3");
    start.epochs = known;
    network.nodes[0].log.clear();
    network.start_from(0, start);
    let asked = network.nodes[0]
        .log
        .iter()
        .any(|output| matches!(output, Output::NeedCommittee { epoch, .. } if *epoch == Epoch(3)));
    assert!(asked, "for the committee of epoch 3");
    network.inject(1, 0, network.epoch_end(Round::new(2, 1), &b));
    assert_eq!(network.round(0).epoch, Epoch(2));
    network.feed(0, Input::Committee(network.schedule.committee(Epoch(3))));
    assert_eq!(network.round(0), Round::new(3, 1));
}

/// P3, T4: the first block of an epoch waits for the committee that it must name, and a wrong one
/// is refused.
#[test]
fn the_first_block_of_an_epoch_names_the_next_committee() {
    let mut network = short(1);
    network.nodes[0].host.knows_committees = false;
    network.start(0);
    let (first, a) = (
        Round::new(2, 1),
        network.block_on(&network.genesis.clone(), V1),
    );
    network.inject(1, 0, network.epoch_end(V1, &a));
    let wrong = network.block_with(&a, first, |header| header.next_committee = Hash::ZERO);
    let right = network.block_on(&a, first);
    let justify = Justify::Anchor(Some(network.fc(V1, &a)));
    network.propose(0, network.fresh(first, &wrong, justify.clone()));
    network.propose(0, network.fresh(first, &right, justify));
    assert_eq!(network.nodes[0].rounds1(), []);
    network.feed(0, Input::Committee(network.schedule.committee(Epoch(3))));
    let votes = network.nodes[0].votes1();
    assert_eq!(
        votes.iter().map(|vote| vote.hash()).collect::<Vec<_>>(),
        [right.hash()]
    );
}

/// V16, B1: what came early from the next epoch counts once it opens; a proposal only from its
/// leader.
#[test]
fn messages_of_the_next_epoch_wait_for_it() {
    let mut network = short(1);
    network.start(0);
    let (first, a) = (
        Round::new(2, 1),
        network.block_on(&network.genesis.clone(), V1),
    );
    let b = network.block_on(&a, first);
    let anchor = network.fc(V1, &a);
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.nodes[0].host.verifies = false;
    let early = network.fresh(first, &b, Justify::Anchor(Some(anchor)));
    network.inject(2, 0, early.clone());
    network.propose(0, early);
    network.nodes[0].host.verifies = true;
    // The proposal itself carried the certificate that opens the epoch.
    network.verify(0, false);
    assert_eq!(network.round(0), first);
    assert_eq!(network.nodes[0].rounds1(), [V1, first]);
    assert_eq!(network.nodes[0].blamed(), []);
}

/// V16: who is not in the next committee stops signing and follows.
#[test]
fn a_validator_that_leaves_the_committee_signs_no_more() {
    let members = vec![
        vec![(0, 1), (1, 1), (2, 1), (3, 1)],
        vec![(0, 1), (1, 1), (2, 1), (4, 1)],
    ];
    let mut network = Network::of(Schedule::of(members), 5, 3);
    network.start_all();
    network.show_status();
    network.run_until_height(8);
    network.assert_peace();
    let in_epoch = |node: usize, epoch: u64| {
        let votes = network.nodes[node].votes1();
        votes.iter().any(|vote| vote.round().epoch == Epoch(epoch))
    };
    assert!(in_epoch(3, 1) && !in_epoch(3, 2));
    assert!(!in_epoch(4, 1) && in_epoch(4, 2));
    let foreign = |message: &Message| match message {
        Message::Timeout(timeout) => timeout.round.epoch > Epoch(1),
        Message::Quorum(qc) => qc.round().epoch > Epoch(1),
        Message::Final(fc, _) => fc.round().epoch > Epoch(1),
        _ => false,
    };
    assert_eq!(
        network.nodes[3]
            .sent()
            .filter(|message| foreign(message))
            .count(),
        0
    );
}

/// R1, C2: an anchor is no view to leave or to vote in.
#[test]
fn the_anchor_moves_no_view() {
    let mut network = Network::alone(0);
    let anchor = Round::new(1, 0);
    let genesis = network.genesis.clone();
    network.inject(1, 0, Message::Quorum(network.qc(anchor, &genesis)));
    network.inject(
        1,
        0,
        Message::TimeoutCertificate(Box::new(network.anchor_tc(anchor))),
    );
    network.inject(1, 0, Message::Final(network.fc(anchor, &genesis), None));
    for number in [1, 2, 3] {
        network.inject(number, 0, network.timeout(number, anchor, Lock::Anchor));
        network.inject(number, 0, network.vote1(number, anchor, &genesis));
        network.inject(number, 0, network.vote2(number, anchor, &genesis));
    }
    assert_eq!(network.nodes[0].aggregations(), 0);
    assert_eq!(network.nodes[0].verifications(), 0);
    // The certificate of the anchor as an entry opens what is open already.
    let entry = Entry::Anchor(Some(network.fc(V1, &genesis)));
    network.inject(1, 0, network.timeout_with(1, V1, Lock::Anchor, entry));
    assert_eq!(network.round(0), V1);
    let status = Status {
        round: V1,
        lock: Lock::Anchor,
        finality: None,
    };
    network.inject(1, 0, Message::Status(Box::new(status)));
    assert_eq!(network.round(0), V1);
}

/// H1, V16: a node without a key follows everything and sends nothing but answers.
#[test]
fn a_follower_without_a_key_keeps_up_and_relays_nothing() {
    let mut network = short(3);
    let follower = network.add_follower();
    network.start_all();
    network.show_status();
    network.run_until_height(7);
    assert_eq!(network.nodes[follower].sent().count(), 0);
    network.assert_peace();
}
