//! What the node tells about itself: the status of the API, gauges, and the heartbeat line.

use std::{sync::Arc, time::Duration};

use hotshot_types::Height;
use tokio::sync::watch;

use super::{
    consensus::Position,
    heard::Heard,
    metrics::{CopiedMetrics, IncludedRatio},
    roster::{Roster, Seats},
    watch::Leave,
};
use crate::{
    api::NodeStatus,
    l1::L1Status,
    mempool::Mempool,
    network::{Network, PeerStatus},
    storage::Storage,
};

/// How often the status is renewed.
const RENEW: Duration = Duration::from_millis(200);
/// A heartbeat line each so many renewals: 10 s.
const HEARTBEAT: u64 = 50;
/// How far the stored state may lag behind the tip before the node is not ready.
const MAX_LAG: u64 = 50;

/// What the status is made from.
pub(super) struct Parts {
    pub(super) network: Network,
    pub(super) mempool: Mempool,
    pub(super) storage: Storage,
    pub(super) position: watch::Receiver<Position>,
    pub(super) served: watch::Receiver<Height>,
    pub(super) status: watch::Sender<NodeStatus>,
    pub(super) metrics: CopiedMetrics,
    /// The share of own votes in the last certificates.
    pub(super) included: IncludedRatio,
    /// What keeps the key from signing (K3, K4).
    pub(super) leave: watch::Receiver<Leave>,
    pub(super) heard: Arc<Heard>,
    pub(super) roster: Arc<Roster>,
    pub(super) l1: Option<watch::Receiver<L1Status>>,
}

/// Runs until the node stops.
pub(super) async fn run(parts: Parts) {
    let mut every = tokio::time::interval(RENEW);
    let mut renewals = 0_u64;
    let mut stalled_since: Option<(tokio::time::Instant, Height)> = None;
    loop {
        every.tick().await;
        if parts.position.has_changed().is_err() {
            return;
        }
        let position = parts.position.borrow().clone();
        let height = *parts.served.borrow();
        let peers = parts.network.peers();
        let seats = parts.roster.at_or_before(position.round.epoch);
        let heard = match seats.me {
            Some(_) => parts.heard.height(&seats.committee),
            None => parts.heard.pushed(),
        };
        let stake = reachable_stake(&seats, &peers);
        let connected = peers
            .iter()
            .filter(|peer| peer.is_connected && peer.is_configured)
            .count();
        let configured = peers.iter().filter(|peer| peer.is_configured).count();
        let now = tokio::time::Instant::now();
        let since = match stalled_since {
            Some((since, tip)) if tip == position.tip => since,
            _ => {
                stalled_since = Some((now, position.tip));
                now
            }
        };
        let status = NodeStatus {
            round: position.round,
            tip_height: heard.unwrap_or_default().max(position.tip),
            peers_connected: u32::try_from(connected).unwrap_or(u32::MAX),
            peers_total: u32::try_from(configured).unwrap_or(u32::MAX),
            validator: position.me,
            not_ready: reasons(&parts, &seats, &position, height, stake, heard, now - since),
        };
        let pool = parts.mempool.metrics();
        let metrics = &parts.metrics;
        metrics.copy(&pool, &parts.network.metrics());
        metrics
            .peers
            .set(i64::try_from(connected).unwrap_or(i64::MAX));
        metrics
            .lag
            .set(i64::try_from(status_lag(&position, heard, height)).unwrap_or(i64::MAX));
        renewals += 1;
        if renewals.is_multiple_of(HEARTBEAT) {
            heartbeat(&parts, &position, &status, height);
        }
        parts.status.send_if_modified(|known| {
            let news = *known != status;
            *known = status;
            news
        });
    }
}

fn heartbeat(parts: &Parts, position: &Position, status: &NodeStatus, served: Height) {
    parts.mempool.expire(std::time::Instant::now());
    if let Err(error) = parts.storage.disk_bytes() {
        tracing::warn!(%error, "the size of the database can't be read");
    }
    tracing::info!(
        round = %position.round,
        height = position.tip.0,
        lag = position.tip.above(served),
        peers = %format!("{}/{}", status.peers_connected, status.peers_total),
        last_vote = %position.last_vote.map_or_else(|| "none".into(), |round| round.to_string()),
        votes_included = %format!("{:.0}%", 100.0 * parts.included.get()),
        "heartbeat"
    );
}

/// The stake of the members that are connected, and of this node.
fn reachable_stake(seats: &Seats, peers: &[PeerStatus]) -> u128 {
    peers
        .iter()
        .filter(|peer| peer.is_connected)
        .filter_map(|peer| seats.place(peer.id))
        .chain(seats.me)
        .map(|place| seats.committee.weight(place))
        .sum()
}

/// How many blocks are final elsewhere and not processed here. Votes are one block ahead of
/// finality, hence the one that does not count.
fn status_lag(position: &Position, heard: Option<Height>, served: Height) -> u64 {
    heard
        .unwrap_or_default()
        .max(position.tip)
        .above(served)
        .saturating_sub(1)
}

/// Why a validator signs nothing.
fn why_silent(leave: Leave, position: &Position) -> Option<String> {
    match leave {
        Leave::Given => None,
        Leave::Watching => Some("peers are being asked whether another node has this key".into()),
        Leave::Recalling => Some(
            "the key's safety record is lost: asking a quorum of validators when it may sign again"
                .into(),
        ),
        Leave::From(epoch) => Some(format!(
            "the key's safety record is lost: it signs again in epoch {epoch}, this is epoch {}",
            position.round.epoch
        )),
    }
}

/// Why the node can't do its job.
fn reasons(
    parts: &Parts,
    seats: &Seats,
    position: &Position,
    served: Height,
    stake: u128,
    heard: Option<Height>,
    since_final: Duration,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if position.halted {
        reasons.push("the network contradicted its final history; see the log".to_owned());
    }
    reasons.extend(why_silent(*parts.leave.borrow(), position));
    let (quorum, total) = (seats.committee.quorum(), seats.committee.total());
    if seats.me.is_none() {
        if heard.is_none() {
            reasons.push("no peer has said yet what is final".to_owned());
        }
    } else if stake < quorum {
        reasons.push(format!(
            "connected to stake {stake} of {total}; a quorum is {quorum}"
        ));
    } else if heard.is_none() && seats.committee.len() > 1 {
        reasons.push("no more than a third of the stake has been heard from yet".to_owned());
    }
    reasons.extend(parts.l1.as_ref().and_then(|l1| l1.borrow().why_not_ready()));
    let lag = status_lag(position, heard, served);
    if lag > MAX_LAG {
        reasons.push(format!("{lag} final blocks behind"));
    }
    if since_final > Duration::from_secs(10) {
        let seconds = since_final.as_secs();
        reasons.push(format!("no block became final for {seconds} s"));
    }
    reasons
}
