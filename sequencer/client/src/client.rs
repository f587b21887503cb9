//! The HTTP client, in three layers.
//!
//! [`Api`] speaks the protocol: typed requests and answers, bounded in bytes and time, believed by nobody.
//! [`Client`] adds a trust root and returns only what it verified. It remembers the newest committee that it was led
//! to, so later proofs start there. [`Servers`] asks several of them, leaves those that lie, hide or stall, and keeps
//! [`Evidence`] of it.

mod anchored;
mod api;
mod error;
mod evidence;
mod servers;
mod sse;
mod stream;
mod verified;

pub use anchored::Part;
pub use api::{Api, BlockId, ClientConfig};
pub use error::ClientError;
pub use evidence::{Evidence, Exchange, Fault};
pub use sequencer_proof::{VerifiedBlock, VerifiedBody, VerifiedSummary};
pub use servers::{Servers, ServersConfig, ServersStream};
pub use stream::{NamespaceEvent, NamespaceStream};
pub use verified::{Client, VerifiedNamespace, VerifiedTransaction};
