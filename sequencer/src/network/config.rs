//! What the operator and the host may choose about the network, with defaults that suit a validator.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId, identity::Keypair};

/// A peer we keep a connection to: a validator of the current or the next committee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The peer's identity, the hash of its libp2p key.
    pub id: PeerId,
    /// Where to dial it, for example `/ip4/10.0.0.7/tcp/9000` or `/dns/node.example.org/tcp/9000`; all of them are
    /// tried at once. Names are resolved at each dial.
    pub addresses: Vec<Multiaddr>,
}

/// The two classes of traffic between peers, each on a stream of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Proposals, votes, timeouts, certificates: small and urgent.
    Control,
    /// Shards and transaction batches: large and able to wait.
    Bulk,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 2] = [Self::Control, Self::Bulk];

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Control => 0,
            Self::Bulk => 1,
        }
    }
}

/// Bounds of one lane.
#[derive(Debug, Clone, Copy)]
pub struct LaneLimits {
    /// Largest frame in bytes; a peer that announces more broke the protocol (B3).
    pub max_frame: usize,
    /// The same for a peer that is not configured.
    pub unknown_max_frame: usize,
    /// Frames that may wait for one peer; the oldest is dropped to make room for the newest.
    pub queue_frames: usize,
    /// Bytes that may wait for one peer; the oldest frames are dropped to make room for the newest.
    pub queue_bytes: usize,
    /// Frames of all peers that may wait for the host; further ones stay unread in their streams. Unknown peers have a
    /// quarter of them.
    pub inbound_frames: usize,
    /// Bytes of configured peers' frames that may wait for the host or be with it.
    pub inbound_bytes: usize,
    /// The same for all other peers together.
    pub unknown_inbound_bytes: usize,
}

/// A token bucket: how fast bytes may come in, on average and at once.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Sustained bytes a second.
    pub bytes_per_second: u64,
    /// Bytes that may come at once after a pause.
    pub burst: u64,
}

/// What one peer may make us receive; above it we stop reading from that peer for a while (B2).
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Bytes in on the control lane.
    pub control: Rate,
    /// Bytes in on the bulk lane.
    pub bulk: Rate,
    /// Bytes of inbound requests and of our responses to them.
    pub requests: Rate,
}

/// When blame turns into a ban.
#[derive(Debug, Clone, Copy)]
pub struct BlameLimits {
    /// Points at which a peer is disconnected and refused.
    pub threshold: u32,
    /// Time in which a score halves.
    pub half_life: Duration,
    /// How long a peer stays refused.
    pub ban: Duration,
}

/// Everything [`Network::spawn`](super::Network::spawn) needs to know.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// Our libp2p (ed25519) key; its hash is our peer id.
    pub keypair: Keypair,
    /// Addresses to listen on; port 0 lets the system choose.
    pub listen: Vec<Multiaddr>,
    /// Domain of the chain. Protocol ids carry its first bytes, so networks never mix.
    pub chain_domain: [u8; 32],
    /// The peers to keep connections to; our own id is ignored.
    pub peers: Vec<Peer>,
    /// Bounds of the control lane.
    pub control: LaneLimits,
    /// Bounds of the bulk lane; its `max_frame` is also the bound of a response.
    pub bulk: LaneLimits,
    /// Largest request body in bytes.
    pub max_request: usize,
    /// Requests under way with one peer, counted separately for each direction.
    pub max_requests_per_peer: usize,
    /// Inbound requests of all peers that may wait for the host.
    pub inbound_requests: usize,
    /// How long the host may take to answer an inbound request.
    pub answer_timeout: Duration,
    /// What a configured peer may send.
    pub quota: Quota,
    /// What any other peer may send.
    pub unknown_quota: Quota,
    /// What all other peers together may send.
    pub crowd_quota: Quota,
    /// Bytes of responses to configured peers that may be under way.
    pub response_bytes: usize,
    /// The same for all other peers together; further ones are refused.
    pub unknown_response_bytes: usize,
    /// How long a frame may take from its first byte to its last, besides the time at `slowest`.
    pub frame_timeout: Duration,
    /// Bytes a second below which a frame under way is given up, and its connection with it.
    pub slowest: u64,
    /// Connections of peers that are not configured.
    pub max_unknown_peers: usize,
    /// Of these, connections from one IP address.
    pub max_unknown_per_ip: usize,
    /// Inbound connections whose handshake is not complete.
    pub max_handshakes: usize,
    /// Of these, from one IP address.
    pub max_handshakes_per_ip: usize,
    /// How long a dial, a handshake or opening our streams may take.
    pub handshake_timeout: Duration,
    /// How long an outbound frame is worth sending; later it is dropped.
    pub frame_ttl: Duration,
    /// Shortest pause before a peer is dialed again; it doubles with every failure.
    pub redial_min: Duration,
    /// Longest pause before a peer is dialed again.
    pub redial_max: Duration,
    /// Pause between two liveness probes on a connection.
    pub pulse_interval: Duration,
    /// A connection on which nothing came in for this long while a probe waits is dead.
    pub silence_limit: Duration,
    /// How long a shutdown may take to send what waits, and again to close the connections.
    pub drain_timeout: Duration,
    /// How long the host may take to accept what came in before a connection closed.
    pub last_words: Duration,
    /// When blame turns into a ban.
    pub blame: BlameLimits,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

