//! A key whose record is lost or doubtful, and a key that two processes hold (K3, K4).

use std::sync::Arc;

use hotshot::{
    Announcement, Input, Other, Recall, Record, Register, Replica, Sighting, Standing, Vigil,
    epoch_shown,
};
use hotshot_types::{
    Committee, Epoch, Final, Hash, Height, Lock, Message, Quorum, Round, Signature, Statement,
    Status, TimestampMs, View, Vote,
};

use crate::{
    network::{Network, T0},
    schedule::{Schedule, key},
};

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);

fn committee(epoch: Epoch) -> Option<Arc<Committee>> {
    Some(
        Schedule::equal()
            .committee(Epoch::FIRST)
            .in_epoch(epoch)
            .into(),
    )
}

fn at(round: Round, block: u8) -> Statement {
    Statement {
        round,
        height: Height(1),
        hash: Hash([block; 32]),
    }
}

fn vote1(round: Round, block: u8) -> Sighting {
    let signer = Schedule::equal().index(Epoch::FIRST, 0);
    Sighting::Vote1(Vote::<Quorum>::claimed(
        at(round, block),
        signer,
        Signature::ZERO,
    ))
}

fn vote2(round: Round, block: u8) -> Sighting {
    let signer = Schedule::equal().index(Epoch::FIRST, 0);
    Sighting::Vote2(Vote::<Final>::claimed(
        at(round, block),
        signer,
        Signature::ZERO,
    ))
}

fn timeout(round: Round, lock_view: u64) -> Sighting {
    Sighting::Timeout {
        round,
        lock_view: View(lock_view),
        lock_hash: Hash::ZERO,
        signature: Signature::ZERO,
    }
}

fn standing(record: Record) -> Standing {
    Standing {
        record,
        from: Epoch::FIRST,
    }
}

fn with_twins(first: &Network, node: usize) -> Replica {
    // The replica of a node as its host would start it before it asked anybody.
    let start = first.restored(&first.nodes[node].disk);
    Replica::new(first.config(node), start).withheld()
}

/// K3, K4: a replica that may not sign follows, signs nothing, and writes no record.
#[test]
fn a_withheld_replica_follows_and_signs_nothing() {
    let mut network = Network::new();
    for node in 1..4 {
        network.start(node);
    }
    network.start(0);
    let replica = with_twins(&network, 0);
    network.stop(0);
    let signed = network.nodes[0].sent().count();
    network.nodes[0].replica = Some(replica);
    network.feed(0, Input::Tick);
    network.run_until_height(5);
    assert_eq!(network.nodes[0].sent().count(), signed);
    assert!(!network.replica(0).may_sign());

    network.feed(0, Input::Leave(Epoch::FIRST));
    network.run_until("it votes again", |network| {
        network.nodes[0].sent().count() > signed
    });
    network.assert_peace();
}

/// K3: leave for a later epoch counts from its first round on and not before.
#[test]
fn leave_for_a_later_epoch_waits_for_it() {
    let mut network = Network::of(Schedule::equal().rotating(), 4, 5);
    for node in 1..4 {
        network.start(node);
    }
    network.nodes[0].replica = Some(with_twins(&network, 0));
    network.feed(0, Input::Tick);
    network.feed(0, Input::Leave(Epoch(3)));
    network.show_status();
    network.run_until("it votes", |network| {
        let mut sent = network.nodes[0].sent();
        sent.any(|message| {
            matches!(
                message,
                Message::Vote1(_) | Message::Vote2(_) | Message::Timeout(_)
            )
        })
    });
    let node = &network.nodes[0];
    let rounds = node.rounds1().into_iter().chain(node.rounds2());
    assert!(
        rounds
            .map(|round| round.epoch)
            .all(|epoch| epoch >= Epoch(3))
    );
    network.assert_peace();
}

/// K3: e_max + 2, once those who answered are a quorum without the key itself.
#[test]
fn the_return_is_two_epochs_above_what_a_quorum_shows() {
    let own = key(0).public;
    let mut recall = Recall::default();
    recall.note(&key(1).public, Epoch(7));
    recall.note(&key(2).public, Epoch(9));
    assert_eq!(recall.returns(&own, committee), None);
    // Its own word would be the third.
    recall.note(&own, Epoch(9));
    assert_eq!(recall.returns(&own, committee), None);
    recall.note(&key(3).public, Epoch(8));
    assert_eq!(recall.returns(&own, committee), Some(Epoch(11)));
}

