//! When to dial which configured peer. Time and randomness come in from outside.
//!
//! Of two peers the one with the lower id dials at once and the other a little later, so that two connections at the
//! same time are rare. Pauses double with every failure up to a cap of seconds and are spread by a jitter.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId};

/// Head start of the peer with the lower id.
const HEAD_START: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Dialer {
    local: PeerId,
    redial_min: Duration,
    redial_max: Duration,
    targets: BTreeMap<PeerId, Target>,
}

#[derive(Debug)]
struct Target {
    addresses: Vec<Multiaddr>,
    failures: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting(Instant),
    Dialing,
    Connected,
}

impl Dialer {
    pub(crate) fn new(local: PeerId, redial_min: Duration, redial_max: Duration) -> Self {
        Self {
            local,
            redial_min,
            redial_max,
            targets: BTreeMap::new(),
        }
    }

    /// Replaces the peers to dial and returns the ids of those that are no longer among them.
    pub(crate) fn configure(
        &mut self,
        now: Instant,
        peers: &BTreeMap<PeerId, Vec<Multiaddr>>,
        is_connected: impl Fn(&PeerId) -> bool,
    ) -> Vec<PeerId> {
        let removed = self
            .targets
            .keys()
            .filter(|id| !peers.contains_key(id))
            .copied()
            .collect();
        self.targets.retain(|id, _| peers.contains_key(id));
        for (id, addresses) in peers {
            let local = self.local;
            let target = self.targets.entry(*id).or_insert_with(|| Target {
                addresses: addresses.clone(),
                failures: 0,
                state: if is_connected(id) {
                    State::Connected
                } else {
                    State::Waiting(
                        now + if local < *id {
                            Duration::ZERO
                        } else {
                            HEAD_START
                        },
                    )
                },
            });
            if target.addresses != *addresses {
                target.addresses.clone_from(addresses);
                target.failures = 0;
                if matches!(target.state, State::Waiting(_)) {
                    target.state = State::Waiting(now);
                }
            }
        }
        removed
    }

    /// When the next peer is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = |target: &Target| match target.state {
            State::Waiting(at) => Some(at),
            State::Dialing | State::Connected => None,
        };
        self.targets.values().filter_map(due).min()
    }

    /// The peers to dial now; each is then being dialed until an outcome is reported.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let mut due = Vec::new();
        for (id, target) in &mut self.targets {
            if matches!(target.state, State::Waiting(at) if at <= now) {
                target.state = State::Dialing;
                due.push((*id, target.addresses.clone()));
            }
        }
        due
    }

    /// A dial failed. Ignored when the peer connected to us in the meantime.
    pub(crate) fn on_failure(&mut self, now: Instant, peer: &PeerId, jitter_percent: u32) {
        if self
            .targets
            .get(peer)
            .is_some_and(|target| target.state == State::Dialing)
        {
            self.wait(now, peer, true, jitter_percent);
        }
    }

    pub(crate) fn on_connected(&mut self, peer: &PeerId) {
        if let Some(target) = self.targets.get_mut(peer) {
            target.state = State::Connected;
        }
    }

    /// The last connection to the peer is gone; `was_stable` says that it had worked for a while.
    pub(crate) fn on_disconnected(
        &mut self,
        now: Instant,
        peer: &PeerId,
        was_stable: bool,
        jitter_percent: u32,
    ) {
        self.wait(now, peer, !was_stable, jitter_percent);
    }

    fn wait(&mut self, now: Instant, peer: &PeerId, has_failed: bool, jitter_percent: u32) {
        let Some(target) = self.targets.get_mut(peer) else {
            return;
        };
        target.failures = if has_failed {
            target.failures.saturating_add(1)
        } else {
            0
        };
        let pause = match target.failures {
            0 if self.local < *peer => Duration::ZERO,
            0 => HEAD_START,
            failures => {
                let doubled = self.redial_min.saturating_mul(1 << (failures - 1).min(16));
                doubled.min(self.redial_max) * (75 + jitter_percent.min(100) / 2) / 100
            }
        };
        target.state = State::Waiting(now + pause);
    }
}

#[cfg(test)]
mod tests;
