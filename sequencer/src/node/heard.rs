//! How far the other validators say the chain is: their votes and statuses name heights.
//!
//! One voice is a claim; the height that members of more than a third of the stake have reached is
//! at most what an honest one has seen.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use hotshot_types::{Committee, Height, Message, PublicKey};

/// The highest height named by each validator.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<BTreeMap<[u8; PublicKey::LEN], Height>>);

impl Heard {
    /// Notes what a validator's message says about its height.
    pub(super) fn note(&self, from: &PublicKey, message: &Message) {
        let height = match message {
            Message::Vote2(vote) => Some(vote.statement.height),
            Message::Status(status) => status.finality.as_ref().map(|fc| fc.height()),
            _ => None,
        };
        if let Some(height) = height {
            let mut heights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = heights.entry(from.to_bytes()).or_default();
            *known = height.max(*known);
        }
    }

    /// The height that members of more than a third of the stake have reached; none before so many
    /// were heard.
    pub(super) fn height(&self, committee: &Committee) -> Option<Height> {
        let heights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