/// K3: a member that answers often, or with something older later, counts once, with its highest.
#[test]
fn nobody_counts_twice_and_nothing_lowers_the_return() {
    let own = key(0).public;
    let mut recall = Recall::default();
    for epoch in [9, 1, 1, 1] {
        recall.note(&key(1).public, Epoch(epoch));
        assert_eq!(recall.returns(&own, committee), None);
    }
    recall.note(&key(2).public, Epoch(1));
    recall.note(&key(3).public, Epoch(1));
    assert_eq!(recall.returns(&own, committee), Some(Epoch(11)));
}

/// K3: while the committee of the epoch above the highest one is unknown there is no quorum of it.
#[test]
fn an_epoch_whose_committee_is_unknown_brings_nobody_back() {
    let own = key(0).public;
    let mut recall = Recall::default();
    for number in 1..4 {
        recall.note(&key(number).public, Epoch(5));
    }
    assert_eq!(recall.returns(&own, |_| None), None);
}

/// K3: a status shows the epoch of its certificates, and the next one if it closes its epoch.
#[test]
fn a_status_shows_the_epoch_of_its_certificates() {
    let mut network = Network::new();
    let genesis = Arc::clone(&network.genesis);
    let block = network.block_on(&genesis, V1);
    let fc = network.fc(V1, &block);
    let mut status = Status {
        round: Round::new(99, 1),
        lock: Lock::Anchor,
        finality: None,
    };
    assert_eq!(epoch_shown(&status, 100), Epoch(1), "the round is a claim");
    status.finality = Some(fc);
    assert_eq!(epoch_shown(&status, 100), Epoch(1));
    assert_eq!(epoch_shown(&status, 1), Epoch(2));
}

/// K4: a signature above the record, or of another block in the same round, is not its own.
#[test]
fn a_record_accounts_for_what_it_has_signed_and_nothing_else() {
    let record = Record {
        last_vote1: Some((V2, Some(Hash([1; 32])))),
        last_vote2: Some((V1, Hash([1; 32]))),
        last_timeout: Some(V1),
        ..Record::unused()
    };
    let own = standing(record.clone());
    assert!(own.accounts_for(&vote1(V1, 9)), "below the last vote");
    assert!(own.accounts_for(&vote1(V2, 1)));
    assert!(!own.accounts_for(&vote1(V2, 2)), "another block");
    assert!(!own.accounts_for(&vote1(Round::new(1, 3), 1)));
    assert!(own.accounts_for(&vote2(V1, 1)));
    assert!(!own.accounts_for(&vote2(V2, 1)));
    assert!(own.accounts_for(&timeout(V1, 0)));
    assert!(!own.accounts_for(&timeout(V1, 1)), "a lock that it lost");
    assert!(!own.accounts_for(&timeout(V2, 0)));

    let barred = standing(Record {
        last_vote1: Some((V2, None)),
        ..record
    });
    assert!(!barred.accounts_for(&vote1(V2, 1)), "a bar is no vote");
    assert!(!standing(Record::unused()).accounts_for(&vote1(V1, 1)));
}

/// K3, K4: what was signed before the return does not bind and is no news.
#[test]
fn what_was_signed_before_the_return_is_accounted_for() {
    let mut own = standing(Record::unused());
    own.from = Epoch(5);
    assert!(own.accounts_for(&vote1(Round::new(4, 99), 1)));
    assert!(!own.accounts_for(&vote1(Round::new(5, 1), 1)));
}

fn announcement(run: u64, id: u8) -> Announcement {
    Announcement {
        run,
        id: Hash([id; 32]),
        signature: Signature::ZERO,
    }
}

fn ms(time: u64) -> TimestampMs {
    TimestampMs(time)
}

