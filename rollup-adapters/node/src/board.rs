//! What the node's parts say about how they are doing: for status, readiness and metrics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use crate::replicas::ReplicaStanding;

/// A node is ready while it is at most this many blocks behind the newest block that it knows to be final.
const NEAR: u64 = 50;
/// The pace is measured over this long.
const PACE: Duration = Duration::from_secs(20);

/// How far the L1 is, as read last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct L1Standing {
    /// The L1 block that was read.
    pub(crate) block: u64,
    /// Whether a final header of the sequencer names it.
    pub(crate) is_attested: bool,
    /// The light client's height in it.
    pub(crate) light_client: u64,
    /// The inbox's height in it.
    pub(crate) inbox: u64,
    /// Messages in the queue.
    pub(crate) messages: u64,
    /// Pins in the inbox.
    pub(crate) pins: u64,
    /// Endpoints that are asked.
    pub(crate) endpoints: u64,
}

/// How much is left of catching up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    /// The sequencer's block that derivation has reached.
    pub(crate) height: u64,
    /// The newest one that is known to be final.
    pub(crate) target: u64,
    /// Of the way from the origin, 0 to 100.
    pub(crate) percent: f64,
    /// At the pace of the last seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eta_seconds: Option<u64>,
    /// Since a final block was heard of last; none yet in this run if it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) silent_seconds: Option<u64>,
}

/// The board. One for the whole node.
#[derive(Debug)]
pub(crate) struct Board(Mutex<State>);

#[derive(Debug)]
struct State {
    origin: u64,
    height: u64,
    target: u64,
    /// When a final block was heard of last.
    heard: Option<Instant>,
    /// Where derivation was some time ago.
    mark: (Instant, u64),
    pace: Option<f64>,
    l1: Option<L1Standing>,
    /// By chain id.
    replicas: BTreeMap<u64, ReplicaStanding>,
    /// What is wrong now, by part.
    troubles: BTreeMap<&'static str, String>,
}

impl Board {
    pub(crate) fn new(origin: u64, height: u64) -> Self {
        Self(Mutex::new(State {
            origin,
            height,
            target: height,
            heard: None,
            mark: (Instant::now(), height),
            pace: None,
            l1: None,
            replicas: BTreeMap::new(),
            troubles: BTreeMap::from([("start", "the node has just started".to_owned())]),
        }))
    }

    /// Derivation has reached a height.
    pub(crate) fn reached(&self, height: u64) {
        let mut state = self.state();
        state.height = height;
        let (since, from) = state.mark;
        let elapsed = since.elapsed();
        if elapsed >= PACE || state.pace.is_none() && elapsed >= PACE / 10 {
            let blocks = f64::from(u32::try_from(height.saturating_sub(from)).unwrap_or(u32::MAX));
            state.pace = Some(blocks / elapsed.as_secs_f64());
            state.mark = (Instant::now(), height);
        }
    }

    /// A height is known to be final.
    pub(crate) fn seen(&self, height: u64) {
        let mut state = self.state();
        state.target = state.target.max(height);
        state.heard = Some(Instant::now());
    }

    pub(crate) fn l1(&self, standing: L1Standing) {
        self.state().l1 = Some(standing);
    }

    pub(crate) fn replica(&self, standing: ReplicaStanding) {
        self.state().replicas.insert(standing.chain_id, standing);
    }

    /// A part is well again, or what is wrong with it.
    pub(crate) fn trouble(&self, part: &'static str, trouble: Option<String>) {
        let mut state = self.state();
        match trouble {
            Some(trouble) => {
                state.troubles.insert(part, trouble);
            }
            None => {
                state.troubles.remove(part);
            }
        }
    }

    /// What keeps the node from doing its job; nothing if it does.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let progress = self.progress();
        let state = self.state();
        let mut reasons: Vec<String> = state.troubles.values().cloned().collect();
        if progress.target.saturating_sub(progress.height) > NEAR {
            let left = progress.eta_seconds;
            let left = left.map_or_else(String::new, |s| format!(", about {s} s left"));
            // Rounded down: nothing is done before it is.
            let percent = (10.0 * progress.percent).floor() / 10.0;
            reasons.push(format!(
                "catching up: block {} of {} of the sequencer ({percent:.1}%{left})",
                progress.height, progress.target
            ));
        }
        reasons
    }

    pub(crate) fn progress(&self) -> Progress {
        let state = self.state();
        let count = |from: u64, to: u64| {
            f64::from(u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX))
        };
        let all = count(state.origin.saturating_sub(1), state.target);
        let left = count(state.height, state.target);
        let eta = state
            .pace
            .filter(|pace| *pace > 0.0)
            .map(|pace| left / pace);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float that is cast saturates, and this one is not negative"
        )]
        let eta_seconds = eta.map(|eta| eta.ceil() as u64);
        Progress {
            height: state.height,
            target: state.target,
            percent: if all > 0.0 {
                100.0 * (all - left) / all
            } else {
                100.0
            },
            eta_seconds,
            silent_seconds: state.heard.map(|heard| heard.elapsed().as_secs()),
        }
    }

    pub(crate) fn l1_standing(&self) -> Option<L1Standing> {
        self.state().l1
    }

    pub(crate) fn replica_standings(&self) -> Vec<ReplicaStanding> {
        self.state().replicas.values().copied().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_once_it_is_near_and_nothing_is_wrong() {
        let board = Board::new(1, 0);
        assert_eq!(board.reasons().len(), 1, "it has just started");
        board.trouble("start", None);
        assert!(board.reasons().is_empty());
        board.seen(1_000);
        board.reached(500);
        assert!(board.reasons()[0].contains("500 of 1000"));
        board.reached(960);
        assert!(board.reasons().is_empty());
        board.trouble("l1", Some("nobody answers".into()));
        assert_eq!(board.reasons(), ["nobody answers"]);
    }

    #[test]
    fn nothing_is_done_before_it_is() {
        let board = Board::new(1, 0);
        board.trouble("start", None);
        board.seen(1_000_000);
        board.reached(999_900);
        assert!(
            board.reasons()[0].contains("(99.9%"),
            "{:?}",
            board.reasons()
        );
    }

    #[test]
    fn progress_counts_from_the_origin() {
        let board = Board::new(100, 99);
        board.seen(299);
        board.reached(199);
        let progress = board.progress();
        assert!((progress.percent - 50.0).abs() < 0.1, "{progress:?}");
    }
}
