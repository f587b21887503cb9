//! Submitting to several servers: ordering a transaction once is the network's duty.

use std::time::Duration;

use bytes::Bytes;
use da::NamespaceId;
use futures::future::join_all;

use super::Servers;
use crate::{client::ClientError, types::Submitted};

impl Servers {
    /// Submits a transaction to one server, or to the next if that fails: ordering it once is the network's duty.
    /// With `wait` the next server has it, too, if it is still pending after that long: the first may hold it back.
    /// The answer is what the server says; [`Self::transaction`] verifies it.
    ///
    /// # Errors
    /// No server took it: what the last one said.
    pub async fn submit(
        &self,
        namespace: NamespaceId,
        transaction: Bytes,
        wait: Option<Duration>,
    ) -> Result<Submitted, ClientError> {
        let mut last = None;
        for server in self.order() {
            let outcome = self
                .submit_at(server, namespace, transaction.clone(), wait)
                .await;
            match outcome {
                Ok(submitted) if wait.is_none() || submitted.position.is_some() => {
                    return Ok(submitted);
                }
                outcome => last = or_next(last, outcome),
            }
        }
        last.unwrap_or_else(|| Err(self.all_left()))
    }

    /// Submits a transaction to every server: one of them may take it and hold it back.
    ///
    /// # Errors
    /// No server took it: what the last one said.
    pub async fn submit_to_all(
        &self,
        namespace: NamespaceId,
        transaction: Bytes,
    ) -> Result<Submitted, ClientError> {
        let order = self.order().into_iter();
        let submitting =
            order.map(|server| self.submit_at(server, namespace, transaction.clone(), None));
        let outcomes = join_all(submitting).await;
        let last = outcomes.into_iter().fold(None, or_next);
        last.unwrap_or_else(|| Err(self.all_left()))
    }

    async fn submit_at(
        &self,
        server: usize,
        namespace: NamespaceId,
        transaction: Bytes,
        wait: Option<Duration>,
    ) -> Result<Submitted, ClientError> {
        let api = self.clients[server].api();
        let outcome = api.submit(namespace, transaction, wait).await;
        // A refusal is one server's word, and says nothing against the server.
        if let Err(error) = &outcome
            && (error.is_transient() || !matches!(error, ClientError::Refused(_)))
        {
            self.judge(server, error, Vec::new());
        }
        outcome
    }
}

/// That one server took a transaction says more than that another one did not.
fn or_next(
    last: Option<Result<Submitted, ClientError>>,
    next: Result<Submitted, ClientError>,
) -> Option<Result<Submitted, ClientError>> {
    match last {
        Some(Ok(submitted)) => Some(Ok(submitted)),
        _ => Some(next),
    }
}
