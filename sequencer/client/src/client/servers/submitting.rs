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
    /// No server took it: what the last one said; a refusal only if all refused it.
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
    /// No server took it: what the last one said; a refusal only if all refused it.
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

/// That one server took a transaction says more than that another one did not; that one gave no answer more than that
/// another one refused it, for it might have taken it.
fn or_next(
    last: Option<Result<Submitted, ClientError>>,
    next: Result<Submitted, ClientError>,
) -> Option<Result<Submitted, ClientError>> {
    let is_refused = matches!(&next, Err(error) if error.is_refusal());
    match last {
        Some(Ok(submitted)) => Some(Ok(submitted)),
        Some(Err(error)) if is_refused && !error.is_refusal() => Some(Err(error)),
        _ => Some(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Problem, ProblemCode};

    fn refused(code: ProblemCode) -> Result<Submitted, ClientError> {
        Err(ClientError::Refused(Box::new(Problem::new(code, "no"))))
    }

    fn silent() -> Result<Submitted, ClientError> {
        let url = "http://127.0.0.1:1".to_owned();
        Err(ClientError::Timeout { url })
    }

    #[test]
    fn a_transaction_is_refused_only_if_every_server_refuses_it() {
        let of = |outcomes: [Result<Submitted, ClientError>; 3]| {
            let last = outcomes.into_iter().fold(None, or_next);
            last.unwrap().unwrap_err().is_refusal()
        };
        let lasting = || refused(ProblemCode::EmptyTransaction);
        let busy = || refused(ProblemCode::PoolFull);
        assert!(of([lasting(), lasting(), lasting()]));
        for other in [silent, busy] {
            assert!(!of([other(), lasting(), lasting()]));
            assert!(!of([lasting(), other(), lasting()]));
            assert!(!of([lasting(), lasting(), other()]));
        }
    }
}
