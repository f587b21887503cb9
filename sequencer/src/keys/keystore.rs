//! EIP-2335: one secret of 32 bytes, encrypted under a password, as JSON.
//!
//! Written with scrypt, read with scrypt and PBKDF2. Two fields of our own say which key it is,
//! so that it can be listed without the password; other programs ignore them.

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Password, entropy, error::KeystoreError};

/// The version of EIP-2335 keystores.
const VERSION: u32 = 4;
/// Bytes of the derived key: 16 to encrypt, 16 for the checksum.
const DERIVED: usize = 32;
/// The most memory that a keystore may make scrypt use: four times that of the recommended cost.
const MAX_SCRYPT_BYTES: u64 = 1 << 30;
/// The most rounds of PBKDF2 that a keystore may ask for.
const MAX_ROUNDS: u32 = 1 << 24;

/// What scrypt costs: 2^`log_n` blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    log_n: u8,
}

impl Cost {
    /// What EIP-2335 recommends: 256 MiB, about a second.
    pub const RECOMMENDED: Self = Self { log_n: 18 };
    /// For tests alone: nothing is safe with it.
    #[cfg(test)]
    pub(crate) const TRIFLING: Self = Self { log_n: 4 };
}

/// A keystore as it stands in its file. Nothing in it is secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Keystore {
    crypto: Crypto,
    #[serde(default)]
    description: String,
    #[serde(default)]
    pub(crate) pubkey: String,
    #[serde(default)]
    path: String,
    uuid: String,
    version: u32,
    /// Our own: `consensus` or `network`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// Our own: the whole public key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Crypto {
    kdf: Kdf,
    checksum: Module<NoParams>,
    cipher: Module<Iv>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Module<P> {
    function: String,
    params: P,
    message: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct NoParams {}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Iv {
    iv: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "function", rename_all = "lowercase")]
