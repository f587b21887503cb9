//! What a server was caught with.
//!
//! Servers don't sign their answers, so evidence convinces whoever collected it, and anybody else who repeats the
//! check on the bytes: all proofs in them are checked against the trust root alone. It can't prove to a third person
//! that this server sent them.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use hotshot_types::{Hash, Height, finality::FinalityError};
use serde::{Deserialize, Serialize};

use super::ClientError;
use crate::{AnchorError, FollowError, VerifyError, text::Base64};

/// Answers that are kept with one piece of evidence: the last ones.
const EXCHANGES: usize = 4;
/// Bytes of answers that are kept with one piece of evidence.
const EVIDENCE_BYTES: usize = 16 << 20;

/// What is wrong with a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// A proof or certificate that proves nothing, or not what the server says.
    FalseProof,
    /// Its blocks are of another network than the trusted one.
    OtherNetwork {
        /// That network's chain domain.
        network: Hash,
    },
    /// A claim without a proof.
    NoProof,
    /// An answer about something else than what was asked for.
    OtherSubject,
    /// It left out blocks of a namespace.
    Hidden {
        /// The height up to which it said that nothing is missing.
        height: Height,
        /// Blocks of the namespace up to there.
        expected: u64,
        /// Blocks that it sent.
        received: u64,
    },
    /// What it sent of a namespace is not what the chain holds.
    OtherHistory,
    /// Whole JSON that is no answer of the API.
    Malformed,
    /// An answer over the bound of the client.
    Oversized,
    /// It did not answer while another server did.
    Silent {
        /// How long it had, in milliseconds.
        waited_ms: u64,
    },
    /// It is behind the chain: another server proved a block final that it does not show.
    Behind {
        /// The last block that it showed.
        shown: Height,
        /// The block that was proven.
        proven: Height,
    },
}

impl Fault {
    /// What an error says about the server; nothing if it may be honest.
    #[must_use]
    pub fn of(error: &ClientError) -> Option<Self> {
        Some(match error {
            ClientError::Verify(VerifyError::Finality(FinalityError::OtherNetwork {
                found,
                ..
            })) => Self::OtherNetwork { network: *found },
            ClientError::Verify(_)
            | ClientError::Anchor(AnchorError::OtherBlock(_) | AnchorError::NotInHistory(_)) => {
                Self::FalseProof
            }
            ClientError::Unproven(_) => Self::NoProof,
            ClientError::OtherSubject(_) => Self::OtherSubject,
            ClientError::Follow(FollowError::Hidden {
                height,
                expected,
                received,
                ..
            }) => Self::Hidden {
                height: *height,
                expected: *expected,
                received: *received,
            },
            ClientError::Follow(_) => Self::OtherHistory,
            ClientError::Protocol { .. } => Self::Malformed,
            ClientError::TooLarge(_) => Self::Oversized,
            // Who is wrong, the server or the L1, is not known.
            ClientError::Anchor(AnchorError::OtherEntry { .. })
            | ClientError::Url(_)
            | ClientError::Unreachable { .. }
            | ClientError::Timeout { .. }
            | ClientError::Refused(_)
            | ClientError::NotFinal
            | ClientError::Pruned(_)
            | ClientError::Servers(_)
            | ClientError::AllLeft(_)
            | ClientError::Behind { .. }
            | ClientError::Text(_) => return None,
        })
    }

    /// Whether no honest server does this. Others may only be slow or cut off.
    #[must_use]
    pub fn is_lie(&self) -> bool {
        !matches!(self, Self::Silent { .. } | Self::Behind { .. })
    }
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The URL that was asked; for an event of a stream, the stream's.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// Bytes of the answer.
    pub length: u64,
    /// The answer, where it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The answer, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Base64>,
}

/// What a server was caught with, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The URL of the server.
    pub server: String,
    /// What it did.
    pub fault: Fault,
    /// Which check failed, in words.
    pub check: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The answers that it was caught with, the last one being the one that failed; at most 16 MiB. A longer answer
    /// is kept without its bytes.
    pub answers: Vec<Exchange>,
}

impl Evidence {
    pub(super) fn new(server: &str, fault: Fault, check: String, answers: Vec<Exchange>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let at_ms = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        Self {
            server: server.into(),
            fault,
            check,
            at_ms,
            answers,
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            Fault::FalseProof => "sent a false proof",
            Fault::OtherNetwork { .. } => "serves another network",
            Fault::NoProof => "gave no proof",
            Fault::OtherSubject => "answered another question",
            Fault::Hidden { .. } => "hides blocks",
            Fault::OtherHistory => "sent another history",
            Fault::Malformed => "does not speak the API",
            Fault::Oversized => "sent too much",
            Fault::Silent { .. } => "does not answer in time",
            Fault::Behind { .. } => "is behind",
        };
        write!(f, "{} {what}: {}", self.server, self.check)
    }
}

/// The last answers of a server, kept until it is known whether they are true.
#[derive(Clone, Debug, Default)]
pub(super) struct Transcript(Arc<Mutex<VecDeque<Answer>>>);

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) request: String,
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Transcript {
    pub(super) fn note(&self, answer: Answer) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push_back(answer);
        if answers.len() > EXCHANGES {
            answers.pop_front();
        }
    }

    /// What was noted; the newest answers have their bytes as long as there is room.
    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = EVIDENCE_BYTES;
        let mut exchanges: Vec<_> = answers
            .iter()
            .rev()
            .map(|answer| answer.exchange(&mut room))
            .collect();
        exchanges.reverse();
        exchanges
    }
}

impl Answer {
    fn exchange(&self, room: &mut usize) -> Exchange {
        let mut exchange = Exchange {
            request: self.request.clone(),
            status: self.status,
            length: self.body.len() as u64,
            text: None,
            bytes: None,
        };
        if let Some(left) = room.checked_sub(self.body.len()) {
            *room = left;
            match std::str::from_utf8(&self.body) {
                Ok(text) => exchange.text = Some(text.into()),
                Err(_) => exchange.bytes = Some(Base64(self.body.clone())),
            }
        }
        exchange
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_bounded_and_keeps_the_newest_answers() {
        let transcript = Transcript::default();
        for number in 0..10_u8 {
            transcript.note(Answer {
                request: format!("{number}"),
                status: 200,
                body: vec![b'a' + number; EVIDENCE_BYTES / 2 - 1].into(),
            });
        }
        let kept = transcript.exchanges();
        let names: Vec<_> = kept.iter().map(|kept| kept.request.as_str()).collect();
        assert_eq!(names, ["6", "7", "8", "9"]);
        let with_bytes: Vec<_> = kept.iter().map(|kept| kept.text.is_some()).collect();
        assert_eq!(with_bytes, [false, false, true, true]);
        assert!(kept.iter().all(|kept| kept.length > 0));
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_as_they_are() {
        let transcript = Transcript::default();
        transcript.note(Answer {
            request: "x".into(),
            status: 200,
            body: Bytes::from_static(&[0xff, 0]),
        });
        let kept = transcript.exchanges();
        assert_eq!(kept[0].bytes, Some(Base64(Bytes::from_static(&[0xff, 0]))));
        assert_eq!(kept[0].text, None);
    }
}