impl NetworkConfig {
    /// The defaults, with nothing to listen on and nobody to talk to.
    #[must_use]
    pub fn new(keypair: Keypair, chain_domain: [u8; 32]) -> Self {
        Self {
            keypair,
            listen: Vec::new(),
            chain_domain,
            peers: Vec::new(),
            control: LaneLimits {
                max_frame: 256 * KIB,
                unknown_max_frame: 256 * KIB,
                queue_frames: 1024,
                queue_bytes: 8 * MIB,
                inbound_frames: 4096,
                inbound_bytes: 32 * MIB,
                unknown_inbound_bytes: 4 * MIB,
            },
            bulk: LaneLimits {
                max_frame: 8 * MIB,
                unknown_max_frame: 2 * MIB,
                queue_frames: 256,
                queue_bytes: 32 * MIB,
                inbound_frames: 1024,
                inbound_bytes: 64 * MIB,
                unknown_inbound_bytes: 8 * MIB,
            },
            max_request: 256 * KIB,
            max_requests_per_peer: 16,
            inbound_requests: 256,
            answer_timeout: Duration::from_secs(30),
            quota: Quota {
                control: rate(32, 64),
                bulk: rate(1024, 1024),
                requests: rate(256, 256),
            },
            unknown_quota: Quota {
                control: rate(1, 2),
                bulk: rate(4, 16),
                requests: rate(16, 32),
            },
            crowd_quota: Quota {
                control: rate(8, 16),
                bulk: rate(16, 32),
                requests: rate(64, 128),
            },
            response_bytes: 512 * MIB,
            unknown_response_bytes: 128 * MIB,
            frame_timeout: Duration::from_secs(10),
            slowest: 64 * 1024,
            max_unknown_peers: 64,
            max_unknown_per_ip: 16,
            max_handshakes: 128,
            max_handshakes_per_ip: 32,
            handshake_timeout: Duration::from_secs(5),
            frame_ttl: Duration::from_secs(30),
            redial_min: Duration::from_millis(100),
            redial_max: Duration::from_secs(2),
            pulse_interval: Duration::from_secs(1),
            silence_limit: Duration::from_secs(5),
            drain_timeout: Duration::from_millis(500),
            last_words: Duration::from_secs(1),
            blame: BlameLimits {
                threshold: 100,
                half_life: Duration::from_secs(60),
                ban: Duration::from_secs(300),
            },
        }
    }

    /// How long a frame of this size may take.
    pub(crate) fn time_for(&self, bytes: usize) -> Duration {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.frame_timeout + Duration::from_secs(bytes / self.slowest.max(1))
    }

    pub(crate) fn lane(&self, lane: Lane) -> &LaneLimits {
        match lane {
            Lane::Control => &self.control,
            Lane::Bulk => &self.bulk,
        }
    }
}

const fn rate(mib_per_second: u64, burst_mib: u64) -> Rate {
    Rate {
        bytes_per_second: mib_per_second * 1024 * 1024,
        burst: burst_mib * 1024 * 1024,
    }
}