/// K4: of two copies started together the one that is second at a peer is told of the first.
#[test]
fn two_copies_started_together_are_told_apart_wherever_both_are_heard() {
    let (a, b) = (announcement(4, 1), announcement(4, 2));
    let own = key(0).public;
    let (mut first, mut second) = (Register::default(), Register::default());
    assert_eq!(first.announce(ms(0), &own, a), None);
    assert_eq!(first.announce(ms(5), &own, b), Some((a, 5)));
    assert_eq!(second.announce(ms(0), &own, b), None);
    assert_eq!(second.announce(ms(5), &own, a), Some((b, 5)));
    assert_eq!(a.meets(&b), Some(Other::Twin));
    assert_eq!(b.meets(&a), Some(Other::Twin));
    // Asking again does not make the second one the first.
    assert_eq!(first.announce(ms(6), &own, b), Some((a, 6)));
    assert_eq!(first.announce(ms(7), &own, a), None);
}

/// K4: an older run is told of the newer one, and the newer one of how long the older is silent.
#[test]
fn an_older_run_learns_of_the_newer_one() {
    let (old, new) = (announcement(4, 1), announcement(5, 2));
    let own = key(0).public;
    let mut register = Register::default();
    register.announce(ms(0), &own, old);
    assert_eq!(register.announce(ms(700), &own, new), Some((old, 700)));
    assert_eq!(register.announce(ms(800), &own, old), Some((new, 100)));
    assert_eq!(register.announce(ms(900), &own, new), Some((old, 100)));
    assert_eq!(old.meets(&new), Some(Other::Later));
    assert_eq!(new.meets(&old), Some(Other::Earlier));
    assert_eq!(register.newest(ms(950), &own), Some((new, 50)));
    assert_eq!(register.announce(ms(900), &key(1).public, old), None);
}

fn vigil() -> Vigil {
    let committee = Schedule::equal().committee(Epoch::FIRST);
    Vigil::new(ms(0), T0, key(0).public, committee)
}

/// K4: the wait ends with a quorum of others at once, else after 2*T0 with a quorum of all.
#[test]
fn the_wait_ends_when_enough_have_answered() {
    let mut vigil = vigil();
    assert!(!vigil.is_over(ms(0)));
    vigil.answered(&key(1).public, false);
    vigil.answered(&key(1).public, false);
    assert!(!vigil.is_over(ms(100 * T0)), "nobody counts twice");
    vigil.answered(&key(2).public, false);
    assert!(!vigil.is_over(ms(2 * T0 - 1)));
    assert!(vigil.is_over(ms(2 * T0)));
    vigil.answered(&key(3).public, false);
    assert!(vigil.is_over(ms(1)));
}

/// K4: where another process was heard lately, the full time is left to it to step down.
#[test]
fn the_wait_is_as_long_as_it_may_be_where_another_process_was_heard() {
    let mut vigil = vigil();
    for number in 1..4 {
        vigil.answered(&key(number).public, number == 2);
    }
    assert!(!vigil.is_over(ms(2 * T0 - 1)));
    assert!(vigil.is_over(ms(2 * T0)));
}

/// K3: a record that is raised to another one is lowered nowhere; a contradiction is refused.
#[test]
fn an_imported_record_raises_and_never_lowers() {
    let own = Record {
        last_vote1: Some((V2, Some(Hash([1; 32])))),
        last_timeout: Some(V1),
        ..Record::unused()
    };
    let other = Record {
        last_vote1: Some((V1, Some(Hash([9; 32])))),
        last_vote2: Some((V1, Hash([1; 32]))),
        last_timeout: Some(V2),
        ..Record::unused()
    };
    let raised = own.raised_to(&other).expect("they agree");
    assert_eq!(raised.last_vote1, own.last_vote1);
    assert_eq!(raised.last_vote2, other.last_vote2);
    assert_eq!(raised.last_timeout, Some(V2));
    assert_eq!(raised.raised_to(&own).as_ref(), Ok(&raised));

    let bar = Record {
        last_vote1: Some((V2, None)),
        ..Record::unused()
    };
    let kept = bar.raised_to(&own).expect("a bar contradicts no vote");
    assert_eq!(kept.last_vote1, own.last_vote1);
    let contrary = Record {
        last_vote1: Some((V2, Some(Hash([2; 32])))),
        ..Record::unused()
    };
    assert!(own.raised_to(&contrary).is_err());
}
