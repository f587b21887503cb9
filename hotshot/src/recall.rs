//! K3: from when on a key may sign whose safety record is lost.
//!
//! Members of the committee show how far the chain is. `e_max` is the highest epoch that any of
//! their verified certificates belongs to, once those who have answered are a quorum of the
//! committee of `e_max + 1`; the key signs nothing before `e_max + 2`. Had it signed there, a
//! quorum would have closed epoch `e_max + 1` before, and an honest member of both quorums would
//! have shown a certificate of that epoch. So the key's own stake never counts, and neither does
//! an answer with a certificate that does not verify.

use std::{collections::BTreeMap, sync::Arc};

use hotshot_types::{Committee, Epoch, FinalityCertificate, Lock, PublicKey, Status};

/// The epoch that a status shows, whose certificates the caller has verified.
#[must_use]
pub fn epoch_shown(status: &Status, epoch_length: u64) -> Epoch {
    let closes = |fc: &FinalityCertificate| {
        let epoch = fc.round().epoch;
        if fc.height() == epoch.last_height(epoch_length) {
            epoch.next()
        } else {
            epoch
        }
    };
    let lock = match &status.lock {
        Lock::Anchor => None,
        Lock::Quorum(qc) => Some(qc.round().epoch),
    };
    let finality = status.finality.as_ref().map(closes);
    [Some(Epoch::FIRST), lock, finality]
        .into_iter()
        .flatten()
        .max()
        .expect("the list is not empty")
}

/// Who has shown which epoch. Bounded by who is asked.
#[derive(Clone, Debug, Default)]
pub struct Recall {
    shown: BTreeMap<[u8; PublicKey::LEN], Epoch>,
}

impl Recall {
    /// A member has shown an epoch by verified certificates.
    pub fn note(&mut self, member: &PublicKey, epoch: Epoch) {
        let known = self.shown.entry(member.to_bytes()).or_insert(epoch);
        *known = epoch.max(*known);
    }

    /// The first epoch in which `own` may sign again; none while those who answered are no quorum.
    /// `committee_of` knows the committees of the epochs that are known.
    #[must_use]
    pub fn returns(
        &self,
        own: &PublicKey,
        committee_of: impl Fn(Epoch) -> Option<Arc<Committee>>,
    ) -> Option<Epoch> {
        let highest = *self.shown.values().max()?;
        let committee = committee_of(highest.next())?;
        let stake: u128 = committee
            .members()
            .iter()
            .filter(|member| member.key != *own)
            .filter(|member| self.shown.contains_key(&member.key.to_bytes()))
            .map(|member| u128::from(member.weight))
            .sum();
        (stake >= committee.quorum()).then(|| highest.next().next())
    }
}
