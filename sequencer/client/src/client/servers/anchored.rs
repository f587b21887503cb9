//! Several servers under one anchor: each answer is judged by what the L1 stores.

use da::NamespaceId;
use futures::FutureExt as _;
use hotshot_types::{Hash, Height};
use sequencer_proof::{Anchor, Follower, VerifiedBlock, VerifiedBody};

use super::Servers;
use crate::client::{ClientError, Part};

impl Servers {
    /// As [`Client::anchor`](crate::Client::anchor). A server that has another block is not left: the L1 may be wrong.
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn anchor(&self, height: Height, entry: Hash) -> Result<Anchor, ClientError> {
        self.ask(move |client| client.anchor(height, entry).boxed())
            .await
    }

    /// As [`Client::block_under`](crate::Client::block_under).
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn block_under(
        &self,
        anchor: &Anchor,
        height: Height,
    ) -> Result<VerifiedBlock, ClientError> {
        self.ask(|client| {
            let anchor = anchor.clone();
            async move { client.block_under(&anchor, height).await }.boxed()
        })
        .await
    }

    /// As [`Client::namespace_under`](crate::Client::namespace_under).
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn namespace_under(
        &self,
        anchor: &Anchor,
        height: Height,
        namespace: NamespaceId,
    ) -> Result<(VerifiedBlock, Option<VerifiedBody>), ClientError> {
        self.ask(|client| {
            let anchor = anchor.clone();
            async move { client.namespace_under(&anchor, height, namespace).await }.boxed()
        })
        .await
    }

    /// As [`Client::part_under`](crate::Client::part_under).
    ///
    /// # Errors
    /// As there, of all servers.
    pub async fn part_under(
        &self,
        anchor: &Anchor,
        follower: &Follower,
        from: Height,
        is_confirmed: bool,
    ) -> Result<Part, ClientError> {
        self.ask(|client| {
            let (anchor, follower) = (anchor.clone(), follower.clone());
            async move {
                client
                    .part_under(&anchor, &follower, from, is_confirmed)
                    .await
            }
            .boxed()
        })
        .await
    }
}
