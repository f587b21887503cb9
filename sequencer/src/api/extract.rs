//! Reading what a request says, tolerantly, and refusing the rest with the reason.

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use da::NamespaceId;
use hotshot_types::{Epoch, Height, SealedHeader};
use sequencer_client::{text, types::ProblemCode};
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error as _};

use super::{Reader, refusal::Refusal};

/// Parts of the path, as text.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(rejection) => Err(Refusal::invalid(rejection.body_text())),
        }
    }
}

/// The query; unknown parameters are refused by the types that are read into.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Refusal::invalid(rejection.body_text())),
        }
    }
}

/// No parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// `?proof=`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WithProof {
    #[serde(default, deserialize_with = "flag")]
    pub(super) proof: bool,
}

/// `?from_epoch=`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FromEpoch {
    #[serde(default = "first_epoch")]
    pub(super) from_epoch: Epoch,
}

/// A range of heights.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    pub(super) from: Option<u64>,
    pub(super) to: Option<u64>,
    pub(super) limit: Option<u32>,
    /// Read by routes over namespaces.
    #[serde(default, deserialize_with = "flag")]
    pub(super) proof: bool,
    /// Read by routes over namespaces.
    #[serde(default = "first_epoch")]
    pub(super) from_epoch: Epoch,
}

/// A range that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heights {
    pub(super) first: Height,
    /// Inclusive, and final.
    pub(super) last: Height,
    /// Most blocks of the answer.
    pub(super) limit: u32,
}

/// How many items an answer may have, at most and without a wish `longest`.
pub(super) fn page_limit(wished: Option<u32>, longest: u32) -> Result<u32, Refusal> {
    match wished {
        None => Ok(longest),
        Some(0) => Err(Refusal::invalid(format!(
            "limit must be from 1 to {longest}"
        ))),
        Some(limit) if limit > longest => Err(Refusal::new(
            ProblemCode::RangeTooLong,
            format!("limit is {limit}, at most {longest}: ask for less at a time"),
        )),
        Some(limit) => Ok(limit),
    }
}

impl Range {
    /// The heights asked for. Without `from` the newest ones.
    pub(super) fn heights(&self, served: Height, longest: u32) -> Result<Heights, Refusal> {
        let limit = page_limit(self.limit, longest)?;
        if [self.from, self.to].into_iter().flatten().max() > Some(Height::MAX.0) {
            return Err(Refusal::invalid(format!("heights end at {}", Height::MAX)));
        }
        let newest = served.0.saturating_sub(u64::from(limit) - 1);
        let first = self
            .from
            .unwrap_or_else(|| newest.min(self.to.unwrap_or(newest)));
        if let Some(to) = self.to.filter(|to| *to < first) {
            return Err(Refusal::new(
                ProblemCode::InvertedRange,
                format!(
                    "the range ends at {to}, before it starts at {first}: exchange from and to"
                ),
            ));
        }
        let first = Height(first);
        if first > served {
            return Err(Refusal::above_head(first, served));
        }
        let last = self.to.map_or(served, Height).min(served);
        Ok(Heights { first, last, limit })
    }

    /// The same where every height in the range is part of the answer.
    pub(super) fn dense_heights(&self, served: Height, longest: u32) -> Result<Heights, Refusal> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && to >= from
            && to - from >= u64::from(longest)
        {
            return Err(Refusal::new(
                ProblemCode::RangeTooLong,
                format!(
                    "from {from} to {to} is more than {longest} blocks: ask for less and go on from `next`"
                ),
            ));
        }
        self.heights(served, longest)
    }
}

fn first_epoch() -> Epoch {
    Epoch::FIRST
}

/// `true`, `1` or nothing after the name; `false` or `0`.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    match text.as_ref() {
        "" | "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        other => Err(D::Error::custom(format_args!(
            "`{other}` is neither true nor false"
        ))),
    }
}

pub(super) fn namespace(text: &str) -> Result<NamespaceId, Refusal> {
    Ok(text::parse_namespace(text)?)
}

pub(super) fn height(text: &str) -> Result<Height, Refusal> {
    match text.parse() {
        Ok(height) => Ok(Height(height)),
        Err(_) => Err(Refusal::invalid(format!(
            "`{text}` is no height: write a decimal number"
        ))),
    }
}

/// How a path names a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockName {
    Height(Height),
    Hash(hotshot_types::Hash),
    Latest,
}

impl BlockName {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "latest" | "finalized" => return Ok(Self::Latest),
            _ if text.len() < 64 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                return height(text).map(Self::Height);
            }
            _ => {}
        }
        text::parse_hash(text).map(Self::Hash).map_err(|_| {
            Refusal::invalid(format!(
                "`{text}` is no block: write a height, a block hash (64 hex digits) or `latest`"
            ))
        })
    }

    /// Whether the name means the same block for ever.
    pub(super) fn is_fixed(self) -> bool {
        self != Self::Latest
    }
}

impl Reader {
    /// The final block of a name.
    pub(super) fn header(&self, name: BlockName) -> Result<SealedHeader, Refusal> {
        let height = match name {
            BlockName::Latest => self.served,
            BlockName::Height(height) if height > self.served => {
                return Err(Refusal::above_head(height, self.served));
            }
            BlockName::Height(height) => height,
            BlockName::Hash(hash) => {
                let found = self.storage().header_by_hash(hash)?;
                return found.filter(|_| self.storage().is_final(hash).unwrap_or(false)).filter(|header| header.height <= self.served).ok_or_else(|| {
                    Refusal::new(
                        ProblemCode::BlockUnknown,
                        format!("no final block has the hash {hash}: check it, or ask again in a moment if the block is new"),
                    )
                });
            }
        };
        let header = self.storage().header(height)?;
        header.ok_or_else(|| Refusal::pruned("the header", height))
    }
}
