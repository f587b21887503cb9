//! BLS12-381 keys and signatures (D7): signatures in G1, one secret with a public half in each
//! group.
//!
//! Nodes aggregate the G2 halves; the light-client contract subtracts the G1 halves of
//! non-signers. A [`PublicKey`] that exists has both points in their subgroups and neither is the
//! identity; that both share one secret is [`check_halves`]. A [`Signature`] is 48 unchecked bytes
//! until a check here accepts it.

use std::{fmt, io, str::FromStr};

use blst::{BLST_ERROR, blst_fp12, blst_p1_affine, blst_p2_affine, blst_scalar, min_pk, min_sig};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

use crate::{
    Address, Hash, digest,
    hash::{ParseHexError, fixed_bytes},
};

mod batch;
mod verify;
mod votes;

pub(crate) use verify::SumG2;
pub use verify::{Check, Job, Outcome, solve, verify_all};
pub use votes::{Aggregate, Aggregation, aggregate};

/// Ciphersuite of every signature but the proof of possession.
pub const SIGNATURE_DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
/// Ciphersuite of the proof of possession.
pub const POSSESSION_DST: &[u8] = b"BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";

/// Set in the first byte of every encoding of the identity.
const IDENTITY_FLAG: u8 = 0x40;

/// Bits of each random coefficient in a batch.
const COEFFICIENT_BITS: usize = 128;

fixed_bytes! {
    /// A compressed G1 point that claims to be a signature.
    Signature, 48
}

/// A signature under [`POSSESSION_DST`] by a key over itself and its operator (D6).
pub type ProofOfPossession = Signature;

/// A G1 point in the padded encoding of EIP-2537.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointG1(pub [u8; 128]);

/// A G2 point in the padded encoding of EIP-2537.
#[derive(Clone, PartialEq, Eq)]
pub struct PointG2(pub [u8; 256]);

impl PointG1 {
    /// The coordinates x and y without the padding, as the light-client contract takes them in calldata.
    #[must_use]
    pub fn packed(&self) -> [u8; 96] {
        let mut packed = [0; 96];
        for (slot, coordinate) in packed.chunks_exact_mut(48).zip(self.0.chunks_exact(64)) {
            slot.copy_from_slice(&coordinate[16..]);
        }
        packed
    }
}

impl PointG2 {
    /// The coordinates x.c0, x.c1, y.c0, y.c1 without the padding, as the light-client contract takes them in
    /// calldata.
    #[must_use]
    pub fn packed(&self) -> [u8; 192] {
        let mut packed = [0; 192];
        for (slot, coordinate) in packed.chunks_exact_mut(48).zip(self.0.chunks_exact(64)) {
            slot.copy_from_slice(&coordinate[16..]);
        }
        packed
    }
}

/// Why bytes are no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A half is not a point of its subgroup, or is the identity.
    #[error("the {0} half is not a valid point: {1}")]
    Point(&'static str, &'static str),
    /// The halves belong to different secrets.
    #[error("the two halves of a public key do not share one secret")]
    HalvesDiffer,
    /// The text is not 144 bytes of hex.
    #[error(transparent)]
    Hex(#[from] ParseHexError),
    /// The bytes are no secret key.
    #[error("not a BLS12-381 secret key: it must be 32 bytes, non-zero and below the group order")]
    Secret,
}

fn reason(error: BLST_ERROR) -> &'static str {
    match error {
        BLST_ERROR::BLST_POINT_NOT_ON_CURVE => "not on the curve",
        BLST_ERROR::BLST_POINT_NOT_IN_GROUP => "not in the subgroup",
        BLST_ERROR::BLST_PK_IS_INFINITY => "the identity",
        _ => "badly encoded",
    }
}

/// A validator's public key: the same secret times the generator of each group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    g1: min_pk::PublicKey,
    g2: min_sig::PublicKey,
}

impl PublicKey {
    /// Length of the encoding: 48 bytes of G1, then 96 bytes of G2, both compressed.
    pub const LEN: usize = 144;

