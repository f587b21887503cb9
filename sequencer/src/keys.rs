//! A node's two secret keys on disk: the consensus key that signs votes and the network key that
//! authenticates connections.
//!
//! A key file holds the secret as hex, unencrypted, below comment lines that name it. It is
//! readable by its owner alone: a file or directory that others may read is refused, and no
//! existing key is ever overwritten. Beside a new consensus key lies a mark that it has never
//! signed (K3), which the first run removes.

mod error;
mod file;
mod fresh;

use std::path::{Path, PathBuf};

use hotshot_types::SecretKey;
use libp2p::identity::Keypair;
use rand::{TryRng as _, rngs::SysRng};
use zeroize::Zeroizing;

pub use self::{error::KeyFileError, fresh::FreshMark};

const CONSENSUS_TITLE: &str = "Secret consensus key of a validator (BLS12-381)";
const NETWORK_TITLE: &str = "Secret network key of a node (Ed25519)";

/// 32 bytes from the operating system.
///
/// # Errors
/// The operating system has none.
pub fn entropy() -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let mut bytes = Zeroizing::new([0; 32]);
    SysRng
        .try_fill_bytes(bytes.as_mut_slice())
        .map_err(|_| KeyFileError::NoEntropy)?;
    Ok(bytes)
}

/// Reads a consensus key.
///
/// # Errors
/// A file that is missing, readable by others or no key.
pub fn load_consensus(path: &Path) -> Result<SecretKey, KeyFileError> {
    let secret = file::read(path)?;
    SecretKey::from_bytes(&secret).map_err(|_| KeyFileError::Malformed(path.to_owned()))
}

/// Reads a network key.
///
/// # Errors
/// A file that is missing, readable by others or no key.
pub fn load_network(path: &Path) -> Result<Keypair, KeyFileError> {
    let mut secret = file::read(path)?;
    Keypair::ed25519_from_bytes(secret.as_mut_slice())
        .map_err(|_| KeyFileError::Malformed(path.to_owned()))
}

/// A key of either kind.
#[derive(Debug)]
pub enum Key {
    /// Signs votes.
    Consensus(SecretKey),
    /// Authenticates connections.
    Network(Keypair),
}

/// Reads a key whose kind its file names.
///
/// # Errors
/// A file that is missing, readable by others or no key file of this program.
pub fn load(path: &Path) -> Result<Key, KeyFileError> {
    match file::title(path)?.as_str() {
        title if title.starts_with(CONSENSUS_TITLE) => load_consensus(path).map(Key::Consensus),
        title if title.starts_with(NETWORK_TITLE) => load_network(path).map(Key::Network),
        _ => Err(KeyFileError::Untitled(path.to_owned())),
    }
}

/// Where the keys of a node are to be.
#[derive(Clone, Debug)]
pub struct KeyPaths {
    /// Of the consensus key.
    pub consensus: PathBuf,
    /// Of the network key.
    pub network: PathBuf,
}

/// Draws both keys and writes their files; nothing is written if one of them exists.
///
/// # Errors
/// A key that exists, a directory that others may read, or a disk that refuses.
pub fn create(paths: &KeyPaths) -> Result<(SecretKey, Keypair), KeyFileError> {
    for path in [&paths.consensus, &paths.network] {
        file::ensure_absent(path)?;
    }
    let seed = entropy()?;
    let consensus = SecretKey::derive(&seed);
    // The mark first: a crash in between leaves a mark without a key, which means nothing,
    // while a key without a mark could not sign for two epochs.
    FreshMark::of(&paths.consensus, &consensus).set()?;
    let secret = Zeroizing::new(consensus.to_bytes());
    let public = consensus.public_key().to_string();
    file::write(&paths.consensus, CONSENSUS_TITLE, &public, &secret)?;
    let network = create_network(&paths.network)?;
    Ok((consensus, network))
}

/// Draws a network key and writes its file: all that a node without stake needs.
///
/// # Errors
/// A key that exists, a directory that others may read, or a disk that refuses.
pub fn create_network(path: &Path) -> Result<Keypair, KeyFileError> {
    let secret = entropy()?;
    let mut copy = secret.clone();
    let network = Keypair::ed25519_from_bytes(copy.as_mut_slice()).expect("any 32 bytes are a key");
    file::write(path, NETWORK_TITLE, &peer_id(&network), &secret)?;
    Ok(network)
}

/// The Ed25519 public key, as the genesis document holds it.
///
/// # Panics
/// Never for a key from this module: all of them are Ed25519.
#[must_use]
pub fn network_public(key: &Keypair) -> [u8; 32] {
    let public = key
        .public()
        .try_into_ed25519()
        .expect("network keys are Ed25519");
    public.to_bytes()
}

/// The libp2p name of a network key.
#[must_use]
pub fn peer_id(key: &Keypair) -> String {
    key.public().to_peer_id().to_string()
}

#[cfg(test)]
mod tests;
