//! How a request names a block: a number, a tag, or a hash (EIP-1898). RR2

use std::fmt;

use alloy_primitives::B256;
use serde_json::Value;

use super::arguments::{Argument, kind};

/// A block by its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockTag {
    /// By number.
    Number(u64),
    /// The genesis block.
    Earliest,
    /// The newest one, with what this node accepted since. This node makes no block of that: only nonces count it.
    Pending,
    /// The newest one: its order is final on the sequencer.
    Latest,
    /// The newest that the light client of the home L1 covers.
    Safe,
    /// The newest that the rollup's inbox on the home L1 has recorded.
    Finalized,
}

/// A block by its place or by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockId {
    /// By its place in the chain.
    Tag(BlockTag),
    /// By its hash. Whether it has to be in the chain makes no difference: others are not kept.
    Hash(B256),
}

impl BlockId {
    pub(crate) const LATEST: Self = Self::Tag(BlockTag::Latest);
}

impl fmt::Display for BlockTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:#x}"),
            Self::Earliest => f.write_str("earliest"),
            Self::Pending => f.write_str("pending"),
            Self::Latest => f.write_str("latest"),
            Self::Safe => f.write_str("safe"),
            Self::Finalized => f.write_str("finalized"),
        }
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Hash(hash) => hash.fmt(f),
        }
    }
}

impl Argument for BlockTag {
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            Some("earliest") => Ok(Self::Earliest),
            Some("pending") => Ok(Self::Pending),
            Some("latest") => Ok(Self::Latest),
            Some("safe") => Ok(Self::Safe),
            Some("finalized") => Ok(Self::Finalized),
            Some(text) if text.starts_with("0x") => u64::read(value).map(Self::Number),
            Some(text) => Err(format!(
                "want a number in hex or one of earliest, pending, latest, safe, finalized, not {text:?}"
            )),
            None => Err(format!(
                "want a number in hex or a block tag, not {}",
                kind(value)
            )),
        }
    }
}

impl Argument for BlockId {
    fn read(value: &Value) -> Result<Self, String> {
        if let Some(text) = value.as_str() {
            // Nobody's block number has 64 digits, and all hashes do.
            return if text.len() == 66 {
                B256::read(value).map(Self::Hash)
            } else {
                BlockTag::read(value).map(Self::Tag)
            };
        }
        let object = value
            .as_object()
            .ok_or_else(|| format!("want a block, not {}", kind(value)))?;
        if let Some(canonical) = object.get("requireCanonical") {
            bool::read(canonical).map_err(|why| format!("requireCanonical: {why}"))?;
        }
        match (object.get("blockHash"), object.get("blockNumber")) {
            (Some(_), Some(_)) => {
                Err("cannot specify both blockHash and blockNumber, choose one".to_owned())
            }
            (Some(hash), None) => B256::read(hash)
                .map(Self::Hash)
                .map_err(|why| format!("blockHash: {why}")),
            (None, Some(number)) => BlockTag::read(number)
                .map(Self::Tag)
                .map_err(|why| format!("blockNumber: {why}")),
            (None, None) => Err("want blockHash or blockNumber".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_block_is_named_in_every_way_that_eip_1898_has() {
        let hash = B256::repeat_byte(7);
        for (value, want) in [
            (json!("latest"), BlockId::LATEST),
            (json!("0x10"), BlockId::Tag(BlockTag::Number(16))),
            (
                json!({"blockNumber": "0x10"}),
                BlockId::Tag(BlockTag::Number(16)),
            ),
            (json!({"blockNumber": "safe"}), BlockId::Tag(BlockTag::Safe)),
            (json!(hash), BlockId::Hash(hash)),
            (json!({"blockHash": hash}), BlockId::Hash(hash)),
            (
                json!({"blockHash": hash, "requireCanonical": true}),
                BlockId::Hash(hash),
            ),
        ] {
            assert_eq!(BlockId::read(&value), Ok(want));
            assert_eq!(BlockId::read(&json!(want.to_string())), Ok(want));
        }
    }

    #[test]
    fn what_names_no_block_is_refused_with_the_reason() {
        for (value, why) in [
            (json!("newest"), "not \"newest\""),
            (json!(1), "not a number"),
            (json!({}), "want blockHash or blockNumber"),
            (json!({"blockHash": "0x1"}), "blockHash: hex string"),
            (json!({"blockNumber": "0x1", "blockHash": "0x1"}), "both"),
            (
                json!({"blockNumber": "0x1", "requireCanonical": 1}),
                "requireCanonical",
            ),
            (json!("0x01"), "leading zero"),
        ] {
            let error = BlockId::read(&value).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
