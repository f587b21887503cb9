//! Blame that decays, and the bans it leads to. Time comes in from outside.

use std::{collections::BTreeMap, time::Instant};

use libp2p::PeerId;

use super::config::BlameLimits;

/// Peers remembered at most, in each table: an attacker with many keys makes us forget its own earlier ones first.
const MAX_REMEMBERED: usize = 4096;

/// What one more blame led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Tolerated,
    Banned,
    /// The peer was banned before; nothing changed.
    AlreadyBanned,
}

#[derive(Debug)]
pub(crate) struct Reputation {
    limits: BlameLimits,
    scores: BTreeMap<PeerId, Score>,
    bans: BTreeMap<PeerId, Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Score {
    points: f64,
    at: Instant,
}

impl Reputation {
    pub(crate) fn new(limits: BlameLimits) -> Self {
        Self {
            limits,
            scores: BTreeMap::new(),
            bans: BTreeMap::new(),
        }
    }

    pub(crate) fn is_banned(&self, now: Instant, peer: &PeerId) -> bool {
        self.bans.get(peer).is_some_and(|until| now < *until)
    }

    pub(crate) fn blame(&mut self, now: Instant, peer: PeerId, points: u32) -> Verdict {
        if self.is_banned(now, &peer) {
            return Verdict::AlreadyBanned;
        }
        let before = self
            .scores
            .get(&peer)
            .map_or(0.0, |score| self.decayed(now, score));
        let points = before + f64::from(points);
        if points >= f64::from(self.limits.threshold) {
            self.scores.remove(&peer);
            self.ban(now, peer);
            return Verdict::Banned;
        }
        if self.scores.len() >= MAX_REMEMBERED && !self.scores.contains_key(&peer) {
            self.forget_lightest(now);
        }
        self.scores.insert(peer, Score { points, at: now });
        Verdict::Tolerated
    }

    fn ban(&mut self, now: Instant, peer: PeerId) {
        self.bans.retain(|_, until| now < *until);
        if self.bans.len() >= MAX_REMEMBERED
            && let Some(first) = self
                .bans
                .iter()
                .min_by_key(|(_, until)| **until)
                .map(|(peer, _)| *peer)
        {
            self.bans.remove(&first);
        }
        self.bans.insert(peer, now + self.limits.ban);
    }

    fn forget_lightest(&mut self, now: Instant) {
        let lightest = self
            .scores
            .iter()
            .min_by(|(_, a), (_, b)| self.decayed(now, a).total_cmp(&self.decayed(now, b)))
            .map(|(peer, _)| *peer);
        if let Some(peer) = lightest {
            self.scores.remove(&peer);
        }
    }

    fn decayed(&self, now: Instant, score: &Score) -> f64 {
        let age = now.saturating_duration_since(score.at).as_secs_f64();
        score.points * (-age / self.limits.half_life.as_secs_f64().max(f64::EPSILON)).exp2()
    }
}

#[cfg(test)]
mod tests;
