//! What peers say about this node's key, verified: a lie changes nothing.

use std::{collections::BTreeSet, sync::Arc};

use hotshot::{Announcement, Sighting};
use hotshot_types::{
    Committee, Epoch, Hash, Lock, Member, PublicKey, Round, Signature, Signers, Status,
    ValidatorIndex, bls,
};

use crate::node::wire::Watched;

/// Announcements whose signatures are remembered as verified.
const MAX_REMEMBERED: usize = 16;

/// A peer's answer. The announcement and the status are verified; the sightings are claims.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) other: Option<(Announcement, u64)>,
    pub(super) sightings: Vec<Sighting>,
    pub(super) status: Option<Status>,
}

/// The newest round of each kind that one member has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rounds {
    newest: [Option<Round>; 4],
    pub(super) advanced: bool,
}

impl Rounds {
    pub(super) fn is_above(&self, known: &Self) -> bool {
        let mut pairs = self.newest.iter().zip(&known.newest);
        pairs.any(|(now, then)| now > then)
    }
}

/// What came from the key itself, not in a sum.
pub(super) fn rounds(sightings: &[&Sighting]) -> Rounds {
    let mut rounds = Rounds::default();
    for sighting in sightings {
        if let Some(place) = sighting.place() {
            rounds.newest[place] = rounds.newest[place].max(Some(sighting.round()));
        }
    }
    rounds
}

/// The committees of the epochs that are known.
pub(super) type Committees = Arc<dyn Fn(Epoch) -> Option<Arc<Committee>> + Send + Sync>;

/// Verifies answers about one key.
#[derive(Clone)]
pub(super) struct Checks {
    domain: Hash,
    own: PublicKey,
    committees: Committees,
    announced: BTreeSet<Hash>,
}

impl Checks {
    pub(super) fn new(domain: Hash, own: PublicKey, committees: Committees) -> Self {
        Self {
            domain,
            own,
            committees,
            announced: BTreeSet::new(),
        }
    }

    /// Drops what does not verify. Certificates are checked off this task.
    pub(super) async fn check(&mut self, watched: Watched, wants_status: bool) -> Seen {
        let Watched {
            other,
            newest,
            status,
        } = watched;
        let other = other.filter(|(other, _)| self.is_genuine(other));
        let mut sightings: Vec<Sighting> = newest.into_iter().flatten().collect();
        let status = status.filter(|_| wants_status);
        let status = match status {
            None => None,
            Some(status) => {
                let (domain, committees) = (self.domain, Arc::clone(&self.committees));
                let checked = tokio::task::spawn_blocking(move || {
                    is_verified(&status, domain, &*committees).then_some(status)
                });
                checked.await.unwrap_or_default()
            }
        };
        if let Some(status) = &status {
            let me = |epoch: Epoch| (self.committees)(epoch)?.index_of(&self.own);
            sightings.extend(Sighting::in_status(status, me));
        }
        Seen {
            other,
            sightings,
            status,
        }
    }

    fn is_genuine(&mut self, other: &Announcement) -> bool {
        let name = Announcement::digest(self.domain, other.run, other.id);
        if self.announced.contains(&name) {
            return true;
        }
        let genuine = is_announced(self.domain, &self.own, other);
        if genuine {
            if self.announced.len() >= MAX_REMEMBERED {
                self.announced.clear();
            }
            self.announced.insert(name);
        }
        genuine
    }

    /// Whether it was signed by the key. What came in a sum has been verified with the status it
    /// stood in.
    pub(super) fn is_authentic(&self, sighting: &Sighting) -> bool {
        let (digest, signers, signature) = sighting.claim(self.domain);
        signers.is_some() || is_signed(&self.own, digest, signature)
    }
}

/// Whether the key made the announcement.
pub(in crate::node) fn is_announced(
    domain: Hash,
    key: &PublicKey,
    announcement: &Announcement,
) -> bool {
    let digest = Announcement::digest(domain, announcement.run, announcement.id);
    is_signed(key, digest, announcement.signature)
}

fn is_signed(key: &PublicKey, digest: Hash, signature: Signature) -> bool {
    let member = Member {
        key: *key,
        weight: 1,
    };
    let Ok(alone) = Committee::new(Epoch::FIRST, vec![member]) else {
        return false;
    };
    bls::verify_all(&[bls::Check {
        digest,
        committee: Arc::new(alone),
        signers: Signers::of(1, [ValidatorIndex(0)]),
        signature,
    }])
}

/// K3: a status with a certificate that does not verify is no answer.
fn is_verified(
    status: &Status,
    domain: Hash,
    committee_of: impl Fn(Epoch) -> Option<Arc<Committee>>,
) -> bool {
    let lock = match &status.lock {
        Lock::Anchor => true,
        Lock::Quorum(qc) => committee_of(qc.round().epoch)
            .is_some_and(|committee| qc.verify(domain, &committee).is_ok()),
    };
    lock && status.finality.as_ref().is_none_or(|fc| {
        committee_of(fc.round().epoch)
            .is_some_and(|committee| fc.verify(domain, &committee).is_ok())
    })
}

#[cfg(test)]
mod tests;
