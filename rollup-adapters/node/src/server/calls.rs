//! Calls of one WebSocket: as the library makes them, which lets nobody else do it.

use std::{future::ready, sync::Arc};

use jsonrpsee::{
    core::middleware::{Batch, BatchEntry, Notification, Request, RpcServiceT},
    server::{
        BatchResponseBuilder, BoundedSubscriptions, ConnectionId, IdProvider, MethodCallback,
        MethodResponse, MethodSink, Methods, SubscriptionState,
    },
    types::{ErrorCode, ErrorObject, Params, error::reject_too_many_subscriptions},
};

/// What calls of a connection need.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    pub(super) methods: Methods,
    pub(super) connection: ConnectionId,
    pub(super) answer_bytes: usize,
    pub(super) subscriptions: BoundedSubscriptions,
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
            None => MethodResponse::error(id, ErrorObject::from(ErrorCode::MethodNotFound)),
            Some(MethodCallback::Sync(callback)) => {
                callback(id, params, self.answer_bytes, extensions)
            }
            Some(MethodCallback::Async(callback)) => {
                let (id, params) = (id.into_owned(), params.into_owned());
                callback(id, params, self.connection, self.answer_bytes, extensions).await
            }
            Some(MethodCallback::Unsubscription(callback)) => {
                callback(id, params, self.connection, self.answer_bytes, extensions)
            }
            Some(MethodCallback::Subscription(callback)) => {
                let Some(subscription_permit) = self.subscriptions.acquire() else {
                    let most = self.subscriptions.max();
                    return MethodResponse::error(id, reject_too_many_subscriptions(most));
                };
                let state = SubscriptionState {
                    conn_id: self.connection,
                    id_provider: &*self.ids,
                    subscription_permit,
                };
                let sink = self.sink.clone();
                callback(id, params, sink, state, extensions).await
            }
        }
    }
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
