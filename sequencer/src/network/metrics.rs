//! Counters of the network, kept as atomics and handed out as a plain snapshot.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::config::Lane;

/// Why something a peer sent or did was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// A connection of a banned peer.
    Banned,
    /// A connection over a limit: unknown peers, handshakes, or connections of one peer.
    Crowded,
    /// An inbound connection that never completed its handshake.
    Handshake,
    /// A peer that speaks none of our protocols, most often one of another chain.
    WrongNetwork,
    /// A frame that announced more bytes than its cap.
    OversizedFrame,
    /// A stream that ended in the middle of a frame while its connection lived on.
    TruncatedFrame,
    /// A second stream where the protocol has one.
    ExtraStream,
    /// A stream or request over the number one peer may have under way.
    Overload,
}

impl Rejection {
    /// Every reason, in the order of [`NetworkMetrics::rejected`].
    pub const ALL: [Self; 8] = [
        Self::Banned,
        Self::Crowded,
        Self::Handshake,
        Self::WrongNetwork,
        Self::OversizedFrame,
        Self::TruncatedFrame,
        Self::ExtraStream,
        Self::Overload,
    ];

    /// The label of the reason in logs and exported metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Banned => "banned",
            Self::Crowded => "crowded",
            Self::Handshake => "handshake",
            Self::WrongNetwork => "wrong_network",
            Self::OversizedFrame => "oversized_frame",
            Self::TruncatedFrame => "truncated_frame",
            Self::ExtraStream => "extra_stream",
            Self::Overload => "overload",
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Banned => 0,
            Self::Crowded => 1,
            Self::Handshake => 2,
            Self::WrongNetwork => 3,
            Self::OversizedFrame => 4,
            Self::TruncatedFrame => 5,
            Self::ExtraStream => 6,
            Self::Overload => 7,
        }
    }
}

/// What went over one lane since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneMetrics {
    /// Payload bytes received.
    pub bytes_in: u64,
    /// Payload bytes written to connections.
    pub bytes_out: u64,
    /// Frames received.
    pub frames_in: u64,
    /// Frames written to connections.
    pub frames_out: u64,
    /// Outbound frames dropped because a queue was full or they waited too long.
    pub frames_dropped: u64,
}

/// A snapshot of all counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetworkMetrics {
    /// Peers connected now.
    pub peers_connected: u64,
    /// The control lane.
    pub control: LaneMetrics,
    /// The bulk lane.
    pub bulk: LaneMetrics,
    /// Requests and responses: here `frames_dropped` counts requests that brought no response.
    pub requests: LaneMetrics,
    /// Refusals by reason, indexed as [`Rejection::ALL`].
    pub rejected: [u64; Rejection::ALL.len()],
    /// Bans pronounced.
    pub bans: u64,
    /// Events and commands lost because a channel to or from the host was full.
    pub events_dropped: u64,
}

impl NetworkMetrics {
    /// How often something was refused for this reason.
    #[must_use]
    pub fn rejected(&self, reason: Rejection) -> u64 {
        self.rejected[reason.index()]
    }
}

#[derive(Debug, Default)]
pub(crate) struct LaneCounters {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    frames_in: AtomicU64,
    frames_out: AtomicU64,
    frames_dropped: AtomicU64,
}

impl LaneCounters {
    pub(crate) fn count_in(&self, bytes: usize) {
        self.bytes_in.fetch_add(wide(bytes), Relaxed);
        self.frames_in.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_out(&self, bytes: usize) {
        self.bytes_out.fetch_add(wide(bytes), Relaxed);
        self.frames_out.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_dropped(&self, frames: usize) {
        self.frames_dropped.fetch_add(wide(frames), Relaxed);
    }

    fn snapshot(&self) -> LaneMetrics {
        LaneMetrics {
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            frames_in: self.frames_in.load(Relaxed),
            frames_out: self.frames_out.load(Relaxed),
            frames_dropped: self.frames_dropped.load(Relaxed),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) peers_connected: AtomicU64,
    lanes: [LaneCounters; Lane::ALL.len()],
    pub(crate) requests: LaneCounters,
    rejected: [AtomicU64; Rejection::ALL.len()],
    pub(crate) bans: AtomicU64,
    pub(crate) events_dropped: AtomicU64,
}

impl Metrics {
    pub(crate) fn lane(&self, lane: Lane) -> &LaneCounters {
        &self.lanes[lane.index()]
    }

    pub(crate) fn reject(&self, reason: Rejection) {
        self.rejected[reason.index()].fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> NetworkMetrics {
        NetworkMetrics {
            peers_connected: self.peers_connected.load(Relaxed),
            control: self.lane(Lane::Control).snapshot(),
            bulk: self.lane(Lane::Bulk).snapshot(),
            requests: self.requests.snapshot(),
            rejected: std::array::from_fn(|index| self.rejected[index].load(Relaxed)),
            bans: self.bans.load(Relaxed),
            events_dropped: self.events_dropped.load(Relaxed),
        }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
