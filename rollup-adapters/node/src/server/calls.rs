//! Calls of one connection: as the library makes them, which lets nobody else do it, but for two errors in the words that
//! Ethereum clients look for.

use std::{future::ready, sync::Arc};

use jsonrpsee::{
    core::middleware::{Batch, BatchEntry, Notification, Request, RpcServiceT},
    server::{
        BatchResponseBuilder, BoundedSubscriptions, ConnectionId, IdProvider, MethodCallback,
        MethodResponse, MethodSink, Methods, SubscriptionState,
    },
    types::{ErrorCode, ErrorObject, Id, Params, error::reject_too_many_subscriptions},
};

const NO_SUBSCRIPTIONS: &str = "notifications not supported";

/// What calls of a connection need.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    pub(super) methods: Methods,
    pub(super) connection: ConnectionId,
    pub(super) answer_bytes: usize,
    /// Not over HTTP.
    pub(super) subscribing: Option<Subscribing>,
}

/// What subscriptions of a connection need.
#[derive(Clone, Debug)]
pub(super) struct Subscribing {
    pub(super) bound: BoundedSubscriptions,
    /// Where subscriptions are answered and tell what happens.
    pub(super) sink: MethodSink,
    pub(super) ids: Arc<dyn IdProvider>,
}

impl Calls {
    async fn answer(&self, request: Request<'_>) -> MethodResponse {
        let Request {
            id,
            method,
            params,
            extensions,
            ..
        } = request;
        let params = Params::new(params.as_deref().map(|params| params.get()));
        match self.methods.method(&method) {
            None => {
                let words = format!("the method {method} does not exist/is not available");
                missing(id, words)
            }
            Some(MethodCallback::Sync(callback)) => {
                callback(id, params, self.answer_bytes, extensions)
            }
            Some(MethodCallback::Async(callback)) => {
                let (id, params) = (id.into_owned(), params.into_owned());
                callback(id, params, self.connection, self.answer_bytes, extensions).await
            }
            Some(MethodCallback::Unsubscription(_)) if self.subscribing.is_none() => {
                missing(id, NO_SUBSCRIPTIONS.into())
            }
            Some(MethodCallback::Unsubscription(callback)) => {
                callback(id, params, self.connection, self.answer_bytes, extensions)
            }
            Some(MethodCallback::Subscription(callback)) => {
                let Some(Subscribing { bound, sink, ids }) = &self.subscribing else {
                    return missing(id, NO_SUBSCRIPTIONS.into());
                };
                let Some(subscription_permit) = bound.acquire() else {
                    return MethodResponse::error(id, reject_too_many_subscriptions(bound.max()));
                };
                let state = SubscriptionState {
                    conn_id: self.connection,
                    id_provider: &**ids,
                    subscription_permit,
                };
                callback(id, params, sink.clone(), state, extensions).await
            }
        }
    }
}

fn missing(id: Id<'_>, words: String) -> MethodResponse {
    let code = ErrorCode::MethodNotFound.code();
    MethodResponse::error(id, ErrorObject::owned(code, words, None::<()>))
}

impl RpcServiceT for Calls {
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let calls = self.clone();
        async move {
            let answer = calls.answer(request).await;
            if answer.is_subscription() {
                // It is answered already.
                return MethodResponse::notification();
            }
            answer
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let calls = self.clone();
        async move {
            let mut answers = BatchResponseBuilder::new_with_limit(calls.answer_bytes);
            let mut is_told = false;
            for entry in batch {
                let answer = match entry {
                    Ok(BatchEntry::Call(request)) => calls.answer(request).await,
                    Ok(BatchEntry::Notification(_)) => {
                        is_told = true;
                        continue;
                    }
                    Err(error) => {
                        let (error, id) = error.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                if let Err(too_large) = answers.append(answer) {
                    return too_large;
                }
            }
            if answers.is_empty() && is_told {
                return MethodResponse::notification();
            }
            MethodResponse::from_batch(answers.finish())
        }
    }

    fn notification<'a>(
        &self,
        _: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        ready(MethodResponse::notification())
    }
}
