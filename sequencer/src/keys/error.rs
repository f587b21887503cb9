//! What can be wrong with a key file.

use std::{io, path::PathBuf};

/// Why a key was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no such file.
    #[error("there is no key at {0}; make one with `sequencer keys new`")]
    Missing(PathBuf),
    /// There is one already.
    #[error("{0} exists and is not overwritten: a lost key cannot be restored; move it away first")]
    Exists(PathBuf),
    /// Others may read the file or list its directory.
    #[error("{path} may be read by others (mode {mode:03o}); run `chmod {wanted:03o} {path}`", path = path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they should be.
        wanted: u32,
    },
    /// The file holds no key.
    #[error("{0} holds no key: expected 64 hex digits after the comment lines")]
    Malformed(PathBuf),
    /// The file does not say what kind of key it holds.
    #[error(
        "{0} does not say in its first line what kind of key it holds: not made by `sequencer keys new`"
    )]
    Untitled(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoEntropy,
}
