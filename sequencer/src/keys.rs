//! A node's two secret keys on disk: the consensus key that signs votes and the network key that
//! authenticates connections.
//!
//! Each is an EIP-2335 keystore under a password ([`PasswordSource`]), or, for development
//! networks alone, unencrypted hex below comment lines that name it. A key file is readable by
//! its owner alone: a file that others may read, or in a directory where others may write, is
//! refused, and no existing key is ever overwritten. Beside a new consensus key lies a mark that
//! it has never signed (K3), which the first run removes.

mod error;
mod file;
mod fresh;
mod keystore;
mod password;

use std::path::{Path, PathBuf};

use hotshot_types::{Address, Hash, PublicKey, SecretKey};
use libp2p::identity::{self, Keypair};
use light_client::Account;
use rand::{TryRng as _, rngs::SysRng};
use zeroize::Zeroizing;

use self::keystore::{Keystore, Label};
pub use self::{
    error::{KeyFileError, KeystoreError},
    fresh::FreshMark,
    keystore::Cost,
    password::{Password, PasswordSource},
};

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

/// Which of a node's two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Signs votes.
    Consensus,
    /// Authenticates connections.
    Network,
}

impl Kind {
    /// Its name, as keystores have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Network => "network",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Consensus => CONSENSUS_TITLE,
            Self::Network => NETWORK_TITLE,
        }
    }
}

/// How new key files are written.
#[derive(Clone, Debug)]
pub enum Protection {
    /// Encrypted.
    Password(Password, Cost),
    /// Not at all: for development networks, which alone accept such a key.
    Development,
}

/// The password of a node's keys: fetched when the first encrypted key needs it, and once.
#[derive(Debug, Default)]
pub struct Unlock {
    source: PasswordSource,
    password: Option<Password>,
}

impl Unlock {
    /// From a source that is not read yet.
    #[must_use]
    pub fn with(source: PasswordSource) -> Self {
        Self {
            source,
            password: None,
        }
    }

    fn password(&mut self, path: &Path) -> Result<&Password, KeyFileError> {
        if self.password.is_none() {
            self.password = Some(self.source.read(&path.display().to_string())?);
        }
        Ok(self.password.as_ref().expect("it was set above"))
    }
}

/// What a key file tells without its password.
#[derive(Clone, Debug)]
pub struct Public {
    /// Which key.
    pub kind: Kind,
    /// Its public half in hex.
    pub public: String,
    /// Whether the secret is encrypted; if not, only development networks accept it.
    pub is_encrypted: bool,
}

impl Public {
    /// A consensus key's public half.
    #[must_use]
    pub fn consensus(&self) -> Option<PublicKey> {
        (self.kind == Kind::Consensus)
            .then(|| self.public.parse().ok())
            .flatten()
    }

    /// A network key's public half.
    #[must_use]
    pub fn network(&self) -> Option<Hash> {
        (self.kind == Kind::Network)
            .then(|| self.public.parse().ok())
            .flatten()
    }

    /// The libp2p peer id of a network key.
    #[must_use]
    pub fn peer_id(&self) -> Option<String> {
        let key = identity::ed25519::PublicKey::try_from_bytes(&self.network()?.0).ok()?;
        Some(identity::PublicKey::from(key).to_peer_id().to_string())
    }
}

/// Reads a consensus key.
///
/// # Errors
/// A file that is missing, readable by others or no key, or a wrong password.
pub fn load_consensus(path: &Path, unlock: &mut Unlock) -> Result<SecretKey, KeyFileError> {
    let secret = load_secret(path, Kind::Consensus, unlock)?;
    SecretKey::from_bytes(&secret).map_err(|_| KeyFileError::Malformed(path.to_owned()))
}

/// Reads a network key.
///
/// # Errors
/// A file that is missing, readable by others or no key, or a wrong password.
pub fn load_network(path: &Path, unlock: &mut Unlock) -> Result<Keypair, KeyFileError> {
    let mut secret = load_secret(path, Kind::Network, unlock)?;
    Keypair::ed25519_from_bytes(secret.as_mut_slice())
        .map_err(|_| KeyFileError::Malformed(path.to_owned()))
}

