//! How bytes, hashes and namespaces are written in JSON and in paths: read in several forms, written in one.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::Hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The standard alphabet; padding may be left out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Text that is not what a place asks for. The message says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Not base64.
    #[error("not base64 of the standard alphabet (A-Z a-z 0-9 + /): {0}")]
    Base64(String),
    /// Not a namespace id.
    #[error(
        "`{0}` is no namespace: write a number from 1 to 18446744073709551615, decimal or hex with 0x"
    )]
    Namespace(String),
    /// Namespace 0.
    #[error(
        "namespace 0 is reserved: use the chain id of your rollup, or any other number above 0"
    )]
    NamespaceZero,
    /// Not hex digits.
    #[error("not hex: {0}")]
    Hex(String),
}

/// Bytes that JSON carries as base64: standard alphabet, written with padding, read with or without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base64(pub Bytes);

impl Base64 {
    /// Decodes text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        LENIENT
            .decode(text)
            .map(|bytes| Self(bytes.into()))
            .map_err(|error| TextError::Base64(error.to_string()))
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as Deserialize>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// Reads a namespace id: decimal, or hex with `0x`.
///
/// # Errors
/// Something else, a number above 64 bits, or 0.
pub fn parse_namespace(text: &str) -> Result<NamespaceId, TextError> {
    let text = text.trim();
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16)
        }
        Some(_) => return Err(TextError::Namespace(text.into())),
        None => text.parse(),
    };
    let number = number.map_err(|_| TextError::Namespace(text.into()))?;
    NamespaceId::new(number).ok_or(TextError::NamespaceZero)
}

/// Reads a 32-byte hash: 64 hex digits with or without `0x`.
///
/// # Errors
/// Something else.
pub fn parse_hash(text: &str) -> Result<Hash, TextError> {
    text.trim()
        .parse()
        .map_err(|error: hotshot_types::ParseHexError| TextError::Hex(error.to_string()))
}

/// Reads hex digits of any even number, with or without `0x`.
///
/// # Errors
/// An odd number of digits, or something that is no hex digit.
pub fn parse_hex(text: &str) -> Result<Bytes, TextError> {
    let text = text.trim();
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .map(Bytes::from)
        .map_err(|error| TextError::Hex(error.to_string()))
}

/// A namespace id in requests: a JSON number, or a string as [`parse_namespace`] reads it.
pub mod namespace {
    use super::{Deserialize, Deserializer, NamespaceId, Serialize, Serializer, parse_namespace};
    use serde::de::Error as _;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Number(u64),
        Text(String),
    }

    /// Writes a number.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(id: &NamespaceId, serializer: S) -> Result<S::Ok, S::Error> {
        id.serialize(serializer)
    }

    /// Reads a number or a string.
    ///
    /// # Errors
    /// A value that names no namespace.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<NamespaceId, D::Error> {
        let text = match Form::deserialize(deserializer) {
            Ok(Form::Number(number)) => number.to_string(),
            Ok(Form::Text(text)) => text,
            Err(_) => {
                return Err(D::Error::custom(
                    "namespace must be a number from 1 to 18446744073709551615, or a string with such a number, decimal or hex with 0x",
                ));
            }
        };
        parse_namespace(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
