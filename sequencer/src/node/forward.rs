//! Taking transactions to the leader that builds next (node.md section 4: one leader at a time,
//! again to the following one when a view passed without them).

use std::{sync::Arc, time::Duration};

use hotshot_types::{Epoch, Round};
use libp2p::PeerId;
use tokio::{sync::watch, time::Instant};

use super::{consensus::Position, directory::Directory, fetch::some_peers, roster::Roster, wire};
use crate::{
    mempool::Mempool,
    network::{Lane, Network},
};

/// Arrivals are collected this long before they are sent, so that frames are not tiny.
const GATHER: Duration = Duration::from_millis(2);
/// Most frames sent to one leader in one go: 4 MiB.
const MAX_FRAMES: usize = 4;

/// Forwards until the node stops.
pub(super) async fn run(
    mempool: Mempool,
    network: Network,
    roster: Arc<Roster>,
    mut position: watch::Receiver<Position>,
) {
    let mut arrivals = mempool.arrivals();
    loop {
        tokio::select! {
            changed = position.changed() => if changed.is_err() { return },
            changed = arrivals.changed() => if changed.is_err() { return },
        }
        tokio::time::sleep(GATHER).await;
        let now = position.borrow_and_update().clone();
        arrivals.mark_unchanged();
        if let Some(passed) = now.round.previous() {
            mempool.round_passed(passed);
        }
        // Who has not proposed yet still takes what comes.
        let (round, leader) = if now.proposed {
            (now.next, now.next_leader)
        } else {
            (now.round, now.leader)
        };
        let Some(seats) = roster
            .of(round.epoch)
            .filter(|seats| seats.me != Some(leader))
        else {
            continue;
        };
        let Some(peer) = seats.peer(leader) else {
            continue;
        };
        send_batches(&mempool, &network, peer, round);
    }
}

/// How long one validator has before a node without stake tells another.
const TRIAL: Duration = Duration::from_secs(3);
/// How often a node without stake looks for what did not fit before.
const CONTINUE: Duration = Duration::from_millis(250);

/// Forwards for a node without stake until it stops: to one validator at a time, which passes it on to the leaders as
/// it does for its own clients; where no validator is connected, to another peer. What is not final in time goes to
/// another one.
pub(super) async fn run_for_follower(
    mempool: Mempool,
    network: Network,
    directory: Arc<Directory>,
    mut position: watch::Receiver<Position>,
) {
    let mut arrivals = mempool.arrivals();
    let mut trial = Round::first_of(Epoch::FIRST);
    let mut since = Instant::now();
    let mut target = None;
    let mut every = tokio::time::interval(CONTINUE);
    loop {
        tokio::select! {
            changed = arrivals.changed() => if changed.is_err() { return },
            _ = every.tick() => if position.has_changed().is_err() { return },
        }
        tokio::time::sleep(GATHER).await;
        position.mark_unchanged();
        arrivals.mark_unchanged();
        if since.elapsed() >= TRIAL {
            mempool.round_passed(trial);
            (trial, since, target) = (trial.next(), Instant::now(), None);
        }
        target = passer(&network, &directory, target);
        if let Some(peer) = target {
            send_batches(&mempool, &network, peer, trial);
        }
    }
}

/// The one in use while it is connected, else a validator, else anybody of ours.
fn passer(network: &Network, directory: &Directory, current: Option<PeerId>) -> Option<PeerId> {
    let peers = some_peers(network, usize::MAX);
    let validator = peers.iter().find(|peer| directory.is_validator(peer));
    current
        .filter(|peer| peers.contains(peer))
        .or(validator.copied())
        .or(peers.first().copied())
}

fn send_batches(mempool: &Mempool, network: &Network, peer: PeerId, round: Round) {
    for _ in 0..MAX_FRAMES {
        let batch = mempool.batch_for(round, wire::FORWARD_BYTES);
        if batch.is_empty() {
            break;
        }
        match wire::Bulk::Transactions(batch).encode() {
            Ok(frame) => {
                if let Err(error) = network.send(peer, Lane::Bulk, frame) {
                    tracing::debug!(%peer, %error, "transactions not forwarded");
                }
            }
            Err(error) => tracing::error!(%error, "transactions can't be encoded"),
        }
    }
}
