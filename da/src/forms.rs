//! How bytes are written in JSON: lower-case hex with the prefix `0x`, the form Solidity tools read.

use serde::{Deserialize, Deserializer, Serializer};

fn from_text<E: serde::de::Error>(text: &str) -> Result<Vec<u8>, E> {
    let digits = text
        .strip_prefix("0x")
        .ok_or_else(|| E::custom("bytes are written as 0x and hex digits"))?;
    if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return Err(E::custom("hex digits are lower case"));
    }
    hex::decode(digits).map_err(E::custom)
}

/// `0x` and the lower-case hex digits of the bytes.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn hash_from_text<E: serde::de::Error>(text: &str) -> Result<crate::Hash, E> {
    from_text::<E>(text)?
        .try_into()
        .map_err(|_| E::custom("a hash has 32 bytes"))
}

/// `#[serde(with = "forms::hash")]` for a 32-byte hash.
pub(crate) mod hash {
    use super::{Deserialize, Deserializer, Serializer, hash_from_text, to_text};
    use crate::Hash;

    pub(crate) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_text(hash))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Hash, D::Error> {
        hash_from_text(&String::deserialize(deserializer)?)
    }
}

/// `#[serde(with = "forms::hashes")]` for a bounded list of hashes.
pub(crate) mod hashes {
    use super::{Deserialize, Deserializer, Serializer, hash_from_text, to_text};
    use crate::Hash;

    pub(crate) fn serialize<S: Serializer>(
        hashes: &[Hash],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(hashes.iter().map(|hash| to_text(hash)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Hash>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| hash_from_text(text)).collect()
    }
}

/// `#[serde(with = "forms::bytes")]` for a byte string.
pub(crate) mod bytes {
    use super::{Deserialize, Deserializer, Serializer, from_text, to_text};
    use ::bytes::Bytes;

    pub(crate) fn serialize<S: Serializer>(
        bytes: &Bytes,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_text(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Bytes, D::Error> {
        from_text(&String::deserialize(deserializer)?).map(Bytes::from)
    }
}

/// Refuses a list that is longer than its bound.
pub(crate) fn bounded<E: serde::de::Error>(length: usize, bound: usize) -> Result<(), E> {
    if length > bound {
        Err(E::custom(format_args!("{length} items, at most {bound}")))
    } else {
        Ok(())
    }
}
