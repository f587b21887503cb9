//! Errors of the API: problem details of RFC 9457 with stable codes.

use serde::{Deserialize, Serialize};

/// What went wrong, for programs. Codes never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// 400: the request can't be understood.
    MalformedRequest,
    /// 400: a query parameter or a part of the path is not of its form.
    InvalidParameter,
    /// 400: namespace 0.
    NamespaceReserved,
    /// 400: a transaction without a byte.
    EmptyTransaction,
    /// 413: a transaction over the limit of the network.
    TransactionTooLarge,
    /// 413: a batch over the limits of the node.
    BatchTooLarge,
    /// 400: a range that ends before it starts.
    InvertedRange,
    /// 400: a range over the limit.
    RangeTooLong,
    /// 404: no such route.
    NoSuchRoute,
    /// 404: no transaction with this hash.
    TransactionUnknown,
    /// 404: no final block with this hash.
    BlockUnknown,
    /// 404: a height above the last final block.
    HeightAboveHead,
    /// 404: an epoch that has not begun.
    EpochUnknown,
    /// 410: it was there, and this node no longer keeps it.
    Pruned,
    /// 405: the route has other methods.
    MethodNotAllowed,
    /// 415: a body of another type.
    UnsupportedMediaType,
    /// 429: the pool is full.
    PoolFull,
    /// 429: more requests than one source may make.
    RateLimited,
    /// 404: this node does not hold that validator's shares of the block.
    SharesUnknown,
    /// 503: too many streams or connections.
    TooBusy,
    /// 503: the node is not ready for this.
    NotReady,
    /// 410: an accepted transaction left the pool without becoming final.
    TransactionExpired,
    /// 400: a finality proof over more epochs than one answer holds.
    ProofTooLong,
    /// 500: a fault of the node.
    Internal,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The body of every answer that is no success, as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:sequencer:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words, always the same for a code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong here and what to do.
    pub detail: String,
    /// The code.
    pub code: ProblemCode,
    /// When to try again, where that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The transaction, where one was accepted all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<hotshot_types::Hash>,
}

impl ProblemCode {
    /// All codes that nodes use.
    pub const ALL: [Self; 24] = [
        Self::MalformedRequest,
        Self::InvalidParameter,
        Self::NamespaceReserved,
        Self::EmptyTransaction,
        Self::TransactionTooLarge,
        Self::BatchTooLarge,
        Self::InvertedRange,
        Self::RangeTooLong,
        Self::NoSuchRoute,
        Self::TransactionUnknown,
        Self::BlockUnknown,
        Self::HeightAboveHead,
        Self::EpochUnknown,
        Self::Pruned,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::PoolFull,
        Self::RateLimited,
        Self::SharesUnknown,
        Self::TooBusy,
        Self::NotReady,
        Self::TransactionExpired,
        Self::ProofTooLong,
        Self::Internal,
    ];

    /// The usual HTTP status of the code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedRequest
            | Self::InvalidParameter
            | Self::NamespaceReserved
            | Self::EmptyTransaction
            | Self::InvertedRange
            | Self::ProofTooLong
            | Self::RangeTooLong => 400,
            Self::NoSuchRoute
            | Self::TransactionUnknown
            | Self::BlockUnknown
            | Self::HeightAboveHead
            | Self::SharesUnknown
            | Self::EpochUnknown => 404,
            Self::MethodNotAllowed => 405,
            Self::Pruned | Self::TransactionExpired => 410,
            Self::TransactionTooLarge | Self::BatchTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::PoolFull | Self::RateLimited => 429,
            Self::Internal | Self::Unknown => 500,
            Self::TooBusy | Self::NotReady => 503,
        }
    }

    /// The code in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "Malformed request",
            Self::InvalidParameter => "Invalid parameter",
            Self::NamespaceReserved => "Namespace 0 is reserved",
            Self::EmptyTransaction => "Empty transaction",
            Self::TransactionTooLarge => "Transaction too large",
            Self::BatchTooLarge => "Batch too large",
            Self::InvertedRange => "Range ends before it starts",
            Self::RangeTooLong => "Range too long",
            Self::NoSuchRoute => "No such route",
            Self::TransactionUnknown => "Unknown transaction",
            Self::BlockUnknown => "Unknown block",
            Self::HeightAboveHead => "Height above the last final block",
            Self::EpochUnknown => "Unknown epoch",
            Self::Pruned => "No longer kept",
            Self::MethodNotAllowed => "Method not allowed",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::PoolFull => "Pool full",
            Self::RateLimited => "Too many requests",
            Self::SharesUnknown => "Shares not held here",
            Self::TooBusy => "Too busy",
            Self::NotReady => "Not ready",
            Self::TransactionExpired => "Transaction expired",
            Self::ProofTooLong => "Proof too long",
            Self::Internal => "Internal error",
            Self::Unknown => "Unknown problem",
        }
    }

    /// As in JSON.
    #[must_use]
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => unreachable!("a code without fields is written as a string"),
        }
    }
}

impl Problem {
    /// A problem with the usual status of its code.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:sequencer:problem:{}", code.name()),
            title: code.title().into(),
            status: code.status(),
            detail: detail.into(),
            code,
            retry_after_ms: None,
            hash: None,
        }
    }
}
