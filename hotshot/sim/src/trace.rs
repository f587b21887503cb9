//! What happened: a digest of every step, and as text for whoever looks for a bug.

use std::fmt::Write as _;

use hotshot_types::{Hash, Round, digest};

use crate::dice;

/// Folds every step of a world into one hash.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    state: [u64; 2],
    /// Collects lines if anybody wants to read them.
    pub(crate) text: Option<String>,
}

impl Trace {
    /// Notes a step. `details` are only rendered for a reader.
    pub(crate) fn note(
        &mut self,
        now_ms: u64,
        node: usize,
        what: &str,
        round: Round,
        hash: Hash,
        details: impl FnOnce() -> String,
    ) {
        let node_word = u64::try_from(node).expect("nodes are few");
        for word in [now_ms, node_word, round.epoch.0, round.view.0] {
            self.fold(word);
        }
        for chunk in what.as_bytes().chunks(8).chain(hash.0.chunks(8)) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_be_bytes(word));
        }
        if let Some(text) = &mut self.text {
            let line = writeln!(
                text,
                "{now_ms:>6} n{node} {what:<16} {round} {hash:?} {}",
                details()
            );
            line.expect("writing to memory");
        }
    }

    fn fold(&mut self, word: u64) {
        let [a, b] = self.state;
        self.state = [b, dice::mix(a ^ word).wrapping_add(b)];
    }

    /// The hash of everything so far.
    pub(crate) fn digest(&self) -> Hash {
        digest::keccak_concat(&[&self.state[0].to_be_bytes(), &self.state[1].to_be_bytes()])
    }
}
