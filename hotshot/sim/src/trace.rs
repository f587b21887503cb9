//! What happened: a digest of every step, and as text for whoever looks for a bug.

use std::fmt::Write as _;

use hotshot_types::{Hash, Round, digest};

/// Folds every step of a world into one hash.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    digest: Hash,
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
        let node_word = u64::try_from(node).expect("nodes are few").to_be_bytes();
        self.digest = digest::keccak_concat(&[
            &self.digest.0,
            &now_ms.to_be_bytes(),
            &node_word,
            what.as_bytes(),
            &round.epoch.0.to_be_bytes(),
            &round.view.0.to_be_bytes(),
            &hash.0,
        ]);
        if let Some(text) = &mut self.text {
            let line = writeln!(text, "{now_ms:>6} n{node} {what:<16} {round} {hash:?} {}", details());
            line.expect("writing to memory");
        }
    }

    /// The hash of everything so far.
    pub(crate) fn digest(&self) -> Hash {
        self.digest
    }
}
