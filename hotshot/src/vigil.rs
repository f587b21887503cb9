//! K4: the watch for another process that signs with the same key.
//!
//! Each process that holds a key says so to every peer before it signs, again and again while it
//! runs: the number of its run, which its data directory counts, and a random id, signed with the
//! key. A peer remembers the newest one and tells the others of it, so that
//!
//! * of two copies started together, which count the same run, the one that is second at a peer
//!   learns of the first. Both hear from so many peers before they sign that some peer hears both;
//! * of two runs of different number the older learns of the newer one: it is an old copy, or was
//!   replaced, and must not sign on. The newer one waits long enough for that.
//!
//! The number of a run rises with every start of a directory, so a restart is never taken for a
//! second process.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Committee, Hash, PublicKey, Signature, TimestampMs, digest};

/// "This process holds my key" (D8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Announcement {
    /// How often the data directory was started.
    pub run: u64,
    /// Drawn by the process.
    pub id: Hash,
    /// The key's.
    pub signature: Signature,
}

/// What another process with the same key is to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// An earlier run, which steps down when it hears of this one.
    Earlier,
    /// A copy of this run: the data was started twice.
    Twin,
    /// A later run: the data of this one is older than what the key was last used with.
    Later,
}

impl Announcement {
    /// What the key signs.
    #[must_use]
    pub fn digest(domain: Hash, run: u64, id: Hash) -> Hash {
        digest::instance(domain, run, id)
    }

    /// What another one is to this one; none if they are the same process.
    #[must_use]
    pub fn meets(&self, other: &Self) -> Option<Other> {
        match other.run.cmp(&self.run) {
            std::cmp::Ordering::Less => Some(Other::Earlier),
            std::cmp::Ordering::Greater => Some(Other::Later),
            std::cmp::Ordering::Equal => (other.id != self.id).then_some(Other::Twin),
        }
    }
}

/// What a peer remembers of the processes of each key. Bounded by the keys it is told of.
#[derive(Clone, Debug, Default)]
pub struct Register {
    known: BTreeMap<[u8; PublicKey::LEN], Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    newest: Announcement,
    heard: TimestampMs,
    /// The run before the newest, and when it was last heard.
    before: Option<(Announcement, TimestampMs)>,
}

impl Register {
    /// Whether this very announcement is known, so that its signature need not be verified again.
    #[must_use]
    pub fn knows(&self, key: &PublicKey, announcement: &Announcement) -> bool {
        self.known.get(&key.to_bytes()).is_some_and(|known| {
            known.newest == *announcement
                || known
                    .before
                    .is_some_and(|(before, _)| before == *announcement)
        })
    }

    /// The newest announcement of a key, and for how many milliseconds it has not been heard: for
    /// a process that does not announce itself.
    #[must_use]
    pub fn newest(&self, now: TimestampMs, key: &PublicKey) -> Option<(Announcement, u64)> {
        let known = self.known.get(&key.to_bytes())?;
        Some((known.newest, now.0.saturating_sub(known.heard.0)))
    }

    /// Takes a verified announcement and says which other process of the key matters to it, and
    /// for how many milliseconds that one has not been heard.
    pub fn announce(
        &mut self,
        now: TimestampMs,
        key: &PublicKey,
        announcement: Announcement,
    ) -> Option<(Announcement, u64)> {
        let fresh = Known {
            newest: announcement,
            heard: now,
            before: None,
        };
        let known = self.known.entry(key.to_bytes()).or_insert(fresh);
        let quiet = |heard: TimestampMs| now.0.saturating_sub(heard.0);
        match known.newest.meets(&announcement) {
            None => {
                known.heard = now;
                known.before.map(|(before, heard)| (before, quiet(heard)))
            }
            Some(Other::Later) => {
                known.before = Some((known.newest, known.heard));
                (known.newest, known.heard) = (announcement, now);
                known.before.map(|(before, heard)| (before, quiet(heard)))
            }
            // It came second, or is old. An old one that is still there is not forgotten.
            Some(Other::Earlier) => {
                known.before = Some((announcement, now));
                Some((known.newest, quiet(known.heard)))
            }
            Some(Other::Twin) => Some((known.newest, quiet(known.heard))),
        }
    }
}

/// The wait before the first signature: until so many have heard of this process, and told
/// what they know, that nobody else can have been told the same.
#[derive(Clone, Debug)]
pub struct Vigil {
    own: PublicKey,
    committee: Arc<Committee>,
    answered: BTreeSet<[u8; PublicKey::LEN]>,
    /// Somebody has heard another process lately, which may not know of this one yet.
    is_crowded: bool,
    /// When the full wait is over: 2*T0 after the start.
    until: TimestampMs,
}

impl Vigil {
    /// Starts to wait.
    #[must_use]
    pub fn new(
        now: TimestampMs,
        view_timeout_ms: u64,
        own: PublicKey,
        committee: Arc<Committee>,
    ) -> Self {
        Self {
            own,
            committee,
            answered: BTreeSet::new(),
            is_crowded: false,
            until: TimestampMs(now.0.saturating_add(view_timeout_ms.saturating_mul(2))),
        }
    }

    /// A member has answered; another process was heard lately, or not.
    pub fn answered(&mut self, member: &PublicKey, others_lately: bool) {
        self.answered.insert(member.to_bytes());
        self.is_crowded |= others_lately;
    }

    /// When to look again.
    #[must_use]
    pub fn deadline(&self) -> TimestampMs {
        self.until
    }

    /// Whether the key may sign. At once when all others have answered, or a quorum without the
    /// own stake; after 2*T0 when those who answered are a quorum with it. While they are less,
    /// nothing that this key signs could be of use, so waiting on costs nothing.
    #[must_use]
    pub fn is_over(&self, now: TimestampMs) -> bool {
        let weight = |own: bool| -> u128 {
            let members = self.committee.members().iter();
            members
                .filter(|member| own == (member.key == self.own))
                .filter(|member| own || self.answered.contains(&member.key.to_bytes()))
                .map(|member| u128::from(member.weight))
                .sum()
        };
        let (answered, own) = (weight(false), weight(true));
        let quorum = self.committee.quorum();
        let is_enough = answered >= quorum || answered + own == self.committee.total();
        if now < self.until {
            is_enough && !self.is_crowded
        } else {
            answered + own >= quorum
        }
    }
}