    /// Decodes both halves and checks their subgroups.
    ///
    /// # Errors
    /// A half that is not a point of its subgroup, or the identity.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Result<Self, KeyError> {
        let (g1, g2) = bytes.split_at(48);
        // Of this length, blst takes the compressed form only.
        let g1 = min_pk::PublicKey::key_validate(g1)
            .map_err(|error| KeyError::Point("G1", reason(error)))?;
        let g2 = min_sig::PublicKey::key_validate(g2)
            .map_err(|error| KeyError::Point("G2", reason(error)))?;
        Ok(Self { g1, g2 })
    }

    /// Both halves, compressed.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..48].copy_from_slice(&self.g1.compress());
        bytes[48..].copy_from_slice(&self.g2.compress());
        bytes
    }

    /// The G1 half as the contract reads it.
    #[must_use]
    pub fn point_g1(&self) -> PointG1 {
        pad_g1(&self.g1.serialize())
    }

    /// The G2 half as the contract reads it.
    #[must_use]
    pub fn point_g2(&self) -> PointG2 {
        pad_g2(&self.g2.serialize())
    }

    /// Whether `proof` shows that the operator holds this key's secret (D6).
    #[must_use]
    pub fn has_possession(
        &self,
        domain: Hash,
        operator: Address,
        proof: &ProofOfPossession,
    ) -> bool {
        let digest = digest::possession(domain, operator, &self.point_g1(), &self.point_g2());
        min_sig::Signature::uncompress(&proof.0).is_ok_and(|signature| {
            signature.verify(true, &digest.0, POSSESSION_DST, &[], &self.g2, false)
                == BLST_ERROR::BLST_SUCCESS
        })
    }
}

/// The sum of the G1 halves of several keys, as a committee commitment holds it.
#[must_use]
pub fn sum_g1<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> PointG1 {
    let keys: Vec<&min_pk::PublicKey> = keys.into_iter().map(|key| &key.g1).collect();
    match min_pk::AggregatePublicKey::aggregate(&keys, false) {
        Ok(sum) => pad_g1(&sum.to_public_key().serialize()),
        // Nobody: the identity.
        Err(_) => PointG1([0; 128]),
    }
}

/// The sum of the G2 halves of several keys, as the light-client contract is handed it.
#[must_use]
pub fn sum_g2<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> PointG2 {
    SumG2::of(keys).point()
}

impl Signature {
    /// The point as the contract reads it; none if the bytes are no point of the subgroup, or the
    /// identity.
    #[must_use]
    pub fn point(&self) -> Option<PointG1> {
        let point = min_sig::Signature::uncompress(&self.0).ok()?;
        point.validate(true).ok()?;
        Some(pad_g1(&point.serialize()))
    }
}

/// The point of G1 that a message hashes to under a ciphersuite (RFC 9380): the signature by the
/// secret one. For checking other implementations; nothing here needs it.
#[must_use]
pub fn hash_to_g1(message: &[u8], dst: &[u8]) -> PointG1 {
    pad_g1(&SecretKey::one().inner.sign(message, dst, &[]).serialize())
}

fn pad_g2(raw: &[u8; 192]) -> PointG2 {
    let mut padded = [0; 256];
    if raw[0] & IDENTITY_FLAG == 0 {
        // blst writes the coefficients of an Fp2 element highest first, EIP-2537 lowest first.
        for (slot, from) in [48, 0, 144, 96].into_iter().enumerate() {
            padded[slot * 64 + 16..(slot + 1) * 64].copy_from_slice(&raw[from..from + 48]);
        }
    }
    PointG2(padded)
}

fn pad_g1(raw: &[u8; 96]) -> PointG1 {
    let mut padded = [0; 128];
    if raw[0] & IDENTITY_FLAG == 0 {
        padded[16..64].copy_from_slice(&raw[..48]);
        padded[80..].copy_from_slice(&raw[48..]);
    }
    PointG1(padded)
}

