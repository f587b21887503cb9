//! What can be wrong with a key file.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a key was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no such file.
    #[error("there is no key at {path}; make one with `sequencer keys new --data-dir {}`", data_dir(.0).display(), path = .0.display())]
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
    #[error(
        "{0} holds no key: expected a keystore (EIP-2335), or 64 hex digits after comment lines"
    )]
    Malformed(PathBuf),
    /// The file is JSON and no keystore.
    #[error("{0} is no keystore (EIP-2335): {1}")]
    NoKeystore(PathBuf, String),
    /// The keystore does not open.
    #[error("{0}: {1}")]
    Keystore(PathBuf, KeystoreError),
    /// The keystore holds the other key of a node.
    #[error("{0} is not a {1} key")]
    OtherKind(PathBuf, &'static str),
    /// There is no password.
    #[error("{0}")]
    NoPassword(&'static str),
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

/// The data directory that a key file is in, as far as its path says so.
fn data_dir(file: &Path) -> &Path {
    let keys = file.parent().filter(|folder| folder.ends_with("keys"));
    match keys.and_then(Path::parent) {
        Some(home) if home.as_os_str().is_empty() => Path::new("."),
        Some(home) => home,
        None => Path::new("DIR"),
    }
}

/// Why a keystore does not open, or was not made.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The checksum says so.
    #[error("the password is wrong")]
    Password,
    /// Another function, or one that costs too much.
    #[error("the keystore's {0} is not supported: {1}")]
    Unsupported(&'static str, String),
    /// A field that is not hex of the right length.
    #[error("the keystore's {0} is malformed")]
    Field(&'static str),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoEntropy,
}
