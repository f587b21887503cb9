//! What the other validators were heard to say: how far the chain is, by the heights that their
//! votes and statuses name, and their newest signatures, for K4.
//!
//! One voice is a claim; the height that members of more than a third of the stake have reached is
//! at most what an honest one has seen.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hotshot::{Newest, Sighting};
use hotshot_types::{Committee, Height, Message, PublicKey};
use libp2p::PeerId;

/// The highest height named by each validator, and its newest signatures.
#[derive(Debug, Default)]
pub(super) struct Heard {
    validators: Mutex<BTreeMap<[u8; PublicKey::LEN], Height>>,
    signed: Mutex<BTreeMap<[u8; PublicKey::LEN], Newest>>,
    /// What connected peers pushed to this node without stake.
    pushed: Mutex<BTreeMap<PeerId, Height>>,
}

impl Heard {
    /// Notes what a validator's message says about its height.
    pub(super) fn note(&self, from: &PublicKey, message: &Message) {
        let height = match message {
            Message::Vote2(vote) => Some(vote.statement.height),
            Message::Status(status) => status.finality.as_ref().map(|fc| fc.height()),
            _ => None,
        };
        if let Some(height) = height {
            let mut heights = lock(&self.validators);
            let known = heights.entry(from.to_bytes()).or_default();
            *known = height.max(*known);
        }
        if let Some(sighting) = Sighting::of(message)
            && let Some(place) = sighting.place()
        {
            let mut signed = lock(&self.signed);
            let known = &mut signed.entry(from.to_bytes()).or_default()[place];
            if known
                .as_ref()
                .is_none_or(|known| known.round() < sighting.round())
            {
                *known = Some(sighting);
            }
        }
    }

    /// K4: the newest signatures that came from a validator.
    pub(super) fn newest(&self, of: &PublicKey) -> Newest {
        let signed = lock(&self.signed);
        signed.get(&of.to_bytes()).cloned().unwrap_or_default()
    }

    /// Notes what a peer pushed.
    pub(super) fn note_pushed(&self, from: PeerId, height: Height) {
        lock(&self.pushed).insert(from, height);
    }

    /// A peer is gone.
    pub(super) fn forget(&self, peer: &PeerId) {
        lock(&self.pushed).remove(peer);
    }

    /// The height in the middle of what the connected peers pushed, all that a node without stake can go by; none
    /// before one did.
    pub(super) fn pushed(&self) -> Option<Height> {
        let pushed = lock(&self.pushed);
        let mut heights: Vec<Height> = pushed.values().copied().collect();
        heights.sort_unstable();
        heights.get(heights.len() / 2).copied()
    }

    /// The height that members of more than a third of the stake have reached; none before so many
    /// were heard.
    pub(super) fn height(&self, committee: &Committee) -> Option<Height> {
        let heights = lock(&self.validators);
        let mut reached: Vec<(Height, u64)> = committee
            .members()
            .iter()
            .filter_map(|member| Some((*heights.get(&member.key.to_bytes())?, member.weight)))
            .collect();
        reached.sort_unstable_by(|a, b| b.cmp(a));
        let mut stake = 0;
        for (height, weight) in reached {
            stake += u128::from(weight);
            if stake >= committee.one_honest() {
                return Some(height);
            }
        }
        None
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
