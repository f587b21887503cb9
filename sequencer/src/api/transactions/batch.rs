//! Many transactions in one request: one reading of the body, one turn at the pool.
//!
//! A batch is not looked up in the database, so that what the pool does not remember any more may be ordered again;
//! leaving out duplicates is a service and no rule of validity.

use axum::{
    body::Body,
    extract::{Extension, State},
    http::HeaderMap,
};
use bytes::Bytes;
use sequencer_client::types::{
    BatchError, BatchRequest, BatchSubmitted, ProblemCode, RefusedTransaction, read_records,
};

use super::{malformed, unsupported};
use crate::{
    api::{
        Bounds, Context,
        body::{self, Longest, Received},
        extract::{Nothing, Parameters},
        refusal::Refusal,
        router::Json,
        server::Caller,
    },
    mempool::{Mempool, Rejection, Source},
};

/// Below this many bytes a batch is handled at once; hashing more would keep others waiting.
const AT_ONCE: usize = 16 << 10;
/// What JSON needs for a transaction besides its bytes.
const JSON_ITEM: usize = 96;

/// Either form of a batch, and what is done with it.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Records,
}

pub(in crate::api) async fn submit_batch(
    State(context): State<Context>,
    Extension(Caller(caller)): Extension<Caller>,
    Parameters(Nothing {}): Parameters<Nothing>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BatchSubmitted>, Refusal> {
    let form = match body::form(&headers).as_str() {
        "application/json" => Form::Json,
        "application/octet-stream" | "" => Form::Records,
        other => return Err(unsupported("a batch", other)),
    };
    let received = body::read(&context, &headers, body, &longest(context.bounds(), form)).await?;
    let limit = context.bounds().batch_transactions;
    let mempool = context.mempool().clone();
    let admit = move || admit(&mempool, Source::client(caller), form, &received, limit);
    if is_small(&headers) {
        return admit().map(Json);
    }
    let admitted = tokio::task::spawn_blocking(admit).await;
    admitted.map_err(Refusal::internal)?.map(Json)
}

/// Whether the request announced a body that is handled at once.
fn is_small(headers: &HeaderMap) -> bool {
    let announced = headers.get(axum::http::header::CONTENT_LENGTH);
    announced
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .is_some_and(|length| length <= AT_ONCE)
}

fn longest(bounds: &Bounds, form: Form) -> Longest {
    let bytes = crate::api::permits(bounds.batch_bytes);
    let items = crate::api::permits(bounds.batch_transactions);
    Longest {
        bytes: match form {
            Form::Records => bytes,
            Form::Json => bytes.div_ceil(3) * 4 + items * JSON_ITEM,
        },
        code: ProblemCode::BatchTooLarge,
        detail: format!("a batch has at most {bytes} bytes as records: send several"),
    }
}

fn admit(
    mempool: &Mempool,
    source: Source,
    form: Form,
    received: &Received,
    limit: u32,
) -> Result<BatchSubmitted, Refusal> {
    let transactions = match form {
        Form::Records => records(&received.bytes, limit)?,
        Form::Json => items(&received.bytes, limit)?,
    };
    if transactions.is_empty() {
        return Err(Refusal::new(
            ProblemCode::MalformedRequest,
            "the batch is empty: send at least one transaction",
        ));
    }
    let outcomes = mempool.submit_many(source, transactions);
    let mut answer = BatchSubmitted {
        accepted: 0,
        refused: Vec::new(),
        retry_after_ms: None,
    };
    for (index, outcome) in (0_u32..).zip(outcomes) {
        match outcome {
            Ok(_) => answer.accepted += 1,
            Err(rejection) => {
                let pause = rejection.retry_after().map(|pause| pause.as_millis());
                let pause = pause.and_then(|millis| u64::try_from(millis).ok());
                answer.retry_after_ms = answer.retry_after_ms.max(pause);
                answer.refused.push(RefusedTransaction {
                    index,
                    code: code(&rejection),
                });
            }
        }
    }
    Ok(answer)
}

fn records(batch: &Bytes, limit: u32) -> Result<Vec<(u64, Bytes)>, Refusal> {
    let mut records = read_records(batch, limit).map_err(|error| refuse(&error))?;
    for (_, transaction) in &mut records {
        // A slice would keep the whole batch in memory for as long as one transaction waits.
        *transaction = Bytes::copy_from_slice(transaction);
    }
    Ok(records)
}

fn items(batch: &Bytes, limit: u32) -> Result<Vec<(u64, Bytes)>, Refusal> {
    let request: BatchRequest = serde_json::from_slice(batch).map_err(|error| {
        malformed(
            "{\"transactions\": [{\"namespace\": number, \"payload\": base64}, ..]}",
            &error.to_string(),
        )
    })?;
    if request.transactions.len() > crate::api::permits(limit) {
        return Err(refuse(&BatchError::TooMany { limit }));
    }
    let items = request.transactions.into_iter();
    Ok(items
        .map(|item| (item.namespace.get(), item.payload.0))
        .collect())
}

fn refuse(error: &BatchError) -> Refusal {
    let code = match error {
        BatchError::CutOff { .. } => ProblemCode::MalformedRequest,
        BatchError::TooMany { .. } => ProblemCode::BatchTooLarge,
    };
    Refusal::new(code, format!("the batch was not taken: {error}"))
}

/// The code of a transaction that the pool refuses.
pub(super) fn code(rejection: &Rejection) -> ProblemCode {
    match rejection {
        Rejection::ReservedNamespace => ProblemCode::NamespaceReserved,
        Rejection::Empty => ProblemCode::EmptyTransaction,
        Rejection::TooLarge { .. } => ProblemCode::TransactionTooLarge,
        Rejection::PoolFull { .. }
        | Rejection::NamespaceFull { .. }
        | Rejection::SourceFull { .. } => ProblemCode::PoolFull,
    }
}
