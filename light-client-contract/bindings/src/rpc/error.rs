//! Why an endpoint gave no answer.

use std::time::Duration;

use hotshot_types::Address;

use crate::refusal;

/// Why an endpoint gave no answer. The environment's fault: who asks may ask again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// The text is no URL of an L1 node.
    #[error("no URL of an L1 node; write it as http://127.0.0.1:8545 or https://...")]
    Url,
    /// A URL with a name and password in it.
    #[error("a URL of an L1 node with a user name is not supported: use the path for access keys")]
    Credentials,
    /// `https` needs certificates to check against.
    #[error("this machine has no root certificates, which https needs: install ca-certificates")]
    NoRoots,
    /// TLS could not be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// No connection, or it broke.
    #[error("the L1 endpoint {endpoint} can't be reached: {reason}")]
    Unreachable {
        /// Which.
        endpoint: String,
        /// What the network said.
        reason: String,
    },
    /// No answer in time.
    #[error("the L1 endpoint {endpoint} did not answer in time")]
    Timeout {
        /// Which.
        endpoint: String,
    },
    /// Too many requests.
    #[error("the L1 endpoint {endpoint} limits the rate of requests")]
    RateLimited {
        /// Which.
        endpoint: String,
        /// What it asked for.
        retry_after: Option<Duration>,
    },
    /// An answer of HTTP that is none of JSON-RPC.
    #[error("the L1 endpoint {endpoint} answered with HTTP status {status}")]
    Status {
        /// Which.
        endpoint: String,
        /// Of HTTP.
        status: u16,
    },
    /// The node refused, or the call reverted.
    #[error("the L1 endpoint {endpoint} refused {method}: {message} ({code})")]
    Refused {
        /// Which.
        endpoint: String,
        /// What was asked.
        method: &'static str,
        /// Of JSON-RPC.
        code: i64,
        /// In its words, shortened.
        message: String,
        /// What a reverted call returned.
        data: Option<Vec<u8>>,
    },
    /// The answer has another form.
    #[error("the L1 endpoint {endpoint} does not answer {method} as an Ethereum node: {reason}")]
    Malformed {
        /// Which.
        endpoint: String,
        /// What was asked.
        method: &'static str,
        /// What was wrong.
        reason: String,
    },
}

impl RpcError {
    /// What a reverted call returned.
    #[must_use]
    pub fn revert_data(&self) -> Option<&[u8]> {
        match self {
            Self::Refused { data, .. } => data.as_deref(),
            _ => None,
        }
    }

    /// A name for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Url | Self::Credentials | Self::NoRoots | Self::Tls(_) => "setup",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::RateLimited { .. } => "rate_limited",
            Self::Status { .. } => "http",
            Self::Refused { .. } => "refused",
            Self::Malformed { .. } => "malformed",
        }
    }
}

/// Why a contract's view says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// The endpoint.
    #[error(transparent)]
    Rpc(RpcError),
    /// The contract refuses, with this data.
    #[error("the contract refuses: {}", refusal::sentence(.0))]
    Refused(Vec<u8>),
    /// What answers is no contract of that kind.
    #[error("{contract} does not answer {function} as its contract would: is it deployed there?")]
    NoContract {
        /// Where.
        contract: Address,
        /// Its signature.
        function: &'static str,
    },
}

impl From<RpcError> for ViewError {
    fn from(error: RpcError) -> Self {
        match error.revert_data() {
            Some(data) => Self::Refused(data.to_vec()),
            None => Self::Rpc(error),
        }
    }
}
