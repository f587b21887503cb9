//! Why a request gave nothing.

use hotshot_types::{Epoch, Height, finality::FinalityError};

use crate::{AnchorError, FollowError, VerifyError, text::TextError, types::Problem};

/// Why a request gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is none.
    #[error("`{0}` is no URL of a node; write it as http://127.0.0.1:8080")]
    Url(String),
    /// No connection, it broke, or what came from there was cut or is a proxy's page.
    #[error("{url} can't be reached: {reason}")]
    Unreachable {
        /// Of the node.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// No answer in time.
    #[error("{url} did not answer in time")]
    Timeout {
        /// Of the request.
        url: String,
    },
    /// The node refused, and said why.
    #[error("{} ({})", .0.detail, .0.code.name())]
    Refused(Box<Problem>),
    /// The answer is over the bound of this client.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The answer is whole, and not of the API's form: another program listens there, or another version.
    #[error("{url} does not answer as a sequencer node: {reason}")]
    Protocol {
        /// Of the request.
        url: String,
        /// What was wrong.
        reason: String,
    },
    /// The answer is about something else than what was asked for.
    #[error("the node answered about another {0} than was asked for")]
    OtherSubject(&'static str),
    /// The node claims something and gives no proof.
    #[error("the node gave no proof of {0}")]
    Unproven(&'static str),
    /// The transaction is in no final block yet.
    #[error("the transaction is not final yet: try again in a moment")]
    NotFinal,
    /// The node says in which block the transaction is, and no longer keeps that block's payload.
    #[error(
        "the transaction is in block {0} by the node's word, but the node no longer keeps that block's payload, so there is no proof: ask an archive node"
    )]
    Pruned(Height),
    /// No server to ask, or more than a client takes.
    #[error("a client takes 1 to {0} servers")]
    Servers(usize),
    /// Every server was left because of what it was caught with: each with its reason.
    #[error("no server is left to ask: {0}. Name others; these are asked again after a new start")]
    AllLeft(String),
    /// The proof ends before the epoch that it was to begin with: the node is behind, or a cache before it.
    #[error(
        "the node proves a block of epoch {found}, and epoch {trusted} is known: it is behind, or a cache before it"
    )]
    Behind {
        /// The epoch of the certificate.
        found: Epoch,
        /// The epoch that is trusted.
        trusted: Epoch,
    },
    /// A proof is wrong.
    #[error(transparent)]
    Verify(VerifyError),
    /// A stream is not what the chain holds.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// A header is not what the light client on an L1 stores, or not before it.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// An argument is not of its form.
    #[error(transparent)]
    Text(#[from] TextError),
}

impl From<VerifyError> for ClientError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Finality(FinalityError::BeforeTrusted(found, trusted)) => {
                Self::Behind { found, trusted }
            }
            error => Self::Verify(error),
        }
    }
}

impl ClientError {
    /// Whether the node's answer was found to be false, as opposed to missing.
    #[must_use]
    pub fn is_false_answer(&self) -> bool {
        matches!(
            self,
            Self::Verify(_)
                | Self::Follow(_)
                | Self::OtherSubject(_)
                | Self::Unproven(_)
                | Self::Anchor(AnchorError::OtherBlock(_) | AnchorError::NotInHistory(_))
        )
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Behind { .. } => true,
            Self::Refused(problem) => matches!(problem.status, 429 | 503),
            _ => false,
        }
    }

    /// Whether the node refused, and would refuse the same again.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(problem)
            if (400..500).contains(&problem.status) && !matches!(problem.status, 408 | 425 | 429))
    }
}
