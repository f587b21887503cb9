//! Taking transactions to the leader that builds next (node.md section 4: one leader at a time,
//! again to the following one when a view passed without them).

use std::{sync::Arc, time::Duration};

use libp2p::PeerId;
use tokio::sync::watch;

use super::{consensus::Position, wire};
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
    members: Arc<Vec<PeerId>>,
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
        if Some(leader) == now.me {
            continue;
        }
        let Some(peer) = members.get(leader.position()) else {
            continue;
        };
        for _ in 0..MAX_FRAMES {
            let batch = mempool.batch_for(round, wire::FORWARD_BYTES);
            if batch.is_empty() {
                break;
            }
            match wire::Bulk::Transactions(batch).encode() {
                Ok(frame) => {
                    if let Err(error) = network.send(*peer, Lane::Bulk, frame) {
                        tracing::debug!(%peer, %error, "transactions not forwarded");
                    }
                }
                Err(error) => tracing::error!(%error, "transactions can't be encoded"),
            }
        }
    }
}