/// Reads the key of an L1 account: 32 bytes in hex, or a keystore of EIP-2335.
///
/// # Errors
/// A file that is missing, readable by others or no key, or a wrong password.
pub fn load_account(path: &Path, unlock: &mut Unlock) -> Result<Account, KeyFileError> {
    let secret = match file::read(path)? {
        file::Content::Plain(secret, _) => secret,
        file::Content::Keystore(keystore) => {
            let other = keystore
                .kind
                .as_deref()
                .filter(|kind| *kind != ACCOUNT_KIND);
            if other.is_some() {
                return Err(KeyFileError::OtherKind(path.to_owned(), ACCOUNT_KIND));
            }
            keystore
                .open(unlock.password(path)?)
                .map_err(|source| KeyFileError::Keystore(path.to_owned(), source))?
        }
    };
    Account::from_bytes(&secret).map_err(|_| KeyFileError::Malformed(path.to_owned()))
}

/// The address of an L1 account, for which an encrypted file needs no password.
///
/// # Errors
/// As [`load_account`].
pub fn account_address(path: &Path) -> Result<Address, KeyFileError> {
    let malformed = || KeyFileError::Malformed(path.to_owned());
    match file::read(path)? {
        file::Content::Plain(secret, _) => Account::from_bytes(&secret)
            .map(|account| account.address())
            .map_err(|_| malformed()),
        file::Content::Keystore(keystore) => {
            let public = keystore
                .public
                .filter(|_| keystore.kind.as_deref() == Some(ACCOUNT_KIND));
            public
                .ok_or_else(|| KeyFileError::OtherKind(path.to_owned(), ACCOUNT_KIND))?
                .parse()
                .map_err(|_| malformed())
        }
    }
}

/// Makes the key of an L1 account, encrypted.
///
/// # Errors
/// A file that exists, a directory that others may read, or a disk that refuses.
pub fn create_account(
    path: &Path,
    password: &Password,
    cost: Cost,
) -> Result<Account, KeyFileError> {
    let secret = entropy()?;
    let account =
        Account::from_bytes(&secret).map_err(|_| KeyFileError::Malformed(path.to_owned()))?;
    let address = account.address().to_string();
    let label = Label {
        kind: ACCOUNT_KIND,
        description: "account of an L1",
        pubkey: address.clone(),
        public: address,
    };
    let keystore = Keystore::seal(&secret, password, cost, label)
        .map_err(|source| KeyFileError::Keystore(path.to_owned(), source))?;
    let text = serde_json::to_string_pretty(&keystore).expect("a keystore is JSON");
    file::write_new(
        path,
        format!(
            "{text}
"
        )
        .as_bytes(),
    )?;
    Ok(account)
}

/// What keystores of L1 accounts are marked with.
const ACCOUNT_KIND: &str = "account";

fn load_secret(
    path: &Path,
    kind: Kind,
    unlock: &mut Unlock,
) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    match file::read(path)? {
        file::Content::Plain(secret, _) => Ok(secret),
        file::Content::Keystore(keystore) => {
            if keystore
                .kind
                .as_deref()
                .is_some_and(|found| found != kind.name())
            {
                return Err(KeyFileError::OtherKind(path.to_owned(), kind.name()));
            }
            keystore
                .open(unlock.password(path)?)
                .map_err(|source| KeyFileError::Keystore(path.to_owned(), source))
        }
    }
}