enum Kdf {
    Scrypt {
        params: Scrypt,
        #[serde(default)]
        message: String,
    },
    Pbkdf2 {
        params: Pbkdf2,
        #[serde(default)]
        message: String,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scrypt {
    dklen: u32,
    n: u64,
    p: u32,
    r: u32,
    salt: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pbkdf2 {
    dklen: u32,
    c: u32,
    prf: String,
    salt: String,
}

/// Which key a keystore is to hold.
pub(crate) struct Label {
    pub(crate) kind: &'static str,
    pub(crate) description: &'static str,
    /// What other programs expect: for BLS the half in G1.
    pub(crate) pubkey: String,
    pub(crate) public: String,
}

impl Keystore {
    /// Encrypts a secret.
    pub(crate) fn seal(
        secret: &[u8; 32],
        password: &Password,
        cost: Cost,
        label: Label,
    ) -> Result<Self, KeystoreError> {
        let salt = entropy().map_err(|_| KeystoreError::NoEntropy)?;
        let iv = entropy().map_err(|_| KeystoreError::NoEntropy)?;
        let uuid = entropy().map_err(|_| KeystoreError::NoEntropy)?;
        let kdf = Kdf::Scrypt {
            params: Scrypt {
                dklen: 32,
                n: 1 << cost.log_n,
                p: 1,
                r: 8,
                salt: hex::encode(salt.as_slice()),
            },
            message: String::new(),
        };
        let derived = kdf.derive(password)?;
        let mut text = *secret;
        apply_cipher(&derived, &iv[..16], &mut text)?;
        Ok(Self {
            crypto: Crypto {
                kdf,
                checksum: Module {
                    function: "sha256".into(),
                    params: NoParams {},
                    message: hex::encode(checksum(&derived, &text)),
                },
                cipher: Module {
                    function: "aes-128-ctr".into(),
                    params: Iv {
                        iv: hex::encode(&iv[..16]),
                    },
                    message: hex::encode(text),
                },
            },
            description: label.description.into(),
            pubkey: label.pubkey,
            path: String::new(),
            uuid: random_uuid(&uuid),
            version: VERSION,
            kind: Some(label.kind.into()),
            public: Some(label.public),
        })
    }

    /// Decrypts the secret.
    pub(crate) fn open(&self, password: &Password) -> Result<Zeroizing<[u8; 32]>, KeystoreError> {
        let crypto = &self.crypto;
        if self.version != VERSION {
            return Err(KeystoreError::Unsupported(
                "version",
                self.version.to_string(),
            ));
        }
        if !crypto.checksum.function.eq_ignore_ascii_case("sha256") {
            let found = crypto.checksum.function.clone();
            return Err(KeystoreError::Unsupported("checksum", found));
        }
        if crypto.cipher.function != "aes-128-ctr" {
            let found = crypto.cipher.function.clone();
            return Err(KeystoreError::Unsupported("cipher", found));
        }
        let text: [u8; 32] = bytes("cipher message", &crypto.cipher.message)?;
        let expected: [u8; 32] = bytes("checksum", &crypto.checksum.message)?;
        let iv: [u8; 16] = bytes("iv", &crypto.cipher.params.iv)?;
        let derived = crypto.kdf.derive(password)?;
        // What is compared tells nothing about the secret, so the time it takes doesn't either.
        if checksum(&derived, &text) != expected {
            return Err(KeystoreError::Password);
        }
        let mut secret = Zeroizing::new(text);
        apply_cipher(&derived, &iv, secret.as_mut_slice())?;
        Ok(secret)
    }
}

impl Kdf {
    fn derive(&self, password: &Password) -> Result<Zeroizing<[u8; DERIVED]>, KeystoreError> {
        let mut derived = Zeroizing::new([0; DERIVED]);
        let (Self::Scrypt {
            params: Scrypt { dklen, salt, .. },
            ..
        }
        | Self::Pbkdf2 {
            params: Pbkdf2 { dklen, salt, .. },
            ..
        }) = self;
        if *dklen != 32 {
            return Err(KeystoreError::Unsupported("dklen", dklen.to_string()));
        }
        let salt = hex::decode(salt).map_err(|_| KeystoreError::Field("salt"))?;
        match self {
            Self::Scrypt { params, .. } => {
                let Scrypt { n, p, r, .. } = params;
                let refused = || KeystoreError::Unsupported("scrypt cost", format!("{n}/{r}/{p}"));
                let memory = n.checked_mul(128 * u64::from(*r));
                if !n.is_power_of_two()
                    || *n < 2
                    || *p > 64
                    || memory.is_none_or(|bytes| bytes > MAX_SCRYPT_BYTES)
                {
                    return Err(refused());
                }
                let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| refused())?;
                let params = scrypt::Params::new(log_n, *r, *p).map_err(|_| refused())?;
                scrypt::scrypt(password.bytes(), &salt, &params, derived.as_mut_slice())
                    .map_err(|_| refused())?;
            }
            Self::Pbkdf2 { params, .. } => {
                if params.prf != "hmac-sha256" {
                    return Err(KeystoreError::Unsupported("prf", params.prf.clone()));
                }
                if params.c == 0 || params.c > MAX_ROUNDS {
                    return Err(KeystoreError::Unsupported("rounds", params.c.to_string()));
                }
                pbkdf2::pbkdf2_hmac::<Sha256>(
                    password.bytes(),
                    &salt,
                    params.c,
                    derived.as_mut_slice(),
                );
            }
        }
        Ok(derived)
    }
}

fn checksum(derived: &[u8; DERIVED], text: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(&derived[16..]);
    hasher.update(text);
    hasher.finalize().into()
}

/// Encrypts or decrypts: the cipher is a stream.
fn apply_cipher(derived: &[u8; DERIVED], iv: &[u8], text: &mut [u8]) -> Result<(), KeystoreError> {
    let mut cipher = ctr::Ctr128BE::<aes::Aes128>::new_from_slices(&derived[..16], iv)
        .map_err(|_| KeystoreError::Field("iv"))?;
    cipher.apply_keystream(text);
    Ok(())
}

fn bytes<const N: usize>(name: &'static str, digits: &str) -> Result<[u8; N], KeystoreError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| KeystoreError::Field(name))?;
    Ok(bytes)
}

/// A random UUID (version 4).
fn random_uuid(random: &[u8; 32]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&random[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests;
