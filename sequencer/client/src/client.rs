//! The HTTP client, in two layers.
//!
//! [`Api`] speaks the protocol: typed requests and answers, bounded in bytes and time, believed by nobody.
//! [`Client`] adds a trust root and returns only what it verified. It remembers the newest committee that it was led
//! to, so later proofs start there.

mod api;
mod error;
mod sse;
mod stream;
mod verified;

pub use api::{Api, BlockId, ClientConfig};
pub use error::ClientError;
pub use stream::{NamespaceEvent, NamespaceStream};
pub use verified::{Client, VerifiedBlock, VerifiedNamespace, VerifiedTransaction};