/// What a key file tells without its password.
///
/// # Errors
/// A file that is missing, readable by others, or no key file of this program.
pub fn public(path: &Path) -> Result<Public, KeyFileError> {
    let untitled = || KeyFileError::Untitled(path.to_owned());
    match file::read(path)? {
        file::Content::Keystore(keystore) => {
            let kind = match keystore.kind.as_deref() {
                Some("network") => Kind::Network,
                Some("consensus") => Kind::Consensus,
                _ => return Err(untitled()),
            };
            Ok(Public {
                kind,
                public: keystore.public.ok_or_else(untitled)?,
                is_encrypted: true,
            })
        }
        file::Content::Plain(_, title) => {
            let mut unlock = Unlock::default();
            let (kind, public) = if title.starts_with(CONSENSUS_TITLE) {
                let key = load_consensus(path, &mut unlock)?;
                (Kind::Consensus, key.public_key().to_string())
            } else if title.starts_with(NETWORK_TITLE) {
                let key = load_network(path, &mut unlock)?;
                (Kind::Network, Hash(network_public(&key)).to_string())
            } else {
                return Err(untitled());
            };
            Ok(Public {
                kind,
                public,
                is_encrypted: false,
            })
        }
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
pub fn create(
    paths: &KeyPaths,
    protection: &Protection,
) -> Result<(SecretKey, Keypair), KeyFileError> {
    for path in [&paths.consensus, &paths.network] {
        ensure_absent(path)?;
    }
    let seed = entropy()?;
    let consensus = SecretKey::derive(&seed);
    // The mark first: a crash in between leaves a mark without a key, which means nothing,
    // while a key without a mark could not sign for two epochs.
    FreshMark::of(&paths.consensus, &consensus.public_key()).set()?;
    store_consensus(&paths.consensus, &consensus, protection)?;
    let network = create_network(&paths.network, protection)?;
    Ok((consensus, network))
}

/// Draws a network key and writes its file: all that a node without stake needs.
///
/// # Errors
/// A key that exists, a directory that others may read, or a disk that refuses.
pub fn create_network(path: &Path, protection: &Protection) -> Result<Keypair, KeyFileError> {
    let secret = entropy()?;
    let mut copy = secret.clone();
    let network = Keypair::ed25519_from_bytes(copy.as_mut_slice()).expect("any 32 bytes are a key");
    store_network(path, &network, &secret, protection)?;
    Ok(network)
}

/// Fails if there is something already.
///
/// # Errors
/// There is.
pub fn ensure_absent(path: &Path) -> Result<(), KeyFileError> {
    file::ensure_absent(path)
}

/// Writes a consensus key into a new file.
///
/// # Errors
/// A file that exists, a directory that others may read, or a disk that refuses.
pub fn store_consensus(
    path: &Path,
    key: &SecretKey,
    protection: &Protection,
) -> Result<(), KeyFileError> {
    let public = key.public_key();
    let label = Label {
        kind: Kind::Consensus.name(),
        description: CONSENSUS_TITLE,
        pubkey: hex::encode(&public.to_bytes()[..48]),
        public: public.to_string(),
    };
    store(
        path,
        Kind::Consensus,
        &Zeroizing::new(key.to_bytes()),
        protection,
        label,
    )
}

fn store_network(
    path: &Path,
    key: &Keypair,
    secret: &[u8; 32],
    protection: &Protection,
) -> Result<(), KeyFileError> {
    let public = Hash(network_public(key));
    let label = Label {
        kind: Kind::Network.name(),
        description: NETWORK_TITLE,
        pubkey: hex::encode(public.0),
        public: public.to_string(),
    };
    store(path, Kind::Network, secret, protection, label)
}

fn store(
    path: &Path,
    kind: Kind,
    secret: &[u8; 32],
    protection: &Protection,
    label: Label,
) -> Result<(), KeyFileError> {
    match protection {
        Protection::Development => file::write(path, kind.title(), &label.public, secret),
        Protection::Password(password, cost) => {
            let keystore = Keystore::seal(secret, password, *cost, label)
                .map_err(|source| KeyFileError::Keystore(path.to_owned(), source))?;
            let text = serde_json::to_string_pretty(&keystore).expect("a keystore is JSON");
            file::write_new(path, format!("{text}\n").as_bytes())
        }
    }
}

/// Writes a copy of a node's key into a new keystore.
///
/// # Errors
/// A file that exists, a key that can't be read, or a disk that refuses.
pub fn export(
    path: &Path,
    kind: Kind,
    unlock: &mut Unlock,
    to: &Path,
    protection: &Protection,
) -> Result<(), KeyFileError> {
    match kind {
        Kind::Consensus => store_consensus(to, &load_consensus(path, unlock)?, protection),
        Kind::Network => {
            let secret = load_secret(path, kind, unlock)?;
            let key = load_network(path, unlock)?;
            store_network(to, &key, &secret, protection)
        }
    }
}

/// Reads a key from a keystore that need not be of this program, and writes it as a node's own.
/// A consensus key counts as used unless `never_used`.
///
/// # Errors
/// A file that exists, a keystore that does not open, or a disk that refuses.
pub fn import(
    from: &Path,
    kind: Kind,
    unlock: &mut Unlock,
    to: &Path,
    protection: &Protection,
    never_used: bool,
) -> Result<(), KeyFileError> {
    ensure_absent(to)?;
    match kind {
        Kind::Consensus => {
            let key = load_consensus(from, unlock)?;
            let mark = FreshMark::of(to, &key.public_key());
            if never_used {
                mark.set()?;
            } else {
                mark.remove()?;
            }
            store_consensus(to, &key, protection)
        }
        Kind::Network => export(from, kind, unlock, to, protection),
    }
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