/// Checks that the halves of every key share one secret: e(pk1, g2) = e(g1, pk2), batched with
/// coefficients drawn from the keys themselves.
///
/// # Errors
/// A key whose halves differ.
pub fn check_halves(keys: &[PublicKey]) -> Result<(), KeyError> {
    if keys.is_empty() {
        return Ok(());
    }
    let encoded: Vec<u8> = keys.iter().flat_map(PublicKey::to_bytes).collect();
    let coefficients: Vec<u8> = coefficients(&encoded, keys.len())
        .flat_map(|scalar| scalar.b[..COEFFICIENT_BITS / 8].to_vec())
        .collect();
    let g1: Vec<_> = keys.iter().map(|key| key.g1).collect();
    let g2: Vec<_> = keys.iter().map(|key| key.g2).collect();
    let (Ok(sum1), Ok(sum2)) = (
        min_pk::AggregatePublicKey::aggregate_with_randomness(
            &g1,
            &coefficients,
            COEFFICIENT_BITS,
            false,
        ),
        min_sig::AggregatePublicKey::aggregate_with_randomness(
            &g2,
            &coefficients,
            COEFFICIENT_BITS,
            false,
        ),
    ) else {
        return Err(KeyError::HalvesDiffer);
    };
    let one = SecretKey::one();
    let left = blst_fp12::miller_loop(
        &blst_p2_affine::from(one.inner.sk_to_pk()),
        &blst_p1_affine::from(sum1.to_public_key()),
    );
    let right = blst_fp12::miller_loop(
        &blst_p2_affine::from(sum2.to_public_key()),
        &blst_p1_affine::from(one.public_key().g1),
    );
    if blst_fp12::finalverify(&left, &right) {
        Ok(())
    } else {
        Err(KeyError::HalvesDiffer)
    }
}

/// Non-zero coefficients that nobody can choose independently of `seed`.
fn coefficients(seed: &[u8], count: usize) -> impl Iterator<Item = blst_scalar> {
    let seed = digest::keccak(seed);
    (0..count).map(move |index| {
        let index = u64::try_from(index)
            .expect("a batch is short")
            .to_be_bytes();
        let mut scalar = blst_scalar { b: [0; 32] };
        scalar.b[..COEFFICIENT_BITS / 8]
            .copy_from_slice(&digest::keccak_concat(&[&seed.0, &index]).0[..COEFFICIENT_BITS / 8]);
        scalar.b[0] |= 1;
        scalar
    })
}

impl BorshSerialize for PublicKey {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.to_bytes())
    }
}

impl BorshDeserialize for PublicKey {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut bytes = [0; Self::LEN];
        reader.read_exact(&mut bytes)?;
        Self::from_bytes(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..", hex::encode(&self.to_bytes()[..4]))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; Self::LEN];
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes).map_err(
            |_| ParseHexError {
                expected: 2 * Self::LEN,
            },
        )?;
        Self::from_bytes(&bytes)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Signs digests. The state machine signs through this, so that it never sees the key.
pub trait Signer {
    /// The signature of a digest under [`SIGNATURE_DST`].
    fn sign(&self, digest: &Hash) -> Signature;
}

/// A validator's secret key; erased from memory when dropped, absent from debug output.
#[derive(Clone)]
pub struct SecretKey {
    inner: min_sig::SecretKey,
}

impl SecretKey {
    /// Derives a key from 32 bytes of entropy (the key generation of the BLS signature draft).
    #[must_use]
    pub fn derive(entropy: &[u8; 32]) -> Self {
        let inner = min_sig::SecretKey::key_gen(entropy, &[]).expect("32 bytes of entropy suffice");
        Self { inner }
    }

    /// Restores a key from its 32 bytes, big-endian.
    ///
    /// # Errors
    /// Zero, or a number not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let inner = min_sig::SecretKey::from_bytes(bytes).map_err(|_| KeyError::Secret)?;
        Ok(Self { inner })
    }

    /// The secret itself, for storing it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.inner.to_bytes()
    }

    fn one() -> Self {
        let mut bytes = [0; 32];
        bytes[31] = 1;
        Self::from_bytes(&bytes).expect("one is a valid secret")
    }

    /// Both public halves.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let secret = Zeroizing::new(self.inner.to_bytes());
        let g1 = min_pk::SecretKey::from_bytes(secret.as_slice())
            .expect("the same scalar field")
            .sk_to_pk();
        PublicKey {
            g1,
            g2: self.inner.sk_to_pk(),
        }
    }

    /// Proves possession of this key for an operator (D6).
    #[must_use]
    pub fn prove_possession(&self, domain: Hash, operator: Address) -> ProofOfPossession {
        let key = self.public_key();
        let digest = digest::possession(domain, operator, &key.point_g1(), &key.point_g2());
        Signature(self.inner.sign(&digest.0, POSSESSION_DST, &[]).compress())
    }
}

impl Signer for SecretKey {
    fn sign(&self, digest: &Hash) -> Signature {
        Signature(self.inner.sign(&digest.0, SIGNATURE_DST, &[]).compress())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests;
